/*===- open.c - from a model to an engine ----------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "../host/pick.h"
#include "engine.h"
#include "over.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More than what is reasonable, and no sum of them overflows. */
#define MOST_SEQUENCES 1024u
#define MOST_COUNT (1u << 20)

void engine_set_defaults(void *to, size_t size, const void *defaults,
                         size_t whole) {
  uint32_t said = (uint32_t)size;
  memset(to, 0, size);
  memcpy(to, defaults, size < whole ? size : whole);
  memcpy(to, &said, sizeof(said));
}

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

int engine_check_process(const tern_engine *engine) {
  return engine->process == getpid()
             ? 0
             : engine_fail(TERN_ENGINE_INVALID,
                           "the engine belongs to the process that opened it; "
                           "a child of fork opens one of its own");
}

static void set_defaults(tern_engine_options *options) {
  memset(options, 0, sizeof(*options));
  options->size = sizeof(*options);
  options->max_sequences = 16;
  options->max_waiting = 1024;
  options->step_tokens = 128;
  options->kept_bytes = (uint64_t)256 << 20;
  options->grammar_bytes = (uint64_t)512 << 20;
}

void(tern_engine_options_init)(tern_engine_options *options) {
  set_defaults(options);
}

void tern_engine_options_init_sized(tern_engine_options *options, size_t size) {
  tern_engine_options defaults;
  set_defaults(&defaults);
  engine_set_defaults(options, size, &defaults, sizeof(defaults));
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
  pthread_condattr_t steady;
  pthread_condattr_init(&steady);
  pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
  int failed = engine_turns_open(&engine->driving) ||
               pthread_mutex_init(&engine->queue, NULL) ||
               pthread_mutex_init(&engine->chatting, NULL) ||
               pthread_mutex_init(&engine->constraining, NULL) ||
               pthread_cond_init(&engine->arrived, &steady) ||
               pthread_cond_init(&engine->idle, &steady);
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
  engine->sparse =
      model->device ? host_allocate_sparse(&engine->program) : NULL;
  engine->is_dirty = calloc(count, 1);
  engine->running = calloc(count, sizeof(*engine->running));
  engine->sessions = calloc(count, sizeof(*engine->sessions));
  engine->segments = calloc(count, sizeof(*engine->segments));
  if (!engine->scratch || !engine->logits ||
      (model->device && !engine->sparse) || !engine->is_dirty ||
      !engine->running || !engine->sessions || !engine->segments ||
      engine_open_rows(engine) != 0 || engine_open_lanes(engine) != 0)
    return engine_fail(TERN_ENGINE_FAILED,
                       "no memory for %zu sequences at once", count);
  engine->program.scratch = engine->scratch;
  engine->chatter = engine->program;
  return 0;
}

int engine_progress(tern_engine *engine, uint32_t stage, const char *text,
                    uint64_t done, uint64_t total) {
  const tern_engine_options *o = &engine->options;
  tern_progress progress = {sizeof(progress), stage, text, done, total};
  return o->on_progress ? o->on_progress(o->progress_data, &progress) : 0;
}

static void tell_loading(void *data, uint64_t done, uint64_t total) {
  tern_engine *engine = data;
  engine->is_given_up |=
      engine_progress(engine, TERN_STAGE_LOAD, "weights", done, total) != 0;
}

/* Tools come with each chat. */
static void take_program(tern_engine *engine, const host_program *program) {
  engine->program = *program;
  engine->program.options.tools = NULL;
  engine->is_lent = 1;
}

static int open_program(tern_engine *engine, const tern_model *const *models,
                        unsigned count) {
  host_program *program = &engine->program;
  const tern_engine_options *o = &engine->options;
  host_options_defaults(&program->options);
  program->name = engine->path ? engine->path : "the program";
  program->options.command = COMMAND_CHAT;
  program->options.quiet = 1;
  program->options.weights = engine->weights;
  program->options.chat_template = engine->template_file;
  program->options.threads = o->threads;
  program->placement.progress = tell_loading;
  program->placement.data = engine;
  if (host_program_open(program, models, count) != 0)
    return engine_fail(TERN_ENGINE_FAILED, "%s", program->error.text);
  program->versions = NULL; /* the caller's own */
  program->version_count = 0;
  program->placement.data = NULL;
  return 0;
}

/* A step asks between its portions whether it is to be left, where somebody can
 * say so. */
static void set_environment(tern_engine *engine) {
  host_program *program = &engine->program;
  program->interrupt = (const atomic_int *)engine->options.interrupt;
  program->env.host = program;
  if (!program->interrupt) {
    program->env.parallel = tern_pool_run;
    program->env.host = program->pool;
  }
}

