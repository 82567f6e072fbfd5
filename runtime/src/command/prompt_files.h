/*===- prompt_files.h - numbers of a prompt, in files ----------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_COMMAND_PROMPT_FILES_H
#define TERN_SRC_COMMAND_PROMPT_FILES_H

#include "../host/host.h"
#include "tern/engine.h"

/* The arrays that --logits and --hidden write; all fields 0: none. */
typedef struct prompt_files {
  host_program *program;
  uint32_t tokens;        /* of the prompt */
  float *logits, *hidden; /* NULL where they are not wanted */
  uint32_t rows, states;  /* that came up to now */
} prompt_files;

/* True if one of the flags is given. */
int prompt_files_are_wanted(const host_program *program);
/* For a prompt of so many tokens; adds to request->flags. 0 or -1. */
int prompt_files_open(prompt_files *files, host_program *program, size_t tokens,
                      tern_request *request);
/* Takes an event's numbers, and writes the files once they are complete, before
 * there is an answer. Those that are not finite as well: that is when one wants
 * to see them. 0 or -1. */
int prompt_files_take(prompt_files *files, const tern_event *event);
void prompt_files_close(prompt_files *files);

#endif /* TERN_SRC_COMMAND_PROMPT_FILES_H */
