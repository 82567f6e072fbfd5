/*===- show_thoughts.h - thoughts of an answer, in pieces -------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_TEST_SHOW_THOUGHTS_H
#define TERN_TEST_SHOW_THOUGHTS_H

#include <stddef.h>

/* Bytes of what is shown of an answer that comes in pieces of `piece` bytes.
 * `marks`: 'o' for bytes of added tokens. */
size_t show_thoughts(const char *text, const char *marks, size_t bytes,
                     size_t piece, int hides, int dims, char *out, size_t room);
/* As host_thinking_opening; `marks`: '.' for bytes of the template. */
size_t find_opening(const char *text, const char *marks, size_t bytes);
unsigned count_calls(const char *text, size_t bytes);

#endif /* TERN_TEST_SHOW_THOUGHTS_H */
