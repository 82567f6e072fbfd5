/*===- open.c - from a model to an engine ----------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "engine.h"

#include <ctype.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than what is reasonable, and no sum of them overflows. */
#define MOST_SEQUENCES 1024u
#define MOST_COUNT (1u << 20)

int engine_take(void *to, size_t whole, const void *from, uint32_t size,
                const char *name) {
  if (size < 2 * sizeof(uint32_t) || size > whole)
    return engine_fail(
        TERN_ENGINE_INVALID,
        "%s.size is %u, expected at most the %zu of this library; %s_init "
        "sets it",
        name, size, whole, name);
  memcpy(to, from, size);
  return 0;
}

void engine_give(void *to, uint32_t size, const void *from, size_t whole) {
  memcpy(to, from, size < whole ? size : whole);
  memcpy(to, &size, sizeof(size));
}

void tern_engine_options_init(tern_engine_options *options) {
  memset(options, 0, sizeof(*options));
  options->size = sizeof(*options);
  options->max_sequences = 16;
  options->max_waiting = 1024;
  options->step_tokens = 128;
  options->kept_bytes = (uint64_t)256 << 20;
}

static int check_options(const tern_engine_options *o) {
  if (o->threads > TERN_MAX_WORKERS)
    return engine_fail(TERN_ENGINE_INVALID,
                       "threads is %u, expected at most %u", o->threads,
                       TERN_MAX_WORKERS);
  if (o->max_sequences == 0 || o->max_sequences > MOST_SEQUENCES)
    return engine_fail(TERN_ENGINE_INVALID,
                       "max_sequences is %u, expected 1 to %u",
                       o->max_sequences, MOST_SEQUENCES);
  if (o->max_waiting > MOST_COUNT || o->step_tokens > MOST_COUNT)
    return engine_fail(TERN_ENGINE_INVALID,
                       "max_waiting is %u and step_tokens %u, expected at "
                       "most %u each",
                       o->max_waiting, o->step_tokens, MOST_COUNT);
  return 0;
}

/* strdup, but of nothing. */
static int copy_text(char **to, const char *from) {
  *to = from ? strdup(from) : NULL;
  return from && !*to ? engine_fail(TERN_ENGINE_FAILED, "out of memory") : 0;
}

static int open_locks(tern_engine *engine) {
  pthread_mutexattr_t again;
  pthread_condattr_t steady;
  pthread_mutexattr_init(&again);
  pthread_mutexattr_settype(&again, PTHREAD_MUTEX_RECURSIVE);
  pthread_condattr_init(&steady);
  pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
  int failed = pthread_mutex_init(&engine->driving, &again) ||
               pthread_mutex_init(&engine->queue, NULL) ||
               pthread_mutex_init(&engine->chatting, NULL) ||
               pthread_cond_init(&engine->arrived, &steady);
  pthread_mutexattr_destroy(&again);
  pthread_condattr_destroy(&steady);
  return failed ? engine_fail(TERN_ENGINE_FAILED, "cannot make locks") : 0;
}

static int open_memory(tern_engine *engine) {
  const tern_model *model = engine->program.model;
  size_t count = engine->options.max_sequences;
  engine->scratch_bytes =
      (size_t)tern_model_scratch_bytes(model, engine->program.env.worker_count);
  engine->logits_bytes = count * model->vocab_size * sizeof(float);
  /* Pages come when they are written. */
  engine->scratch = tern_memory_map(engine->scratch_bytes);
  engine->logits = tern_memory_map(engine->logits_bytes);
  engine->candidates = calloc(model->vocab_size, sizeof(tern_candidate));
  engine->original = calloc(model->vocab_size, sizeof(float));
  engine->is_dirty = calloc(count, 1);
  engine->running = calloc(count, sizeof(*engine->running));
  engine->sessions = calloc(count, sizeof(*engine->sessions));
  engine->segments = calloc(count, sizeof(*engine->segments));
  if (!engine->scratch || !engine->logits || !engine->candidates ||
      !engine->original || !engine->is_dirty || !engine->running ||
      !engine->sessions || !engine->segments)
    return engine_fail(TERN_ENGINE_FAILED,
                       "no memory for %zu sequences at once", count);
  engine->program.scratch = engine->scratch;
  engine->chatter = engine->program;
  return 0;
}

