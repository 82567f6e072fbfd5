/*===- schema_merge.c - schemas that hold together, and those that never do -===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "schema.h"

#include <string.h>

grammar_json *schema_without(schema_compiler *s, json schema,
                             const char *const *keywords) {
  grammar_json *rest = json_make(s->c, JSON_OBJECT, schema);
  for (json i = schema->first; i; i = i->next) {
    int is_out = 0;
    for (const char *const *k = keywords; *k; ++k)
      is_out |=
          i->key_bytes == strlen(*k) && memcmp(i->key, *k, i->key_bytes) == 0;
    if (!is_out)
      json_put(s->c, rest, i->key, i->key_bytes, i);
  }
  return rest;
}

/*--- One keyword of two schemas --------------------------------------------*/

/* {"allOf": [a, b]} */
static json both(schema_compiler *s, json a, json b) {
  grammar_json *all = json_make(s->c, JSON_OBJECT, a);
  grammar_json *list = json_make(s->c, JSON_ARRAY, a);
  json_put(s->c, list, NULL, 0, a);
  json_put(s->c, list, NULL, 0, b);
  json_put(s->c, all, "allOf", 5, list);
  return all;
}

static json never(schema_compiler *s, json like) {
  return json_make(s->c, JSON_FALSE, like);
}

static int has(json list, json value) {
  for (json i = list->first; i; i = i->next)
    if (json_equal(i, value))
      return 1;
  return 0;
}

static json common_values(schema_compiler *s, json a, json b) {
  grammar_json *list = json_make(s->c, JSON_ARRAY, a);
  for (json i = a->first; i; i = i->next)
    if (has(b, i))
      json_put(s->c, list, NULL, 0, i);
  return list;
}

static json all_values(schema_compiler *s, json a, json b) {
  grammar_json *list = json_make(s->c, JSON_ARRAY, a);
  for (json i = a->first; i; i = i->next)
    json_put(s->c, list, NULL, 0, i);
  for (json i = b->first; i; i = i->next)
    if (!has(a, i))
      json_put(s->c, list, NULL, 0, i);
  return list;
}

static void put_type(schema_compiler *s, grammar_json *list, const char *name) {
  grammar_json *type = json_make(s->c, JSON_STRING, list);
  type->text = name;
  type->bytes = (uint32_t)strlen(name);
  json_put(s->c, list, NULL, 0, type);
}

/* NULL: none is in both. */
static json common_types(schema_compiler *s, json a, json b) {
  static const char *const names[] = {"null",   "boolean", "integer", "number",
                                      "string", "array",   "object"};
  uint32_t types = schema_types_named(s, a) & schema_types_named(s, b);
  grammar_json *list = json_make(s->c, JSON_ARRAY, a);
  for (uint32_t i = 0; i < 7; ++i)
    if (types >> i & 1 && !(i == 2 && types >> 3 & 1))
      put_type(s, list, names[i]);
  return list->count ? list : NULL;
}

/* Properties of both; those that one has alone must also be what the other
 * says of additional ones. */
static json all_properties(schema_compiler *s, json a, json b) {
  json mine = json_find(a, "properties"), theirs = json_find(b, "properties");
  json more_mine = json_find(a, "additionalProperties");
  json more_theirs = json_find(b, "additionalProperties");
  grammar_json *all = json_make(s->c, JSON_OBJECT, mine ? mine : theirs);
  for (json i = mine ? mine->first : NULL; i; i = i->next) {
    json other = json_find_bytes(theirs, i->key, i->key_bytes);
    if (!other)
      other = more_theirs;
    json_put(s->c, all, i->key, i->key_bytes, other ? both(s, i, other) : i);
  }
  for (json i = theirs ? theirs->first : NULL; i; i = i->next)
    if (!json_find_bytes(mine, i->key, i->key_bytes))
      json_put(s->c, all, i->key, i->key_bytes,
               more_mine ? both(s, i, more_mine) : i);
  return all;
}

static int is_key(json keyword, const char *name) {
  return keyword->key_bytes == strlen(name) &&
         memcmp(keyword->key, name, keyword->key_bytes) == 0;
}

