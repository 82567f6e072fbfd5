/*===- schema.c - from a JSON schema to rules -------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Schemas looked at, those that follow from others included. */
#define MOST_WORK 200000u

void schema_fail(schema_compiler *s, json at, const char *format, ...) {
  char sentence[400];
  json_place place = json_place_of(at);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sentence, sizeof(sentence), format, arguments);
  va_end(arguments);
  grammar_fail(s->c, "schema: %s: %s", place.text, sentence);
}

/*--- References ------------------------------------------------------------*/

/* One step of a JSON pointer: "~0" is '~', "~1" is '/', "%25" is '%'. */
static size_t read_step(const char **at, const char *end, char *out) {
  size_t count = 0;
  for (; *at < end && **at != '/'; ++*at) {
    unsigned byte;
    char next = **at;
    if (next == '~' && end - *at > 1) {
      next = *++*at == '1' ? '/' : '~';
    } else if (next == '%' && end - *at > 2) {
      char digits[3] = {(*at)[1], (*at)[2], 0};
      if (sscanf(digits, "%2x", &byte) == 1) {
        next = (char)byte;
        *at += 2;
      }
    }
    out[count++] = next;
  }
  return count;
}

static json step_into(json from, const char *step, size_t bytes) {
  if (from->kind == JSON_OBJECT)
    return json_find_bytes(from, step, bytes);
  uint32_t index = 0;
  if (from->kind != JSON_ARRAY || bytes == 0 || bytes > 6)
    return NULL;
  for (size_t i = 0; i < bytes; ++i) {
    if (step[i] < '0' || step[i] > '9')
      return NULL;
    index = index * 10 + (uint32_t)(step[i] - '0');
  }
  for (json i = from->first; i; i = i->next)
    if (i->index == index)
      return i;
  return NULL;
}

json schema_resolve(schema_compiler *s, json reference) {
  if (reference->kind != JSON_STRING)
    schema_fail(s, reference, "expected a string");
  const char *at = reference->text, *end = at + reference->bytes;
  int bytes = reference->bytes > 100 ? 100 : (int)reference->bytes;
  if (at == end || *at != '#' || (end - at > 1 && at[1] != '/'))
    schema_fail(s, reference,
                "%.*s is not within this schema; expected # or #/...", bytes,
                reference->text);
  char *step = grammar_allocate(s->c, reference->bytes, 1);
  json found = s->root;
  for (++at; found && at < end;) {
    ++at;
    size_t count = read_step(&at, end, step);
    found = step_into(found, step, count);
  }
  if (!found)
    schema_fail(s, reference, "there is no %.*s", bytes, reference->text);
  return found;
}

json schema_target(schema_compiler *s, json schema) {
  json reference = json_find(schema, "$ref");
  for (uint32_t i = 0; reference; ++i) {
    json place = reference;
    if (i == 64)
      schema_fail(s, place, "references lead in a circle");
    schema = schema_resolve(s, reference);
    reference = json_find(schema, "$ref");
  }
  return schema;
}

expression schema_call(schema_compiler *s, json schema) {
  for (uint32_t i = 0; i < s->known_count; ++i)
    if (s->known[i].schema == schema)
      return grammar_call(s->c, s->known[i].rule);
  json_place place = json_place_of(schema);
  char *name = grammar_allocate(s->c, sizeof(place.text), 1);
  memcpy(name, place.text, sizeof(place.text));
  uint32_t rule = grammar_new_rule(s->c, name, strlen(name), 0);
  s->known = grammar_grow(s->c, s->known, s->known_count, &s->known_room,
                          sizeof(*s->known));
  s->known[s->known_count++] = (known_schema){schema, rule};
  expression body = schema_value(s, schema);
  s->c->rules[rule].body = body;
  return grammar_call(s->c, rule);
}

/*--- Combinations ----------------------------------------------------------*/

static int says_nothing(json schema) {
  if (schema->kind == JSON_FALSE)
    return 0;
  for (json i = schema->first; i; i = i->next)
    if (!schema_is_note(i))
      return 0;
  return 1;
}

