/*===- tern/abi.h - contract between compiled models and callers -----------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Included by the compiler, by every program that calls a compiled model and by
 * the runtime, so it needs nothing but the two headers below: no libc, no
 * allocator, no threads. A field may be added at the end of a struct whose first
 * member is its size; nothing else may change without a new TERN_ABI_VERSION.
 * docs/abi.md says in prose what is said here in C.
 */
#ifndef TERN_ABI_H
#define TERN_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TERN_ABI_VERSION 1u

/* Workers a model cuts its work for at most; `worker_count` above is clamped. */
#define TERN_MAX_WORKERS 64u

/* Runs fn(arg, i) once for each i < count and returns when all are done, in any
 * order and on any threads. A host without threads leaves it NULL. */
typedef void (*tern_task_fn)(void *arg, uint32_t i);
typedef void (*tern_parallel_fn)(void *host, tern_task_fn fn, void *arg,
                                 uint32_t count);

/* Everything a model may know about the machine it runs on. */
typedef struct tern_env {
  uint32_t size;             /* sizeof(tern_env) as the caller was built */
  uint32_t worker_count;     /* tasks worth cutting work into; at least 1 */
  tern_parallel_fn parallel; /* NULL: the model runs on the calling thread */
  void *host;                /* passed back to `parallel` untouched */
  /* NULL, or 2 * projection_count counters that a step adds to:
   * [2p] weight bytes projection p holds, [2p+1] those it read. */
  uint64_t *counters;
} tern_env;

/* Consecutive tokens of one sequence. One segment of n tokens is prefill, one of
 * one token is decode, many are a batch: weights are read once for all. */
typedef struct tern_segment {
  void *state;           /* the sequence's KV cache, aligned to `alignment` */
  const int32_t *tokens; /* n of them, each in [0, vocab_size) */
  float *logits;         /* logits_count * vocab_size values, or NULL */
  float *hidden;         /* NULL, or layer_count * n * hidden_size values: the
                            residual stream after each layer, [layer][token] */
  uint32_t n;            /* at least 1 */
  uint32_t position;     /* tokens of this sequence already in `state` */
  uint32_t logits_count; /* logits are wanted for the last so many tokens, <= n */
  uint32_t reserved;     /* 0 */
} tern_segment;

/* The answer of a step. Nothing was written to any state unless it is OK. */
enum {
  TERN_STEP_OK = 0,
  TERN_STEP_BAD_ARGUMENT = 1,  /* null pointer, n == 0, logits_count > n */
  TERN_STEP_BAD_TOKEN = 2,     /* a token outside the vocabulary */
  TERN_STEP_CONTEXT_FULL = 3   /* position + n exceeds max_context */
};

/* Runs all segments. Never aborts, never allocates, keeps nothing: two steps
 * with different states and scratch may run at once. Two segments of one call
 * must not share a state. */
typedef int32_t (*tern_step_fn)(const tern_env *env, const void *weights,
                                void *scratch, const tern_segment *segments,
                                uint32_t count);

/* A compiled model's description of itself. Lives in read-only memory. */
typedef struct tern_model {
  uint32_t abi_version; /* TERN_ABI_VERSION when it was compiled */
  uint32_t size;        /* sizeof(tern_model) when it was compiled */
  const char *name;     /* "bard" */
  const char *target;   /* "x86_64-unknown-linux-gnu/x86-64-v4" */
  const char *const *projection_names; /* projection_count of them: "up_proj" */
  tern_step_fn step;
  uint64_t weights_id;  /* fingerprint of names, shapes and layouts */
  uint64_t state_id;    /* fingerprint of the KV cache's layout */
  uint64_t cpu_features; /* bits of tern/cpu_features.def it needs */
  uint64_t weights_bytes;
  uint64_t scratch_bytes;
  /* A state for c tokens takes state_fixed_bytes +
   * ceil(c / state_block_tokens) * state_block_bytes. */
  uint64_t state_fixed_bytes;
  uint64_t state_block_bytes;
  uint32_t state_block_tokens;
  uint32_t alignment;   /* of weights, state and scratch; a power of two */
  uint32_t vocab_size;
  uint32_t hidden_size;
  uint32_t layer_count;
  uint32_t max_context;
  uint32_t projection_count;
  uint32_t kv_bits;     /* 3, 4, 8 or 16 */
} tern_model;

/* A model compiled as `bard` exports exactly one symbol:
 *   extern const tern_model tern_model_bard; */

#ifdef __cplusplus
}
#endif
#endif /* TERN_ABI_H */
