/*===- fake_model.c - a model for testing what calls models ----------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "fake_model.h"

uint8_t fake_weight(uint32_t i) { return (uint8_t)(i * 7u + 3u); }

uint32_t fake_hash(uint32_t hash, int32_t token) {
  hash = (hash ^ (uint32_t)token) * 16777619u;
  return hash ^ (hash >> 15);
}

float fake_logit(uint32_t hash, uint32_t token) {
  uint32_t x = (hash ^ (token * 2654435761u)) * 2246822519u;
  x ^= x >> 13;
  x *= 3266489917u;
  return (float)(x >> 8) * (8.0f / 16777216.0f);
}

/* 64 bytes, then one hash for each token, in blocks of 4. */
#define STATE_FIXED 64u
#define BLOCK_TOKENS 4u

typedef struct job {
  const tern_segment *segment;
  uint32_t tasks;
} job;

static const uint32_t *hashes(const tern_segment *s) {
  return (const uint32_t *)(const void *)((const uint8_t *)s->state +
                                          STATE_FIXED);
}

/* Task i writes the logits of tokens i, i + tasks, ... of the vocabulary. */
static void write_logits(void *argument, uint32_t i) {
  const job *j = argument;
  const tern_segment *s = j->segment;
  for (uint32_t k = 0; k < s->logits_count; ++k) {
    uint32_t hash = hashes(s)[s->position + s->n - s->logits_count + k];
    for (uint32_t v = i; v < FAKE_VOCAB; v += j->tasks)
      s->logits[(size_t)k * FAKE_VOCAB + v] = fake_logit(hash, v);
  }
}

static int32_t check(const tern_env *env, const uint8_t *weights,
                     const void *scratch, const tern_segment *s) {
  if (!env || env->worker_count == 0 || !scratch || !s->state || !s->tokens ||
      s->n == 0 || s->logits_count > s->n || (s->logits_count && !s->logits) ||
      ((uintptr_t)weights | (uintptr_t)scratch | (uintptr_t)s->state) % 128)
    return TERN_STEP_BAD_ARGUMENT;
  for (uint32_t i = 0; i < FAKE_WEIGHTS; ++i)
    if (weights[i] != fake_weight(i))
      return TERN_STEP_BAD_ARGUMENT;
  if (s->position + s->n > FAKE_CONTEXT)
    return TERN_STEP_CONTEXT_FULL;
  for (uint32_t i = 0; i < s->n; ++i)
    if (s->tokens[i] < 0 || (uint32_t)s->tokens[i] >= FAKE_VOCAB)
      return TERN_STEP_BAD_TOKEN;
  return TERN_STEP_OK;
}

static void run(const tern_env *env, const tern_segment *s) {
  uint32_t *own = (uint32_t *)(void *)((uint8_t *)s->state + STATE_FIXED);
  uint32_t hash = s->position ? own[s->position - 1] : FAKE_START;
  for (uint32_t i = 0; i < s->n; ++i) {
    own[s->position + i] = hash = fake_hash(hash, s->tokens[i]);
    for (uint32_t l = 0; s->hidden && l < FAKE_LAYERS; ++l)
      for (uint32_t h = 0; h < FAKE_HIDDEN; ++h)
        s->hidden[((size_t)l * s->n + i) * FAKE_HIDDEN + h] =
            (float)(hash >> 8) + (float)(l * 10 + h);
  }
  job j = {s, env->worker_count};
  if (env->parallel)
    env->parallel(env->host, write_logits, &j, j.tasks);
  else
    for (uint32_t i = 0; i < j.tasks; ++i)
      write_logits(&j, i);
  if (env->counters) {
    env->counters[0] += 1000 * (uint64_t)s->n;
    env->counters[1] += 250 * (uint64_t)s->n;
    env->counters[2] += 500 * (uint64_t)s->n;
    env->counters[3] += 500 * (uint64_t)s->n;
  }
}

static int32_t step(const tern_env *env, const void *weights, void *scratch,
                    const tern_segment *segments, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    int32_t answer = check(env, weights, scratch, &segments[i]);
    if (answer != TERN_STEP_OK)
      return answer;
  }
  for (uint32_t i = 0; i < count; ++i)
    run(env, &segments[i]);
  return TERN_STEP_OK;
}

static const char *const projection_names[] = {"up_proj", "down_proj"};

const tern_model tern_model_fake = {
    .abi_version = TERN_ABI_VERSION,
    .size = sizeof(tern_model),
    .name = "fake",
    .target = "anything/generic",
    .projection_names = projection_names,
    .step = step,
    .weights_id = 0x1234567890ABCDEFu,
    .state_id = 0xFEDCBA0987654321u,
    .cpu_features = 0,
    .weights_bytes = FAKE_WEIGHTS,
    .scratch_bytes = 100,
    .state_fixed_bytes = STATE_FIXED,
    .state_block_bytes = BLOCK_TOKENS * sizeof(uint32_t),
    .state_block_tokens = BLOCK_TOKENS,
    .alignment = 128,
    .vocab_size = FAKE_VOCAB,
    .hidden_size = FAKE_HIDDEN,
    .layer_count = FAKE_LAYERS,
    .max_context = FAKE_CONTEXT,
    .projection_count = 2,
    .kv_bits = 16,
};
