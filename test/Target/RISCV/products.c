/*===- products.c - Products of a family's kernels ------------------------===*
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===----------------------------------------------------------------------===*
 *
 * All kernels of the table of RISC-V, one to five tokens: with vectors, and
 * without them of 64 and 32 bits, the latter without a library.
 *
 *===----------------------------------------------------------------------===*/

#define TOKENS 5
#include "../products.h"

#if __STDC_HOSTED__
#include <stdio.h>

static void report(const char *name, int row, int token, int expected,
                   int got) {
  printf("%s: row %d of token %d: expected %d, got %d\n", name, row, token,
         expected, got);
}
#else
static void report(const char *name, int row, int token, int expected,
                   int got) {}

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

int main(void);
void start(void) {
  register long a7 __asm__("a7") = 93;
  register long a0 __asm__("a0") = main();
  __asm__ volatile("ecall" : : "r"(a0), "r"(a7));
}
__asm__(".globl _start\n_start:\n.option push\n.option norelax\n"
        "la gp, __global_pointer$\n.option pop\nandi sp, sp, -16\n"
        "call start\n");
#endif

/* Four digits of a row in a byte, `lanes` rows side by side. */
static void pack_lanes(int lanes) {
  uint8_t *to = packed;
  for (int row = 0; row < ROWS; row += lanes)
    for (int column = 0; column < COLUMNS; column += 4)
      for (int lane = 0; lane < lanes; ++lane, ++to)
        for (int f = *to = 0; f < 4; ++f)
          *to |= (uint8_t)field(row + lane, column + f, f);
}

enum { LANES = __riscv_xlen == 32 ? 16 : 32, GROUPS = 32 };

/* A number of four digits in a byte, by tiles of as many columns as tables are
 * made for. */
__attribute__((unused)) static void pack_numbers(void) {
  uint8_t *to = packed;
  for (int tile = 0; tile < COLUMNS; tile += 4 * GROUPS)
    for (int row = 0; row < ROWS; row += 16)
      for (int column = tile; column < tile + 4 * GROUPS; column += 4)
        for (int lane = 0; lane < 16; ++lane) {
          const int8_t *d = &digits[row + lane][column];
          *to++ = (uint8_t)(d[0] + 1 + 3 * (d[1] + 1) + 9 * (d[2] + 1) +
                            27 * (d[3] + 1));
        }
}

#define OF_LANES M3(packed, ROWS / LANES, COLUMNS / 4, LANES)

int main(void) {
  for (int pattern = 0; pattern < 5; ++pattern) {
    fill(pattern, -128, 127);
    pack_lanes(LANES);
    CALL(lanes1, "t1.int8.groups_in_lanes", 1, COLUMNS, OF_LANES);
    CALL(lanes, "t128.int8.groups_in_lanes", TOKENS, COLUMNS, OF_LANES);
#if __riscv_xlen == 32
    pack_numbers();
    CALL(numbers, "t1.int8.groups_in_columns", 1, COLUMNS,
         M3(packed, COLUMNS / 4 / GROUPS, ROWS / 16, 16 * GROUPS));
#endif
#ifndef VECTORS
    fill(pattern, -8, 7);
    pack_lanes(LANES);
    CALL(fours1, "t1.int4.groups_in_lanes", 1, COLUMNS, OF_LANES);
    CALL(fours, "t128.int4.groups_in_lanes", TOKENS, COLUMNS, OF_LANES);
#endif
    fill_bytes(pattern);
    CALL(bytes1, "t1.int8.rows.w8", 1, COLUMNS, M2(packed, ROWS, COLUMNS));
  }
  return compared == 0 || wrong != 0;
}
