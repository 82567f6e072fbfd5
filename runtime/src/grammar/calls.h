/*===- calls.h - calls of tools as models write them -----------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_GRAMMAR_CALLS_H
#define TERN_SRC_GRAMMAR_CALLS_H

#include "document.h"
#include "tern/tools.h"

/* Around a call; empty: the answer's beginning, or its end. */
typedef struct calls_marks {
  const char *open, *close;
} calls_marks;

calls_marks calls_marks_of(uint32_t form);

/* Text that grows, in a compiler's memory. */
typedef struct calls_text {
  char *at;
  uint32_t bytes, room;
} calls_text;

void calls_append(grammar_compiler *c, calls_text *text, const char *from,
                  size_t bytes);
/* A string as JSON. */
void calls_append_string(grammar_compiler *c, calls_text *text,
                         const char *from, size_t bytes);

typedef struct call {
  const char *name;
  size_t name_bytes;
  const char *arguments;
  size_t arguments_bytes;
  struct call *next;
} call;

/* The calls between two marks, in order; leaves by grammar_fail where they are
 * none. `tools` may be NULL. */
call *calls_read(grammar_compiler *c, uint32_t form, const grammar_json *tools,
                 const char *text, size_t bytes);
/* f(x=1) in lines of Python. */
call *calls_read_python(grammar_compiler *c, const char *text, size_t bytes);

/* The parameters' schema of a function in a list of tools, or NULL. */
const grammar_json *calls_parameters(const grammar_json *tools,
                                     const char *name, size_t bytes);

#endif /* TERN_SRC_GRAMMAR_CALLS_H */
