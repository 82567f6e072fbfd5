/*===- client.c - a command's engine ----------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "client.h"

#include "../engine/over.h"

#include <stdlib.h>

int command_pass_on(host_program *program) {
  return host_fail(&program->error, "%s", tern_engine_error());
}

tern_engine *command_open_engine(host_program *program, uint32_t context,
                                 uint32_t step_tokens) {
  tern_engine_options options;
  tern_engine_options_init(&options);
  options.max_sequences = options.max_waiting = 1;
  options.context = context;
  options.step_tokens = step_tokens;
  options.kept_bytes = 0;
  options.interrupt = (const int *)&host_interrupted;
  tern_engine *engine = engine_open_over(program, &options);
  if (!engine)
    command_pass_on(program);
  return engine;
}

int command_tokenize(host_program *program, tern_engine *engine,
                     const char *text, size_t bytes, uint32_t flags,
                     int32_t **tokens, size_t *count) {
  if (!program->has_tokenizer)
    return host_fail(&program->error, "the model was compiled without a "
                                      "tokenizer; give tokens with --ids");
  /* Enough for nearly all: a token of text has a byte. */
  for (size_t room = bytes + 16;; room = *count) {
    *tokens = host_allocate(program, room, sizeof(**tokens), 1);
    if (!*tokens)
      return -1;
    int result =
        tern_engine_tokenize(engine, text, bytes, flags, *tokens, room, count);
    if (result == 0 && *count <= room)
      return 0;
    free(*tokens);
    *tokens = NULL;
    if (result != 0)
      return command_pass_on(program);
  }
}

int command_count_weights(host_program *program, tern_engine *engine,
                          tern_weight_count **counts, size_t *count) {
  size_t room = program->model->projection_count;
  *counts = host_allocate(program, room, sizeof(**counts), 1);
  if (!*counts)
    return -1;
  return tern_engine_count_weights(engine, *counts, room, count) == 0
             ? 0
             : command_pass_on(program);
}
