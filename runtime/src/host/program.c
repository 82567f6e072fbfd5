/*===- program.c - the model, its data and its threads ----------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "gpu_weak.h"
#include "host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A load that takes longer is seen on a terminal. */
#define MOMENT 300000000
/* A text of fewer tokens is read as fast from where weights are. */
#define FEW_TOKENS 16
/* Copying ends by then, and the rest stays: the first word is waited for. */
#define MOST_COPYING 700000000

static int open_artifact(host_program *program) {
  const char *path = program->options.weights;
  if (path)
    return tern_artifact_open(&program->artifact, path, &program->error);
  if (tern_artifact_open_self(&program->artifact, &program->error) == 0)
    return 0;
  char cause[sizeof(program->error.text)];
  memcpy(cause, program->error.text, sizeof(cause));
  return host_fail(&program->error, "%.400s; name one with --weights FILE",
                   cause);
}

/* On a terminal, when it takes more than a moment. */
static void show_placing(void *data, uint64_t done, uint64_t total) {
  host_program *program = data;
  if (host_now() - program->opened > MOMENT)
    host_progress(program, "weights: %.0f of %.0f MB", (double)done * 1e-6,
                  (double)total * 1e-6);
}

static int place_weights(host_program *program) {
  const host_options *o = &program->options;
  tern_placement *placement = &program->placement;
  placement->placing = strcmp(o->load, "map") == 0    ? TERN_PLACE_MAP
                       : strcmp(o->load, "huge") == 0 ? TERN_PLACE_HUGE
                                                      : TERN_PLACE_AUTO;
  if (placement->placing == TERN_PLACE_AUTO && o->command == COMMAND_RUN) {
    /* A short text is read before a long copy would be done. */
    if (o->limit >= 0 && o->limit < FEW_TOKENS)
      placement->placing = TERN_PLACE_MAP;
    placement->most_nanoseconds = MOST_COPYING;
  }
  if (host_shows_progress(program)) {
    placement->progress = show_placing;
    placement->data = program;
  }
  program->opened = host_now();
  int result = tern_artifact_place(&program->artifact, program->model,
                                   program->pool, placement, &program->error);
  host_progress_end(program);
  return result;
}

/* The weights go to the GPU, and stay mapped here, unread. */
static int open_gpu(host_program *program) {
  const host_options *o = &program->options;
  if (!program->model->device)
    return o->device < 0 ? 0
                         : host_fail(&program->error,
                                     "--device: this program was compiled for "
                                     "%s, not for a GPU",
                                     program->model->target);
  if (!tern_gpu_open || !tern_gpu_describe)
    return host_fail(&program->error,
                     "this program was linked without what GPUs need; link it "
                     "with -Wl,-u,tern_gpu_open,-u,tern_gpu_describe");
  program->opened = host_now();
  program->gpu =
      tern_gpu_open(program->model, program->artifact.weights,
                    o->device < 0 ? 0 : (unsigned)o->device,
                    host_shows_progress(program) ? show_placing : NULL, program,
                    &program->error);
  host_progress_end(program);
  return program->gpu ? 0 : -1;
}

static int lock_weights(host_program *program) {
  const tern_artifact *artifact = &program->artifact;
  if (!program->options.mlock ||
      (artifact->weights_bytes <= SIZE_MAX &&
       mlock(artifact->weights, (size_t)artifact->weights_bytes) == 0))
    return 0;
  return host_fail(&program->error,
                   "--mlock: cannot keep %.1f MB of weights in memory: %s; "
                   "ulimit -l says how much is allowed",
                   (double)artifact->weights_bytes * 1e-6, strerror(errno));
}

static int open_tokenizer(host_program *program) {
  const tern_artifact *artifact = &program->artifact;
  if (!artifact->tokenizer)
    return 0;
  tern_status status =
      artifact->tokenizer_bytes > SIZE_MAX
          ? TERN_BAD_TABLE
          : tern_tokenizer_load(&program->tokenizer, artifact->tokenizer,
                                (size_t)artifact->tokenizer_bytes);
  program->has_tokenizer = status == TERN_OK;
  return host_status(program, status, "tokenizer");
}

int host_program_threads(host_program *program, unsigned threads) {
  tern_pool_destroy(program->pool);
  program->pool = tern_pool_create(threads);
  if (!program->pool)
    return host_fail(&program->error, "cannot start %u threads: %s", threads,
                     strerror(errno));
  host_evaluate_with(program);
  return 0;
}

/* Before a long prompt is read in vain. */
static int check_outputs(host_program *program) {
  const host_options *o = &program->options;
  const char *paths[] = {o->logits_file, o->hidden_file,
                         o->kl ? NULL : o->kl_base};
  for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); ++i)
    if (paths[i] && host_output_check(program, paths[i]) != 0)
      return -1;
  if (paths[0] && paths[1] && strcmp(paths[0], paths[1]) == 0)
    return host_fail(&program->error,
                     "--logits and --hidden cannot both be written to %s",
                     paths[0]);
  return 0;
}

int host_program_open(host_program *program, const tern_model *const *models,
                      unsigned count) {
  /* First: nothing of the model may run on a CPU it was not made for. */
  if (host_pick_version(program, models, count) != 0 ||
      host_status(program, tern_model_check(program->model), "the model") != 0)
    return -1;
  if (program->options.verify && host_verify(program) != 0)
    return -1;
  const char *name =
      program->options.weights ? program->options.weights : program->name;
  if (open_artifact(program) != 0 ||
      tern_artifact_check(&program->artifact, program->model, name,
                          &program->error) != 0 ||
      open_tokenizer(program) != 0 || check_outputs(program) != 0)
    return -1;
  program->counters = calloc(2 * (size_t)program->model->projection_count + 1,
                             sizeof(uint64_t));
  if (!program->counters)
    return host_fail(&program->error, HOST_NO_MEMORY);
  if (open_gpu(program) != 0 ||
      host_program_threads(program, (unsigned)program->options.threads) != 0)
    return -1;
  if (!program->gpu &&
      (place_weights(program) != 0 || lock_weights(program) != 0))
    return -1;
  if (program->options.verbose)
    host_say_program(program);
  return 0;
}