static int open_model(tern_engine *engine, const tern_model *const *models,
                      unsigned count) {
  host_program *program = &engine->program;
  tern_engine_options *o = &engine->options;
  host_options_defaults(&program->options);
  program->name = engine->path ? engine->path : "the program";
  program->options.command = COMMAND_CHAT;
  program->options.quiet = 1;
  program->options.weights = engine->weights;
  program->options.chat_template = engine->template_file;
  program->options.threads = o->threads;
  if (host_program_open(program, models, count) != 0)
    return engine_fail(TERN_ENGINE_FAILED, "%s", program->error.text);
  program->versions = NULL; /* the caller's own */
  program->version_count = 0;
  /* A step of a library is never left in the middle. */
  program->env.parallel = tern_pool_run;
  program->env.host = program->pool;
  program->env.counters = NULL;
  uint32_t most = program->model->max_context;
  engine->context = o->context ? o->context : most;
  if (engine->context > most)
    return engine_fail(TERN_ENGINE_INVALID,
                       "a context of %u tokens is more than the model's %u",
                       engine->context, most);
  if (o->step_tokens < 2 * o->max_sequences)
    o->step_tokens = 2 * o->max_sequences;
  return open_memory(engine);
}

/* Behind `prefix`, as the compiler makes a symbol of a file's name. */
static void name_symbol(const tern_engine *engine, const char *prefix,
                        char *symbol, size_t room) {
  const char *path = engine->path, *slash = strrchr(path, '/');
  const char *name = engine->name ? engine->name : slash ? slash + 1 : path;
  const char *dot = engine->name ? NULL : strrchr(name, '.');
  size_t bytes = dot && dot > name ? (size_t)(dot - name) : strlen(name);
  int n = snprintf(symbol, room, "%s", prefix);
  for (size_t i = 0; i < bytes && (size_t)n + 1 < room; ++i)
    symbol[n++] = isalnum((unsigned char)name[i]) ? name[i] : '_';
  symbol[n] = 0;
}

/* bard.weights beside bard.so, unless it is said where they are. */
static int find_weights(tern_engine *engine) {
  static const char suffix[] = ".weights";
  const char *path = engine->path;
  const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
  if (engine->weights)
    return 0;
  size_t bytes =
      dot && (!slash || dot > slash) ? (size_t)(dot - path) : strlen(path);
  engine->weights = malloc(bytes + sizeof(suffix));
  if (!engine->weights)
    return engine_fail(TERN_ENGINE_FAILED, "out of memory");
  memcpy(engine->weights, path, bytes);
  memcpy(engine->weights + bytes, suffix, sizeof(suffix));
  return 0;
}

/* The versions that a library has for different CPUs, and NULL, or a model
 * alone, whose address is put at only[0]. */
static const tern_model *const *find_models(tern_engine *engine,
                                            const tern_model **only) {
  char symbol[256];
  name_symbol(engine, "tern_models_", symbol, sizeof(symbol));
  const tern_model *const *versions = dlsym(engine->library, symbol);
  if (versions)
    return versions;
  name_symbol(engine, "tern_model_", symbol, sizeof(symbol));
  only[0] = dlsym(engine->library, symbol);
  if (only[0])
    return only;
  engine_fail(TERN_ENGINE_INVALID,
              "%s has no %s; options.model_name is the name that the "
              "model was compiled as",
              engine->path, symbol);
  return NULL;
}

static int open_library(tern_engine *engine) {
  tern_artifact artifact;
  tern_error ignored;
  if (tern_artifact_open(&artifact, engine->path, &ignored) == 0) {
    tern_artifact_close(&artifact);
    return engine_fail(TERN_ENGINE_INVALID,
                       "%s is weights or a program, but an engine opens a "
                       "library; tern compile MODEL -o NAME.so makes one",
                       engine->path);
  }
  /* Without a slash it would be looked for in the folders of the system. */
  char *path = realpath(engine->path, NULL);
  engine->library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
  free(path);
  if (!engine->library)
    return engine_fail(TERN_ENGINE_FAILED, "cannot open %s: %s", engine->path,
                       path ? dlerror() : "there is no such file");
  return find_weights(engine);
}

