/*===- tiles.h - AMX tiles in software -------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * The instructions of AMX-TILE and AMX-INT8 as Intel's manual (SDM, volume 2)
 * defines them, one at a time, on a state that the caller keeps. Every
 * condition under which a processor raises #GP or #UD is a failure with a text.
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_TEST_EMULATION_TILES_H
#define TERN_TEST_EMULATION_TILES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { TILE_COUNT = 8, TILE_ROWS = 16, TILE_BYTES = 64 };

/* The memory operand of ldtilecfg and sttilecfg. */
typedef struct tile_config {
  uint8_t palette, start_row, reserved[14];
  uint16_t colsb[16];
  uint8_t rows[16];
} tile_config;

/* Of one thread; all zeros at first. */
typedef struct tile_state {
  int is_configured;
  tile_config config;
  uint8_t tiles[TILE_COUNT][TILE_ROWS][TILE_BYTES];
} tile_state;

typedef enum tile_result {
  TILE_DONE,
  TILE_UNKNOWN, /* no instruction of AMX-TILE or AMX-INT8 */
  TILE_FAULT,   /* #GP or #UD */
} tile_result;

/* A thread, as an instruction sees it. */
typedef struct tile_machine {
  tile_state *state;
  const uint64_t *registers; /* 16, by their numbers: rax, rcx, rdx, ... */
  int multiplied;            /* set by a product */
  char fault[160];
} tile_machine;

/* Executes the instruction at `code`, whose bytes are at that address too;
 * `*length` is its length in bytes. */
tile_result tile_execute(tile_machine *machine, const uint8_t *code,
                         unsigned *length);

#ifdef __cplusplus
}
#endif

#endif
