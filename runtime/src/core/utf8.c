/*===- utf8.c - characters from bytes --------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "utf8.h"

#include "memory.h"
#include "tern/tokenizer.h"

/* Bytes of the character that begins with `lead`, 0 if none does, and the range
 * its second byte must be in (Unicode, table 3-7: no overlong forms, no
 * surrogates, nothing above U+10FFFF). */
static uint32_t sequence(uint8_t lead, uint8_t *low, uint8_t *high) {
  *low = 0x80;
  *high = 0xBF;
  if (lead < 0x80)
    return 1;
  if (lead < 0xC2 || lead > 0xF4)
    return 0;
  if (lead < 0xE0)
    return 2;
  if (lead < 0xF0) {
    if (lead == 0xE0)
      *low = 0xA0;
    if (lead == 0xED)
      *high = 0x9F;
    return 3;
  }
  if (lead == 0xF0)
    *low = 0x90;
  if (lead == 0xF4)
    *high = 0x8F;
  return 4;
}

/* Leading bytes of `at` that can begin one character, at least 1. *whole says
 * whether they are one. */
static uint32_t maximal_part(const uint8_t *at, size_t bytes, int *whole,
                             uint32_t *wanted) {
  uint8_t low, high;
  *wanted = sequence(at[0], &low, &high);
  *whole = *wanted == 1;
  if (*wanted < 2)
    return 1;
  uint32_t n = 1;
  while (n < *wanted && n < bytes && at[n] >= low && at[n] <= high) {
    low = 0x80;
    high = 0xBF;
    ++n;
  }
  *whole = n == *wanted;
  return n;
}

uint32_t tern_utf8_decode(const uint8_t *at, size_t bytes, uint32_t *length) {
  static const uint8_t lead_bits[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
  int whole;
  uint32_t wanted;
  uint32_t n = maximal_part(at, bytes, &whole, &wanted);
  *length = 1;
  if (!whole)
    return UTF8_INVALID;
  uint32_t code = at[0] & lead_bits[n];
  for (uint32_t i = 1; i < n; ++i)
    code = code << 6 | (at[i] & 0x3Fu);
  *length = n;
  return code;
}

uint32_t tern_utf8_encode(uint8_t *to, uint32_t code) {
  static const uint8_t lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
  uint32_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (uint32_t i = n; i-- > 1; code >>= 6)
    to[i] = (uint8_t)(0x80 | (code & 0x3F));
  to[0] = (uint8_t)(lead[n] | code);
  return n;
}

static size_t put_replacement(char *out) {
  memcpy(out, "\xEF\xBF\xBD", 3);
  return 3;
}

/* Moves the characters at the front of the held bytes to `out`; with `end`,
 * what is left cannot become longer either. */
static size_t drain(tern_utf8 *utf8, char *out, int end) {
  size_t written = 0;
  while (utf8->held_count > 0) {
    int whole;
    uint32_t wanted;
    uint32_t n = maximal_part(utf8->held, utf8->held_count, &whole, &wanted);
    if (!whole && !end && wanted > n && n == utf8->held_count)
      break;
    if (whole) {
      memcpy(out + written, utf8->held, n);
      written += n;
    } else {
      written += put_replacement(out + written);
    }
    utf8->held_count -= n;
    memmove(utf8->held, utf8->held + n, utf8->held_count);
  }
  return written;
}

size_t tern_utf8_push(tern_utf8 *utf8, const void *bytes, size_t n, char *out) {
  const uint8_t *at = bytes;
  size_t written = 0;
  for (size_t i = 0; i < n; ++i) {
    /* At most 3 bytes are held after a drain. */
    utf8->held[utf8->held_count++] = at[i];
    written += drain(utf8, out + written, 0);
  }
  return written;
}

size_t tern_utf8_flush(tern_utf8 *utf8, char *out) {
  return drain(utf8, out, 1);
}
