/*===- bench.c - speed ------------------------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_LIST 16
#define MAX_BATCH 256u
#define MAX_REPETITIONS 1000
typedef struct bench {
  host_program *program;
  uint32_t context, depth; /* at most */
  uint32_t batch;          /* sessions that are open */
  host_session sessions[MAX_BATCH];
  tern_session *handles[MAX_BATCH];
  tern_segment segments[MAX_BATCH];
  int32_t *tokens;
  int32_t best[MAX_BATCH]; /* that were found last */
  float *logits;
  bench_memory memory;
  double samples[MAX_REPETITIONS]; /* nanoseconds */
  bench_report report;
} bench;

/* A GPU has the next token ready for those who go on with it. */
static int follows(const bench *b) {
  const tern_model *model = b->program->model;
  return model->device && model->device->best;
}

/* Greedy decoding asks for the best token alone, where that is less to do. */
static int takes_best(const bench *b) {
  return b->program->model->best[TERN_ONE] || follows(b);
}

/* One sequence reads n tokens; one by one as greedy decoding does. */
static int evaluate_one(bench *b, const int32_t *tokens, uint32_t n,
                        int one_by_one) {
  float *logits;
  int32_t token = *tokens;
  return one_by_one && takes_best(b)
             ? host_best(b->program, b->handles[0], &token, n, b->best,
                         "evaluation")
             : host_eval(b->program, b->handles[0], tokens, n, &logits,
                         "evaluation");
}

/* All sequences read n tokens, in one call or in n. */
static int evaluate(bench *b, uint32_t n, int one_by_one) {
  uint32_t vocab = b->program->model->vocab_size;
  uint32_t call = one_by_one ? 1 : n;
  for (uint32_t at = 0; at < n; at += call) {
    const int32_t *tokens =
        at && follows(b) && b->batch == 1 ? b->best : b->tokens + at;
    for (uint32_t i = 0; i < b->batch; ++i) {
      memset(&b->segments[i], 0, sizeof(b->segments[i]));
      if (one_by_one && takes_best(b))
        b->segments[i].best = b->best + i;
      b->segments[i].tokens = b->tokens + at;
      b->segments[i].n = call;
      b->segments[i].logits = b->logits + (size_t)i * vocab;
      b->segments[i].logits_count = 1;
    }
    int result = b->batch == 1
                     ? evaluate_one(b, tokens, call, one_by_one)
                     : host_eval_batch(b->program, b->handles, b->segments,
                                       b->batch, "evaluation");
    if (result != 0)
      return result;
  }
  return 0;
}

/* All sequences hold `depth` tokens. */
static int fill(bench *b, uint32_t depth) {
  int is_filled = 1;
  for (uint32_t i = 0; i < b->batch; ++i)
    is_filled &= tern_session_rewind(b->handles[i], depth) == TERN_OK &&
                 tern_session_position(b->handles[i]) == depth;
  if (is_filled)
    return 0;
  /* Those that cannot go back, or were never there, begin anew. */
  for (uint32_t i = 0; i < b->batch; ++i)
    tern_session_rewind(b->handles[i], 0);
  return depth ? evaluate(b, depth, 0) : 0;
}

static void close_sessions(bench *b) {
  for (uint32_t i = 0; i < b->batch; ++i)
    host_session_close(&b->sessions[i]);
  b->batch = 0;
}

static int open_sessions(bench *b, uint32_t batch, uint32_t context) {
  close_sessions(b);
  b->context = context;
  for (; b->batch < batch; ++b->batch) {
    if (host_session_open(b->program, context, &b->sessions[b->batch]) != 0)
      return -1;
    b->handles[b->batch] = b->sessions[b->batch].session;
  }
  return 0;
}

static void summarize(bench *b, bench_row *r, int repetitions) {
  double n = (double)(r->prompt ? r->prompt : r->generated) * r->batch;
  double ns = 0, ns2 = 0, rate = 0, rate2 = 0;
  for (int i = 0; i < repetitions; ++i) {
    double t = b->samples[i], v = n * 1e9 / t;
    ns += t / repetitions;
    rate += v / repetitions;
  }
  for (int i = 0; i < repetitions; ++i) {
    double t = b->samples[i], v = n * 1e9 / t;
    ns2 += (t - ns) * (t - ns);
    rate2 += (v - rate) * (v - rate);
  }
  double freedom = repetitions > 1 ? repetitions - 1 : 1;
  r->mean_ns = ns;
  r->sd_ns = sqrt(ns2 / freedom);
  r->mean_rate = rate;
  r->sd_rate = sqrt(rate2 / freedom);
}

