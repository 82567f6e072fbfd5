/*===- session.c - sequences of tokens and their caches --------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "session.h"

#include "maximum.h"
#include "memory.h"

/* Enough for the float and pointer arrays here, whatever the model asks for. */
#define MIN_ALIGNMENT 64u
#define DEFAULT_CALL_TOKENS 512u

const char *tern_status_text(tern_status status) {
  switch (status) {
  case TERN_OK:
    return "no error";
  case TERN_BAD_ARGUMENT:
    return "an argument is missing or out of its range";
  case TERN_BAD_TOKEN:
    return "a token is outside the model's vocabulary";
  case TERN_BAD_ALIGNMENT:
    return "memory is not aligned as the model needs it";
  case TERN_TOO_SMALL:
    return "memory handed over is too small";
  case TERN_WRONG_ABI:
    return "the model was compiled for another version of the runtime";
  case TERN_WRONG_WEIGHTS:
    return "the weights were packed for another model or target";
  case TERN_WRONG_STATE:
    return "the saved state belongs to another model or is damaged";
  case TERN_CONTEXT_FULL:
    return "the context is full";
  case TERN_BAD_TABLE:
    return "the tokenizer's table is damaged or of an unknown version";
  case TERN_NOT_FINITE:
    return "the model's logits are not finite: its numbers pass the range of "
           "32-bit floats, or the checkpoint is damaged";
  case TERN_DEVICE_FAILED:
    return "the device failed";
  }
  return "an unknown error";
}

static int has_all(const tern_function *functions) {
  return functions[TERN_ONE] && functions[TERN_FEW] && functions[TERN_MANY];
}

tern_status tern_model_check(const tern_model *model) {
  if (!model)
    return TERN_BAD_ARGUMENT;
  /* Nothing else can be read before these two are known to agree. */
  if (model->abi_version != TERN_ABI_VERSION || model->size < sizeof(*model))
    return TERN_WRONG_ABI;
  uint32_t alignment = model->alignment;
  if (alignment == 0 || (alignment & (alignment - 1)) != 0 ||
      model->vocab_size == 0 || model->vocab_size > INT32_MAX ||
      model->max_context == 0 || model->max_context > INT32_MAX ||
      model->max_tokens == 0 || model->head_tokens == 0 ||
      model->state_block_tokens == 0 || !model->kinds || !model->layers)
    return TERN_BAD_ARGUMENT;
  int is_whole =
      model->device || (has_all(model->embed) && has_all(model->head));
  for (uint32_t k = 0; k < model->kind_count && !model->device; ++k)
    is_whole = is_whole && has_all(model->kinds[k].run);
  for (uint32_t l = 0; l < model->layer_count; ++l)
    is_whole = is_whole && model->layers[l].kind < model->kind_count;
  return is_whole ? TERN_OK : TERN_BAD_ARGUMENT;
}

uint64_t tern_model_state_bytes(const tern_model *model, uint32_t tokens) {
  uint32_t block = model->state_block_tokens;
  uint64_t blocks = tokens / block + (tokens % block != 0);
  uint64_t fixed = model->state_fixed_bytes, size = model->state_block_bytes;
  if (size > UINT32_MAX || fixed + blocks * size < fixed)
    return 0;
  return fixed + blocks * size;
}

/* Offsets of a session's parts in its memory. */
typedef struct layout {
  uint64_t state, state_bytes, scratch, logits, total;
} layout;

/* Adds `bytes` rounded up to `alignment` to *total; 0 when that overflows. */
static int add_part(uint64_t *total, uint64_t bytes, uint64_t alignment) {
  if (bytes > UINT64_MAX - (alignment - 1))
    return 0;
  uint64_t rounded = (bytes + alignment - 1) & ~(alignment - 1);
  if (rounded > UINT64_MAX - *total)
    return 0;
  *total += rounded;
  return 1;
}

static uint64_t session_alignment(const tern_model *model) {
  return model->alignment > MIN_ALIGNMENT ? model->alignment : MIN_ALIGNMENT;
}

static uint32_t session_context(const tern_session_config *config) {
  return config->context ? config->context : config->model->max_context;
}

