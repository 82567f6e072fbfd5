/*===- tern/template.h - chat templates -------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * The part of the Jinja language that chat templates are written in, with the
 * meaning it has in Python and with the settings of Hugging Face: trim_blocks,
 * lstrip_blocks, loop controls, an immutable sandbox. A template is not
 *trusted: everything happens inside the memory handed over, a render ends after
 *a number of steps, and nesting is limited. Nothing is allocated beside that.
 */
#ifndef TERN_TEMPLATE_H
#define TERN_TEMPLATE_H

#include "tern/host.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The largest template, in bytes. */
#define TERN_TEMPLATE_MAX_BYTES ((size_t)1 << 20)
/* Evaluations, list elements, and every 64 bytes looked at. A chat of hundreds
 * of messages takes some ten thousand; all of them pass in half a second. */
#define TERN_TEMPLATE_STEPS ((uint64_t)5000000)
/* Levels of expressions and blocks inside each other, macro calls included. */
#define TERN_TEMPLATE_DEPTH 400u

/* Memory that is enough for any template of a model and a conversation that
 * fits its context. */
#define TERN_TEMPLATE_MEMORY ((size_t)32 << 20)

/* Variables beside "messages" and the named tokens that transformers gives
 * every template, as members of a JSON object. Members that come later count
 * more: "tools", and what a caller of apply_chat_template adds, as
 * "enable_thinking", go behind them. */
#define TERN_TEMPLATE_VARIABLES                                                \
  "\"tools\":null,\"documents\":null,\"add_generation_prompt\":true"

typedef struct tern_template tern_template;

/* Memory that surely holds the parsed form of a template of so many bytes. */
size_t tern_template_bytes(size_t text_bytes);

/* Parses into `memory`, which must outlive the template; what the template does
 * not need is there for rendering. Every statement, filter,
 * test and method that is not known is an error now and not when it is reached.
 * 0, or -1 and one sentence with the line in *error. */
int tern_template_parse(void *memory, size_t bytes, const char *text,
                        size_t text_bytes, tern_template **parsed,
                        tern_error *error);

/* A rendered text. `marks` has one TERN_MARK_... for each byte, so that
 * "<|eot_id|>" typed by somebody stays text (see tern_tokenizer_encode_marked).
 */
typedef struct tern_rendering {
  const char *text;
  const uint8_t *marks; /* NULL: all 0 */
  size_t bytes;
} tern_rendering;

/* Renders with the variables of a JSON object: "messages", "bos_token",
 * "eos_token", "add_generation_prompt" and others that a template may read.
 * Strings inside "messages", "tools" and "documents" are marked, but for a role
 * of the usual ones: templates make tokens of it. There, between the raw bytes
 * 0x0E and 0x0F, which JSON does not allow in a string, stands the text of
 * tokens that the model made. `now` is what strftime_now prints. The result
 * lies in the template's memory until the next render. */
int tern_template_render(tern_template *parsed, const char *json,
                         size_t json_bytes, int64_t now,
                         tern_rendering *rendering, tern_error *error);

/* Checks that a text may stand for "tools": JSON, a list of objects, of at most
 * TERN_TEMPLATE_MAX_BYTES. `memory` is as for parsing, and holds nothing
 * afterwards. 0, or -1 and one sentence in *error, which begins with `name`. */
int tern_template_check_tools(void *memory, size_t bytes, const char *name,
                              const char *json, size_t json_bytes,
                              tern_error *error);

/* Calls take(data, text, bytes) for each text and string of the template but
 * for keys of elements; ends with the first result that is not 0. */
int tern_template_literals(const tern_template *parsed,
                           int (*take)(void *data, const char *text,
                                       size_t bytes),
                           void *data);

#ifdef __cplusplus
}
#endif
#endif /* TERN_TEMPLATE_H */