static expression refer(schema_compiler *s, json schema) {
  static const char *const names[] = {"$ref", NULL};
  json target = schema_resolve(s, json_find(schema, "$ref"));
  json rest = schema_without(s, schema, names);
  if (says_nothing(rest))
    return schema_call(s, target);
  return schema_value(s, schema_merge(s, schema_target(s, target), rest));
}

static json need_list(schema_compiler *s, json list) {
  if (list->kind != JSON_ARRAY || list->count == 0)
    schema_fail(s, list, "expected a list of schemas");
  return list;
}

/* anyOf or oneOf, with all else in the schema. */
static expression choose(schema_compiler *s, json schema, const char *name) {
  const char *const names[] = {name, NULL};
  json list = need_list(s, json_find(schema, name));
  json rest = schema_without(s, schema, names);
  grammar_json *all = json_make(s->c, JSON_ARRAY, list);
  grammar_list ways = {NULL, 0, 0};
  int is_alone = says_nothing(rest);
  for (json i = list->first; i; i = i->next)
    json_put(s->c, all, NULL, 0, is_alone ? i : schema_merge(s, rest, i));
  if (name[0] == 'o' && !schema_are_apart(s, all)) {
    list = schema_only_one(s, all);
    is_alone = 1;
  }
  ++s->choices;
  for (json i = list->first, j = all->first; i; i = i->next, j = j->next)
    grammar_add(s->c, &ways, schema_value(s, is_alone ? i : j));
  --s->choices;
  return grammar_choice(s->c, &ways);
}

/* Without its allOf, unless the parts have some. */
static json combine(schema_compiler *s, json schema) {
  static const char *const names[] = {"allOf", NULL};
  json list = need_list(s, json_find(schema, "allOf"));
  json all = schema_without(s, schema, names);
  for (json i = list->first; i; i = i->next)
    all = says_nothing(all) && !json_find(i, "$ref")
              ? i
              : schema_merge(s, all, schema_target(s, i));
  return all;
}

json schema_flat(schema_compiler *s, json schema) {
  static const char *const names[] = {"$ref", NULL};
  for (uint32_t i = 0; i < GRAMMAR_NESTING; ++i) {
    if (schema->kind == JSON_OBJECT)
      schema_check(s, schema);
    schema = schema_reduce(s, schema);
    if (json_find(schema, "$ref"))
      schema = schema_merge(s, schema_target(s, schema),
                            schema_without(s, schema, names));
    else if (json_find(schema, "allOf"))
      schema = combine(s, schema);
    else
      return schema;
  }
  schema_fail(s, schema, "its parts are put together too often");
}

/*--- Plain schemas ---------------------------------------------------------*/

/* Keywords that speak of one type, where `type` does not say which. */
static uint32_t implied_types(json schema) {
  static const struct {
    const char *keyword;
    uint32_t type;
  } table[] = {{"properties", TYPE_OBJECT},
               {"required", TYPE_OBJECT},
               {"additionalProperties", TYPE_OBJECT},
               {"minProperties", TYPE_OBJECT},
               {"maxProperties", TYPE_OBJECT},
               {"patternProperties", TYPE_OBJECT},
               {"propertyNames", TYPE_OBJECT},
               {"items", TYPE_ARRAY},
               {"prefixItems", TYPE_ARRAY},
               {"minItems", TYPE_ARRAY},
               {"maxItems", TYPE_ARRAY},
               {"contains", TYPE_ARRAY},
               {"uniqueItems", TYPE_ARRAY},
               {"pattern", TYPE_STRING},
               {"format", TYPE_STRING},
               {"minLength", TYPE_STRING},
               {"maxLength", TYPE_STRING},
               {"multipleOf", TYPE_NUMBER | TYPE_INTEGER},
               {"minimum", TYPE_NUMBER | TYPE_INTEGER},
               {"maximum", TYPE_NUMBER | TYPE_INTEGER},
               {"exclusiveMinimum", TYPE_NUMBER | TYPE_INTEGER},
               {"exclusiveMaximum", TYPE_NUMBER | TYPE_INTEGER}};
  uint32_t types = 0;
  for (size_t i = 0; i < sizeof(table) / sizeof(*table); ++i)
    if (json_find(schema, table[i].keyword))
      types |= table[i].type;
  return types;
}

