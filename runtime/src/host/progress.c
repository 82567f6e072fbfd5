/*===- progress.c - a line that changes on a terminal ----------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "host.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

int host_shows_progress(const host_program *program) {
  return !program->options.quiet && isatty(STDERR_FILENO);
}

void host_progress(host_program *program, const char *format, ...) {
  char line[80];
  va_list arguments;
  if (!host_shows_progress(program))
    return;
  va_start(arguments, format);
  vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  fprintf(stderr, "\r%s\033[K", line);
  program->progress_shown = 1;
}

void host_progress_end(host_program *program) {
  if (program->progress_shown)
    fputs("\r\033[K", stderr);
  program->progress_shown = 0;
}
