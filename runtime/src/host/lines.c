/*===- lines.c - messages as they are typed or piped ------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --color always or never, or by what looks on: https://no-color.org. */
static int wants_color(const host_options *options, int is_terminal) {
  const char *no_color = getenv("NO_COLOR");
  if (options->color && strcmp(options->color, "auto") != 0)
    return strcmp(options->color, "always") == 0;
  return is_terminal && !(no_color && *no_color);
}

int host_lines_dim(const host_options *options) {
  const char *name = getenv("TERM");
  int is_dumb = name && strcmp(name, "dumb") == 0;
  return wants_color(options, isatty(STDOUT_FILENO) && !is_dumb);
}

void host_lines_open(host_lines *l, host_program *program) {
  memset(l, 0, sizeof(*l));
  l->program = program;
  l->prompts = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
  l->takes_commands = isatty(STDIN_FILENO) || program->options.commands;
  l->color = wants_color(&program->options, host_terminal_can_edit());
  l->edits = host_terminal_can_edit() &&
             host_terminal_open(&l->terminal, l->color) == 0;
}

void host_lines_close(host_lines *l) {
  if (l->edits)
    host_terminal_close(&l->terminal);
  free(l->line);
}

static int read_typed(host_lines *l, host_text *message) {
  int count = 1;
  host_bytes *text = &l->terminal.editor.text;
  switch (host_terminal_read(&l->terminal)) {
  case LINE_ENDED:
    return 0;
  case LINE_INTERRUPTED:
    return HOST_LINES_INTERRUPTED;
  case LINE_FAILED:
    host_fail(&l->program->error, HOST_NO_MEMORY);
    return HOST_LINES_FAILED;
  default:
    break;
  }
  for (size_t i = 0; i < text->count; ++i)
    count += text->at[i] == '\n';
  return host_text_append(l->program, message, text->at, text->count) == 0
             ? count
             : HOST_LINES_FAILED;
}

static void prompt(const host_lines *l, const char *text) {
  host_bytes out = {0};
  host_screen_prompt(l->color, text, &out);
  fwrite(out.at, 1, out.count, stderr);
  free(out.at);
}

int host_lines_read(host_lines *l, host_text *message) {
  int count = 0;
  message->bytes = 0;
  if (l->edits)
    return read_typed(l, message);
  for (;;) {
    if (l->prompts)
      prompt(l, count ? ". " : "> ");
    ssize_t n = getline(&l->line, &l->room, stdin);
    if (n < 0)
      return count;
    ++count;
    n -= n > 0 && l->line[n - 1] == '\n';
    n -= n > 0 && l->line[n - 1] == '\r';
    int goes_on = n > 0 && l->line[n - 1] == '\\';
    if (goes_on)
      l->line[n - 1] = '\n';
    if (host_text_append(l->program, message, l->line, (size_t)n) != 0)
      return HOST_LINES_FAILED;
    if (!goes_on)
      return count;
  }
}
