/*===- products.c - Products of a family's kernels ------------------------===*
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===----------------------------------------------------------------------===*
 *
 * All kernels of the table of WebAssembly, one to five tokens. A module without
 * a library: `check` is called.
 *
 *===----------------------------------------------------------------------===*/

#define TOKENS 5
#include "../products.h"

__attribute__((import_module("test"), import_name("report"))) void
print(const char *name, int row, int token, int expected, int got);
static void report(const char *name, int row, int token, int expected,
                   int got) {
  print(name, row, token, expected, got);
}

void *memset(void *to, int value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i)
    ((volatile char *)to)[i] = (char)value;
  return to;
}
void *memcpy(void *to, const void *from, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i)
    ((volatile char *)to)[i] = ((const char *)from)[i];
  return to;
}

/* Temporaries of a call, the most of any. */
static _Alignas(64) unsigned char pool[4 << 20];
static size_t used;
void *malloc(size_t bytes) {
  used = (used + 63) / 64 * 64;
  if (used + bytes > sizeof(pool))
    __builtin_trap();
  used += bytes;
  return pool + used - bytes;
}
void free(void *memory) { used = 0; }

enum { TILES = 2, GROUPS = 321 };

/* Two numbers of two digits to a byte, 64 rows of it side by side. */
static void pack_pairs(void) {
  uint8_t *to = packed;
  for (int tile = 0; tile < TILES; ++tile)
    for (int row = 0; row < ROWS; row += 64)
      for (int byte = tile * GROUPS; byte < (tile + 1) * GROUPS; ++byte)
        for (int lane = 0; lane < 64; ++lane) {
          const int8_t *d = &digits[row + lane][4 * byte];
          *to++ = (uint8_t)(d[0] + 1 + 3 * (d[1] + 1) +
                            16 * (d[2] + 1 + 3 * (d[3] + 1)));
        }
}

#define LANES M3(packed, 96, 160, 64)
#define OF_ROWS M3(packed, ROWS, 40, 16)
#define OF_COLUMNS M3(packed, COLUMNS, 24, 16)
#define PAIRS M3(packed, TILES, 24, 64 * GROUPS)
#define OF_PAIRS 4 * TILES *GROUPS

__attribute__((visibility("default"), used)) int check(void) {
  for (int pattern = 0; pattern < 5; ++pattern) {
    fill(pattern, -128, 127);
    pack_rows_in_lanes();
    CALL(lanes1, "t1.int8.rows_in_lanes", 1, COLUMNS, LANES);
    CALL(lanes, "t128.int8.rows_in_lanes", TOKENS, COLUMNS, LANES);
    pack_contiguous_rows();
    CALL(rows1, "t1.int8.contiguous_rows", 1, COLUMNS, OF_ROWS);
    CALL(rows, "t128.int8.contiguous_rows", TOKENS, COLUMNS, OF_ROWS);
    pack_contiguous_columns();
    CALL(columns1, "t1.int8.contiguous_columns", 1, COLUMNS, OF_COLUMNS);
    CALL(columns, "t128.int8.contiguous_columns", TOKENS, COLUMNS, OF_COLUMNS);
    pack_pairs();
    CALL(pairs1, "t1.int8.pairs_in_lanes", 1, OF_PAIRS, PAIRS);
    CALL(pairs, "t128.int8.pairs_in_lanes", TOKENS, OF_PAIRS, PAIRS);
    fill(pattern, -8, 7);
    pack_pairs();
    CALL(fours1, "t1.int4.pairs_in_lanes", 1, OF_PAIRS, PAIRS);
    CALL(fours, "t128.int4.pairs_in_lanes", TOKENS, OF_PAIRS, PAIRS);
    fill_bytes(pattern);
    CALL(bytes1, "t1.int8.rows.w8", 1, COLUMNS, M2(packed, ROWS, COLUMNS));
  }
  return wrong ? -wrong : compared;
}