void host_program_close(host_program *program) {
  tern_pool_destroy(program->pool);
  if (program->gpu && program->options.verbose)
    host_say_choices(program);
  if (program->gpu)
    tern_gpu_close(program->gpu);
  free(program->counters);
  tern_artifact_close(&program->artifact);
}

int host_session_open(host_program *program, uint32_t context,
                      host_session *session) {
  const tern_model *model = program->model;
  tern_session_config config;
  memset(session, 0, sizeof(*session));
  memset(&config, 0, sizeof(config));
  if (context > model->max_context)
    return host_fail(&program->error,
                     "a context of %u tokens is more than the model's %u",
                     context, model->max_context);
  config.size = sizeof(config);
  config.context = context;
  config.model = model;
  config.env = &program->env;
  config.weights = program->artifact.weights;
  config.weights_bytes = program->artifact.weights_bytes;
  config.scratch = program->scratch;
  if (program->gpu) {
    session->gpu = program->gpu;
    session->state = tern_gpu_allocate(
        program->gpu,
        tern_model_state_bytes(model, context ? context : model->max_context),
        &program->error);
    if (!session->state)
      return -1;
    config.state = session->state;
  }
  session->bytes = tern_session_bytes(&config);
  if (session->bytes == 0)
    return host_fail(&program->error,
                     "a context of %u tokens does not fit into "
                     "this machine's address space",
                     context);
  /* Pages come when they are written, so a long context costs nothing yet. */
  void *memory = tern_memory_map(session->bytes);
  session->memory = memory;
  if (!memory) {
    host_session_close(session);
    return host_fail(&program->error, "no memory for a context of %u tokens",
                     context ? context : model->max_context);
  }
  if (host_status(
          program,
          tern_session_init(memory, session->bytes, &config, &session->session),
          "session") == 0)
    return 0;
  host_session_close(session);
  return -1;
}

void host_session_close(host_session *session) {
  if (session->gpu)
    tern_gpu_free(session->gpu, session->state);
  if (session->memory)
    tern_memory_unmap(session->memory, session->bytes);
  memset(session, 0, sizeof(*session));
}

int host_encode(host_program *program, const char *text,
                const tern_marking *marking, size_t bytes, uint32_t flags,
                int32_t **tokens, size_t *count) {
  if (!program->has_tokenizer)
    return host_fail(&program->error, "the model was compiled without a "
                                      "tokenizer; give tokens with --ids");
  size_t needed = tern_tokenizer_encode_bytes(&program->tokenizer, bytes);
  if (needed == 0)
    return host_fail(&program->error, "a text of %zu bytes is too long", bytes);
  size_t room = tern_tokenizer_max_tokens(&program->tokenizer, bytes);
  void *memory = host_allocate(program, needed, 1, 1);
  *tokens = host_allocate(program, room, sizeof(int32_t), 1);
  int result = -1;
  if (memory && *tokens)
    result = host_status(program,
                         tern_tokenizer_encode_marked(
                             &program->tokenizer, text, marking, bytes, flags,
                             memory, needed, *tokens, room, count),
                         "tokenizer");
  free(memory);
  if (result != 0) {
    free(*tokens);
    *tokens = NULL;
  }
  return result;
}

int host_encode_prompt(host_program *program, const char *text, size_t bytes,
                       int32_t **tokens, size_t *count) {
  uint32_t flags = program->options.no_bos ? TERN_ENCODE_BARE : 0;
  if (host_encode(program, text, NULL, bytes, flags, tokens, count) != 0)
    return -1;
  const tern_tokenizer_header *h = &program->tokenizer.header;
  size_t own = flags ? 0 : h->prefix_count;
  if (own == 0 || *count < 2 * own ||
      memcmp(*tokens, *tokens + own, own * sizeof(**tokens)) != 0)
    return 0;
  *count -= own;
  memmove(*tokens, *tokens + own, *count * sizeof(**tokens));
  size_t length;
  uint32_t ignored;
  const char *name =
      tern_tokenizer_token(&program->tokenizer, **tokens, &length, &ignored);
  if (!program->options.quiet)
    fprintf(stderr,
            "%s: the text brings its own begin token, %.*s, so none is set "
            "before it\n",
            program->name, (int)(length < 60 ? length : 60), name ? name : "");
  return 0;
}

int host_parse_ids(host_program *program, const char *text, int32_t **tokens,
                   size_t *count) {
  size_t room = 1;
  for (const char *c = text; *c; ++c)
    room += *c == ',';
  uint32_t most = program->model->vocab_size - 1;
  *tokens = room <= INT32_MAX ? host_allocate(program, room, sizeof(int32_t), 1)
                              : NULL;
  if (!*tokens)
    return -1;
  int n = host_parse_list(text, most, (uint32_t *)*tokens, (int)room);
  if (n < 0) {
    free(*tokens);
    *tokens = NULL;
    return host_fail(&program->error,
                     "--ids: expected token ids from 0 to %u with commas "
                     "between them",
                     most);
  }
  *count = (size_t)n;
  return 0;
}
