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

/* A row has all bits of the hash, so that the head finds them. */
#define LAYER_SCALE 65536u
float fake_hidden(uint32_t hash, uint32_t layer, uint32_t h) {
  return (float)(layer * LAYER_SCALE + ((hash >> 12 * h) & 0xFFF));
}

static uint32_t hash_of(const float *row, uint32_t layer) {
  uint32_t hash = 0;
  for (uint32_t h = 0; h < FAKE_HIDDEN; ++h)
    hash |= ((uint32_t)row[h] - layer * LAYER_SCALE) << 12 * h;
  return hash;
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
#define SCRATCH 100u
#define WORKER_SCRATCH 24u

static void demand(int truth) {
  if (!truth)
    __builtin_trap();
}

uint32_t fake_block_bytes = BLOCK_TOKENS * sizeof(uint32_t);

static uint32_t *hash_at(void *state, int32_t position) {
  uint32_t block = (uint32_t)position / BLOCK_TOKENS;
  uint8_t *at = (uint8_t *)state + STATE_FIXED + block * fake_block_bytes;
  return (uint32_t *)(void *)at + (uint32_t)position % BLOCK_TOKENS;
}

/* Where blocks have room for it, tokens lie behind the hashes, and all that was
 * read before has to fit together: else the answer is another one. */
static uint32_t look_back(void *state, int32_t at, int32_t token) {
  uint32_t hash = fake_hash(at ? *hash_at(state, at - 1) : FAKE_START, token);
  if (fake_block_bytes < 2 * BLOCK_TOKENS * sizeof(uint32_t))
    return hash;
  hash_at(state, at)[BLOCK_TOKENS] = (uint32_t)token;
  for (int32_t p = 0; p < at; ++p)
    if (*hash_at(state, p) !=
        fake_hash(p ? *hash_at(state, p - 1) : FAKE_START,
                  (int32_t)hash_at(state, p)[BLOCK_TOKENS]))
      return ~hash;
  return hash;
}

/* Every call can rely on this; uses all of the fixed scratch memory. */
static void demand_call(const tern_env *env, const void *weights, void *scratch,
                        const tern_rows *rows, uint32_t max_count) {
  demand(env->worker_count != 0 && rows->count != 0 &&
         rows->count <= max_count);
  demand(((uintptr_t)weights | (uintptr_t)scratch) % 128 == 0);
  for (uint32_t i = 0; i < FAKE_WEIGHTS; ++i)
    demand(((const uint8_t *)weights)[i] == fake_weight(i));
  for (uint32_t i = 0; i < SCRATCH; ++i)
    ((uint8_t *)scratch)[i] = (uint8_t)i;
}

static void embed(const tern_env *env, const void *weights, void *scratch,
                  const tern_rows *rows, size_t layer) {
  demand_call(env, weights, scratch, rows, FAKE_MAX_TOKENS);
  demand(layer == 0);
  for (size_t r = 0; r < rows->count; ++r)
    for (uint32_t h = 0; h < FAKE_HIDDEN; ++h)
      rows->output[r * FAKE_HIDDEN + h] = (float)rows->tokens[r];
}

static void run_layer(const tern_env *env, const void *weights, void *scratch,
                      const tern_rows *rows, size_t layer) {
  demand_call(env, weights, scratch, rows, FAKE_MAX_TOKENS);
  demand(layer < FAKE_LAYERS && rows->input != rows->output);
  for (size_t r = 0; r < rows->count; ++r) {
    const float *row = rows->input + r * FAKE_HIDDEN;
    void *state = rows->states[r];
    int32_t at = rows->positions[r];
    uint32_t *own = hash_at(state, at);
    demand((uintptr_t)rows->states[r] % 128 == 0);
    if (layer == 0)
      *own = look_back(state, at, (int32_t)row[0]);
    else
      demand(*own == hash_of(row, (uint32_t)layer - 1));
    for (uint32_t h = 0; h < FAKE_HIDDEN; ++h)
      rows->output[r * FAKE_HIDDEN + h] = fake_hidden(*own, (uint32_t)layer, h);
  }
  if (layer != 0 || !env->counters)
    return;
  env->counters[0] += 1000 * (uint64_t)rows->count;
  env->counters[1] += 250 * (uint64_t)rows->count;
  env->counters[2] += 500 * (uint64_t)rows->count;
  env->counters[3] += 500 * (uint64_t)rows->count;
}

typedef struct job {
  const tern_rows *rows;
  uint8_t *scratch; /* of worker 0 */
  uint32_t tasks;
} job;

/* Task i writes the logits of tokens i, i + tasks, ... of the vocabulary. */
static void write_logits(void *argument, uint32_t i) {
  const job *j = argument;
  for (uint32_t b = 0; b < WORKER_SCRATCH; ++b)
    j->scratch[(size_t)i * WORKER_SCRATCH + b] = (uint8_t)i;
  for (size_t r = 0; r < j->rows->count; ++r) {
    uint32_t hash = hash_of(j->rows->input + r * FAKE_HIDDEN, FAKE_LAYERS - 1);
    for (uint32_t v = i; v < FAKE_VOCAB; v += j->tasks)
      j->rows->logits[r][v] = fake_logit(hash, v);
  }
}

static void head(const tern_env *env, const void *weights, void *scratch,
                 const tern_rows *rows, size_t layer) {
  demand_call(env, weights, scratch, rows, FAKE_HEAD_TOKENS);
  demand(layer == 0);
  job j = {rows, (uint8_t *)scratch + SCRATCH, env->worker_count};
  if (env->parallel)
    env->parallel(env->host, write_logits, &j, j.tasks);
  else
    for (uint32_t i = 0; i < j.tasks; ++i)
      write_logits(&j, i);
}

/* Of each class a function that takes no other. */
#define CLASSES(Name)                                                          \
  static void Name##_one(const tern_env *env, const void *weights,             \
                         void *scratch, const tern_rows *rows, size_t layer) { \
    demand(rows->count == 1);                                                  \
    Name(env, weights, scratch, rows, layer);                                  \
  }                                                                            \
  static void Name##_few(const tern_env *env, const void *weights,             \
                         void *scratch, const tern_rows *rows, size_t layer) { \
    demand(rows->count > 1 && rows->count <= TERN_FEW_TOKENS);                 \
    Name(env, weights, scratch, rows, layer);                                  \
  }                                                                            \
  static void Name##_many(const tern_env *env, const void *weights,            \
                          void *scratch, const tern_rows *rows,                \
                          size_t layer) {                                      \
    demand(rows->count > TERN_FEW_TOKENS);                                     \
    Name(env, weights, scratch, rows, layer);                                  \
  }

