/*===- schema_values.c - any JSON, and values that a schema lists -----------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "texts.h"

#include <stdio.h>
#include <string.h>

/*--- Any JSON --------------------------------------------------------------*/

static uint32_t named(schema_compiler *s, uint32_t *rule, const char *name) {
  *rule = grammar_new_rule(s->c, name, strlen(name), 0);
  return *rule;
}

static void add(schema_compiler *s, grammar_list *list, const char *text) {
  grammar_add(s->c, list, grammar_literal(s->c, text));
}

/* Nothing, a space, or a new line with indentation: never so many that an
 * answer is made of them. */
expression schema_space(schema_compiler *s) {
  static const grammar_range blanks[] = {{' ', ' '}, {'\t', '\t'}};
  if (!s->space) {
    uint32_t rule = named(s, &s->space, "blanks");
    grammar_list ways = {NULL, 0, 0};
    add(s, &ways, "");
    add(s, &ways, " ");
    grammar_add(
        s->c, &ways,
        grammar_pair(
            s->c, grammar_literal(s->c, "\n"),
            grammar_repeat(s->c, grammar_class(s->c, blanks, 2, 0), 0, 40)));
    s->c->rules[rule].body = grammar_choice(s->c, &ways);
  }
  return grammar_call(s->c, s->space);
}

/* OPEN (part ("," part)*)? CLOSE */
static expression listed_parts(schema_compiler *s, const char *open,
                               expression part, const char *close) {
  grammar_list more = {NULL, 0, 0}, parts = {NULL, 0, 0}, all = {NULL, 0, 0};
  add(s, &more, ",");
  grammar_add(s->c, &more, schema_space(s));
  grammar_add(s->c, &more, part);
  grammar_add(s->c, &parts, part);
  grammar_add(s->c, &parts,
              grammar_repeat(s->c, grammar_sequence(s->c, &more), 0,
                             GRAMMAR_UNBOUNDED));
  grammar_add(s->c, &parts, schema_space(s));
  add(s, &all, open);
  grammar_add(s->c, &all, schema_space(s));
  grammar_add(s->c, &all,
              grammar_repeat(s->c, grammar_sequence(s->c, &parts), 0, 1));
  add(s, &all, close);
  return grammar_sequence(s->c, &all);
}

static expression any_member(schema_compiler *s) {
  static const grammar_json nothing = {.kind = JSON_OBJECT};
  grammar_list parts = {NULL, 0, 0};
  grammar_add(s->c, &parts, schema_string(s, &nothing));
  add(s, &parts, ":");
  grammar_add(s->c, &parts, schema_space(s));
  grammar_add(s->c, &parts, schema_any(s));
  return grammar_sequence(s->c, &parts);
}

expression schema_any_object(schema_compiler *s) {
  if (!s->object) {
    uint32_t rule = named(s, &s->object, "any object");
    expression body = listed_parts(s, "{", any_member(s), "}");
    s->c->rules[rule].body = body;
  }
  return grammar_call(s->c, s->object);
}

expression schema_any(schema_compiler *s) {
  static const grammar_json nothing = {.kind = JSON_OBJECT};
  if (!s->any) {
    uint32_t rule = named(s, &s->any, "any value");
    uint32_t list = named(s, &s->array, "any array");
    grammar_list ways = {NULL, 0, 0};
    grammar_add(s->c, &ways, schema_any_object(s));
    grammar_add(s->c, &ways, grammar_call(s->c, list));
    grammar_add(s->c, &ways, schema_string(s, &nothing));
    grammar_add(s->c, &ways, schema_number(s, &nothing, 0));
    add(s, &ways, s->is_python ? "True" : "true");
    add(s, &ways, s->is_python ? "False" : "false");
    add(s, &ways, s->is_python ? "None" : "null");
    expression body = listed_parts(s, "[", grammar_call(s->c, rule), "]");
    s->c->rules[list].body = body;
    s->c->rules[rule].body = grammar_choice(s->c, &ways);
  }
  return grammar_call(s->c, s->any);
}

/*--- Values as they are ----------------------------------------------------*/

