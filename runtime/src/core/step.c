/*===- step.c - tokens of a call through a model's functions ---------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * The tokens of all segments are rows, in groups of what the model takes in a
 * call; weights are read once for a group.
 */
#include "memory.h"
#include "tern/tern.h"

/* Where a group's tokens come from and its values go. */
typedef struct cursor {
  const tern_segment *segment;
  uint32_t token;
} cursor;

typedef struct step {
  const tern_model *model;
  const tern_env *env;
  const void *weights;
  void *scratch; /* what the functions get */
  tern_rows rows;
  /* The tables that `rows` points to, and two buffers that layers read and
   * write in turn. */
  int32_t *tokens, *positions;
  void **states;
  float **logits;
  int32_t *best; /* of the head's rows, and where they are wanted */
  int32_t **best_of;
  float *buffers[2];
  tern_wanted *wanted; /* of each row, for a device */
} step;

/* Lays the parts of a step out from `base`, which may be NULL, and returns
 * their bytes: the functions' scratch memory begins there. */
static uint64_t place(step *s, const tern_model *model, uint8_t *base) {
  uint64_t mask = (model->alignment > 64 ? model->alignment : 64) - 1;
  uint64_t rows = model->max_tokens, at = 0;
  const uint64_t bytes[] = {rows * sizeof(int32_t),
                            rows * sizeof(int32_t),
                            rows * sizeof(void *),
                            model->head_tokens * (uint64_t)sizeof(float *),
                            model->head_tokens * (uint64_t)sizeof(int32_t),
                            model->head_tokens * (uint64_t)sizeof(int32_t *),
                            rows * model->hidden_size * sizeof(float),
                            rows * model->hidden_size * sizeof(float),
                            model->device ? rows * sizeof(tern_wanted) : 0};
  void *parts[sizeof(bytes) / sizeof(*bytes)];
  for (size_t i = 0; i < sizeof(bytes) / sizeof(*bytes); ++i) {
    parts[i] = base ? base + at : base;
    at += (bytes[i] + mask) & ~mask;
  }
  s->tokens = parts[0];
  s->positions = parts[1];
  s->states = parts[2];
  s->logits = parts[3];
  s->best = parts[4];
  s->best_of = parts[5];
  s->buffers[0] = parts[6];
  s->buffers[1] = parts[7];
  s->wanted = parts[8];
  return at;
}

uint64_t tern_model_scratch_bytes(const tern_model *model, uint32_t workers) {
  step s;
  uint64_t own = place(&s, model, NULL), each = model->scratch_worker_bytes;
  if (model->device) /* where the functions' scratch memory is */
    return own;
  uint64_t fixed = own + model->scratch_bytes;
  if (fixed < own || each > UINT32_MAX || fixed + workers * each < fixed)
    return 0;
  return fixed + workers * each;
}

static tern_status check_segment(const tern_model *model,
                                 const tern_segment *s) {
  if (!s->state || !s->tokens || s->n == 0 || s->logits_count > s->n ||
      (s->choice && (!s->best || s->logits_count != 1)))
    return TERN_BAD_ARGUMENT;
  if ((uint64_t)s->position + s->n > model->max_context)
    return TERN_CONTEXT_FULL;
  for (uint32_t i = 0; i < s->n; ++i)
    if ((uint32_t)s->tokens[i] >= model->vocab_size)
      return TERN_BAD_TOKEN;
  return TERN_OK;
}

static void advance(cursor *at) {
  if (++at->token < at->segment->n)
    return;
  ++at->segment;
  at->token = 0;
}

static void call(const step *s, const tern_function *functions, size_t layer) {
  size_t count = s->rows.count;
  functions[count == 1                 ? TERN_ONE
            : count <= TERN_FEW_TOKENS ? TERN_FEW
                                       : TERN_MANY](
      s->env, s->weights, s->scratch, &s->rows, layer);
}

/* Where the rows' hidden states are wanted, after `layer`. */
static void copy_hidden(const step *s, cursor at, size_t layer) {
  size_t size = s->model->hidden_size;
  for (size_t r = 0; r < s->rows.count; ++r, advance(&at))
    if (at.segment->hidden)
      memcpy(at.segment->hidden + (layer * at.segment->n + at.token) * size,
             s->rows.output + r * size, size * sizeof(float));
}

/* The rows' tokens without their logits, if nothing else is wanted and the
 * model finds them so. */
static int run_best(const step *s) {
  int is_found = 1;
  for (size_t r = 0; r < s->rows.count; ++r)
    if (!s->model->best[TERN_ONE] || !s->best_of[r])
      return 0;
  call(s, s->model->best, 0);
  for (size_t r = 0; r < s->rows.count; ++r) {
    *s->best_of[r] = s->best[r];
    is_found &= s->best[r] >= 0;
  }
  return is_found;
}

