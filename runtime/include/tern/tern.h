/*===- tern/tern.h - run a compiled model ----------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * The core never allocates, prints, aborts or starts a thread: ask for a size,
 * hand over the bytes. It needs memcpy, memmove, memset and memcmp, nothing
 * else. Everything that needs an operating system is in tern/host.h.
 */
#ifndef TERN_TERN_H
#define TERN_TERN_H

#include "tern/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tern_status {
  TERN_OK = 0,
  TERN_BAD_ARGUMENT,  /* a null pointer, a count of 0, an option out of range */
  TERN_BAD_TOKEN,     /* a token outside the vocabulary */
  TERN_BAD_ALIGNMENT, /* memory handed over is not aligned enough */
  TERN_TOO_SMALL,     /* memory handed over is smaller than asked for */
  TERN_WRONG_ABI,     /* the model was compiled for another runtime */
  TERN_WRONG_WEIGHTS, /* weights were packed for another model or target */
  TERN_WRONG_STATE,   /* a saved state belongs to another model */
  TERN_CONTEXT_FULL,  /* position + n would pass the session's context */
  TERN_BAD_TABLE,     /* the tokenizer's table is damaged or too new */
  TERN_NOT_FINITE,    /* a logit is infinite or not a number; see below */
  TERN_DEVICE_FAILED  /* the environment's device did; see there */
} tern_status;

/* A sentence in English, never NULL. */
const char *tern_status_text(tern_status status);

/*--- Models: memory and steps ---------------------------------------------*/

/* TERN_OK if this runtime can call `model`; TERN_BAD_ARGUMENT (a field that
 * cannot be) or TERN_WRONG_ABI otherwise. */
tern_status tern_model_check(const tern_model *model);

/* Bytes of the state of one sequence of up to `tokens` tokens; 0 when that does
 * not fit into 64 bits. */
uint64_t tern_model_state_bytes(const tern_model *model, uint32_t tokens);

/* Bytes of scratch memory for a step with `workers` workers; 0 when that does
 * not fit into 64 bits. */
uint64_t tern_model_scratch_bytes(const tern_model *model, uint32_t workers);

/* A token that may be picked. */
typedef struct tern_candidate {
  float weight; /* exp of its logit over temperature, less the maximum */
  int32_t token;
} tern_candidate;

/* Who chooses a token from the largest logits, of models that tell them apart
 * from the others. */
typedef struct tern_choice {
  /* Gets `count` tokens, each once and in any order, with logits for weights,
   * which it may change; no other token has a logit above `bound`. All logits
   * are finite. Answers with a token, or -1 if all logits are needed for it. It
   * is called within tern_step, and calls nothing of the session. */
  int32_t (*choose)(void *data, tern_candidate *candidates, uint32_t count,
                    float bound);
  void *data;
} tern_choice;

/* Consecutive tokens of one sequence. One segment of n tokens is prefill, one
 * of one token is decode, many are a batch: weights are read once for all. */
typedef struct tern_segment {
  void *state;           /* of the sequence, aligned to the model's alignment */
  const int32_t *tokens; /* n of them, each in [0, vocab_size) */
  float *logits;         /* logits_count * vocab_size values, or NULL */
  float *hidden;         /* NULL, or layer_count * n * hidden_size values: the
                            residual stream after each layer, [layer][token] */
  uint32_t n;            /* at least 1 */
  uint32_t position;     /* tokens of this sequence already in `state` */
  uint32_t
      logits_count;  /* logits are wanted for the last so many tokens, <= n */
  uint32_t reserved; /* 0 */
  /* NULL, or logits_count tokens, where only the one with the largest logit is
   * wanted, the first of those that are equal. `logits` are needed as well:
   * where the model has found a token without them they are unspecified, where
   * it has not, they are there and the token is -1. */
  int32_t *best;
  /* NULL, or with `best` and logits_count 1: instead of the token with the
   * largest logit that which is chosen here. It is -1, and logits are there,
   * if none was, and of models that call nobody. */
  const tern_choice *choice;
} tern_segment;

/* Runs all segments, with scratch memory for env->worker_count workers. Keeps
 * nothing: two steps with different states and scratch may run at once. Two
 * segments of one call must not share a state. Answers TERN_OK or, having
 * written nothing, TERN_BAD_ARGUMENT (a null pointer, n == 0, logits_count >
 * n), TERN_BAD_TOKEN, TERN_CONTEXT_FULL (position + n exceeds max_context) or
 * TERN_WRONG_ABI. */
tern_status tern_step(const tern_model *model, const tern_env *env,
                      const void *weights, void *scratch,
                      const tern_segment *segments, uint32_t count);

/*--- Devices: where a model with a plan for one runs -----------------------*/

/* Places for the results that are wanted of a row; NULL: it is not wanted. */
typedef struct tern_wanted {
  float *logits;        /* vocab_size values */
  int32_t *best;        /* with `logits`: as in tern_segment */
  float *hidden;        /* hidden_size values after the first layer */
  size_t hidden_stride; /* values from there to those after the next layer */
  const tern_choice *choice; /* with `best`: as in tern_segment */
} tern_wanted;