static int open_model(tern_engine *engine, const engine_source *source) {
  const host_program *program = &engine->program;
  tern_engine_options *o = &engine->options;
  if (source->program)
    take_program(engine, source->program);
  else if (open_program(engine, source->models, source->count) != 0)
    return -1;
  set_environment(engine);
  if (engine->is_given_up)
    return engine_fail(TERN_ENGINE_FAILED, "loading %s was given up",
                       program->name);
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

static int open_source(tern_engine *engine, engine_source source) {
  if (source.find && source.find(engine, &source.models, &source.count) != 0)
    return -1;
  return open_model(engine, &source);
}

tern_engine *engine_open(const engine_source *source,
                         const tern_engine_options *options) {
  tern_engine *engine = calloc(1, sizeof(*engine));
  if (!engine) {
    engine_fail(TERN_ENGINE_FAILED, "out of memory");
    return NULL;
  }
  engine->process = getpid();
  engine->waiting_end = &engine->waiting;
  engine->code = engine->watched.file = engine->parts = -1;
  tern_engine_options_init(&engine->options);
  int result = open_locks(engine);
  if (result == 0 && options)
    result = engine_take(&engine->options, sizeof(engine->options), options,
                         options->size, "tern_engine_options");
  const tern_engine_options *o = &engine->options;
  if (result == 0 && check_options(o) == 0 &&
      copy_text(&engine->path, source->path) == 0 &&
      copy_text(&engine->file, source->path) == 0 &&
      copy_text(&engine->compiler, o->compiler) == 0 &&
      copy_text(&engine->weights, o->weights) == 0 &&
      copy_text(&engine->template_file, o->chat_template) == 0 &&
      copy_text(&engine->name, o->model_name) == 0 &&
      open_source(engine, *source) == 0) {
    if (!engine->is_lent)
      engine_watch(engine);
    engine_open_parts(engine);
    engine->calls_form = engine_calls_form(engine);
    /* These are the caller's, for as long as the call. */
    engine->options.compile_flags = NULL;
    engine->options.on_progress = NULL;
    return engine;
  }
  tern_engine_close(engine);
  return NULL;
}

tern_engine *tern_engine_open_linked(const tern_model *const *models,
                                     unsigned count,
                                     const tern_engine_options *options) {
  engine_source source = {.models = models, .count = count};
  if (models && count)
    return engine_open(&source, options);
  engine_fail(TERN_ENGINE_INVALID, "there is no model");
  return NULL;
}

tern_engine *engine_open_over(const host_program *program,
                              const tern_engine_options *options) {
  engine_source source = {.program = program};
  return engine_open(&source, options);
}

/* Those that run and those that wait. */
static void end_all(tern_engine *engine) {
  engine_request *request;
  while (engine->running_count) {
    request = engine->running[--engine->running_count];
    engine_end(request, TERN_FINISH_CANCELLED, NULL, NULL);
    engine_request_free(request);
  }
  while ((request = engine_next(engine, UINT64_MAX, UINT64_MAX))) {
    engine_end(request, TERN_FINISH_CANCELLED, NULL, NULL);
    engine_request_free(request);
  }
}

void tern_engine_close(tern_engine *engine) {
  /* Of a child of fork it ends with the child. */
  if (!engine || engine_check_process(engine) != 0)
    return;
  if (engine->has_driver)
    tern_engine_stop(engine, 0);
  tern_engine_drain(engine); /* callbacks may ask again */
  end_all(engine);
  while (engine->sequences)
    engine_sequence_close(engine->sequences);
  if (engine->has_conversation)
    host_conversation_close(&engine->conversation);
  engine_constraints_close(engine);
  if (!engine->is_lent)
    host_program_close(&engine->program);
  tern_memory_unmap(engine->scratch, engine->scratch_bytes);
  tern_memory_unmap(engine->logits, engine->logits_bytes);
  tern_memory_unmap(engine->rows, engine->rows_bytes);
  engine_unwatch(engine);
  engine_close_parts(engine);
  engine_close_lanes(engine);
  free(engine->sparse);
  free(engine->is_dirty);
  free(engine->running);
  free(engine->sessions);
  free(engine->segments);
  free(engine->path);
  free(engine->file);
  free(engine->compiler);
  free(engine->weights);
  free(engine->template_file);
  free(engine->name);
  if (engine->library)
    engine->unload(engine->library);
  if (engine->code >= 0)
    close(engine->code);
  pthread_cond_destroy(&engine->idle);
  pthread_cond_destroy(&engine->arrived);
  pthread_mutex_destroy(&engine->constraining);
  pthread_mutex_destroy(&engine->chatting);
  pthread_mutex_destroy(&engine->queue);
  engine_turns_close(&engine->driving);
  free(engine);
}

const char *tern_version(void) { return TERN_VERSION_TEXT; }

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
  all.calls_form = engine->calls_form;
  all.name = model->name;
  all.target = model->target;
  engine_give(info, info->size, &all, sizeof(all));
  return 0;
}
