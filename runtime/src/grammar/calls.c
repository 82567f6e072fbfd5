/*===- calls.c - the forms of calls -----------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "calls.h"

#include <string.h>

static int has(const char *text, size_t bytes, const char *part) {
  size_t length = strlen(part);
  for (size_t i = 0; i + length <= bytes; ++i)
    if (text[i] == part[0] && memcmp(text + i, part, length) == 0)
      return 1;
  return 0;
}

uint32_t tern_calls_form(const char *text, size_t bytes) {
  if (!text)
    return TERN_CALLS_NONE;
  if (has(text, bytes, "<function="))
    return TERN_CALLS_XML;
  if (has(text, bytes, "<|tool_call_start|>"))
    return TERN_CALLS_PYTHON;
  if (has(text, bytes, "[TOOL_CALLS]"))
    return TERN_CALLS_LIST;
  if (has(text, bytes, "<tool_call>"))
    return TERN_CALLS_JSON_TAGS;
  return has(text, bytes, "tools") ? TERN_CALLS_JSON : TERN_CALLS_NONE;
}

calls_marks calls_marks_of(uint32_t form) {
  static const calls_marks table[] = {
      {"", ""},
      {"<tool_call>", "</tool_call>"},
      {"", ""},
      {"<|tool_call_start|>", "<|tool_call_end|>"},
      {"<tool_call>", "</tool_call>"},
      {"[TOOL_CALLS]", ""}};
  return table[form <= TERN_CALLS_LIST ? form : 0];
}

int tern_answer_is_mark(const char *token, size_t bytes) {
  static const char *const marks[] = {"<think>",
                                      "</think>",
                                      "<|thought_start|>",
                                      "<|thought_end|>",
                                      "<tool_call>",
                                      "</tool_call>",
                                      "<|tool_call_start|>",
                                      "<|tool_call_end|>",
                                      "[TOOL_CALLS]",
                                      "<|python_tag|>"};
  for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); ++i)
    if (bytes == strlen(marks[i]) && memcmp(token, marks[i], bytes) == 0)
      return 1;
  return 0;
}

/*--- Text ------------------------------------------------------------------*/

void calls_append(grammar_compiler *c, calls_text *text, const char *from,
                  size_t bytes) {
  if (bytes > UINT32_MAX / 4 - text->bytes)
    grammar_fail(c, "a call is too long");
  uint32_t need = text->bytes + (uint32_t)bytes;
  if (need >= text->room) {
    uint32_t room = 2 * need + 64;
    char *grown = grammar_allocate(c, room, 1);
    if (text->bytes)
      memcpy(grown, text->at, text->bytes);
    text->at = grown;
    text->room = room;
  }
  if (bytes)
    memcpy(text->at + text->bytes, from, bytes);
  text->bytes = need;
  text->at[need] = 0;
}

void calls_append_string(grammar_compiler *c, calls_text *text,
                         const char *from, size_t bytes) {
  c->options.max_nodes = UINT32_MAX;
  const grammar_expression *spelled = json_spell(c, from, bytes);
  calls_append(c, text, spelled->bytes, spelled->count);
}

/*--- JSON ------------------------------------------------------------------*/

static call *call_of(grammar_compiler *c, const grammar_json *value) {
  const grammar_json *inner = json_find(value, "function");
  if (inner && inner->kind == JSON_OBJECT)
    value = inner;
  const grammar_json *name = json_find(value, "name");
  const grammar_json *arguments = json_find(value, "arguments");
  if (!arguments)
    arguments = json_find(value, "parameters");
  if (!name || name->kind != JSON_STRING || name->bytes == 0)
    grammar_fail(c, "a call has no name");
  call *made = grammar_allocate(c, 1, sizeof(*made));
  made->name = name->text;
  made->name_bytes = name->bytes;
  /* Some write the object as a string. */
  if (arguments && arguments->kind == JSON_STRING)
    arguments =
        grammar_read_json(c, "arguments", arguments->text, arguments->bytes);
  if (arguments && arguments->kind != JSON_OBJECT)
    grammar_fail(c, "the arguments of a call are no object");
  made->arguments = arguments ? arguments->raw : "{}";
  made->arguments_bytes = arguments ? arguments->raw_bytes : 2;
  return made;
}

static call *read_objects(grammar_compiler *c, const char *text, size_t bytes) {
  const char *at = text, *end = text + bytes;
  call *first = NULL, **last = &first;
  for (;;) {
    while (at < end && strchr(" \t\r\n;", *at) && *at)
      ++at;
    if (at == end)
      break;
    const grammar_json *value = grammar_read_part(c, "call", &at, end);
    const grammar_json *one = value->kind == JSON_ARRAY ? value->first : value;
    for (; one; one = value->kind == JSON_ARRAY ? one->next : NULL) {
      *last = call_of(c, one);
      last = &(*last)->next;
    }
  }
  return first;
}