static uint32_t session_workers(const tern_session_config *config) {
  return config->env ? config->env->worker_count : 1;
}

static tern_status check_config(const tern_session_config *config) {
  if (!config || config->size < sizeof(*config))
    return TERN_BAD_ARGUMENT;
  tern_status status = tern_model_check(config->model);
  if (status != TERN_OK)
    return status;
  const tern_env *env = config->env;
  if (env && (env->size < sizeof(*env) || env->worker_count == 0))
    return TERN_BAD_ARGUMENT;
  if (config->context > config->model->max_context)
    return TERN_BAD_ARGUMENT;
  if (config->model->device && (!env || !env->device))
    return TERN_BAD_ARGUMENT;
  return TERN_OK;
}

static int plan(const tern_session_config *config, layout *out) {
  const tern_model *model = config->model;
  uint64_t alignment = session_alignment(model);
  uint64_t total = 0;
  out->state_bytes = tern_model_state_bytes(model, session_context(config));
  if (out->state_bytes == 0 && model->state_block_bytes != 0)
    return 0;
  if (!add_part(&total, sizeof(tern_session), alignment))
    return 0;
  out->state = total;
  uint64_t own = model->device ? 0 : out->state_bytes;
  if (!add_part(&total, own, alignment))
    return 0;
  out->scratch = total;
  uint64_t scratch = tern_model_scratch_bytes(model, session_workers(config));
  if (scratch == 0 ||
      !add_part(&total, config->scratch ? 0 : scratch, alignment))
    return 0;
  out->logits = total;
  if (!add_part(&total, (uint64_t)model->vocab_size * sizeof(float), alignment))
    return 0;
  out->total = total;
  return total <= SIZE_MAX;
}

size_t tern_session_bytes(const tern_session_config *config) {
  layout parts;
  if (check_config(config) != TERN_OK || !plan(config, &parts))
    return 0;
  return (size_t)parts.total;
}

static int is_aligned(const void *pointer, uint64_t alignment) {
  return ((uintptr_t)pointer & (alignment - 1)) == 0;
}

/* The beginning of a sequence. */
static tern_status clear_state(tern_session *self) {
  size_t bytes = (size_t)self->model->state_fixed_bytes;
  if (self->model->device)
    return self->env->device->clear(self->env->device->host, self->state,
                                    bytes);
  memset(self->state, 0, bytes);
  return TERN_OK;
}

tern_status tern_session_init(void *memory, size_t bytes,
                              const tern_session_config *config,
                              tern_session **session) {
  layout parts;
  tern_status status = check_config(config);
  if (status != TERN_OK)
    return status;
  const tern_model *model = config->model;
  if (!memory || !session || (!config->weights && model->weights_bytes != 0) ||
      !config->state != !model->device)
    return TERN_BAD_ARGUMENT;
  if (!plan(config, &parts) || bytes < parts.total)
    return TERN_TOO_SMALL;
  if (config->weights_bytes < model->weights_bytes)
    return TERN_WRONG_WEIGHTS;
  if (!is_aligned(memory, session_alignment(model)) ||
      !is_aligned(config->weights, model->alignment) ||
      !is_aligned(config->scratch, model->alignment))
    return TERN_BAD_ALIGNMENT;

  uint8_t *base = memory;
  tern_session *self = memory;
  memset(self, 0, sizeof(*self));
  self->alone.size = sizeof(self->alone);
  self->alone.worker_count = 1;
  self->alone.thread_count = 1;
  self->model = model;
  self->env = config->env ? config->env : &self->alone;
  self->weights = config->weights;
  self->state = model->device ? config->state : base + parts.state;
  self->state_bytes = parts.state_bytes;
  self->scratch = config->scratch ? config->scratch : base + parts.scratch;
  self->logits = (float *)(void *)(base + parts.logits);
  self->context = session_context(config);
  self->workers = session_workers(config);
  self->call_tokens =
      config->call_tokens ? config->call_tokens : DEFAULT_CALL_TOKENS;
  status = clear_state(self);
  if (status == TERN_OK)
    *session = self;
  return status;
}

