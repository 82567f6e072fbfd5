/*===- schema_merge.c - schemas that hold together, and those that never do -===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "texts.h"

#include <string.h>

/* Bytes of values that are compared: part of a second's work, not a minute's.
 */
#define MOST_COMPARED 30000000u

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

static json never(schema_compiler *s, json like) {
  return json_make(s->c, JSON_FALSE, like);
}

json schema_both(schema_compiler *s, json a, json b) {
  if (a->kind == JSON_FALSE || b->kind == JSON_FALSE)
    return never(s, a);
  grammar_json *all = json_make(s->c, JSON_OBJECT, a);
  grammar_json *list = json_make(s->c, JSON_ARRAY, a);
  json_put(s->c, list, NULL, 0, a);
  json_put(s->c, list, NULL, 0, b);
  json_put(s->c, all, "allOf", 5, list);
  return all;
}

static int has(schema_compiler *s, json list, json value) {
  s->compared += list->count * (16 + (uint64_t)value->raw_bytes);
  if (s->compared > MOST_COMPARED)
    schema_fail(s, list, "its values are too many to be compared with others");
  for (json i = list->first; i; i = i->next)
    if (json_equal(i, value))
      return 1;
  return 0;
}

static json common_values(schema_compiler *s, json a, json b) {
  grammar_json *list = json_make(s->c, JSON_ARRAY, a);
  for (json i = a->first; i; i = i->next)
    if (has(s, b, i))
      json_put(s->c, list, NULL, 0, i);
  return list;
}

static json all_values(schema_compiler *s, json a, json b) {
  grammar_json *list = json_make(s->c, JSON_ARRAY, a);
  for (json i = a->first; i; i = i->next)
    json_put(s->c, list, NULL, 0, i);
  for (json i = b->first; i; i = i->next)
    if (!has(s, a, i))
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
    if (!other && !schema_has_pattern(s, json_find(b, "patternProperties"), i))
      other = more_theirs;
    json_put(s->c, all, i->key, i->key_bytes,
             other ? schema_both(s, i, other) : i);
  }
  for (json i = theirs ? theirs->first : NULL; i; i = i->next)
    if (!json_find_bytes(mine, i->key, i->key_bytes))
      json_put(s->c, all, i->key, i->key_bytes,
               more_mine && !schema_has_pattern(
                                s, json_find(a, "patternProperties"), i)
                   ? schema_both(s, i, more_mine)
                   : i);
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

/* The schema of the item at a place; NULL: there is none. */
static json item_at(json schema, uint32_t place) {
  json prefix = json_find(schema, "prefixItems");
  json i = prefix ? prefix->first : NULL;
  while (i && i->index != place)
    i = i->next;
  return i ? i : json_find(schema, "items");
}

/* `items` of one are about those that the other has a place for, too. */
static void put_prefix(schema_compiler *s, grammar_json *all, json a, json b) {
  json mine = json_find(a, "prefixItems"), theirs = json_find(b, "prefixItems");
  grammar_json *list = json_make(s->c, JSON_ARRAY, mine ? mine : theirs);
  uint32_t count = mine ? mine->count : 0;
  if (theirs && theirs->count > count)
    count = theirs->count;
  if (count > GRAMMAR_NESTING)
    schema_fail(s, list, "there are more than %u items", GRAMMAR_NESTING);
  for (uint32_t i = 0; i < count; ++i) {
    json x = item_at(a, i), y = item_at(b, i);
    json_put(s->c, list, NULL, 0, x && y ? schema_both(s, x, y) : x ? x : y);
  }
  json_put(s->c, all, "prefixItems", 11, list);
}

static int is_merged_apart(json keyword) {
  return is_key(keyword, "properties") || is_key(keyword, "prefixItems");
}

static json all_patterns(schema_compiler *s, json a, json b) {
  grammar_json *all = json_make(s->c, JSON_OBJECT, a);
  for (json i = a->first; i; i = i->next) {
    json other = json_find_bytes(b, i->key, i->key_bytes);
    json_put(s->c, all, i->key, i->key_bytes,
             other ? schema_both(s, i, other) : i);
  }
  for (json i = b->first; i; i = i->next)
    if (!json_find_bytes(a, i->key, i->key_bytes))
      json_put(s->c, all, i->key, i->key_bytes, i);
  return all;
}

/* Additional properties of one may match a pattern of the other. */
static void check_patterns(schema_compiler *s, json a, json b) {
  json more = json_find(b, "additionalProperties");
  if (json_find(a, "patternProperties") && more && more->kind != JSON_TRUE)
    schema_fail(s, more, "it cannot be put together with that of %s",
                json_place_of(json_find(a, "patternProperties")).text);
}

