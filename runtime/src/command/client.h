/*===- client.h - what commands have of their engine -----------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_COMMAND_CLIENT_H
#define TERN_SRC_COMMAND_CLIENT_H

#include "../host/host.h"
#include "tern/engine.h"

/* An engine over the program for one sequence of `context` tokens (0: as many
 * as the model allows), of whose prompt it reads so many at once; NULL with the
 * sentence in program->error. */
tern_engine *command_open_engine(host_program *program, uint32_t context,
                                 uint32_t step_tokens);
/* Those that are read at once where nothing speaks against it. */
#define STEP_TOKENS 512u
/* The thread's sentence of the engine becomes the program's; -1. */
int command_pass_on(host_program *program);
/* *tokens is to be freed; `flags` as of tern_engine_tokenize. */
int command_tokenize(host_program *program, tern_engine *engine,
                     const char *text, size_t bytes, uint32_t flags,
                     int32_t **tokens, size_t *count);

/* Bytes of weights in a step; `before` is NULL or what to leave out. */
void command_print_weights(const char *what, const tern_weight_count *counts,
                           const tern_weight_count *before, size_t count,
                           uint64_t tokens);
/* Of the engine; *counts is to be freed. 0, or -1. */
int command_count_weights(host_program *program, tern_engine *engine,
                          tern_weight_count **counts, size_t *count);

/* The commands: exit statuses. */
int command_run(host_program *program);
int command_chat(host_program *program);
int command_ppl(host_program *program);

#endif /* TERN_SRC_COMMAND_CLIENT_H */