/* Runs a model's launches. Weights, states and scratch memory are the device's;
 * addresses of states are handed over as pointers that nobody follows here. One
 * call at a time. All answer TERN_OK or TERN_DEVICE_FAILED. */
struct tern_device {
  uint32_t size;     /* sizeof(tern_device) */
  uint32_t reserved; /* 0 */
  void *host;        /* passed to each function */
  /* All layers for rows->count rows of which tokens, positions and states are
   * set, and the head; wanted[r] belongs to row r. Returns when all that is
   * wanted is there. */
  tern_status (*run)(void *host, const tern_rows *rows,
                     const tern_wanted *wanted);
  tern_status (*copy_in)(void *host, void *to, const void *from, size_t bytes);
  tern_status (*copy_out)(void *host, void *to, const void *from, size_t bytes);
  tern_status (*clear)(void *host, void *at, size_t bytes);
  /* From one place of the device to another. */
  tern_status (*copy)(void *host, void *to, const void *from, size_t bytes);
};

/*--- Sessions: one sequence of tokens and its cache ------------------------*/

typedef struct tern_session tern_session;

typedef struct tern_session_config {
  uint32_t size;    /* sizeof(tern_session_config) */
  uint32_t context; /* tokens to make room for; 0: the model's max_context */
  const tern_model *model;
  /* Borrowed; NULL: the calling thread alone. Its worker_count may not become
   * more than it is now. */
  const tern_env *env;
  /* Borrowed, read only: must outlive the session, may be shared by many. */
  const void *weights;
  uint64_t weights_bytes;
  /* tern_model_scratch_bytes(model, env's workers) that several sessions may
   * share as long as only one of them is in a call; NULL: the session holds its
   * own. */
  void *scratch;
  /* Longer inputs are run in calls of so many tokens; 0: 512. */
  uint32_t call_tokens;
  uint32_t reserved; /* 0 */
  /* Of a model with a plan for a device: tern_model_state_bytes(model, context)
   * of its memory. NULL: the session holds its own. */
  void *state;
} tern_session_config;

/* Bytes a session needs; 0 when the configuration is not valid or the sum does
 * not fit into size_t. */
size_t tern_session_bytes(const tern_session_config *config);

/* Builds a session inside `memory`, which the caller keeps and frees and which
 * is aligned to the model's alignment. */
tern_status tern_session_init(void *memory, size_t bytes,
                              const tern_session_config *config,
                              tern_session **session);

/* Appends n tokens. Afterwards *logits (unless `logits` is NULL) points at
 * vocab_size values for the last one, valid until the next call on this session
 * and free for the caller to change. On failure nothing is appended, with one
 * exception, here and in the three calls below: TERN_NOT_FINITE says that all
 * was done, but that among the logits that were asked for there is an infinity
 * or NaN, with which nothing sensible can be chosen. */
tern_status tern_session_eval(tern_session *session, const int32_t *tokens,
                              uint32_t n, float **logits);

/* The same, with the logits of the last `logits_count` tokens and, unless
 * `hidden` is NULL, layer_count * n * hidden_size values of the residual stream
 * ([layer][token]) written to the caller's memory. */
tern_status tern_session_eval_full(tern_session *session, const int32_t *tokens,
                                   uint32_t n, uint32_t logits_count,
                                   float *logits, float *hidden);

/* Appends n tokens as tern_session_eval does, for a caller who wants no logits
 * but the token that has the largest one, the first of those that are equal:
 * what tern_sampler_pick picks at temperature 0 without penalties. Models that
 * were compiled for it (tern_model.best) then read less. */
tern_status tern_session_best(tern_session *session, const int32_t *tokens,
                              uint32_t n, int32_t *token);

/* The same for a caller who wants the token that `choice` chooses; if none was,
 * *token is -1, and *logits points at the logits as after tern_session_eval. */
tern_status tern_session_choose(tern_session *session, const int32_t *tokens,
                                uint32_t n, const tern_choice *choice,
                                int32_t *token, float **logits);

/* Appends to `count` different sessions of one model and one set of weights in
 * one step, so that weights are read once for all. The caller fills tokens, n,
 * logits, logits_count, hidden, best and choice of each segment; the rest is
 * filled here, and no token of `best` without a choice is -1 afterwards. The
 * first session's env and scratch are used. On failure nothing is appended. */
tern_status tern_batch_eval(tern_session *const *sessions,
                            tern_segment *segments, uint32_t count);

/* Tokens held so far, tokens there is room for, and forgetting all after the
 * first `position`; of a model with `is_recurrent` only all of them. */
uint32_t tern_session_position(const tern_session *session);
uint32_t tern_session_context(const tern_session *session);
tern_status tern_session_rewind(tern_session *session, uint32_t position);

/* A sequence's cache as bytes that another session of the same model, in this
 * or another process, can go on from. */
