/*===- schema_negate.c - what a schema does not allow
 * ------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * A value is not valid by a schema where it is not by one of its keywords: a
 * choice of schemas that have one keyword of the opposite meaning each. All
 * here is about values as JSON schema defines them, not about the texts that
 * are made for a schema, which are fewer.
 */
#include "schema.h"

#include <string.h>

static int is_key(json keyword, const char *name) {
  return keyword->key_bytes == strlen(name) &&
         memcmp(keyword->key, name, keyword->key_bytes) == 0;
}

/*--- Schemas that are made -------------------------------------------------*/

static grammar_json *object(schema_compiler *s, json like) {
  return json_make(s->c, JSON_OBJECT, like);
}

json schema_word(schema_compiler *s, json like, json_kind kind) {
  return json_make(s->c, kind, like);
}

void schema_put(schema_compiler *s, grammar_json *into, const char *key,
                json value) {
  json_put(s->c, into, key, strlen(key), value);
}

static grammar_json *text(schema_compiler *s, json like, const char *at) {
  grammar_json *made = json_make(s->c, JSON_STRING, like);
  made->text = at;
  made->bytes = (uint32_t)strlen(at);
  return made;
}

static json whole(schema_compiler *s, json like, uint32_t value) {
  grammar_json *made = json_make(s->c, JSON_NUMBER, like);
  char *digits = grammar_allocate(s->c, 12, 1), *at = digits + 11;
  do
    *--at = (char)('0' + value % 10);
  while (value /= 10);
  made->text = at;
  made->bytes = (uint32_t)strlen(at);
  return made;
}

/* {key: value} */
json schema_with(schema_compiler *s, json like, const char *key, json value) {
  grammar_json *made = object(s, like);
  schema_put(s, made, key, value);
  return made;
}

json schema_negated(schema_compiler *s, json schema) {
  return schema_with(s, schema, "not", schema);
}

json schema_list_of(schema_compiler *s, json like, json a, json b) {
  grammar_json *list = json_make(s->c, JSON_ARRAY, like);
  json_put(s->c, list, NULL, 0, a);
  if (b)
    json_put(s->c, list, NULL, 0, b);
  return list;
}

/* {"type": type, key: value}; a key of NULL is left out. */
static grammar_json *typed(schema_compiler *s, json like, const char *type,
                           const char *key, json value) {
  grammar_json *made = object(s, like);
  schema_put(s, made, "type", text(s, like, type));
  if (key)
    schema_put(s, made, key, value);
  return made;
}

json schema_present(schema_compiler *s, json like, const char *name,
                    uint32_t bytes) {
  grammar_json *value = json_make(s->c, JSON_STRING, like);
  value->text = name;
  value->bytes = bytes;
  return schema_with(s, like, "required", schema_list_of(s, like, value, NULL));
}

/* {"type": type, conditions: [{"not": {key: value}}]} */
static json excluded(schema_compiler *s, const char *type, const char *key,
                     json value) {
  grammar_json *made = typed(s, value, type, NULL, NULL);
  json one = schema_with(s, value, "not", schema_with(s, value, key, value));
  json_put(s->c, made, schema_conditions, strlen(schema_conditions),
           schema_list_of(s, value, one, NULL))
      ->key = schema_conditions;
  return made;
}

/*--- The opposite of a keyword ---------------------------------------------*/

/* The choice while it is made. */
typedef struct opposites {
  schema_compiler *s;
  json schema;
  grammar_json *ways;
} opposites;

static void add(opposites *o, json way) {
  json_put(o->s->c, o->ways, NULL, 0, way);
}

static const char *const type_names[] = {
    "null", "boolean", "integer", "number", "string", "array", "object"};

/* All types but those in `types`. */
static void add_other_types(opposites *o, json like, uint32_t types) {
  for (uint32_t i = 0; i < 7; ++i)
    if (!(types >> i & 1) && i != 2)
      add(o, i == 3 && types & TYPE_INTEGER
                 ? excluded(o->s, "number", "multipleOf", whole(o->s, like, 1))
                 : typed(o->s, like, type_names[i], NULL, NULL));
}

