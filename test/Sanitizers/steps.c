/*===- steps.c - steps of a compiled model under a sanitizer ---------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 *     sanitized-steps MODEL.weights check|overflow|race
 *
 * Every buffer is a piece of the heap of its own and of exactly the size that
 * the model asks for. `check` runs prompts, single tokens, batches and steps
 *that are left in the middle, with one worker up to eight, and compares all
 *logits. The other two break the contract of docs/abi.md: a sanitizer that says
 *nothing then does not see into the model's code.
 */
#include "tern/host.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const tern_model tern_model_sanitized;
static const tern_model *const model = &tern_model_sanitized;

#define TOKENS 44u /* two passes of 32, and more than two blocks */
#define SEQUENCES 3u

static const void *weights;
static int32_t tokens[SEQUENCES][TOKENS];
static float *expected; /* [SEQUENCES][TOKENS][vocabulary] */

static void *exactly(uint64_t bytes) {
  void *memory;
  if (posix_memalign(&memory, model->alignment, (size_t)bytes) != 0)
    exit(2);
  memset(memory, 0xA5, (size_t)bytes);
  return memory;
}

static void *new_state(uint32_t count) {
  void *state = exactly(tern_model_state_bytes(model, count));
  memset(state, 0, (size_t)model->state_fixed_bytes);
  return state;
}

static void *new_scratch(const tern_env *env) {
  return exactly(tern_model_scratch_bytes(model, env->worker_count));
}

static void step(const tern_env *env, void *scratch,
                 const tern_segment *segments, uint32_t count) {
  tern_status answer = tern_step(model, env, weights, scratch, segments, count);
  if (answer == TERN_OK)
    return;
  fprintf(stderr, "a step answers %d\n", (int)answer);
  exit(2);
}

static tern_segment segment(void *state, uint32_t sequence, uint32_t position,
                            uint32_t n, float *logits) {
  tern_segment s = {0};
  s.state = state;
  s.tokens = tokens[sequence] + position;
  s.n = s.logits_count = n;
  s.position = position;
  s.logits = logits;
  return s;
}

static void compare(const char *how, uint32_t sequence, uint32_t position,
                    uint32_t n, const float *logits) {
  size_t vocab = model->vocab_size;
  const float *want = expected + ((size_t)sequence * TOKENS + position) * vocab;
  if (memcmp(want, logits, n * vocab * sizeof(float)) == 0)
    return;
  fprintf(stderr, "%s: other logits in %u tokens from %u\n", how, n, position);
  exit(1);
}

/* All sequences at once, `call` tokens of each in a step. */
static void check_splits(const tern_env *env, uint32_t sequences, uint32_t call,
                         int is_reference) {
  void *scratch = new_scratch(env), *states[SEQUENCES];
  float *logits[SEQUENCES];
  size_t row = model->vocab_size * sizeof(float);
  for (uint32_t q = 0; q < sequences; ++q)
    states[q] = new_state(TOKENS);
  for (uint32_t at = 0; at < TOKENS; at += call) {
    uint32_t n = TOKENS - at < call ? TOKENS - at : call;
    tern_segment segments[SEQUENCES];
    for (uint32_t q = 0; q < sequences; ++q) {
      logits[q] = exactly(n * row);
      segments[q] = segment(states[q], q, at, n, logits[q]);
    }
    step(env, scratch, segments, sequences);
    for (uint32_t q = 0; q < sequences; ++q) {
      if (is_reference)
        memcpy(expected + ((size_t)q * TOKENS + at) * model->vocab_size,
               logits[q], n * row);
      compare("splits", q, at, n, logits[q]);
      free(logits[q]);
    }
  }
  for (uint32_t q = 0; q < sequences; ++q)
    free(states[q]);
  free(scratch);
}

/*--- Steps that are left ---------------------------------------------------*/

typedef struct leaving {
  tern_pool *pool;
  unsigned portions; /* that are run yet before the step is left */
  jmp_buf left;
} leaving;

static void run_or_leave(void *host, tern_task_fn fn, void *arg,
                         uint32_t count) {
  leaving *l = host;
  if (l->portions-- == 0)
    longjmp(l->left, 1);
  tern_pool_run(l->pool, fn, arg, count);
}

/* The last tokens after a step on them was left after `portions`. Returns 0
 * once a step has no more portions than that. */