/*--- Marks within marks ----------------------------------------------------*/

typedef struct marked {
  grammar_compiler *c;
  const char *at, *end;
} marked;

static int takes(marked *m, const char *text) {
  size_t bytes = strlen(text);
  if ((size_t)(m->end - m->at) < bytes || memcmp(m->at, text, bytes) != 0)
    return 0;
  m->at += bytes;
  return 1;
}

static void skip(marked *m) {
  while (m->at < m->end && strchr(" \t\r\n", *m->at) && *m->at)
    ++m->at;
}

/* All up to a mark, which is read, too. */
static const char *text_before(marked *m, const char *mark, size_t *bytes) {
  const char *from = m->at;
  for (; m->at < m->end; ++m->at) {
    *bytes = (size_t)(m->at - from);
    if (takes(m, mark))
      return from;
  }
  m->c->is_cut = 1;
  grammar_fail(m->c, "a call has no %s", mark);
}

const grammar_json *calls_parameters(const grammar_json *tools,
                                     const char *name, size_t bytes) {
  const grammar_json *tool = tools ? tools->first : NULL;
  for (; tool; tool = tool->next) {
    const grammar_json *f = json_find(tool, "function");
    f = f ? f : tool;
    const grammar_json *own = json_find(f, "name");
    if (own && own->kind == JSON_STRING && own->bytes == bytes &&
        memcmp(own->text, name, bytes) == 0)
      return json_find(f, "parameters");
  }
  return NULL;
}

static int try_json(grammar_compiler *c, int takes_strings, const char *text,
                    size_t bytes) {
  jmp_buf failed;
  c->failed = &failed;
  if (setjmp(failed) != 0)
    return 0;
  return grammar_read_json(c, "value", text, bytes)->kind != JSON_STRING ||
         takes_strings;
}

/* JSON where the text is that and the parameter need not be a string. */
static int is_json(const grammar_compiler *c, const grammar_json *schema,
                   const char *text, size_t bytes) {
  grammar_compiler inner = {0};
  if (schema && json_is(json_find(schema, "type"), "string"))
    return 0;
  inner.arena.limit = c->arena.limit;
  int result = try_json(&inner, schema != NULL, text, bytes);
  grammar_arena_free(&inner.arena);
  return result;
}

static void read_parameter(marked *m, const grammar_json *schemas,
                           calls_text *arguments) {
  size_t name_bytes, bytes;
  const char *name = text_before(m, ">", &name_bytes);
  const char *value = text_before(m, "</parameter>", &bytes);
  if (bytes && *value == '\n') {
    ++value;
    --bytes;
  }
  if (bytes && value[bytes - 1] == '\n')
    --bytes;
  if (arguments->bytes > 1)
    calls_append(m->c, arguments, ", ", 2);
  calls_append_string(m->c, arguments, name, name_bytes);
  calls_append(m->c, arguments, ": ", 2);
  if (is_json(m->c, json_find_bytes(schemas, name, name_bytes), value, bytes))
    calls_append(m->c, arguments, value, bytes);
  else
    calls_append_string(m->c, arguments, value, bytes);
}

static call *read_marked(grammar_compiler *c, const grammar_json *tools,
                         const char *text, size_t bytes) {
  marked m = {c, text, text + bytes};
  call *first = NULL, **last = &first;
  for (skip(&m); m.at < m.end; skip(&m)) {
    call *made = grammar_allocate(c, 1, sizeof(*made));
    calls_text arguments = {NULL, 0, 0};
    if (!takes(&m, "<function="))
      grammar_fail(c, "a call does not begin with <function=");
    made->name = text_before(&m, ">", &made->name_bytes);
    const grammar_json *schemas = json_find(
        calls_parameters(tools, made->name, made->name_bytes), "properties");
    calls_append(c, &arguments, "{", 1);
    for (skip(&m); takes(&m, "<parameter="); skip(&m))
      read_parameter(&m, schemas, &arguments);
    if (!takes(&m, "</function>")) {
      c->is_cut = m.at == m.end;
      grammar_fail(c, "a call does not end with </function>");
    }
    calls_append(c, &arguments, "}", 1);
    made->arguments = arguments.at;
    made->arguments_bytes = arguments.bytes;
    *last = made;
    last = &made->next;
  }
  return first;
}

call *calls_read(grammar_compiler *c, uint32_t form, const grammar_json *tools,
                 const char *text, size_t bytes) {
  call *first = form == TERN_CALLS_XML      ? read_marked(c, tools, text, bytes)
                : form == TERN_CALLS_PYTHON ? calls_read_python(c, text, bytes)
                                            : read_objects(c, text, bytes);
  if (!first)
    grammar_fail(c, "there is no call");
  return first;
}