/* Bytes that were read, against those that can be. */
static void weigh(bench *b, bench_row *r, uint64_t steps) {
  host_program *program = b->program;
  bench_traffic traffic = bench_count_traffic(program, r->batch, steps);
  if (traffic.step_bytes <= 0)
    return;
  double step =
      traffic.step_bytes +
      bench_cache_bytes(program->model, r->depth + 0.5 * r->generated) *
          r->batch;
  r->skipped = traffic.skipped;
  r->bytes_per_token = step / r->batch;
  r->gigabytes = step * r->mean_rate / r->batch * 1e-9;
  r->bandwidth = bench_memory_measure(&b->memory, program->pool);
  /* Nothing is read faster from memory than memory can be read. */
  double cache = (double)b->memory.cache;
  r->in_cache =
      step <= cache || (step <= 4 * cache && r->gigabytes > r->bandwidth);
}

static void clear_counters(host_program *program, uint64_t *steps) {
  memset(program->counters, 0,
         2 * (size_t)program->model->projection_count * sizeof(uint64_t));
  *steps = 0;
}

static int measure(bench *b, bench_row *r) {
  host_program *program = b->program;
  uint32_t n = r->prompt ? r->prompt : r->generated;
  int decode = r->prompt == 0;
  int repetitions = (int)program->options.repetitions;
  /* One run before, to bring in pages and wake threads. */
  if (fill(b, r->depth) != 0 ||
      (!program->options.no_warmup && evaluate(b, n < 8 ? n : 8, decode) != 0))
    return -1;
  uint64_t steps = 0;
  for (int i = 0; i < repetitions; ++i) {
    if (fill(b, r->depth) != 0)
      return -1;
    host_progress(program, "%s: measurement %d of %d", r->test, i + 1,
                  repetitions);
    /* Filling may have counted. */
    if (i == 0 || program->model->is_recurrent)
      clear_counters(program, &steps);
    r->depth = tern_session_position(b->handles[0]);
    int64_t start = host_now();
    if (evaluate(b, n, decode) != 0)
      return -1;
    b->samples[i] = (double)(host_now() - start);
    steps += n;
  }
  r->samples = b->samples;
  r->sample_count = repetitions;
  summarize(b, r, repetitions);
  /* Of a prompt, the last token alone has logits. */
  r->gigamacs =
      bench_macs(program->model, n, decode ? n : 1) * r->batch / r->mean_ns;
  if (decode)
    weigh(b, r, steps);
  return 0;
}

static int bench_one(bench *b, uint32_t prompt, uint32_t generated,
                     uint32_t batch, uint32_t depth) {
  bench_row r = {0};
  r.depth = depth;
  r.prompt = prompt;
  r.generated = generated;
  r.batch = batch;
  r.threads = tern_pool_threads(b->program->pool);
  int n = snprintf(r.test, sizeof(r.test), "%s%u", prompt ? "pp" : "tg",
                   prompt ? prompt : generated);
  if (batch > 1)
    n += snprintf(r.test + n, sizeof(r.test) - (size_t)n, " x%u", batch);
  if (depth)
    snprintf(r.test + n, sizeof(r.test) - (size_t)n, " @ d%u", depth);
  if (measure(b, &r) != 0)
    return -1;
  host_progress_end(b->program);
  host_bench_print(&b->report, &r);
  if (strcmp(b->program->options.format, "json") == 0)
    host_interrupt_writes("\n]\n");
  return 0;
}

typedef struct lists {
  uint32_t prompt[MAX_LIST], generate[MAX_LIST], threads[MAX_LIST],
      batch[MAX_LIST], depth[MAX_LIST];
  int prompts, generates, thread_counts, batches, depths;
} lists;

