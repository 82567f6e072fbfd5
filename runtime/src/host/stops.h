/*===- stops.h - strings that end an answer --------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_HOST_STOPS_H
#define TERN_SRC_HOST_STOPS_H

#include "host.h"

/* One string, looked for as Knuth, Morris and Pratt do: `matched` bytes of it
 * are the end of the text so far. */
typedef struct host_stop_string {
  const char *text; /* not owned */
  uint32_t bytes, matched;
  uint16_t *fallback; /* by length: the longest shorter match */
} host_stop_string;

/* Appends text and its marks. 0, or -1: out of memory. */
int host_copy_append(host_program *program, host_copy *copy, const char *text,
                     const char *marks, size_t bytes);

/* Holds text back while it may become a stop string; all fields 0 is none. */
typedef struct host_stops {
  host_stop_string *strings;
  uint32_t count;
  int32_t *tokens; /* control tokens that are a stop string as a whole */
  uint32_t token_count;
  host_copy held;
} host_stops;

/* Those of --stop, and those of the model unless --ignore-eos is given. 0, or
 * -1 with the sentence in program->error. */
int host_stops_open(host_stops *stops, host_program *program);
void host_stops_close(host_stops *stops);
/* Forgets the text, so that another one begins. */
void host_stops_reset(host_stops *stops);
int host_stops_is_token(const host_stops *stops, int32_t token);
/* Takes text, all with one mark, and moves what can be no part of a stop string
 * to `out`, which it empties first. 1 when a stop string has come: `out` is
 * then all before it. -1: out of memory. Time in proportion to the bytes and
 * the strings; holds no more than the longest string and one call's bytes. */
int host_stops_push(host_stops *stops, host_program *program, const char *text,
                    size_t bytes, char mark, host_copy *out);
/* The end of the text: all that is held goes to `out`. 0 or -1. */
int host_stops_flush(host_stops *stops, host_program *program, host_copy *out);

#endif /* TERN_SRC_HOST_STOPS_H */
