/*===- bench.h - what bench has measured ------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_HOST_BENCH_H
#define TERN_SRC_HOST_BENCH_H

#include "host.h"

/* One line of the table. */
typedef struct bench_row {
  char test[32];
  uint32_t prompt, generated, threads, batch;
  uint32_t depth; /* tokens of each sequence that were there before */
  double mean_ns, sd_ns, mean_rate, sd_rate;
  double bytes_per_token; /* 0: not counted */
  double gigabytes;       /* per second, of these */
  double bandwidth;       /* of memory, in the same unit; 0: not measured */
  double skipped;         /* of the bytes of ternary weights, those not read */
  double gigamacs;        /* multiply-adds per second; 0: not known */
  int in_cache;           /* the bytes of a step come from a cache */
  const double *samples;  /* nanoseconds */
  int sample_count;
} bench_row;

/* The report: where it stands, and what all its lines say. */
typedef struct bench_report {
  const tern_model *model;
  const host_program *program;
  const char *format;
  char cpu[128];
  uint32_t rows; /* that were printed */
} bench_report;

/* Memory that is read to know how fast that is. */
typedef struct bench_memory {
  uint8_t *at;
  size_t bytes;
  uint64_t cache;   /* bytes of the largest cache; 0: not known */
  unsigned threads; /* that have written it */
} bench_memory;

void bench_memory_open(bench_memory *memory);
void bench_memory_close(bench_memory *memory);
/* Bytes per nanosecond that all threads of the pool read from it together, the
 * best of five; 0 if there is no memory. */
double bench_memory_measure(bench_memory *memory, tern_pool *pool);

typedef struct bench_traffic {
  double step_bytes; /* of weights; 0: not counted */
  double skipped;
} bench_traffic;

/* By the program's counters, of so many steps on so many rows. */
bench_traffic bench_count_traffic(const host_program *program, uint32_t rows,
                                  uint64_t steps);
/* Bytes of the KV cache of so many tokens. */
double bench_cache_bytes(const tern_model *model, double tokens);
/* Multiply-adds of products with weights, for so many tokens of which `heads`
 * have logits; 0: not known. */
double bench_macs(const tern_model *model, double tokens, double heads);

void host_bench_begin(bench_report *report, const host_program *program);
void host_bench_print(bench_report *report, const bench_row *row);
void host_bench_end(const bench_report *report);

#endif /* TERN_SRC_HOST_BENCH_H */
