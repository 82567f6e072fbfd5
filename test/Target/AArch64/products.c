/*===- products.c - Products of a family's kernels ------------------------===*
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===----------------------------------------------------------------------===*
 *
 * 1 to 13 tokens by all kernels of the table of AArch64.
 *
 *===----------------------------------------------------------------------===*/

#include <stdio.h>
#include <string.h>

#define TOKENS 13
#include "../products.h"

static void report(const char *name, int row, int token, int expected,
                   int got) {
  printf("%s: row %d of token %d: expected %d, got %d\n", name, row, token,
         expected, got);
}

/* Words of 24 columns in five bytes, `groups` in a tile of `vectors` of rows.
 */
static void pack_groups(int groups, int vectors) {
  uint8_t *to = packed;
  int words = (COLUMNS / 24 + groups) / groups * groups;
  for (int tile = 0; tile < words; tile += groups)
    for (int row = 0; row < ROWS; row += 16 * vectors)
      for (int word = tile; word < tile + groups; ++word)
        for (int v = 0; v < vectors; ++v, to += 80)
          for (int lane = 0; lane < 16; ++lane) {
            unsigned n[8], b[5];
            for (int i = 0; i < 8; ++i) {
              const int8_t *d = &digits[row + 16 * v + lane][24 * word + 3 * i];
              n[i] = (unsigned)(d[0] + 1 + 3 * (d[1] + 1) + 9 * (d[2] + 1));
            }
            memcpy(b, n, sizeof b);
            b[0] |= n[5] >> 2 << 5;
            b[1] |= (n[5] & 3) << 6 | (n[7] >> 1 & 1) << 5;
            b[2] |= n[6] >> 2 << 5;
            b[3] |= (n[6] & 3) << 6 | (n[7] & 1) << 5;
            b[4] |= n[7] >> 2 << 5;
            for (int i = 0; i < 5; ++i)
              to[16 * i + lane] = (uint8_t)b[i];
          }
}

int main(void) {
  for (int pattern = 0; pattern < 5; ++pattern) {
    fill(pattern, -128, 127);
    pack_rows_in_lanes();
    CALL(lanes1, "t1.int8.rows_in_lanes", 1, COLUMNS, M3(packed, 96, 160, 64));
    CALL(lanes, "t128.int8.rows_in_lanes", TOKENS, COLUMNS,
         M3(packed, 96, 160, 64));
    CALL(lanes4, "t128.int4.rows_in_lanes", TOKENS, COLUMNS,
         M3(packed, 96, 160, 64));
    pack_contiguous_rows();
    CALL(rows1, "t1.int8.contiguous_rows", 1, COLUMNS,
         M3(packed, ROWS, 40, 16));
    CALL(rows, "t128.int8.contiguous_rows", TOKENS, COLUMNS,
         M3(packed, ROWS, 40, 16));
    pack_contiguous_columns();
    CALL(columns1, "t1.int8.contiguous_columns", 1, COLUMNS,
         M3(packed, COLUMNS, 24, 16));
    CALL(columns, "t128.int8.contiguous_columns", TOKENS, COLUMNS,
         M3(packed, COLUMNS, 24, 16));
    pack_groups(36, 1);
    CALL(groups1, "t1.int8.groups_in_lanes", 1, WIDTH, M3(packed, 3, 96, 2880));
    CALL(groups, "t128.int8.groups_in_lanes", TOKENS, WIDTH,
         M3(packed, 3, 96, 2880));
    fill(pattern, -8, 7);
    pack_groups(1, 2);
    CALL(fours1, "t1.int4.groups_in_lanes", 1, 2568, M3(packed, 107, 48, 160));
    CALL(fours, "t128.int4.groups_in_lanes", TOKENS, 2568,
         M3(packed, 107, 48, 160));
    fill_bytes(pattern);
    CALL(bytes1, "t1.int8.rows.w8", 1, COLUMNS, M2(packed, ROWS, COLUMNS));
  }
  printf("%d compared, %d wrong\n", compared, wrong);
  return wrong != 0;
}