static void add_other_values(opposites *o, json values) {
  uint32_t types = 0;
  int is_list = is_key(values, "enum");
  grammar_json *kinds[JSON_OBJECT + 1] = {NULL};
  schema_compiler *s = o->s;
  json falsity = NULL, truth = NULL;
  for (json i = is_list ? values->first : values; i;
       i = is_list ? i->next : NULL) {
    types |=
        i->kind == JSON_NUMBER ? TYPE_NUMBER | TYPE_INTEGER : schema_type_of(i);
    falsity = i->kind == JSON_FALSE ? i : falsity;
    truth = i->kind == JSON_TRUE ? i : truth;
    if (i->kind < JSON_NUMBER)
      continue;
    if (!kinds[i->kind])
      kinds[i->kind] = json_make(s->c, JSON_ARRAY, values);
    json_put(s->c, kinds[i->kind], NULL, 0,
             schema_with(s, i, "not", schema_with(s, i, "const", i)));
  }
  add_other_types(o, values, types);
  if (!falsity != !truth)
    add(o,
        schema_with(s, values, "const",
                    schema_word(s, values, falsity ? JSON_TRUE : JSON_FALSE)));
  for (uint32_t kind = JSON_NUMBER; kind <= JSON_OBJECT; ++kind) {
    if (!kinds[kind])
      continue;
    grammar_json *way = typed(s, values, type_names[kind], NULL, NULL);
    json_put(s->c, way, schema_conditions, strlen(schema_conditions),
             kinds[kind])
        ->key = schema_conditions;
    add(o, way);
  }
}

static void add_bound(opposites *o, json keyword) {
  static const struct {
    const char *name, *type, *other;
    int step;
  } bounds[] = {{"minLength", "string", "maxLength", -1},
                {"maxLength", "string", "minLength", 1},
                {"minItems", "array", "maxItems", -1},
                {"maxItems", "array", "minItems", 1},
                {"minProperties", "object", "maxProperties", -1},
                {"maxProperties", "object", "minProperties", 1},
                {"minimum", "number", "exclusiveMaximum", 0},
                {"exclusiveMinimum", "number", "maximum", 0},
                {"maximum", "number", "exclusiveMinimum", 0},
                {"exclusiveMaximum", "number", "minimum", 0}};
  for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); ++i) {
    if (!is_key(keyword, bounds[i].name))
      continue;
    json value = keyword;
    if (bounds[i].step) {
      uint32_t count = schema_count(o->s, o->schema, bounds[i].name, 0);
      if (count == 0 && bounds[i].step < 0)
        return;
      value = whole(o->s, keyword, count + (uint32_t)bounds[i].step);
    }
    add(o, typed(o->s, keyword, bounds[i].type, bounds[i].other, value));
    return;
  }
  schema_fail(o->s, keyword, "it is not supported within not or if");
}

static void add_objects(opposites *o, json keyword) {
  schema_compiler *s = o->s;
  for (json i = keyword->first; i; i = i->next) {
    if (is_key(keyword, "required")) {
      grammar_json *way = typed(s, i, "object", NULL, NULL);
      grammar_json *properties = object(s, i);
      json_put(s->c, properties, i->text, i->bytes,
               schema_word(s, i, JSON_FALSE));
      schema_put(s, way, "properties", properties);
      add(o, way);
    } else if (is_key(keyword, "properties")) {
      grammar_json *properties = object(s, i), *way;
      json_put(s->c, properties, i->key, i->key_bytes, schema_negated(s, i));
      way = typed(s, i, "object", "properties", properties);
      add(o, schema_both(s, way, schema_present(s, i, i->key, i->key_bytes)));
    }
  }
}

static void add_items(opposites *o, json keyword) {
  schema_compiler *s = o->s;
  json prefix = json_find(o->schema, "prefixItems");
  if (is_key(keyword, "prefixItems")) {
    for (json i = keyword->first; i; i = i->next) {
      grammar_json *list = json_make(s->c, JSON_ARRAY, keyword);
      for (uint32_t k = 0; k < i->index; ++k)
        json_put(s->c, list, NULL, 0, schema_word(s, i, JSON_TRUE));
      json_put(s->c, list, NULL, 0, schema_negated(s, i));
      grammar_json *way = typed(s, i, "array", "prefixItems", list);
      schema_put(s, way, "minItems", whole(s, i, i->index + 1));
      schema_put(s, way, "items", schema_word(s, i, JSON_TRUE));
      add(o, way);
    }
  } else if (prefix) {
    schema_fail(s, keyword,
                "it is not supported within not or if beside "
                "prefixItems");
  } else {
    add(o, typed(s, keyword, "array", "contains", schema_negated(s, keyword)));
  }
}