static int is_in(json keyword, const char *const *names) {
  for (; *names; ++names)
    if (is_key(keyword, *names))
      return 1;
  return 0;
}

/* Puts a keyword that both have into `all`; 0 if nothing is valid by both. */
static int merge_keyword(schema_compiler *s, grammar_json *all,
                         grammar_json *later, json mine, json theirs) {
  static const char *const lower[] = {"minItems",         "minProperties",
                                      "minLength",        "minimum",
                                      "exclusiveMinimum", NULL};
  static const char *const upper[] = {"maxItems",         "maxProperties",
                                      "maxLength",        "maximum",
                                      "exclusiveMaximum", NULL};
  static const char *const parts[] = {"anyOf", "oneOf", "$ref", NULL};
  json result = NULL;
  if (json_equal(mine, theirs))
    result = mine;
  else if (is_key(mine, "type"))
    result = common_types(s, mine, theirs);
  else if (is_key(mine, "enum"))
    result = common_values(s, mine, theirs);
  else if (is_key(mine, "const"))
    result = NULL;
  else if (is_key(mine, "required"))
    result = all_values(s, mine, theirs);
  else if (is_key(mine, "allOf"))
    result = all_values(s, mine, theirs);
  else if (is_key(mine, "items") || is_key(mine, "additionalProperties"))
    result = both(s, mine, theirs);
  else if (is_in(mine, lower))
    result = json_number(mine) > json_number(theirs) ? mine : theirs;
  else if (is_in(mine, upper))
    result = json_number(mine) < json_number(theirs) ? mine : theirs;
  else if (is_in(mine, parts)) {
    grammar_json *part = json_make(s->c, JSON_OBJECT, theirs);
    json_put(s->c, part, theirs->key, theirs->key_bytes, theirs);
    json_put(s->c, later, NULL, 0, part);
    result = mine;
  } else
    schema_fail(s, theirs, "it cannot be put together with that of %s",
                json_place_of(mine).text);
  if (result)
    json_put(s->c, all, mine->key, mine->key_bytes, result);
  return result != NULL;
}

json schema_merge(schema_compiler *s, json a, json b) {
  if (a->kind == JSON_TRUE || b->kind == JSON_FALSE)
    return b;
  if (b->kind == JSON_TRUE || a->kind == JSON_FALSE)
    return a;
  if (a->kind != JSON_OBJECT || b->kind != JSON_OBJECT)
    schema_fail(s, a->kind == JSON_OBJECT ? b : a,
                "expected a schema: an object, true or false");
  schema_check(s, a);
  schema_check(s, b);
  s->work += a->count + b->count;
  grammar_json *all = json_make(s->c, JSON_OBJECT, a);
  grammar_json *later = json_make(s->c, JSON_ARRAY, a);
  if (json_find(a, "properties") || json_find(b, "properties"))
    json_put(s->c, all, "properties", 10, all_properties(s, a, b));
  for (json i = a->first; i; i = i->next) {
    json other = json_find_bytes(b, i->key, i->key_bytes);
    if (schema_is_note(i) || is_key(i, "properties"))
      continue;
    if (!other)
      json_put(s->c, all, i->key, i->key_bytes, i);
    else if (!merge_keyword(s, all, later, i, other))
      return never(s, a);
  }
  for (json i = b->first; i; i = i->next)
    if (!schema_is_note(i) && !is_key(i, "properties") &&
        !json_find_bytes(a, i->key, i->key_bytes))
      json_put(s->c, all, i->key, i->key_bytes, i);
  if (later->count == 0)
    return all;
  /* As allOf, beside what that has already. */
  json present = json_find(all, "allOf");
  static const char *const names[] = {"allOf", NULL};
  grammar_json *result = schema_without(s, all, names);
  json_put(s->c, result, "allOf", 5,
           present ? all_values(s, present, later) : later);
  return result;
}

/*--- Alternatives that exclude each other ----------------------------------*/

