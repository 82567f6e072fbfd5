/*===- bench.h - what bench has measured
 *--------------------------------===
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
  double mean_ns, sd_ns, mean_rate, sd_rate;
  double bytes_per_token; /* 0: not counted */
  double gigabytes;       /* per second, of these */
  double bandwidth;       /* of memory, in the same unit; 0: not measured */
  int in_cache;           /* the bytes of a step come from a cache */
  const double *samples;  /* nanoseconds */
  int sample_count;
} bench_row;

/* The report: where it stands, and what all its lines say. */
typedef struct bench_report {
  const tern_model *model;
  const char *format;
  char cpu[128];
  uint32_t rows; /* that were printed */
} bench_report;

void host_bench_begin(bench_report *report, const host_program *program);
void host_bench_print(bench_report *report, const bench_row *row);
void host_bench_end(const bench_report *report);

#endif /* TERN_SRC_HOST_BENCH_H */
