/*===- bandwidth.c - how fast threads read memory --------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * As a decode step reads weights where they lie best: huge pages, for each
 * thread one range, from its front to its end.
 */
#include "bench.h"

#include <string.h>

/* Read: four times as many bytes as all caches have, within bounds. */
#define LEAST_BYTES ((uint64_t)256 << 20)
#define MOST_BYTES ((uint64_t)4 << 30)
/* Tasks of a thread, as a step has several. */
#define TASKS 4

typedef struct reading {
  const bench_memory *memory;
  uint32_t parts;
} reading;

static void fill_part(void *argument, uint32_t i) {
  const reading *r = argument;
  size_t bytes = r->memory->bytes / r->parts;
  memset(r->memory->at + i * bytes, 1, bytes);
}

static void sum_part(void *argument, uint32_t i) {
  const reading *r = argument;
  size_t words = r->memory->bytes / sizeof(uint64_t) / r->parts;
  const uint64_t *at =
      (const uint64_t *)(const void *)r->memory->at + i * words;
  uint64_t sum[8] = {0};
  for (size_t k = 0; k + 8 <= words; k += 8)
    for (int j = 0; j < 8; ++j)
      sum[j] += at[k + (size_t)j];
  volatile uint64_t sink =
      sum[0] ^ sum[1] ^ sum[2] ^ sum[3] ^ sum[4] ^ sum[5] ^ sum[6] ^ sum[7];
  (void)sink;
}

void bench_memory_open(bench_memory *memory) {
  memset(memory, 0, sizeof(*memory));
  memory->cache = host_cache_bytes();
  uint64_t bytes = 4 * tern_cache_bytes("");
  uint64_t most = tern_memory_available("") / 4;
  if (most > MOST_BYTES)
    most = MOST_BYTES;
  if (bytes > most)
    bytes = most;
  if (bytes < LEAST_BYTES)
    bytes = LEAST_BYTES;
  memory->bytes = (size_t)bytes;
  /* Each thread count has memory that its threads were the first to write. */
}

void bench_memory_close(bench_memory *memory) {
  tern_memory_unmap(memory->at, memory->bytes);
  memory->at = NULL;
}

double bench_memory_measure(bench_memory *memory, tern_pool *pool) {
  reading r = {memory, TASKS * tern_pool_threads(pool)};
  double best = 0;
  if (memory->threads != tern_pool_threads(pool))
    bench_memory_close(memory);
  if (!memory->at) {
    memory->at = tern_memory_map(memory->bytes);
    memory->threads = tern_pool_threads(pool);
    if (memory->at)
      tern_pool_run(pool, fill_part, &r, r.parts);
  }
  for (int i = 0; memory->at && i < 5; ++i) {
    int64_t start = host_now();
    tern_pool_run(pool, sum_part, &r, r.parts);
    double rate = (double)memory->bytes / (double)(host_now() - start);
    best = rate > best ? rate : best;
  }
  return best;
}