CLASSES(embed)
CLASSES(run_layer)
CLASSES(head)

static const char *const projection_names[] = {"up_proj", "down_proj"};
static const tern_layer layers[FAKE_LAYERS] = {{0, 0}, {0, 1}};
static const tern_kind kinds[] = {{
    .state_block_bytes = BLOCK_TOKENS * sizeof(uint32_t),
    .name = "layer",
    .run = {run_layer_one, run_layer_few, run_layer_many},
}};

/* It reads less than that. */
static const tern_weight weights[] = {
    {0, 0, 128, 8, 0, 1, TERN_EMBED},
    {128, 2000, 2000, 2000, 300, FAKE_LAYERS, TERN_LAYER},
    {4128, 0, 64, 64, 50, 1, TERN_HEAD},
    {0, 0, 0, 0, 0, 0, 0},
};

const tern_model tern_model_fake = {
    .abi_version = TERN_ABI_VERSION,
    .size = sizeof(tern_model),
    .vocab_size = FAKE_VOCAB,
    .hidden_size = FAKE_HIDDEN,
    .layer_count = FAKE_LAYERS,
    .kind_count = 1,
    .max_context = FAKE_CONTEXT,
    .max_tokens = FAKE_MAX_TOKENS,
    .head_tokens = FAKE_HEAD_TOKENS,
    .alignment = 128,
    .state_block_tokens = BLOCK_TOKENS,
    .projection_count = 2,
    .kv_bits = 16,
    .weights_id = 0x1234567890ABCDEFu,
    .state_id = 0xFEDCBA0987654321u,
    .weights_bytes = FAKE_WEIGHTS,
    .scratch_bytes = SCRATCH,
    .scratch_worker_bytes = WORKER_SCRATCH,
    .state_fixed_bytes = STATE_FIXED,
    .state_block_bytes = BLOCK_TOKENS * sizeof(uint32_t),
    .name = "fake",
    .target = "anything/generic",
    .projection_names = projection_names,
    .kinds = kinds,
    .layers = layers,
    .embed = {embed_one, embed_few, embed_many},
    .head = {head_one, head_few, head_many},
    .weights = weights,
};