uint32_t tern_session_position(const tern_session *session) {
  return session ? session->position : 0;
}

uint32_t tern_session_context(const tern_session *session) {
  return session ? session->context : 0;
}

tern_status tern_session_rewind(tern_session *session, uint32_t position) {
  if (!session || position > session->position)
    return TERN_BAD_ARGUMENT;
  const tern_model *model = session->model;
  if (model->is_recurrent && position == 0) { /* also after half a step */
    tern_status status = clear_state(session);
    if (status != TERN_OK)
      return status;
  } else if (model->is_recurrent && position != session->position) {
    return TERN_BAD_ARGUMENT;
  }
  session->position = position;
  return TERN_OK;
}

/* All that could fail in a step is checked here first, so that an input run in
 * several calls is appended as a whole or not at all. */
static tern_status check_input(const tern_session *session,
                               const int32_t *tokens, uint32_t n,
                               uint32_t logits_count, const float *logits) {
  if (!tokens || n == 0 || logits_count > n || (logits_count && !logits) ||
      session->env->worker_count > session->workers)
    return TERN_BAD_ARGUMENT;
  for (uint32_t i = 0; i < n; ++i)
    if (tokens[i] < 0 || (uint32_t)tokens[i] >= session->model->vocab_size)
      return TERN_BAD_TOKEN;
  if (n > session->context - session->position)
    return TERN_CONTEXT_FULL;
  return TERN_OK;
}

/* The bits of two values; the sign of one is set if it is not finite: only
 * those have the largest exponent, where one more in its last place reaches the
 * sign. */
static uint64_t mark_two(const float *values) {
  uint64_t bits;
  memcpy(&bits, values, sizeof(bits));
  return (bits & 0x7fffffff7fffffffu) + 0x0080000000800000u;
}

/* TERN_NOT_FINITE if one of `count` values is infinite or not a number. */
static tern_status check_logits(const float *logits, size_t count) {
  uint64_t a = 0, b = 0, c = 0, d = 0; /* the additions do not wait */
  size_t at = 0;
  for (; count - at >= 8; at += 8) {
    a |= mark_two(logits + at);
    b |= mark_two(logits + at + 2);
    c |= mark_two(logits + at + 4);
    d |= mark_two(logits + at + 6);
  }
  for (; at < count; ++at) {
    const float pair[2] = {logits[at], 0};
    a |= mark_two(pair);
  }
  return (a | b | c | d) & 0x8000000080000000u ? TERN_NOT_FINITE : TERN_OK;
}

/* Finds the tokens of the segment's `best`, unless that is NULL, that the model
 * has not, but for those that somebody chooses. TERN_NOT_FINITE if a logit of
 * the others is infinite or not a number. */
static tern_status finish_best(const tern_segment *s, uint32_t vocab_size) {
  tern_status status = TERN_OK;
  const float *logits = s->logits;
  for (uint32_t i = 0; i < s->logits_count; ++i, logits += vocab_size) {
    if (s->best && s->best[i] >= 0)
      continue;
    if (check_logits(logits, vocab_size) != TERN_OK)
      status = TERN_NOT_FINITE;
    if (s->best && !s->choice)
      s->best[i] = (int32_t)index_of_maximum(logits, vocab_size);
  }
  return status;
}

/* `best` is NULL or one token, with logits_count 1, and then maybe with a
 * choice. */