/* To JSON schema 1.0 is an integer, too. */
static uint32_t about_type_of(json value) {
  return value->kind == JSON_NUMBER ? TYPE_NUMBER | TYPE_INTEGER
                                    : schema_type_of(value);
}

/* The types of a schema's values, as far as it says. */
static uint32_t types_of(schema_compiler *s, json schema) {
  json values = json_find(schema, "enum"), value = json_find(schema, "const");
  uint32_t types = schema->kind == JSON_OBJECT ? schema_types(s, schema)
                                               : (uint32_t)TYPE_ALL;
  if (value)
    types &= about_type_of(value);
  if (values && values->kind == JSON_ARRAY) {
    uint32_t listed = 0;
    for (json i = values->first; i; i = i->next)
      listed |= about_type_of(i);
    types &= listed;
  }
  return types;
}

static int allows(json schema, json value) {
  json values = json_find(schema, "enum"), only = json_find(schema, "const");
  if (only && !json_equal(only, value))
    return 0;
  return !values || has(values, value);
}

/* True if the listed values of `a` are none of `b`. */
static int differ(json a, json b) {
  json values = json_find(a, "enum"), only = json_find(a, "const");
  if (only)
    return !allows(b, only);
  if (!values || values->kind != JSON_ARRAY)
    return 0;
  for (json i = values->first; i; i = i->next)
    if (allows(b, i))
      return 0;
  return 1;
}

static int requires(json schema, json property) {
  json list = json_find(schema, "required");
  for (json i = list ? list->first : NULL; i; i = i->next)
    if (i->kind == JSON_STRING && i->bytes == property->key_bytes &&
        memcmp(i->text, property->key, i->bytes) == 0)
      return 1;
  return 0;
}

/* True if no text that is made for `a` is valid by `b`. */
static int excludes(schema_compiler *s, json a, json b) {
  uint32_t x = types_of(s, a), y = types_of(s, b);
  if (!(x & y) || differ(a, b))
    return 1;
  if (x != TYPE_OBJECT || y != TYPE_OBJECT)
    return 0;
  json mine = json_find(a, "properties"), theirs = json_find(b, "properties");
  json more_mine = json_find(a, "additionalProperties");
  json more_theirs = json_find(b, "additionalProperties");
  int is_closed = mine && (!more_mine || more_mine->kind == JSON_FALSE);
  for (json i = theirs ? theirs->first : NULL; i; i = i->next) {
    json own = json_find_bytes(mine, i->key, i->key_bytes);
    if (!own && is_closed && requires(b, i) && !requires(a, i))
      return 1;
    if (own && requires(a, own) &&
        differ(schema_target(s, own), schema_target(s, i)))
      return 1;
  }
  for (json i = mine ? mine->first : NULL; i; i = i->next)
    if (more_theirs && more_theirs->kind == JSON_FALSE && requires(a, i) &&
        !json_find_bytes(theirs, i->key, i->key_bytes))
      return 1;
  return 0;
}

/* Without a reference, so that all keywords are there. */
static json flatten(schema_compiler *s, json schema) {
  static const char *const names[] = {"$ref", NULL};
  for (uint32_t i = 0; i < 8 && json_find(schema, "$ref"); ++i)
    schema = schema_merge(s, schema_resolve(s, json_find(schema, "$ref")),
                          schema_without(s, schema, names));
  return schema;
}

void schema_check_apart(schema_compiler *s, json alternatives) {
  grammar_json *flat = json_make(s->c, JSON_ARRAY, alternatives);
  for (json i = alternatives->first; i; i = i->next)
    json_put(s->c, flat, NULL, 0, flatten(s, i));
  for (json a = flat->first; a; a = a->next)
    for (json b = a->next; b; b = b->next) {
      if (++s->work > 200000)
        schema_fail(s, alternatives, "there are too many alternatives");
      if (!excludes(s, a, b) || !excludes(s, b, a))
        schema_fail(s, alternatives,
                    "a text might be valid by the alternatives %u and %u both, "
                    "which oneOf forbids; use anyOf, or a required property "
                    "whose const tells them apart",
                    a->index, b->index);
    }
}
