/*===- thinking.h - what a model thinks before it answers -------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Thoughts stand between <think> and </think>. Where a tokenizer has these as
 * tokens they come as such, elsewhere as text that is cut anywhere. So that an
 * answer which speaks of the tag is no thought, letters open one only where
 * nothing but white space was said before; a token does anywhere.
 */
#ifndef TERN_SRC_HOST_THINKING_H
#define TERN_SRC_HOST_THINKING_H

#include "host.h"
#include "tern/template.h"

typedef struct host_thinking {
  int hides; /* thoughts, and the empty lines around them, are not shown */
  int dims;  /* they are shown dim, as terminals can */
  int is_inside;
  int has_said;     /* since the beginning, or the end of a thought */
  uint32_t matched; /* bytes of a tag at the end of the text; not shown yet */
} host_thinking;

/* A new answer. */
void host_thinking_begin(host_thinking *thinking);
/* Takes text of an answer with a TERN_MARK_... for each byte and appends what
 * is to be shown of it to `out`. No part of a tag is shown before all of it has
 * come. Dim text is ended within the call, so nothing has to be put back. 0, or
 * -1 with the sentence in program->error. */
int host_thinking_push(host_thinking *thinking, host_program *program,
                       const char *text, const char *marks, size_t bytes,
                       host_text *out);
/* The end of the answer: what began a tag was none. 0 or -1. */
int host_thinking_flush(host_thinking *thinking, host_program *program,
                        host_text *out);
/* True for a control token that is a tag, of thoughts or of calls of tools: it
 * is shown and remembered where other control tokens are not. */
int host_thinking_is_tag(const char *text, size_t bytes);
/* Bytes of the <think>, and white space behind it, that a prompt ends with: the
 * template opened the thought, and the answer begins inside of it. 0: it does
 * not. A message that ends so does not count. */
size_t host_thinking_opening(const tern_rendering *rendering);
/* How many calls of tools stand behind the thoughts of an answer. */
uint32_t host_thinking_calls(const char *text, size_t bytes);

#endif /* TERN_SRC_HOST_THINKING_H */