size_t tern_session_save_bytes(const tern_session *session);
tern_status tern_session_save(const tern_session *session, void *memory,
                              size_t bytes);
tern_status tern_session_restore(tern_session *session, const void *memory,
                                 size_t bytes);

/*--- Sampling: from logits to a token --------------------------------------*/

/* Tokens that the repetition penalty looks back at. */
#define TERN_SAMPLER_WINDOW 64u

/* In this order: penalty on the last tokens, temperature, top_k, top_p, min_p.
 */
typedef struct tern_sampler_options {
  uint32_t size;        /* sizeof(tern_sampler_options) */
  float temperature;    /* 0: greedy, the lowest index of the maximum */
  uint32_t top_k;       /* 0: off */
  float top_p;          /* 1: off */
  float min_p;          /* 0: off */
  float repeat_penalty; /* 1: off */
  uint64_t seed;
} tern_sampler_options;

typedef struct tern_sampler {
  tern_sampler_options options;
  uint64_t random;
  uint32_t recent_count; /* tokens accepted, ever */
  uint32_t reserved;
  int32_t recent[TERN_SAMPLER_WINDOW];
} tern_sampler;

tern_status tern_sampler_init(tern_sampler *sampler,
                              const tern_sampler_options *options);

/* Tells the sampler of a token of the text, from the prompt or picked. */
void tern_sampler_accept(tern_sampler *sampler, int32_t token);

/* The next token. `logits` is changed when there is a penalty; `candidates` are
 * vocab_size of these, and may be NULL when the temperature is 0. The same
 * seed, options and logits pick the same tokens on every machine. A logit of
 * -infinity is never picked unless all are. -1 only on a null pointer or no
 * vocabulary. */
int32_t tern_sampler_pick(tern_sampler *sampler, float *logits,
                          uint32_t vocab_size, tern_candidate *candidates);

/* The same token from `count` candidates of which the weights are logits: of
 * all tokens whose logits may be above `bound`, each once and in any order. -1,
 * with nothing drawn, if others could be picked, or if their logits count: with
 * a penalty, or with top_p or nothing at all where there is no top_k. */
int32_t tern_sampler_choose(tern_sampler *sampler, tern_candidate *candidates,
                            uint32_t count, uint32_t vocab_size, float bound);

/*--- Rules: tokens that must not come, or must, at a place -----------------*/

/* Ids, borrowed. Those outside of the vocabulary are passed over. */
typedef struct tern_ids {
  const int32_t *at;
  uint32_t count;
} tern_ids;

/* Fields of generation_config.json, applied in this order as transformers'
 * generate() does, and to the whole text, prompt included. All fields 0 but
 * those that say otherwise: no rule. */
typedef struct tern_rules {
  uint32_t size;            /* sizeof(tern_rules) */
  float repeat_penalty;     /* 1: off */
  uint32_t repeat_last_n;   /* tokens of the text it is for; 0: all */
  uint32_t no_repeat_ngram; /* no run of so many tokens comes twice; 0: off */
  tern_ids bad_words;       /* n > 0, n ids, n, n ids, ...: may not come */
  uint32_t min_length;      /* tokens of a text before an end token may come */
  uint32_t min_new_tokens;  /* the same, of those behind the prompt */
  tern_ids eos;             /* end tokens */
  int32_t forced_bos;       /* behind a text of one token; -1: none */
  tern_ids forced_eos;      /* the last token is one of these; none: off */
  tern_ids suppress;        /* never come */
  tern_ids begin_suppress;  /* do not come first behind the prompt */
} tern_rules;

/* Checks sizes; lengths in bad_words must add up to its count. */
tern_status tern_rules_check(const tern_rules *rules);

/* Changes the logits of the token behind `text`, of which the first `prompt`
 * tokens are given; what may not come gets -infinity. `is_last` says that no
 * token follows. `room`: vocab_size candidates, whatever they hold; only for
 * repeat_penalty. Takes time in proportion to the text, the rules and the
 * vocabulary, and for no_repeat_ngram to the text times that at worst. */
void tern_rules_apply(const tern_rules *rules, const int32_t *text,
                      uint32_t count, uint32_t prompt, int is_last,
                      float *logits, uint32_t vocab_size, tern_candidate *room);

/*--- Checksums: XXH64 with seed 0 -----------------------------------------*/

/* Of bytes that come in pieces; how they are cut makes no difference. */
typedef struct tern_checksum {
  uint64_t lanes[4];
  uint64_t bytes;   /* added so far */
  uint8_t rest[32]; /* the last bytes % 32 of them */
} tern_checksum;

void tern_checksum_begin(tern_checksum *sum);
void tern_checksum_add(tern_checksum *sum, const void *data, size_t bytes);
uint64_t tern_checksum_end(const tern_checksum *sum);

/*--- Numbers ---------------------------------------------------------------*/

/* exp as docs/numerics.md 0 defines it: the same bits everywhere. */
float tern_exp(float x);

#ifdef __cplusplus
}
#endif
#endif /* TERN_TERN_H */
