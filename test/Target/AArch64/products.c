/*===- products.c - Products of a family's kernels ------------------------===*
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===----------------------------------------------------------------------===*
 *
 * Linked with what `tern tune --family -o family.o` writes: sums of random and
 * of the largest codes and digits, 1 to 13 tokens, compared with plain ones.
 * Layouts are those of the table of AArch64.
 *
 *===----------------------------------------------------------------------===*/

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 1536, COLUMNS = 2560, WIDTH = 2592, TOKENS = 13 };

static int8_t digits[ROWS][WIDTH], codes[TOKENS][WIDTH];
static uint8_t packed[ROWS * WIDTH];
static int32_t results[TOKENS * ROWS];
static int compared, wrong;

static unsigned next(void) {
  static unsigned state = 1;
  return (state = state * 1103515245u + 12345u) >> 16;
}

/*===----------------------------------------------------------------------===*
 * Layouts
 *===----------------------------------------------------------------------===*/

static unsigned field(int row, int column, int f) {
  return (unsigned)(digits[row][column] + 1) << 2 * f;
}

static void pack_rows_in_lanes(void) {
  uint8_t *to = packed;
  for (int row = 0; row < ROWS; row += 16)
    for (int column = 0; column < COLUMNS; column += 16)
      for (int lane = 0; lane < 16; ++lane)
        for (int j = 0; j < 4; ++j, ++to)
          for (int f = *to = 0; f < 4; ++f)
            *to |= (uint8_t)field(row + lane, column + 4 * f + j, f);
}

static void pack_contiguous_rows(void) {
  uint8_t *to = packed;
  for (int row = 0; row < ROWS; ++row)
    for (int column = 0; column < COLUMNS; column += 64)
      for (int j = 0; j < 16; ++j, ++to)
        for (int f = *to = 0; f < 4; ++f)
          *to |= (uint8_t)field(row, column + 16 * f + j, f);
}

static void pack_contiguous_columns(void) {
  uint8_t *to = packed;
  for (int column = 0; column < COLUMNS; ++column)
    for (int row = 0; row < ROWS; row += 64)
      for (int j = 0; j < 16; ++j, ++to)
        for (int f = *to = 0; f < 4; ++f)
          *to |= (uint8_t)field(row + 16 * f + j, column, f);
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

static void pack_bytes(void) {
  for (int row = 0; row < ROWS; ++row)
    memcpy(packed + row * COLUMNS, digits[row], COLUMNS);
}

/*===----------------------------------------------------------------------===*
 * Calls
 *===----------------------------------------------------------------------===*/

/* Memrefs, argument by argument. */
#define M1(p, a) (void *)(p), (void *)(p), 0L, (long)(a), 1L
#define M2(p, a, b)                                                            \
  (void *)(p), (void *)(p), 0L, (long)(a), (long)(b), (long)(b), 1L
#define M3(p, a, b, c)                                                         \
  (void *)(p), (void *)(p), 0L, (long)(a), (long)(b), (long)(c),               \
      (long)(b) * (long)(c), (long)(c), 1L

static int8_t lines[TOKENS * WIDTH];
static int32_t list[COLUMNS], count[1];
static float floats[ROWS];

static void lay_codes(int tokens, int width) {
  for (int t = 0; t < tokens; ++t)
    for (int c = 0; c < width; ++c)
      lines[t * width + c] = c < COLUMNS ? codes[t][c] : 0;
  memset(results, 0x55, sizeof results);
}

/* Rows at both ends and some between. */
static void compare(const char *name, int tokens) {
  for (int t = 0; t < tokens; ++t)
    for (int row = 0; row < ROWS; row += row < 40 || row > 1500 ? 1 : 61) {
      int32_t sum = 0;
      for (int c = 0; c < COLUMNS; ++c)
        sum += digits[row][c] * codes[t][c];
      ++compared;
      if (results[t * ROWS + row] != sum && wrong++ < 10)
        printf("%s: row %d of token %d: expected %d, got %d\n", name, row, t,
               sum, results[t * ROWS + row]);
    }
}

#define CALL(name, symbol, tokens, width, weight)                              \
  do {                                                                         \
    extern void name() __asm__(symbol);                                        \
    lay_codes(tokens, width);                                                  \
    name(M2(lines, tokens, width), weight, M2(list, 1, ROWS), M1(count, 1),    \
         M2(list, 1, COLUMNS), M1(count, 1), M2(floats, ROWS, 1),              \
         M2(floats, tokens, 1), M2(results, tokens, ROWS));                    \
    compare(symbol, tokens);                                                   \
  } while (0)

static void fill(int pattern, int low, int high) {
  for (int t = 0; t < TOKENS; ++t)
    for (int c = 0; c < COLUMNS; ++c)
      codes[t][c] =
          (int8_t)(pattern == 0
                       ? low + (int)(next() % (unsigned)(high - low + 1))
                   : pattern <= 2 ? low
                   : pattern == 3 ? high
                   : c % 2        ? low
                                  : high);
  for (int row = 0; row < ROWS; ++row)
    for (int c = 0; c < COLUMNS; ++c)
      digits[row][c] = (int8_t)(pattern == 0   ? (int)(next() % 3) - 1
                                : pattern == 1 ? -1
                                : pattern <= 3 ? 1
                                : c % 2        ? -1
                                               : 1);
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
    fill(pattern, -128, 127);
    for (int row = 0; row < ROWS; ++row)
      for (int c = 0; c < COLUMNS; ++c)
        digits[row][c] = (int8_t)(digits[row][c] < 0 ? -128
                                  : pattern          ? 127
                                                     : (int)(next() % 128));
    pack_bytes();
    CALL(bytes1, "t1.int8.rows.w8", 1, COLUMNS, M2(packed, ROWS, COLUMNS));
  }
  printf("%d compared, %d wrong\n", compared, wrong);
  return wrong != 0;
}
