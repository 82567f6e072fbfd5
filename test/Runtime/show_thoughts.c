/*===- show_thoughts.c - thoughts of an answer, in pieces -------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * The host's headers are C11, the tests are C++.
 */
#include "show_thoughts.h"

#include "../../runtime/src/host/thinking.h"

#include <stdlib.h>
#include <string.h>

static uint8_t mark_of(char shown) {
  return shown == 'o'   ? TERN_MARK_TOKEN
         : shown == '#' ? TERN_MARK_WRITTEN
                        : TERN_MARK_TEMPLATE;
}

size_t show_thoughts(const char *text, const char *marks, size_t bytes,
                     size_t piece, int hides, int dims, char *out,
                     size_t room) {
  static host_program program;
  /* As an answer before leaves it, cut off within a tag. */
  host_thinking thinking = {.hides = hides,
                            .dims = dims,
                            .is_inside = 1,
                            .has_said = 1,
                            .matched = 3};
  host_text shown = {0};
  char *numbers = malloc(bytes + 1);
  for (size_t i = 0; i < bytes; ++i)
    numbers[i] = (char)mark_of(marks[i]);
  host_thinking_begin(&thinking);
  for (size_t at = 0, n; at < bytes; at += n) {
    n = bytes - at < piece ? bytes - at : piece;
    host_thinking_push(&thinking, &program, text + at, numbers + at, n, &shown);
  }
  host_thinking_flush(&thinking, &program, &shown);
  size_t count = shown.bytes < room ? shown.bytes : room;
  if (count)
    memcpy(out, shown.at, count);
  free(shown.at);
  free(numbers);
  return count;
}

size_t find_opening(const char *text, const char *marks, size_t bytes) {
  uint8_t *numbers = malloc(bytes + 1);
  for (size_t i = 0; i < bytes; ++i)
    numbers[i] = mark_of(marks[i]);
  tern_rendering rendering = {text, numbers, bytes};
  size_t found = host_thinking_opening(&rendering);
  free(numbers);
  return found;
}

unsigned count_calls(const char *text, size_t bytes) {
  return host_thinking_calls(text, bytes);
}