/* Puts a keyword that both have into `all`; 0 if nothing is valid by both. */
static int merge_keyword(schema_compiler *s, grammar_json *all,
                         grammar_json *later, grammar_json *conditions,
                         json mine, json theirs) {
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
  else if (is_key(mine, "items") || is_key(mine, "additionalProperties") ||
           is_key(mine, "propertyNames"))
    result = schema_both(s, mine, theirs);
  else if (is_key(mine, "uniqueItems"))
    result = mine->kind == JSON_TRUE ? mine : theirs;
  else if (is_key(mine, "patternProperties"))
    result = all_patterns(s, mine, theirs);
  else if (is_in(mine, lower))
    result = json_number(mine) > json_number(theirs) ? mine : theirs;
  else if (is_in(mine, upper))
    result = json_number(mine) < json_number(theirs) ? mine : theirs;
  else if (is_in(mine, parts)) {
    grammar_json *part = json_make(s->c, JSON_OBJECT, theirs);
    json_put(s->c, part, theirs->key, theirs->key_bytes, theirs);
    json_put(s->c, later, NULL, 0, part);
    result = mine;
  } else if (is_key(mine, "pattern") || is_key(mine, "format") ||
             is_key(mine, "multipleOf")) {
    grammar_json *part = json_make(s->c, JSON_OBJECT, theirs);
    json_put(s->c, part, theirs->key, theirs->key_bytes, theirs);
    json_put(s->c, conditions, NULL, 0, part);
    result = mine;
  } else
    schema_fail(s, theirs, "it cannot be put together with that of %s",
                json_place_of(mine).text);
  if (result)
    json_put(s->c, all, mine->key, mine->key_bytes, result);
  return result != NULL;
}

static grammar_json *all_conditions(schema_compiler *s, json a, json b) {
  grammar_json *list = json_make(s->c, JSON_ARRAY, a);
  json mine = json_find_key(a, schema_conditions);
  json theirs = json_find_key(b, schema_conditions);
  for (json i = mine ? mine->first : NULL; i; i = i->next)
    json_put(s->c, list, NULL, 0, i);
  for (json i = theirs ? theirs->first : NULL; i; i = i->next)
    json_put(s->c, list, NULL, 0, i);
  return list;
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
  a = schema_reduce(s, a);
  b = schema_reduce(s, b);
  check_patterns(s, a, b);
  check_patterns(s, b, a);
  grammar_json *all = json_make(s->c, JSON_OBJECT, a);
  grammar_json *later = json_make(s->c, JSON_ARRAY, a);
  json more = json_find(b, "contains");
  if (more && json_find(a, "contains"))
    schema_fail(s, more, "it cannot be put together with that of %s",
                json_place_of(json_find(a, "contains")).text);
  grammar_json *conditions = all_conditions(s, a, b);
  if (json_find(a, "properties") || json_find(b, "properties"))
    json_put(s->c, all, "properties", 10, all_properties(s, a, b));
  if (json_find(a, "prefixItems") || json_find(b, "prefixItems"))
    put_prefix(s, all, a, b);
  for (json i = a->first; i; i = i->next) {
    json other = json_find_bytes(b, i->key, i->key_bytes);
    if (schema_is_note(i) || is_merged_apart(i) || i->key == schema_conditions)
      continue;
    if (!other)
      json_put(s->c, all, i->key, i->key_bytes, i);
    else if (!merge_keyword(s, all, later, conditions, i, other))
      return never(s, a);
  }
  for (json i = b->first; i; i = i->next)
    if (!schema_is_note(i) && !is_merged_apart(i) &&
        i->key != schema_conditions &&
        !json_find_bytes(a, i->key, i->key_bytes))
      json_put(s->c, all, i->key, i->key_bytes, i);
  if (conditions->count)
    json_put(s->c, all, schema_conditions, strlen(schema_conditions),
             conditions);
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

static int allows(schema_compiler *s, json schema, json value) {
  json values = json_find(schema, "enum"), only = json_find(schema, "const");
  if (only && !json_equal(only, value))
    return 0;
  return !values || has(s, values, value);
}

/* True if the listed values of `a` are none of `b`. */
static int differ(schema_compiler *s, json a, json b) {
  json values = json_find(a, "enum"), only = json_find(a, "const");
  if (only)
    return !allows(s, b, only);
  if (!values || values->kind != JSON_ARRAY)
    return 0;
  for (json i = values->first; i; i = i->next)
    if (allows(s, b, i))
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
  if (!(x & y) || differ(s, a, b))
    return 1;
  if (x != TYPE_OBJECT || y != TYPE_OBJECT)
    return 0;
  json mine = json_find(a, "properties"), theirs = json_find(b, "properties");
  json more_theirs = json_find(b, "additionalProperties");
  int is_closed =
      mine && !schema_is_open(a) && !json_find(a, "patternProperties");
  for (json i = theirs ? theirs->first : NULL; i; i = i->next) {
    json own = json_find_bytes(mine, i->key, i->key_bytes);
    if (!own && is_closed && requires(b, i) && !requires(a, i))
      return 1;
    if (own && requires(a, own) &&
        differ(s, schema_target(s, own), schema_target(s, i)))
      return 1;
  }
  for (json i = mine ? mine->first : NULL; i; i = i->next)
    if (more_theirs && more_theirs->kind == JSON_FALSE && requires(a, i) &&
        !json_find_bytes(theirs, i->key, i->key_bytes) &&
        !json_find(b, "patternProperties"))
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

int schema_are_apart(schema_compiler *s, json alternatives) {
  grammar_json *flat = json_make(s->c, JSON_ARRAY, alternatives);
  for (json i = alternatives->first; i; i = i->next)
    json_put(s->c, flat, NULL, 0, flatten(s, i));
  for (json a = flat->first; a; a = a->next)
    for (json b = a->next; b; b = b->next) {
      if (++s->work > 200000)
        schema_fail(s, alternatives, "there are too many alternatives");
      if (!excludes(s, a, b) || !excludes(s, b, a))
        return 0;
    }
  return 1;
}