/* Rows whose logits are wanted move to the front of `hidden`, which the head
 * reads; it writes each row's logits where they are wanted. */
static void run_head(step *s, cursor at, float *hidden) {
  size_t size = s->model->hidden_size, all = s->rows.count, count = 0;
  s->rows.input = hidden;
  s->rows.logits = s->logits;
  s->rows.best = s->best;
  for (size_t r = 0; r < all; ++r, advance(&at)) {
    uint32_t skipped = at.segment->n - at.segment->logits_count;
    if (at.segment->logits && at.token >= skipped) {
      s->logits[count] = at.segment->logits +
                         (size_t)(at.token - skipped) * s->model->vocab_size;
      s->best_of[count] = NULL;
      if (at.segment->best) {
        int32_t *best = at.segment->best + (at.token - skipped);
        *best = -1;
        if (!at.segment->choice)
          s->best_of[count] = best;
      }
      if (r != count)
        memcpy(hidden + count * size, hidden + r * size, size * sizeof(float));
      ++count;
    }
    if (count == s->model->head_tokens || (r + 1 == all && count != 0)) {
      s->rows.count = count;
      if (!run_best(s))
        call(s, s->model->head, 0);
      count = 0;
    }
  }
}

/* A device runs a group as a whole. */
static tern_status run_on_device(step *s, cursor at) {
  size_t size = s->model->hidden_size;
  for (size_t r = 0; r < s->rows.count; ++r, advance(&at)) {
    const tern_segment *segment = at.segment;
    tern_wanted *wanted = &s->wanted[r];
    uint32_t skipped = segment->n - segment->logits_count;
    int has_logits = segment->logits && at.token >= skipped;
    size_t number = has_logits ? at.token - skipped : 0;
    wanted->logits =
        has_logits ? segment->logits + number * s->model->vocab_size : NULL;
    wanted->best = has_logits && segment->best ? segment->best + number : NULL;
    wanted->choice = wanted->best ? segment->choice : NULL;
    wanted->hidden = segment->hidden ? segment->hidden + at.token * size : NULL;
    wanted->hidden_stride = segment->n * size;
    if (wanted->best)
      *wanted->best = -1;
  }
  const uint64_t *read = s->model->device->counters;
  for (uint32_t i = 0;
       read && s->env->counters && i < 2 * s->model->projection_count; ++i)
    s->env->counters[i] += read[i];
  return s->env->device->run(s->env->device->host, &s->rows, s->wanted);
}

static tern_status run_group(step *s, cursor from) {
  const tern_model *model = s->model;
  if (model->device)
    return run_on_device(s, from);
  s->rows.output = s->buffers[0];
  call(s, model->embed, 0);
  for (uint32_t l = 0; l < model->layer_count; ++l) {
    float *written = s->rows.output;
    s->rows.input = written;
    s->rows.output = s->buffers[written == s->buffers[0]];
    call(s, model->kinds[model->layers[l].kind].run, model->layers[l].index);
    copy_hidden(s, from, l);
  }
  run_head(s, from, s->rows.output);
  return TERN_OK;
}

tern_status tern_step(const tern_model *model, const tern_env *env,
                      const void *weights, void *scratch,
                      const tern_segment *segments, uint32_t count) {
  if (!model || !env || !weights || !scratch || !segments)
    return TERN_BAD_ARGUMENT;
  /* A model from before there were devices ends where `device` begins. */
  if (model->abi_version != TERN_ABI_VERSION || model->size < sizeof(*model))
    return TERN_WRONG_ABI;
  if (model->device && (env->size < sizeof(*env) || !env->device))
    return TERN_BAD_ARGUMENT;
  for (uint32_t i = 0; i < count; ++i) {
    tern_status status = check_segment(model, &segments[i]);
    if (status != TERN_OK)
      return status;
  }
  step s;
  s.model = model;
  s.env = env;
  s.weights = weights;
  s.scratch = (uint8_t *)scratch + place(&s, model, scratch);
  s.rows.tokens = s.tokens;
  s.rows.positions = s.positions;
  s.rows.states = s.states;
  s.rows.best = NULL;
  cursor at = {segments, 0};
  while (at.segment != segments + count) {
    cursor from = at;
    size_t r = 0;
    for (; r < model->max_tokens && at.segment != segments + count; ++r) {
      s.tokens[r] = at.segment->tokens[at.token];
      s.positions[r] = (int32_t)(at.segment->position + at.token);
      s.states[r] = at.segment->state;
      advance(&at);
    }
    s.rows.count = r;
    tern_status status = run_group(&s, from);
    if (status != TERN_OK)
      return status;
  }
  return TERN_OK;
}