expression schema_literal(schema_compiler *s, json value) {
  static const char *const words[2][3] = {{"null", "false", "true"},
                                          {"None", "False", "True"}};
  int is_object = value->kind == JSON_OBJECT;
  grammar_list parts = {NULL, 0, 0};
  if (value->kind == JSON_NUMBER)
    return grammar_bytes(s->c, value->text, value->bytes);
  if (value->kind == JSON_STRING)
    return json_spell(s->c, value->text, value->bytes);
  if (value->kind <= JSON_TRUE)
    return grammar_literal(s->c, words[s->is_python != 0][value->kind]);
  add(s, &parts, is_object ? "{" : "[");
  grammar_add(s->c, &parts, schema_space(s));
  for (json i = value->first; i; i = i->next) {
    if (i != value->first) {
      add(s, &parts, ",");
      grammar_add(s->c, &parts, schema_space(s));
    }
    if (is_object) {
      grammar_add(s->c, &parts, json_spell(s->c, i->key, i->key_bytes));
      add(s, &parts, ":");
      grammar_add(s->c, &parts, schema_space(s));
    }
    grammar_add(s->c, &parts, schema_literal(s, i));
  }
  if (value->first)
    grammar_add(s->c, &parts, schema_space(s));
  add(s, &parts, is_object ? "}" : "]");
  return grammar_sequence(s->c, &parts);
}

/*--- Values beside other keywords ------------------------------------------*/

static int is_within(schema_compiler *s, json schema, json value) {
  int64_t limit;
  int is_excluded;
  if (value->kind != JSON_NUMBER)
    return 1;
  double number = json_number(value);
  if (schema_limit(s, schema, 0, &limit, &is_excluded) &&
      !(number > (double)limit || (!is_excluded && number >= (double)limit)))
    return 0;
  return !schema_limit(s, schema, 1, &limit, &is_excluded) ||
         number < (double)limit || (!is_excluded && number <= (double)limit);
}

void schema_refuse_excluded(schema_compiler *s, json schema) {
  json excluded = json_find_key(schema, schema_conditions);
  if (excluded)
    schema_fail(s, excluded->first->first->first,
                "a list or an object cannot be excluded");
}

/* Fails for values of a type that the schema says more of. */
static void refuse_others(schema_compiler *s, json schema, json value) {
  static const char *const of_arrays[] = {
      "items",       "minItems", "maxItems", "prefixItems",
      "uniqueItems", "contains", NULL};
  static const char *const of_objects[] = {
      "properties",        "required",
      "minProperties",     "maxProperties",
      "propertyNames",     "additionalProperties",
      "patternProperties", NULL};
  const char *const *other = value->kind == JSON_ARRAY ? of_arrays : of_objects;
  for (; *other; ++other)
    if (json_find(schema, *other))
      schema_fail(s, json_find(schema, *other),
                  "it is not supported beside enum or const");
  schema_refuse_excluded(s, schema);
}

json schema_values(schema_compiler *s, json schema, uint32_t types) {
  json values = json_find(schema, "enum"), only = json_find(schema, "const");
  grammar_json *result = json_make(s->c, JSON_ARRAY, schema);
  text_conditions list[2] = {{NULL, 0, 0}, {NULL, 0, 0}};
  text_machine *machines[2];
  schema_string_conditions(s, schema, &list[0]);
  schema_number_conditions(s, schema, &list[1]);
  for (int i = 0; i < 2; ++i)
    machines[i] = texts_open(s, schema, &list[i]);
  for (json i = values ? values->first : only; i; i = values ? i->next : NULL) {
    char text[40];
    if (!(schema_type_of(i) & types) || !is_within(s, schema, i) ||
        (values && only && !json_equal(i, only)))
      continue;
    if (i->kind >= JSON_ARRAY)
      refuse_others(s, schema, i);
    if (i->kind == JSON_STRING && !texts_meet(machines[0], i->text, i->bytes))
      continue;
    if (i->kind == JSON_NUMBER && list[1].count &&
        !(schema_decimal(i, text) &&
          texts_meet(machines[1], text, strlen(text))))
      continue;
    json_put(s->c, result, NULL, 0, i);
  }
  return result;
}
