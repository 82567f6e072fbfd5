/*===- traffic.c - what a step reads and computes ---------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "bench.h"

/* Calls of at most `most` rows that take `rows` of them. */
static double calls_of(uint32_t rows, uint32_t most) {
  return most ? (rows + most - 1) / most : 1;
}

/* The weight bytes that a step on so many rows reads if nothing is skipped: the
 * head takes fewer at a time than layers do, and is read again for the next. */
static double all_bytes(const tern_model *model, uint32_t rows) {
  double bytes = 0;
  if (!model->weights)
    return (double)model->weights_bytes;
  for (const tern_weight *w = model->weights; w->count; ++w)
    bytes += (double)w->count * (double)w->token_bytes *
             calls_of(rows, w->reader == TERN_HEAD ? model->head_tokens
                                                   : model->max_tokens);
  return bytes;
}

bench_traffic bench_count_traffic(const host_program *program, uint32_t rows,
                                  uint64_t steps) {
  const tern_model *model = program->model;
  bench_traffic traffic = {0, 0};
  uint64_t held = 0, had_read = 0;
  for (uint32_t p = 0; p < model->projection_count; ++p) {
    held += program->counters[2 * p];
    had_read += program->counters[2 * p + 1];
  }
  if (held == 0 || steps == 0)
    return traffic;
  double skipped = (double)held - (double)had_read;
  traffic.step_bytes = all_bytes(model, rows) - skipped / (double)steps;
  traffic.skipped = skipped / (double)held;
  return traffic;
}

double bench_cache_bytes(const tern_model *model, double tokens) {
  return tokens * (double)model->state_block_bytes / model->state_block_tokens;
}

double bench_macs(const tern_model *model, double tokens, double heads) {
  double macs = 0;
  for (const tern_weight *w = model->weights; w && w->count; ++w)
    macs += (double)w->count * (double)w->macs *
            (w->reader == TERN_HEAD ? heads : tokens);
  return macs;
}
