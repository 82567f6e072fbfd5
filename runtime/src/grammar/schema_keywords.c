/*===- schema_keywords.c - keywords, and which of them are supported --------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "schema.h"

#include <string.h>

static const char *const notes[] = {
    "title",      "description", "default",   "examples", "$comment",
    "deprecated", "readOnly",    "writeOnly", "$schema",  "$id",
    "$defs",      "definitions", NULL};

/* The kinds of a keyword's value, as bits by json_kind. */
enum {
  IS_ANY = 127,
  IS_SCHEMA = 1 << JSON_OBJECT | 1 << JSON_TRUE | 1 << JSON_FALSE,
  IS_OBJECT = 1 << JSON_OBJECT,
  IS_FLAG = 1 << JSON_TRUE | 1 << JSON_FALSE,
  IS_LIST = 1 << JSON_ARRAY,
  IS_NUMBER = 1 << JSON_NUMBER,
  IS_STRING = 1 << JSON_STRING,
  IS_TYPE = IS_LIST | IS_STRING
};

static const struct {
  const char *name;
  unsigned kinds;
  const char *expected;
} known[] = {{"$ref", IS_STRING, "a string"},
             {"anyOf", IS_LIST, "a list of schemas"},
             {"oneOf", IS_LIST, "a list of schemas"},
             {"allOf", IS_LIST, "a list of schemas"},
             {"type", IS_TYPE, "a type or a list of them"},
             {"enum", IS_LIST, "a list of values"},
             {"const", IS_ANY, ""},
             {"properties", IS_OBJECT, "an object of schemas"},
             {"required", IS_LIST, "a list of strings"},
             {"items", IS_SCHEMA, "a schema"},
             {"prefixItems", IS_LIST, "a list of schemas"},
             {"additionalProperties", IS_SCHEMA, "a schema"},
             {"minItems", IS_NUMBER, "a number"},
             {"maxItems", IS_NUMBER, "a number"},
             {"minProperties", IS_NUMBER, "a number"},
             {"maxProperties", IS_NUMBER, "a number"},
             {"minLength", IS_NUMBER, "a number"},
             {"maxLength", IS_NUMBER, "a number"},
             {"pattern", IS_STRING, "a string"},
             {"format", IS_STRING, "a string"},
             {"minimum", IS_NUMBER, "a number"},
             {"maximum", IS_NUMBER, "a number"},
             {"exclusiveMinimum", IS_NUMBER, "a number"},
             {"exclusiveMaximum", IS_NUMBER, "a number"},
             {"multipleOf", IS_NUMBER, "a number"},
             {"patternProperties", IS_OBJECT, "an object of schemas"},
             {"propertyNames", IS_SCHEMA, "a schema"},
             {"dependentRequired", IS_OBJECT, "an object of lists"},
             {"dependentSchemas", IS_OBJECT, "an object of schemas"},
             {"dependencies", IS_OBJECT, "an object of lists and schemas"},
             {"contains", IS_SCHEMA, "a schema"},
             {"minContains", IS_NUMBER, "a number"},
             {"maxContains", IS_NUMBER, "a number"},
             {"uniqueItems", IS_FLAG, "true or false"},
             {"not", IS_SCHEMA, "a schema"},
             {"if", IS_SCHEMA, "a schema"},
             {"then", IS_SCHEMA, "a schema"},
             {"else", IS_SCHEMA, "a schema"}};

static int is_in(json keyword, const char *const *list) {
  for (; *list; ++list)
    if (keyword->key_bytes == strlen(*list) &&
        memcmp(keyword->key, *list, keyword->key_bytes) == 0)
      return 1;
  return 0;
}

int schema_is_note(json keyword) { return is_in(keyword, notes); }

static int key_is(json keyword, const char *name) {
  return keyword->key_bytes == strlen(name) &&
         memcmp(keyword->key, name, keyword->key_bytes) == 0;
}

