/*===- schema_reduce.c - keywords that stand for others ---------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "schema.h"

#include <string.h>

/* Alternatives of which each is kept apart from all others. */
#define MOST_NEGATED 8u

/* An object without the property. */
static json absent(schema_compiler *s, json like, const char *name,
                   uint32_t bytes) {
  grammar_json *properties = json_make(s->c, JSON_OBJECT, like);
  json_put(s->c, properties, name, bytes, schema_word(s, like, JSON_FALSE));
  return schema_with(s, like, "properties", properties);
}

static json either(schema_compiler *s, json a, json b) {
  return schema_with(s, a, "anyOf", schema_list_of(s, a, a, b));
}

json schema_only_one(schema_compiler *s, json alternatives) {
  grammar_json *ways = json_make(s->c, JSON_ARRAY, alternatives);
  if (alternatives->count > MOST_NEGATED)
    schema_fail(s, alternatives,
                "a text might be valid by two of these %u alternatives, which "
                "oneOf forbids; use anyOf, or a required property whose const "
                "tells them apart",
                alternatives->count);
  for (json i = alternatives->first; i; i = i->next) {
    grammar_json *all = json_make(s->c, JSON_ARRAY, i);
    json_put(s->c, all, NULL, 0, i);
    for (json k = alternatives->first; k; k = k->next)
      if (k != i)
        json_put(s->c, all, NULL, 0, schema_negated(s, k));
    json_put(s->c, ways, NULL, 0, schema_with(s, i, "allOf", all));
  }
  return ways;
}

/*--- Keywords that stand for others ----------------------------------------*/

static json conditional(schema_compiler *s, json schema, json condition) {
  json then = json_find(schema, "then"), other = json_find(schema, "else");
  json is_so = then ? schema_both(s, condition, then) : condition;
  json is_not = schema_negated(s, condition);
  return either(s, is_so, other ? schema_both(s, is_not, other) : is_not);
}

/* For each property of a list or schema: it is not there, or all that depends
 * on it is so. */
static void put_dependencies(schema_compiler *s, grammar_json *parts,
                             json keyword) {
  for (json i = keyword->first; i; i = i->next) {
    json with_it = schema_present(s, i, i->key, i->key_bytes);
    json also = i;
    if (i->kind == JSON_ARRAY)
      also = schema_with(s, i, "required", i);
    json_put(s->c, parts, NULL, 0,
             either(s, absent(s, i, i->key, i->key_bytes),
                    schema_both(s, with_it, also)));
  }
}

json schema_reduce(schema_compiler *s, json schema) {
  static const char *const names[] = {"not",
                                      "if",
                                      "then",
                                      "else",
                                      "dependentRequired",
                                      "dependentSchemas",
                                      "dependencies",
                                      "allOf",
                                      NULL};
  json condition = json_find(schema, "if"), all = json_find(schema, "allOf");
  int is_needed = 0;
  for (const char *const *name = names; *name; ++name)
    is_needed |= strcmp(*name, "allOf") != 0 && json_find(schema, *name);
  if (!is_needed)
    return schema;
  grammar_json *parts = json_make(s->c, JSON_ARRAY, all ? all : schema);
  for (json i = all ? all->first : NULL; i; i = i->next)
    json_put(s->c, parts, NULL, 0, i);
  if (json_find(schema, "not"))
    json_put(s->c, parts, NULL, 0, schema_negate(s, json_find(schema, "not")));
  if (condition)
    json_put(s->c, parts, NULL, 0, conditional(s, schema, condition));
  for (uint32_t i = 4; i < 7; ++i)
    if (json_find(schema, names[i]))
      put_dependencies(s, parts, json_find(schema, names[i]));
  grammar_json *result = schema_without(s, schema, names);
  if (parts->count)
    schema_put(s, result, "allOf", parts);
  return result;
}
