/*===- products.h - Products of a family's kernels ------------------------===*
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===----------------------------------------------------------------------===*
 *
 * Linked with what `tern tune --family -o family.o` writes: sums of random and
 * of the largest codes and digits, compared with plain ones. A target's file
 * packs its own layouts, calls its kernels and defines TOKENS, the most that it
 * gives one.
 *
 *===----------------------------------------------------------------------===*/

#ifndef TERN_TEST_TARGET_PRODUCTS_H
#define TERN_TEST_TARGET_PRODUCTS_H

#include <stddef.h>
#include <stdint.h>

enum { ROWS = 1536, COLUMNS = 2560, WIDTH = 2592 };

static int8_t digits[ROWS][WIDTH], codes[TOKENS][WIDTH];
static uint8_t packed[ROWS * WIDTH];
static int32_t results[TOKENS * ROWS];
static int compared, wrong;

/* Says which sum differs. */
static void report(const char *name, int row, int token, int expected, int got);

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

static void pack_bytes(void) {
  for (int row = 0; row < ROWS; ++row)
    for (int c = 0; c < COLUMNS; ++c)
      packed[row * COLUMNS + c] = (uint8_t)digits[row][c];
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
  for (int i = 0; i < TOKENS * ROWS; ++i)
    results[i] = 0x55555555;
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
        report(name, row, t, sum, results[t * ROWS + row]);
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

/* Integers of 8 bits in place of digits. */
static void fill_bytes(int pattern) {
  fill(pattern, -128, 127);
  for (int row = 0; row < ROWS; ++row)
    for (int c = 0; c < COLUMNS; ++c)
      digits[row][c] = (int8_t)(digits[row][c] < 0 ? -128
                                : pattern          ? 127
                                                   : (int)(next() % 128));
  pack_bytes();
}

#endif