static expression of_types(schema_compiler *s, json schema, uint32_t types) {
  grammar_list ways = {NULL, 0, 0};
  grammar_compiler *c = s->c;
  if (types & TYPE_OBJECT)
    grammar_add(c, &ways, schema_object(s, schema));
  if (types & TYPE_ARRAY)
    grammar_add(c, &ways, schema_array(s, schema));
  if (types & TYPE_STRING)
    grammar_add(c, &ways, schema_string(s, schema));
  if (types & TYPE_INTEGER)
    grammar_add(c, &ways, schema_number(s, schema, !(types & TYPE_NUMBER)));
  if (types & TYPE_BOOLEAN) {
    grammar_add(c, &ways, grammar_literal(c, s->is_python ? "True" : "true"));
    grammar_add(c, &ways, grammar_literal(c, s->is_python ? "False" : "false"));
  }
  if (types & TYPE_NULL)
    grammar_add(c, &ways, grammar_literal(c, s->is_python ? "None" : "null"));
  return grammar_choice(c, &ways);
}

static expression plain(schema_compiler *s, json schema) {
  uint32_t types = schema_types(s, schema);
  if (json_find(schema, "enum") || json_find(schema, "const")) {
    grammar_list ways = {NULL, 0, 0};
    json values = schema_values(s, schema, types);
    for (json i = values->first; i; i = i->next)
      grammar_add(s->c, &ways, schema_literal(s, i));
    return grammar_choice(s->c, &ways);
  }
  if (types == TYPE_ALL) {
    types = implied_types(schema);
    if (types == 0)
      return schema_any(s);
  }
  return of_types(s, schema, types);
}

expression schema_value(schema_compiler *s, json schema) {
  expression result;
  if (schema->kind == JSON_TRUE)
    return schema_any(s);
  if (schema->kind == JSON_FALSE)
    return grammar_class(s->c, NULL, 0, 0);
  if (schema->kind != JSON_OBJECT)
    schema_fail(s, schema, "expected a schema: an object, true or false");
  if (++s->work > MOST_WORK || s->depth >= GRAMMAR_NESTING)
    schema_fail(s, schema,
                "the schema is too large when its parts are put "
                "together");
  ++s->depth;
  schema_check(s, schema);
  schema = schema_reduce(s, schema);
  if (json_find(schema, "$ref"))
    result = refer(s, schema);
  else if (json_find(schema, "anyOf"))
    result = choose(s, schema, "anyOf");
  else if (json_find(schema, "oneOf"))
    result = choose(s, schema, "oneOf");
  else if (json_find(schema, "allOf"))
    result = schema_value(s, combine(s, schema));
  else
    result = plain(s, schema);
  --s->depth;
  return result;
}

/*--- The whole -------------------------------------------------------------*/

typedef struct schema_text {
  const char *text;
  size_t bytes;
} schema_text;

static expression read_schema(grammar_compiler *c, const void *input) {
  const schema_text *text = input;
  schema_compiler s = {0};
  s.c = c;
  c->is_schema = 1;
  s.root = grammar_read_json(c, "schema", text->text, text->bytes);
  return schema_call(&s, s.root);
}

tern_grammar *tern_grammar_from_schema(const char *text, size_t bytes,
                                       const tern_grammar_options *options,
                                       tern_error *error) {
  schema_text input = {text, bytes};
  return grammar_compile(read_schema, &input, 's', text, bytes, options, error);
}

static expression read_any_object(grammar_compiler *c, const void *input) {
  schema_compiler s = {0};
  (void)input;
  s.c = c;
  return schema_any_object(&s);
}

tern_grammar *tern_grammar_any_object(const tern_grammar_options *options,
                                      tern_error *error) {
  return grammar_compile(read_any_object, NULL, 'o', "", 0, options, error);
}