static int open_models(tern_engine *engine, const tern_model *const *models,
                       unsigned count) {
  const tern_model *only[2] = {NULL, NULL};
  if (!engine->path)
    return open_model(engine, models, count);
  if (open_library(engine) != 0 || !(models = find_models(engine, only)))
    return -1;
  for (count = 0; models[count];)
    ++count;
  return open_model(engine, models, count);
}

/* `path` is NULL for models that are linked in. */
static tern_engine *open_engine(const char *path,
                                const tern_model *const *models, unsigned count,
                                const tern_engine_options *options) {
  tern_engine *engine = calloc(1, sizeof(*engine));
  if (!engine) {
    engine_fail(TERN_ENGINE_FAILED, "out of memory");
    return NULL;
  }
  engine->waiting_end = &engine->waiting;
  tern_engine_options_init(&engine->options);
  int result = open_locks(engine);
  if (result == 0 && options)
    result = engine_take(&engine->options, sizeof(engine->options), options,
                         options->size, "tern_engine_options");
  const tern_engine_options *o = &engine->options;
  if (result == 0 && check_options(o) == 0 &&
      copy_text(&engine->path, path) == 0 &&
      copy_text(&engine->weights, o->weights) == 0 &&
      copy_text(&engine->template_file, o->chat_template) == 0 &&
      copy_text(&engine->name, o->model_name) == 0 &&
      open_models(engine, models, count) == 0)
    return engine;
  tern_engine_close(engine);
  return NULL;
}

tern_engine *tern_engine_open(const char *path,
                              const tern_engine_options *options) {
  if (path)
    return open_engine(path, NULL, 0, options);
  engine_fail(TERN_ENGINE_INVALID, "the path of the library is NULL");
  return NULL;
}

tern_engine *tern_engine_open_linked(const tern_model *const *models,
                                     unsigned count,
                                     const tern_engine_options *options) {
  if (models && count)
    return open_engine(NULL, models, count, options);
  engine_fail(TERN_ENGINE_INVALID, "there is no model");
  return NULL;
}

/* Those that run and those that wait. */
static void end_all(tern_engine *engine) {
  engine_request *request;
  while (engine->running_count) {
    request = engine->running[--engine->running_count];
    engine_end(request, TERN_FINISH_CANCELLED, NULL);
    engine_request_free(request);
  }
  while ((request = engine_next(engine, UINT64_MAX))) {
    engine_end(request, TERN_FINISH_CANCELLED, NULL);
    engine_request_free(request);
  }
}

void tern_engine_close(tern_engine *engine) {
  if (!engine)
    return;
  end_all(engine);
  while (engine->sequences)
    engine_sequence_close(engine->sequences);
  if (engine->has_conversation)
    host_conversation_close(&engine->conversation);
  host_program_close(&engine->program);
  tern_memory_unmap(engine->scratch, engine->scratch_bytes);
  tern_memory_unmap(engine->logits, engine->logits_bytes);
  free(engine->candidates);
  free(engine->original);
  free(engine->is_dirty);
  free(engine->running);
  free(engine->sessions);
  free(engine->segments);
  free(engine->path);
  free(engine->weights);
  free(engine->template_file);
  free(engine->name);
  if (engine->library)
    dlclose(engine->library);
  pthread_cond_destroy(&engine->arrived);
  pthread_mutex_destroy(&engine->chatting);
  pthread_mutex_destroy(&engine->queue);
  pthread_mutex_destroy(&engine->driving);
  free(engine);
}

int tern_engine_describe(const tern_engine *engine, tern_engine_info *info) {
  const host_program *program = &engine->program;
  const tern_model *model = program->model;
  tern_engine_info all = {0};
  all.vocab_size = model->vocab_size;
  all.hidden_size = model->hidden_size;
  all.layer_count = model->layer_count;
  all.context = engine->context;
  all.block = model->state_block_tokens;
  all.has_tokenizer = program->has_tokenizer != 0;
  all.has_template =
      engine->template_file || program->artifact.chat_template != NULL;
  all.name = model->name;
  all.target = model->target;
  engine_give(info, info->size, &all, sizeof(all));
  return 0;
}