static void add_contains(opposites *o, json contains) {
  schema_compiler *s = o->s;
  uint32_t least = schema_count(s, o->schema, "minContains", 1);
  json most = json_find(o->schema, "maxContains");
  if (least) {
    grammar_json *way = typed(s, contains, "array", "contains", contains);
    schema_put(s, way, "minContains", whole(s, contains, 0));
    schema_put(s, way, "maxContains", whole(s, contains, least - 1));
    add(o, least == 1 ? typed(s, contains, "array", "items",
                              schema_negated(s, contains))
                      : way);
  }
  if (most) {
    grammar_json *way = typed(s, contains, "array", "contains", contains);
    schema_put(
        s, way, "minContains",
        whole(s, contains, schema_count(s, o->schema, "maxContains", 0) + 1));
    add(o, way);
  }
}

/* anyOf, allOf, not, if: what their parts say. */
static int add_combination(opposites *o, json keyword) {
  schema_compiler *s = o->s;
  if (is_key(keyword, "allOf")) {
    for (json i = keyword->first; i; i = i->next)
      add(o, schema_negated(s, i));
  } else if (is_key(keyword, "anyOf")) {
    grammar_json *all = json_make(s->c, JSON_ARRAY, keyword);
    for (json i = keyword->first; i; i = i->next)
      json_put(s->c, all, NULL, 0, schema_negated(s, i));
    add(o, schema_with(s, keyword, "allOf", all));
  } else if (is_key(keyword, "not")) {
    add(o, keyword);
  } else if (is_key(keyword, "$ref")) {
    add(o, schema_negated(s, schema_resolve(s, keyword)));
  } else if (is_key(keyword, "if")) {
    json then = json_find(o->schema, "then"),
         other = json_find(o->schema, "else");
    if (then)
      add(o, schema_both(s, keyword, schema_negated(s, then)));
    if (other)
      add(o,
          schema_both(s, schema_negated(s, keyword), schema_negated(s, other)));
  } else {
    return is_key(keyword, "then") || is_key(keyword, "else") ||
           is_key(keyword, "minContains") || is_key(keyword, "maxContains");
  }
  return 1;
}

static void add_keyword(opposites *o, json keyword) {
  schema_compiler *s = o->s;
  if (schema_is_note(keyword) || add_combination(o, keyword))
    return;
  if (is_key(keyword, "type"))
    add_other_types(o, keyword, schema_types_named(s, keyword));
  else if (is_key(keyword, "enum") || is_key(keyword, "const"))
    add_other_values(o, keyword);
  else if (is_key(keyword, "pattern"))
    add(o, excluded(s, "string", "pattern", keyword));
  else if (is_key(keyword, "multipleOf"))
    add(o, excluded(s, "number", "multipleOf", keyword));
  else if (is_key(keyword, "required") || is_key(keyword, "properties"))
    add_objects(o, keyword);
  else if (is_key(keyword, "items") || is_key(keyword, "prefixItems"))
    add_items(o, keyword);
  else if (is_key(keyword, "contains"))
    add_contains(o, keyword);
  else if (!(is_key(keyword, "additionalProperties") &&
             keyword->kind == JSON_TRUE) &&
           !(is_key(keyword, "uniqueItems") && keyword->kind == JSON_FALSE))
    add_bound(o, keyword);
}

/* A schema of all that this one does not allow. */
json schema_negate(schema_compiler *s, json schema) {
  if (schema->kind == JSON_TRUE || schema->kind == JSON_FALSE)
    return schema_word(s, schema,
                       schema->kind == JSON_TRUE ? JSON_FALSE : JSON_TRUE);
  if (schema->kind != JSON_OBJECT)
    schema_fail(s, schema, "expected a schema: an object, true or false");
  schema_check(s, schema);
  s->work += schema->count + 1;
  opposites o = {s, schema, json_make(s->c, JSON_ARRAY, schema)};
  for (json i = schema->first; i; i = i->next)
    add_keyword(&o, i);
  if (o.ways->count == 0)
    return schema_word(s, schema, JSON_FALSE);
  return o.ways->count == 1 ? o.ways->first
                            : schema_with(s, schema, "anyOf", o.ways);
}