static tern_status append(tern_session *session, const int32_t *tokens,
                          uint32_t n, uint32_t logits_count, float *logits,
                          float *hidden, int32_t *best,
                          const tern_choice *choice) {
  if (!session)
    return TERN_BAD_ARGUMENT;
  tern_status status = check_input(session, tokens, n, logits_count, logits);
  if (status != TERN_OK)
    return status;
  const tern_model *model = session->model;
  /* [layer][token] cannot be written piece by piece. */
  uint32_t call = hidden ? n : session->call_tokens;
  uint32_t first_wanted = n - logits_count;
  for (uint32_t done = 0; done < n;) {
    uint32_t m = n - done < call ? n - done : call;
    uint32_t wanted_from = done > first_wanted ? done : first_wanted;
    tern_segment segment = {0};
    segment.state = session->state;
    segment.tokens = tokens + done;
    segment.hidden = hidden;
    segment.n = m;
    segment.position = session->position + done;
    if (wanted_from < done + m) {
      segment.logits_count = done + m - wanted_from;
      segment.logits =
          logits + (size_t)(wanted_from - first_wanted) * model->vocab_size;
      segment.best = best;
      segment.choice = choice;
    }
    status = tern_step(model, session->env, session->weights, session->scratch,
                       &segment, 1);
    if (status != TERN_OK)
      return status;
    done += m;
  }
  session->position += n;
  tern_segment all = {0};
  all.logits = logits;
  all.logits_count = logits_count;
  all.best = best;
  all.choice = choice;
  return finish_best(&all, model->vocab_size);
}

tern_status tern_session_eval_full(tern_session *session, const int32_t *tokens,
                                   uint32_t n, uint32_t logits_count,
                                   float *logits, float *hidden) {
  return append(session, tokens, n, logits_count, logits, hidden, NULL, NULL);
}

tern_status tern_session_best(tern_session *session, const int32_t *tokens,
                              uint32_t n, int32_t *token) {
  if (!session || !token)
    return TERN_BAD_ARGUMENT;
  return append(session, tokens, n, 1, session->logits, NULL, token, NULL);
}

tern_status tern_session_choose(tern_session *session, const int32_t *tokens,
                                uint32_t n, const tern_choice *choice,
                                int32_t *token, float **logits) {
  if (!session || !choice || !choice->choose || !token || !logits)
    return TERN_BAD_ARGUMENT;
  *token = -1;
  *logits = session->logits;
  return append(session, tokens, n, 1, session->logits, NULL, token, choice);
}

tern_status tern_session_eval(tern_session *session, const int32_t *tokens,
                              uint32_t n, float **logits) {
  if (!session)
    return TERN_BAD_ARGUMENT;
  tern_status status = tern_session_eval_full(
      session, tokens, n, logits ? 1 : 0, session->logits, NULL);
  if ((status == TERN_OK || status == TERN_NOT_FINITE) && logits)
    *logits = session->logits;
  return status;
}

/* Marks the sessions one by one: one that is marked already comes twice. */
static tern_status check_batch(tern_session *const *sessions,
                               tern_segment *segments, uint32_t count,
                               uint32_t *marked) {
  for (*marked = 0; *marked < count; ++*marked) {
    tern_session *session = sessions[*marked];
    tern_segment *segment = &segments[*marked];
    if (!session || session->in_batch || session->model != sessions[0]->model ||
        session->weights != sessions[0]->weights)
      return TERN_BAD_ARGUMENT;
    tern_status status = check_input(session, segment->tokens, segment->n,
                                     segment->logits_count, segment->logits);
    if (segment->choice && (!segment->best || segment->logits_count != 1))
      status = TERN_BAD_ARGUMENT;
    if (status != TERN_OK)
      return status;
    segment->state = session->state;
    segment->position = session->position;
    segment->reserved = 0;
    session->in_batch = 1;
  }
  return TERN_OK;
}

tern_status tern_batch_eval(tern_session *const *sessions,
                            tern_segment *segments, uint32_t count) {
  if (!sessions || !segments || count == 0)
    return TERN_BAD_ARGUMENT;
  uint32_t marked;
  tern_status status = check_batch(sessions, segments, count, &marked);
  for (uint32_t i = 0; i < marked; ++i)
    sessions[i]->in_batch = 0;
  if (status != TERN_OK)
    return status;
  const tern_session *first = sessions[0];
  status = tern_step(first->model, first->env, first->weights, first->scratch,
                     segments, count);
  if (status != TERN_OK)
    return status;
  for (uint32_t i = 0; i < count; ++i) {
    const tern_segment *segment = &segments[i];
    sessions[i]->position += segment->n;
    if (finish_best(segment, first->model->vocab_size) != TERN_OK)
      status = TERN_NOT_FINITE;
  }
  return status;
}
