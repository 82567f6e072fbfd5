/*===- tern/tools.h - calls of tools in answers ----------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Each family of models writes calls of tools in its own way. The text of an
 * answer goes in as it comes; out come its parts: content, thoughts, and calls
 * with their arguments as JSON. docs/structured-output.md shows the forms.
 */
#ifndef TERN_TOOLS_H
#define TERN_TOOLS_H

#include "tern/host.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a model writes calls. */
enum tern_calls {
  TERN_CALLS_NONE = 0,
  /* <tool_call>{"name": "f", "arguments": {}}</tool_call>: Qwen 2.5 and 3. */
  TERN_CALLS_JSON_TAGS = 1,
  /* {"name": "f", "parameters": {}} is the whole answer: Llama 3.1, Falcon. */
  TERN_CALLS_JSON = 2,
  /* f(x=1) in a block of Python: MiniCPM. */
  TERN_CALLS_PYTHON = 3,
  /* <tool_call><function=f><parameter=x>1</parameter></function></tool_call>:
   * Qwen 3.5 and Coder. */
  TERN_CALLS_XML = 4,
  /* [TOOL_CALLS][{"name": "f", "arguments": {}}]: Mistral. */
  TERN_CALLS_LIST = 5
};

/* The form that a chat template (Jinja) teaches. */
uint32_t tern_calls_form(const char *chat_template, size_t bytes);

/* True for the text of a token that is a mark of thoughts or calls: where it is
 * a control token, it is part of the text all the same. */
int tern_answer_is_mark(const char *token, size_t bytes);

enum tern_part_kind { TERN_PART_CONTENT, TERN_PART_THOUGHT, TERN_PART_CALL };

/* Valid during the call that gets it. */
typedef struct tern_answer_part {
  uint32_t kind;
  uint32_t index;   /* of a call: 0, 1, ... */
  const char *text; /* of a call its arguments: a JSON object */
  size_t bytes;
  const char *name; /* of a call: the function, and a name of its own; */
  const char *id;   /* others NULL */
} tern_answer_part;

/* Anything but 0 ends the push with that result. */
typedef int (*tern_answer_fn)(void *data, const tern_answer_part *part);

typedef struct tern_answer_reader tern_answer_reader;

/* `tools`: the list that the model was given, by which the arguments of
 * TERN_CALLS_XML are strings or JSON; NULL: whatever looks like JSON is that.
 * `seed` makes the names of calls. NULL and one sentence in *error. */
tern_answer_reader *tern_answer_reader_open(uint32_t form, const char *tools,
                                            size_t tools_bytes, uint64_t seed,
                                            tern_error *error);
void tern_answer_reader_close(tern_answer_reader *reader);

/* Takes more of the answer's text, events of kind TERN_EVENT_OPENING included,
 * and hands over what is known. Text that may be the beginning of a mark is
 * held back. A call comes at its end; one that cannot be read is content, as
 * the model wrote it. 0, -1: out of memory, or the result of `take`. */
int tern_answer_reader_push(tern_answer_reader *reader, const char *text,
                            size_t bytes, tern_answer_fn take, void *data);
/* The end of the answer: a call that is not whole is content. */
int tern_answer_reader_flush(tern_answer_reader *reader, tern_answer_fn take,
                             void *data);

#ifdef __cplusplus
}
#endif
#endif /* TERN_TOOLS_H */
