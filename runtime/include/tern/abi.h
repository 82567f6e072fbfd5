/*===- tern/abi.h - contract between compiled models and callers -----------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Included by the compiler, by every program that calls a compiled model and by
 * the runtime, so it needs nothing but the two headers below: no libc, no
 * allocator, no threads. The structs and what their fields mean are in
 * tern/abi.def. A field may be added at the end of a struct whose first members
 * are or contain its size; nothing else may change without a new
 * TERN_ABI_VERSION. docs/abi.md says in prose what is said here in C.
 */
#ifndef TERN_ABI_H
#define TERN_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TERN_ABI_VERSION 5u

/* Functions of a model come for one token, for a few and for any number up to
 * what the model takes; a table may name one function twice. */
enum { TERN_ONE, TERN_FEW, TERN_MANY, TERN_CLASS_COUNT };

/* The most tokens that are few. */
#define TERN_FEW_TOKENS 16u

/* Functions of a model by what they do; of layers there may be several. */
enum { TERN_EMBED, TERN_LAYER, TERN_HEAD };

/* Of a launch: it may begin while the one before ends, and waits itself; it is
 * for calls with a row at position short_positions of the plan, or later. */
enum { TERN_LAUNCH_EARLY = 1, TERN_LAUNCH_LONG = 4 };

typedef struct tern_env tern_env;
typedef struct tern_rows tern_rows;
typedef struct tern_layer tern_layer;
typedef struct tern_kind tern_kind;
typedef struct tern_weight tern_weight;
typedef struct tern_model tern_model;
typedef struct tern_device tern_device; /* tern/tern.h */
typedef struct tern_launch tern_launch;
typedef struct tern_launches tern_launches;
typedef struct tern_device_kind tern_device_kind;
typedef struct tern_image tern_image;
typedef struct tern_device_plan tern_device_plan;

/* Runs fn(arg, i) once for each i < count and returns when all are done, in any
 * order and on any threads. A host without threads leaves it NULL. */
typedef void (*tern_task_fn)(void *arg, uint32_t i);
typedef void (*tern_parallel_fn)(void *host, tern_task_fn fn, void *arg,
                                 uint32_t count);

/* A function of a model, for rows->count tokens; `layer` is the index among the
 * layers of its kind, 0 for embed and head. Never aborts, never allocates,
 * keeps nothing, checks nothing: tern_step of tern/tern.h does, and calls it.
 */
typedef void (*tern_function)(const tern_env *env, const void *weights,
                              void *scratch, const tern_rows *rows,
                              size_t layer);

/* clang-format off */
#define TERN_STRUCT(Name) struct tern_##Name {
#define TERN_U32(Name) uint32_t Name;
#define TERN_U64(Name) uint64_t Name;
#define TERN_SIZE(Name) size_t Name;
#define TERN_POINTER(Type, Name) Type Name;
#define TERN_POINTERS(Type, Name, Count) Type Name[Count];
#define TERN_END };
#include "tern/abi.def"
/* clang-format on */

/* A model compiled as `bard` exports exactly one symbol:
 *   extern const tern_model tern_model_bard;
 * and one with code for several CPUs a table of its versions, better ones
 * later, that ends with NULL, and these:
 *   extern const tern_model *const tern_models_bard[]; */

#ifdef __cplusplus
}
#endif
#endif /* TERN_ABI_H */
