/*===- lines.h - messages as they are typed or piped ------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_HOST_LINES_H
#define TERN_SRC_HOST_LINES_H

#include "host.h"
#include "terminal.h"

typedef struct host_lines {
  host_program *program;
  host_terminal terminal;
  int edits;   /* lines are typed into the editor */
  int prompts; /* somebody sees prompts */
  int takes_commands;
  int color;
  char *line;
  size_t room;
} host_lines;

/* Returns true if a part of an answer may be shown dim: by --color, or because
 * standard output is a terminal that can. */
int host_lines_dim(const host_options *options);
/* With the editor where the terminal can do it. */
void host_lines_open(host_lines *lines, host_program *program);
void host_lines_close(host_lines *lines);

/* Reads a message: lines up to one without '\' at its end, or what was typed.
 * Returns the number of its lines, 0 at the end of the input,
 * HOST_LINES_INTERRUPTED, or HOST_LINES_FAILED with the sentence in
 * program->error. */
int host_lines_read(host_lines *lines, host_text *message);
enum { HOST_LINES_INTERRUPTED = -1, HOST_LINES_FAILED = -2 };

#endif /* TERN_SRC_HOST_LINES_H */