static int read_lists(bench *b, lists *l) {
  const host_options *o = &b->program->options;
  tern_error *error = &b->program->error;
  uint32_t most =
      o->context ? (uint32_t)o->context : b->program->model->max_context;
  /* The defaults fit into every model. */
  l->prompts = l->generates = 1;
  l->prompt[0] = most < 512 ? most : 512;
  l->generate[0] = most < 128 ? most : 128;
  if (o->prompt_list)
    l->prompts = host_parse_list(o->prompt_list, most, l->prompt, MAX_LIST);
  if (o->generate_list)
    l->generates =
        host_parse_list(o->generate_list, most, l->generate, MAX_LIST);
  l->batches = host_parse_list(o->batch_list, MAX_BATCH, l->batch, MAX_LIST);
  l->depths = host_parse_list(o->depth_list, most, l->depth, MAX_LIST);
  l->thread_counts = 1;
  if (o->thread_list)
    l->thread_counts =
        host_parse_list(o->thread_list, TERN_MAX_WORKERS, l->threads, MAX_LIST);
  if (l->prompts < 0 || l->generates < 0 || l->depths < 0)
    return host_fail(error,
                     "-p, -n and -d take up to %d numbers from 0 to %u, the "
                     "context, with commas between them",
                     MAX_LIST, most);
  if (l->batches < 0 || l->thread_counts < 0)
    return host_fail(error,
                     "-b takes numbers up to %u and -t up to %u, with "
                     "commas between them",
                     MAX_BATCH, TERN_MAX_WORKERS);
  for (int i = 0; i < l->prompts; ++i)
    b->context = l->prompt[i] > b->context ? l->prompt[i] : b->context;
  for (int i = 0; i < l->generates; ++i)
    b->context = l->generate[i] > b->context ? l->generate[i] : b->context;
  if (!b->context)
    return host_fail(error, "there is nothing to measure");
  for (int i = 0; i < l->depths; ++i)
    b->depth = l->depth[i] > b->depth ? l->depth[i] : b->depth;
  if (most - b->context < b->depth)
    return host_fail(error,
                     "%u tokens at a depth of %u are more than the context, %u",
                     b->context, b->depth, most);
  b->context += b->depth;
  return 0;
}

static int prepare(bench *b) {
  uint32_t vocab = b->program->model->vocab_size;
  b->tokens = host_allocate(b->program, b->context, sizeof(int32_t), 1);
  b->logits = host_allocate(b->program, vocab, MAX_BATCH, sizeof(float));
  if (!b->tokens || !b->logits)
    return -1;
  uint64_t random = 1;
  for (uint32_t i = 0; i < b->context; ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    b->tokens[i] = (int32_t)((random >> 33) % vocab);
  }
  bench_memory_open(&b->memory);
  return 0;
}

static int bench_depth(bench *b, const lists *l, uint32_t batch,
                       uint32_t depth) {
  for (int i = 0; i < l->prompts; ++i)
    if (l->prompt[i] && bench_one(b, l->prompt[i], 0, batch, depth) != 0)
      return -1;
  for (int i = 0; i < l->generates; ++i)
    if (l->generate[i] && bench_one(b, 0, l->generate[i], batch, depth) != 0)
      return -1;
  return 0;
}

static int bench_all(bench *b, const lists *l) {
  uint32_t context = b->context;
  for (int t = 0; t < l->thread_counts; ++t) {
    /* Sessions point at the program's env, which stays where it is. */
    if (host_program_threads(b->program, l->threads[t]) != 0)
      return -1;
    for (int k = 0; k < l->batches; ++k) {
      uint32_t batch = l->batch[k] ? l->batch[k] : 1;
      if (open_sessions(b, batch, context) != 0)
        return -1;
      for (int i = 0; i < l->depths; ++i)
        if (bench_depth(b, l, batch, l->depth[i]) != 0)
          return -1;
    }
  }
  return 0;
}

int host_bench(host_program *program) {
  bench *b = calloc(1, sizeof(*b));
  lists l;
  int result = -1;
  if (!b) {
    host_fail(&program->error, HOST_NO_MEMORY);
    return EXIT_FAILED;
  }
  memset(&l, 0, sizeof(l));
  b->program = program;
  host_bench_begin(&b->report, program);
  host_interruptible = INTERRUPT_SOON;
  if (read_lists(b, &l) == 0 && prepare(b) == 0)
    result = bench_all(b, &l);
  host_bench_end(&b->report);
  /* Giving back the memory may take longer than a signal waits. */
  fflush(stdout);
  host_interrupt_writes(NULL);
  close_sessions(b);
  free(b->tokens);
  free(b->logits);
  bench_memory_close(&b->memory);
  free(b);
  return result == 0        ? EXIT_OK
         : host_interrupted ? EXIT_INTERRUPTED
                            : EXIT_FAILED;
}
