/*===- checksum.c - XXH64 of bytes that come in pieces ----------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * After the specification of XXH64 (xxhash.com), with seed 0. Integers are
 *little endian on every machine.
 */
#include "tern/tern.h"

#include "memory.h"

#define PRIME_1 0x9E3779B185EBCA87u
#define PRIME_2 0xC2B2AE3D27D4EB4Fu
#define PRIME_3 0x165667B19E3779F9u
#define PRIME_4 0x85EBCA77C2B2AE63u
#define PRIME_5 0x27D4EB2F165667C5u

static uint64_t rotate(uint64_t x, unsigned by) {
  return x << by | x >> (64 - by);
}

static uint64_t read_32(const uint8_t *p) {
  return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
         (uint64_t)p[3] << 24;
}

static uint64_t read_64(const uint8_t *p) {
  return read_32(p) | read_32(p + 4) << 32;
}

static uint64_t round_of(uint64_t lane, uint64_t input) {
  return rotate(lane + input * PRIME_2, 31) * PRIME_1;
}

static void add_stripe(uint64_t *lanes, const uint8_t *p) {
  for (int i = 0; i < 4; ++i)
    lanes[i] = round_of(lanes[i], read_64(p + 8 * i));
}

void tern_checksum_begin(tern_checksum *sum) {
  memset(sum, 0, sizeof(*sum));
  sum->lanes[0] = PRIME_1 + PRIME_2;
  sum->lanes[1] = PRIME_2;
  sum->lanes[3] = 0 - PRIME_1;
}

void tern_checksum_add(tern_checksum *sum, const void *data, size_t bytes) {
  const uint8_t *p = data;
  size_t held = (size_t)(sum->bytes % sizeof(sum->rest));
  sum->bytes += bytes;
  if (held) {
    size_t missing = sizeof(sum->rest) - held;
    size_t now = bytes < missing ? bytes : missing;
    memcpy(sum->rest + held, p, now);
    p += now;
    bytes -= now;
    if (now < missing)
      return;
    add_stripe(sum->lanes, sum->rest);
  }
  for (; bytes >= sizeof(sum->rest); bytes -= sizeof(sum->rest)) {
    add_stripe(sum->lanes, p);
    p += sizeof(sum->rest);
  }
  if (bytes)
    memcpy(sum->rest, p, bytes);
}

uint64_t tern_checksum_end(const tern_checksum *sum) {
  static const unsigned turns[4] = {1, 7, 12, 18};
  size_t held = (size_t)(sum->bytes % sizeof(sum->rest)), at = 0;
  uint64_t h = PRIME_5;
  if (sum->bytes >= sizeof(sum->rest)) {
    h = 0;
    for (int i = 0; i < 4; ++i)
      h += rotate(sum->lanes[i], turns[i]);
    for (int i = 0; i < 4; ++i)
      h = (h ^ round_of(0, sum->lanes[i])) * PRIME_1 + PRIME_4;
  }
  h += sum->bytes;
  for (; held - at >= 8; at += 8)
    h = rotate(h ^ round_of(0, read_64(sum->rest + at)), 27) * PRIME_1 +
        PRIME_4;
  if (held - at >= 4) {
    h = rotate(h ^ read_32(sum->rest + at) * PRIME_1, 23) * PRIME_2 + PRIME_3;
    at += 4;
  }
  for (; at < held; ++at)
    h = rotate(h ^ sum->rest[at] * PRIME_5, 11) * PRIME_1;
  h = (h ^ h >> 33) * PRIME_2;
  h = (h ^ h >> 29) * PRIME_3;
  return h ^ h >> 32;
}