static int check_left(leaving *l, unsigned portions, uint32_t first) {
  tern_env env = {sizeof(env), tern_pool_threads(l->pool), run_or_leave, l, 0};
  void *scratch = new_scratch(&env), *state = new_state(TOKENS);
  float *logits = exactly((uint64_t)TOKENS * model->vocab_size * sizeof(float));
  tern_segment head = segment(state, 0, 0, first, logits);
  tern_segment rest = segment(state, 0, first, TOKENS - first, logits);
  volatile int was_left = 1;
  l->portions = 1u << 30;
  step(&env, scratch, &head, 1);
  l->portions = portions;
  if (!setjmp(l->left)) {
    step(&env, scratch, &rest, 1);
    was_left = 0;
  }
  l->portions = 1u << 30;
  step(&env, scratch, &rest, 1);
  compare("left and run again", 0, first, TOKENS - first, logits);
  free(logits);
  free(state);
  free(scratch);
  return was_left;
}

static void check_workers(unsigned workers) {
  tern_pool *pool = tern_pool_create(workers);
  if (!pool)
    exit(2);
  tern_env env = {sizeof(env), workers, tern_pool_run, pool, 0};
  check_splits(&env, 1, TOKENS, 0);
  check_splits(&env, 1, 1, 0);
  check_splits(&env, SEQUENCES, 5, 0);
  check_splits(&env, SEQUENCES, 1, 0);
  leaving l;
  l.pool = pool;
  unsigned portions = 0;
  while (workers > 1 && check_left(&l, portions, portions % 2 ? 21 : 43))
    portions += 3;
  printf("%u workers, left after up to %u portions\n", workers, portions);
  tern_pool_destroy(pool);
}

static void check(void) {
  tern_env alone = {sizeof(alone), 1, NULL, NULL, 0};
  check_splits(&alone, SEQUENCES, TOKENS, 1);
  for (unsigned workers = 1; workers <= 8; workers += workers < 3 ? 1 : 5)
    check_workers(workers);
}

/*--- Controls --------------------------------------------------------------*/

/* A state with room for one block, and one token more. */
static void overflow(void) {
  tern_env env = {sizeof(env), 1, NULL, NULL, 0};
  uint32_t room = model->state_block_tokens;
  void *scratch = new_scratch(&env), *state = new_state(room);
  for (uint32_t at = 0; at <= room; ++at) {
    tern_segment s = segment(state, 0, 0, 1, NULL);
    s.position = at;
    s.logits_count = 0;
    step(&env, scratch, &s, 1);
  }
}

static void *shared_scratch;
static pthread_barrier_t start;

static void *run_steps(void *argument) {
  tern_env env = {sizeof(env), 1, NULL, NULL, 0};
  uint32_t sequence = *(const uint32_t *)argument;
  void *state = new_state(TOKENS);
  pthread_barrier_wait(&start);
  for (uint32_t at = 0; at < TOKENS; ++at) {
    tern_segment s = segment(state, sequence, at, 1, NULL);
    s.logits_count = 0;
    step(&env, shared_scratch, &s, 1);
  }
  free(state);
  return NULL;
}

/* Two threads with one scratch. */
static void race(void) {
  pthread_t threads[2];
  uint32_t sequences[2] = {0, 1};
  shared_scratch = exactly(tern_model_scratch_bytes(model, 1));
  pthread_barrier_init(&start, NULL, 2);
  for (int i = 0; i < 2; ++i)
    if (pthread_create(&threads[i], NULL, run_steps, &sequences[i]) != 0)
      exit(2);
  for (int i = 0; i < 2; ++i)
    pthread_join(threads[i], NULL);
}

int main(int argc, char **argv) {
  tern_artifact artifact;
  tern_error error = {{0}};
  if (argc != 3 || tern_artifact_open(&artifact, argv[1], &error) != 0 ||
      tern_artifact_check(&artifact, model, argv[1], &error) != 0) {
    fprintf(stderr, "usage: sanitized-steps WEIGHTS check|overflow|race; %s\n",
            error.text);
    return 2;
  }
  void *copy = exactly(model->weights_bytes);
  memcpy(copy, artifact.weights, (size_t)model->weights_bytes);
  tern_artifact_close(&artifact);
  weights = copy;
  expected =
      exactly((uint64_t)SEQUENCES * TOKENS * model->vocab_size * sizeof(float));
  for (uint32_t q = 0; q < SEQUENCES; ++q)
    for (uint32_t i = 0; i < TOKENS; ++i)
      tokens[q][i] = (int32_t)((q * 977 + i * i * 31 + 7) % model->vocab_size);
  if (strcmp(argv[2], "check") == 0)
    check();
  else if (strcmp(argv[2], "overflow") == 0)
    overflow();
  else
    race();
  free(expected);
  free(copy);
  return 0;
}