static void check_keyword(schema_compiler *s, json keyword) {
  for (size_t i = 0; i < sizeof(known) / sizeof(*known); ++i) {
    if (!key_is(keyword, known[i].name))
      continue;
    if (!(known[i].kinds >> keyword->kind & 1))
      schema_fail(s, keyword, "expected %s", known[i].expected);
    return;
  }
  if (keyword->key == schema_conditions)
    return;
  schema_fail(s, keyword, "the keyword %.*s is not supported",
              keyword->key_bytes > 60 ? 60 : (int)keyword->key_bytes,
              keyword->key);
}

static void check_names(schema_compiler *s, json list) {
  for (json i = list ? list->first : NULL; i; i = i->next)
    if (i->kind != JSON_STRING)
      schema_fail(s, i, "expected a string");
}

void schema_check(schema_compiler *s, json schema) {
  for (json i = schema->first; i; i = i->next)
    if (!is_in(i, notes))
      check_keyword(s, i);
  check_names(s, json_find(schema, "required"));
  for (size_t k = 0; k < 2; ++k) {
    json all = json_find(schema, k ? "dependentRequired" : "dependencies");
    for (json i = all ? all->first : NULL; i; i = i->next) {
      if (k && i->kind != JSON_ARRAY)
        schema_fail(s, i, "expected a list of strings");
      if (i->kind == JSON_ARRAY)
        check_names(s, i);
    }
  }
}

/*--- Types -----------------------------------------------------------------*/

static const struct {
  const char *name;
  uint32_t types;
} types_by_name[] = {
    {"null", TYPE_NULL},       {"boolean", TYPE_BOOLEAN},
    {"integer", TYPE_INTEGER}, {"number", TYPE_NUMBER | TYPE_INTEGER},
    {"string", TYPE_STRING},   {"array", TYPE_ARRAY},
    {"object", TYPE_OBJECT}};

static uint32_t type_named(schema_compiler *s, json name) {
  for (size_t i = 0; i < sizeof(types_by_name) / sizeof(*types_by_name); ++i)
    if (json_is(name, types_by_name[i].name))
      return types_by_name[i].types;
  schema_fail(s, name,
              "expected null, boolean, integer, number, string, array "
              "or object");
}

uint32_t schema_types_named(schema_compiler *s, json type) {
  uint32_t types = 0;
  if (type->kind != JSON_ARRAY)
    return type_named(s, type);
  if (type->count == 0)
    schema_fail(s, type, "expected at least one type");
  for (json i = type->first; i; i = i->next)
    types |= type_named(s, i);
  return types;
}

uint32_t schema_types(schema_compiler *s, json schema) {
  json type = json_find(schema, "type");
  return type ? schema_types_named(s, type) : (uint32_t)TYPE_ALL;
}

/* 1.0 is an integer to JSON schema, but is not written as one here. */
uint32_t schema_type_of(json value) {
  switch (value->kind) {
  case JSON_NULL:
    return TYPE_NULL;
  case JSON_FALSE:
  case JSON_TRUE:
    return TYPE_BOOLEAN;
  case JSON_NUMBER:
    for (uint32_t i = 0; i < value->bytes; ++i)
      if (strchr(".eE", value->text[i]))
        return TYPE_NUMBER;
    return TYPE_INTEGER;
  case JSON_STRING:
    return TYPE_STRING;
  case JSON_ARRAY:
    return TYPE_ARRAY;
  case JSON_OBJECT:
    return TYPE_OBJECT;
  }
  return 0;
}

uint32_t schema_count(schema_compiler *s, json schema, const char *keyword,
                      uint32_t otherwise) {
  json value = json_find(schema, keyword);
  uint64_t count = 0;
  if (!value)
    return otherwise;
  if (value->kind != JSON_NUMBER || schema_type_of(value) != TYPE_INTEGER ||
      value->text[0] == '-')
    schema_fail(s, value, "expected a whole number from 0 on");
  for (uint32_t i = 0; i < value->bytes; ++i) {
    count = count * 10 + (uint64_t)(value->text[i] - '0');
    if (count > 1000000)
      schema_fail(s, value, "expected at most 1000000, got %.*s",
                  value->bytes > 40 ? 40 : (int)value->bytes, value->text);
  }
  return (uint32_t)count;
}
