/*===- tools.c - calls of tools as a grammar --------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "calls.h"
#include "schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct tools_input {
  uint32_t form;
  const char *tools, *name;
  size_t bytes;
  int is_parallel;
} tools_input;

static void add(schema_compiler *s, grammar_list *list, const char *text) {
  grammar_add(s->c, list, grammar_literal(s->c, text));
}

/*--- Arguments -------------------------------------------------------------*/

/* Of a form in which each argument has its place. */
static expression placed(schema_compiler *s, json parameters, uint32_t form) {
  return schema_members(s, parameters,
                        form == TERN_CALLS_PYTHON ? MEMBERS_PYTHON
                                                  : MEMBERS_MARKED);
}

static expression exact(schema_compiler *s, json parameters, uint32_t form) {
  if (form == TERN_CALLS_PYTHON || form == TERN_CALLS_XML)
    return placed(s, parameters, form);
  return schema_call(s, parameters);
}

/* By the names alone. */
static expression loose(schema_compiler *s, json parameters, uint32_t form) {
  static const grammar_json anything = {.kind = JSON_TRUE};
  json properties = json_find(parameters, "properties");
  json required = json_find(parameters, "required");
  if (form != TERN_CALLS_PYTHON && form != TERN_CALLS_XML)
    return schema_any_object(s);
  grammar_json *plain = json_make(s->c, JSON_OBJECT, parameters);
  grammar_json *names = json_make(s->c, JSON_OBJECT, parameters);
  for (json i = properties ? properties->first : NULL; i; i = i->next)
    json_put(s->c, names, i->key, i->key_bytes, &anything);
  json_put(s->c, plain, "properties", 10, names);
  if (required)
    json_put(s->c, plain, "required", 8, required);
  return placed(s, plain, form);
}

/* As the schema says; where that is not supported and the tool is not strict,
 * by names alone. */
static expression arguments_of(schema_compiler *s, json tool, uint32_t form) {
  static const grammar_json nothing = {.kind = JSON_OBJECT};
  grammar_compiler *c = s->c;
  json parameters = json_find(tool, "parameters");
  json strict = json_find(tool, "strict");
  schema_compiler before = *s;
  uint32_t rules = c->rule_count;
  jmp_buf failed, *outer = c->failed;
  if (!parameters || parameters->kind == JSON_NULL)
    parameters = &nothing;
  s->root = parameters;
  if (strict && strict->kind == JSON_TRUE)
    return exact(s, parameters, form);
  if (setjmp(failed) == 0) {
    c->failed = &failed;
    const grammar_expression *result = exact(s, parameters, form);
    c->failed = outer;
    return result;
  }
  c->failed = outer;
  *s = before;
  c->rule_count = rules;
  s->root = parameters;
  return loose(s, parameters, form);
}

/*--- Calls -----------------------------------------------------------------*/

static expression call_in(schema_compiler *s, json tool, json name,
                          uint32_t form) {
  grammar_list parts = {NULL, 0, 0};
  expression plain = grammar_bytes(s->c, name->text, name->bytes);
  expression arguments = arguments_of(s, tool, form);
  if (form == TERN_CALLS_XML) {
    add(s, &parts, "<tool_call>\n<function=");
    grammar_add(s->c, &parts, plain);
    add(s, &parts, ">\n");
    grammar_add(s->c, &parts, arguments);
    add(s, &parts, "</function>\n</tool_call>");
  } else if (form == TERN_CALLS_PYTHON) {
    grammar_add(s->c, &parts, plain);
    add(s, &parts, "(");
    grammar_add(s->c, &parts, arguments);
    add(s, &parts, ")\n");
  } else {
    if (form == TERN_CALLS_JSON_TAGS)
      add(s, &parts, "<tool_call>\n");
    add(s, &parts, "{\"name\": ");
    grammar_add(s->c, &parts, json_spell(s->c, name->text, name->bytes));
    add(s, &parts,
        form == TERN_CALLS_JSON ? ", \"parameters\": " : ", \"arguments\": ");
    grammar_add(s->c, &parts, arguments);
    add(s, &parts, form == TERN_CALLS_JSON_TAGS ? "}\n</tool_call>" : "}");
  }
  return grammar_sequence(s->c, &parts);
}

/* One call, or several. */
static expression repeat(schema_compiler *s, const tools_input *in,
                         expression one) {
  static const char *const between[] = {"", "\n", "; ", "", "\n", ", "};
  expression next =
      grammar_pair(s->c, grammar_literal(s->c, between[in->form]), one);
  if (!in->is_parallel)
    return one;
  return grammar_pair(s->c, one,
                      grammar_repeat(s->c, next, 0, GRAMMAR_UNBOUNDED));
}

static expression with_marks(schema_compiler *s, uint32_t form,
                             expression calls) {
  grammar_list parts = {NULL, 0, 0};
  if (form != TERN_CALLS_PYTHON && form != TERN_CALLS_LIST)
    return calls;
  int is_list = form == TERN_CALLS_LIST;
  add(s, &parts,
      is_list ? "[TOOL_CALLS][" : "<|tool_call_start|>\n```python\n");
  grammar_add(s->c, &parts, calls);
  add(s, &parts, is_list ? "]" : "```\n<|tool_call_end|>");
  return grammar_sequence(s->c, &parts);
}

static expression read_tools(grammar_compiler *c, const void *input) {
  const tools_input *in = input;
  schema_compiler s = {0};
  grammar_list ways = {NULL, 0, 0};
  s.c = c;
  s.is_python = in->form == TERN_CALLS_PYTHON;
  c->is_schema = 1;
  if (in->form == TERN_CALLS_NONE || in->form > TERN_CALLS_LIST)
    grammar_fail(c, "the model's template has no form for calls of tools");
  json tools = grammar_read_json(c, "tools", in->tools, in->bytes);
  if (tools->kind != JSON_ARRAY)
    grammar_fail(c, "tools: expected a list");
  for (json i = tools->first; i; i = i->next) {
    json tool = json_find(i, "function") ? json_find(i, "function") : i;
    json name = json_find(tool, "name");
    if (!name || name->kind != JSON_STRING || name->bytes == 0)
      grammar_fail(c, "tools: number %u has no name", i->index);
    if (!in->name || json_is(name, in->name))
      grammar_add(c, &ways, call_in(&s, tool, name, in->form));
  }
  if (ways.count == 0)
    grammar_fail(c,
                 in->name ? "tools: none is called %.100s"
                          : "tools: there is none%.0s",
                 in->name ? in->name : "");
  return with_marks(&s, in->form, repeat(&s, in, grammar_choice(c, &ways)));
}

tern_grammar *tern_grammar_from_tools(uint32_t form, const char *tools,
                                      size_t bytes, const char *name,
                                      int is_parallel,
                                      const tern_grammar_options *options,
                                      tern_error *error) {
  tools_input in = {form, tools, name, bytes, is_parallel};
  size_t name_bytes = name ? strlen(name) + 1 : 0,
         room = bytes + name_bytes + 2;
  char *source = malloc(room);
  if (!source) {
    if (error)
      snprintf(error->text, sizeof(error->text), "out of memory");
    return NULL;
  }
  source[0] = (char)('0' + (form & 7));
  source[1] = is_parallel ? '+' : '1';
  if (name_bytes)
    memcpy(source + 2, name, name_bytes);
  memcpy(source + 2 + name_bytes, tools, bytes);
  tern_grammar *made =
      grammar_compile(read_tools, &in, 't', source, room, options, error);
  free(source);
  return made;
}
