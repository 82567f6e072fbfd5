/*===- terminal.h - reading lines from a terminal ---------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_HOST_TERMINAL_H
#define TERN_SRC_HOST_TERMINAL_H

#include "editor.h"

typedef struct host_terminal {
  host_editor editor;
  host_keys keys;
  host_screen screen;
  char typed[4096]; /* bytes that were read and are no keys yet */
  size_t typed_at, typed_count;
} host_terminal;

/* Returns true if standard input and error are a terminal that can move its
 * cursor. TERM=dumb says that it cannot. */
int host_terminal_can_edit(void);
/* Takes the terminal until host_terminal_close, the end of the process, or a
 * signal that ends or stops it; each puts it back as it was. -1: it cannot be
 * taken. */
int host_terminal_open(host_terminal *terminal, int color);
void host_terminal_close(host_terminal *terminal);
/* Puts it back as it was. May be called by a signal handler. */
void host_terminal_restore(void);

typedef enum host_line {
  LINE_READ,
  LINE_ENDED,
  LINE_INTERRUPTED, /* at an empty prompt */
  LINE_FAILED       /* no memory */
} host_line;

/* Lets a text be typed, which lies in terminal->editor.text until the next one.
 */
host_line host_terminal_read(host_terminal *terminal);

#endif /* TERN_SRC_HOST_TERMINAL_H */
