/*===- schema_objects.c - objects and arrays --------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "texts.h"

#include <string.h>

static void add(schema_compiler *s, grammar_list *list, const char *text) {
  grammar_add(s->c, list, grammar_literal(s->c, text));
}

expression schema_after_comma(schema_compiler *s, expression part) {
  grammar_list parts = {NULL, 0, 0};
  add(s, &parts, ",");
  grammar_add(s->c, &parts, schema_space(s));
  grammar_add(s->c, &parts, part);
  return grammar_sequence(s->c, &parts);
}

expression schema_enclose(schema_compiler *s, const char *open,
                          expression parts, int may_be_empty,
                          const char *close) {
  grammar_list all = {NULL, 0, 0};
  expression inner = grammar_pair(s->c, parts, schema_space(s));
  add(s, &all, open);
  grammar_add(s->c, &all, schema_space(s));
  grammar_add(s->c, &all,
              may_be_empty ? grammar_repeat(s->c, inner, 0, 1) : inner);
  add(s, &all, close);
  return grammar_sequence(s->c, &all);
}

/*--- Properties ------------------------------------------------------------*/

typedef struct property {
  json name; /* its key, or NULL: a member of another name */
  json schema;
  int is_required;
} property;

static expression member(schema_compiler *s, expression name,
                         expression value) {
  grammar_list parts = {NULL, 0, 0};
  grammar_add(s->c, &parts, name);
  add(s, &parts, ":");
  grammar_add(s->c, &parts, schema_space(s));
  grammar_add(s->c, &parts, value);
  return grammar_sequence(s->c, &parts);
}

/* A member of a name that is none of `all`, by the patterns that the name
 * matches, of which there are few; NULL: there is none. */
#define MOST_PATTERNS 6u

static expression other_member(schema_compiler *s, json schema, json more,
                               json all) {
  json patterns = json_find(schema, "patternProperties");
  json names = json_find(schema, "propertyNames");
  uint32_t count = patterns ? patterns->count : 0;
  grammar_list ways = {NULL, 0, 0}, taken = {NULL, 0, 0};
  if (count > MOST_PATTERNS)
    schema_fail(s, patterns, "there are more than %u patterns", MOST_PATTERNS);
  for (json i = all->first; i; i = i->next)
    grammar_add(s->c, &taken, grammar_bytes(s->c, i->key, i->key_bytes));
  for (uint32_t set = more ? 0 : 1; set < 1u << count; ++set) {
    text_conditions list = {NULL, 0, 0};
    json value = NULL;
    if (names)
      schema_name_conditions(s, names, &list);
    texts_add(s, &list,
              (text_condition){.kind = TEXT_MATCHES,
                               .is_excluded = 1,
                               .texts = grammar_choice(s->c, &taken)});
    for (json i = patterns ? patterns->first : NULL; i; i = i->next) {
      int is_in = set >> i->index & 1;
      texts_add(s, &list, schema_name_pattern(s, i, !is_in));
      if (is_in)
        value = value ? schema_both(s, value, i) : i;
    }
    expression name = texts_all(texts_open(s, all, &list), 1);
    if (!name)
      continue;
    grammar_list quoted = {NULL, 0, 0};
    add(s, &quoted, "\"");
    grammar_add(s->c, &quoted, name);
    add(s, &quoted, "\"");
    grammar_add(s->c, &ways,
                member(s, grammar_sequence(s->c, &quoted),
                       schema_call(s, value ? value : more)));
  }
  return ways.count ? grammar_choice(s->c, &ways) : NULL;
}

static int is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static const char tail_name[] = "the members behind others";

/* The text of a parameter between marks, which end with it. */
static expression marked_value(schema_compiler *s, json schema) {
  static const char end[] = "\n</parameter>\n";
  json target = schema_target(s, schema), values = json_find(target, "enum");
  grammar_list ways = {NULL, 0, 0};
  if (!json_is(json_find(target, "type"), "string"))
    return grammar_pair(s->c, schema_call(s, schema),
                        grammar_literal(s->c, end));
  for (json i = values ? values->first : NULL; i; i = i->next)
    if (i->kind == JSON_STRING)
      grammar_add(s->c, &ways, grammar_bytes(s->c, i->text, i->bytes));
  if (values)
    return grammar_pair(s->c, grammar_choice(s->c, &ways),
                        grammar_literal(s->c, end));
  return grammar_until(s->c, end);
}

static expression declared(schema_compiler *s, const property *p,
                           member_style style) {
  grammar_list parts = {NULL, 0, 0};
  json name = p->name;
  if (style == MEMBERS_JSON)
    return member(s, json_spell(s->c, name->key, name->key_bytes),
                  schema_call(s, p->schema));
  if (style == MEMBERS_MARKED)
    add(s, &parts, "<parameter=");
  for (uint32_t i = 0; i < name->key_bytes; ++i)
    if (!is_plain(name->key[i]))
      schema_fail(s, name, "expected a name of letters, digits, '_' and '-'");
  grammar_add(s->c, &parts, grammar_bytes(s->c, name->key, name->key_bytes));
  add(s, &parts, style == MEMBERS_MARKED ? ">\n" : "=");
  grammar_add(s->c, &parts,
              style == MEMBERS_MARKED ? marked_value(s, p->schema)
                                      : schema_call(s, p->schema));
  return grammar_sequence(s->c, &parts);
}

/* Members in their order: rule 2 i is those from i on, none before, and rule
 * 2 i + 1 those behind a member. All calls are at ends. */
static expression members(schema_compiler *s, const property *list,
                          uint32_t count, expression others,
                          member_style style) {
  grammar_compiler *c = s->c;
  uint32_t first = c->rule_count;
  for (uint32_t i = 0; i < 2 * count + 2; ++i)
    grammar_new_rule(c, tail_name, sizeof(tail_name) - 1, 0);
  expression none = grammar_bytes(c, "", 0);
  expression more = others ? grammar_repeat(c, schema_after_comma(s, others), 0,
                                            GRAMMAR_UNBOUNDED)
                           : none;
  c->rules[first + 2 * count + 1].body = more;
  c->rules[first + 2 * count].body =
      others ? grammar_either(c, grammar_pair(c, others, more), none) : none;
  for (uint32_t i = 0; i < count; ++i) {
    const property *p = &list[i];
    expression one = declared(s, p, style);
    expression behind = grammar_call(c, first + 2 * i + 3);
    expression here = grammar_pair(c, one, behind);
    expression after =
        style == MEMBERS_MARKED
            ? here
            : grammar_pair(c, schema_after_comma(s, one), behind);
    if (!p->is_required) {
      here = grammar_either(c, here, grammar_call(c, first + 2 * i + 2));
      after = grammar_either(c, after, behind);
    }
    c->rules[first + 2 * i].body = here;
    c->rules[first + 2 * i + 1].body = after;
  }
  return grammar_call(c, first);
}

static int is_required(json required, json name) {
  for (json i = required ? required->first : NULL; i; i = i->next)
    if (i->bytes == name->key_bytes &&
        memcmp(i->text, name->key, i->bytes) == 0)
      return 1;
  return 0;
}

static const grammar_json anything = {.kind = JSON_TRUE};

int schema_is_open(json schema) {
  json more = json_find(schema, "additionalProperties");
  json properties = json_find(schema, "properties");
  if (more)
    return more->kind != JSON_FALSE;
  if (json_find(schema, "patternProperties"))
    return 0;
  /* Those that are only forbidden leave all others as they are. */
  for (json i = properties ? properties->first : NULL; i; i = i->next)
    if (i->kind != JSON_FALSE)
      return 0;
  return !properties || properties->first;
}

/* The schema of a property: by `properties` and the patterns that it matches,
 * or else by `additionalProperties`. */
static json value_of(schema_compiler *s, json schema, json name, json own) {
  json patterns = json_find(schema, "patternProperties");
  json names = json_find(schema, "propertyNames");
  json more = json_find(schema, "additionalProperties"), value = own;
  if (names) {
    text_conditions list = {NULL, 0, 0};
    schema_name_conditions(s, names, &list);
    if (!texts_meet(texts_open(s, names, &list), name->key, name->key_bytes))
      return json_make(s->c, JSON_FALSE, name);
  }
  for (json i = patterns ? patterns->first : NULL; i; i = i->next) {
    text_conditions list = {NULL, 0, 0};
    texts_add(s, &list, schema_name_pattern(s, i, 0));
    if (texts_meet(texts_open(s, i, &list), name->key, name->key_bytes))
      value = value ? schema_both(s, value, i) : i;
  }
  return value ? value : more ? more : &anything;
}

/* All names, those behind the others that are only in `required`. */
static property *list_properties(schema_compiler *s, json schema,
                                 grammar_json *all, uint32_t *needed) {
  json properties = json_find(schema, "properties");
  json required = json_find(schema, "required");
  uint32_t count =
      (properties ? properties->count : 0) + (required ? required->count : 0);
  property *list = grammar_allocate(s->c, count + 1ull, sizeof(*list));
  for (json i = properties ? properties->first : NULL; i; i = i->next)
    json_put(s->c, all, i->key, i->key_bytes, i);
  for (json i = required ? required->first : NULL; i; i = i->next)
    if (!json_find_bytes(all, i->text, i->bytes))
      json_put(s->c, all, i->text, i->bytes, i);
  for (json i = all->first; i; i = i->next) {
    json own = json_find_bytes(properties, i->key, i->key_bytes);
    property *p = &list[i->index];
    *p = (property){i, value_of(s, schema, i, own), is_required(required, i)};
    *needed += (uint32_t)p->is_required;
  }
  return list;
}

static expression no_members(schema_compiler *s) {
  return schema_enclose(s, "{", grammar_bytes(s->c, "", 0), 1, "}");
}

/* How many members there may be, where that is not the properties' matter. */
static expression counted(schema_compiler *s, json schema, expression one) {
  uint32_t least = schema_count(s, schema, "minProperties", 0);
  uint32_t most = schema_count(s, schema, "maxProperties", GRAMMAR_UNBOUNDED);
  if (most < least) {
    if (s->choices)
      return grammar_class(s->c, NULL, 0, 0);
    schema_fail(s, schema, "there are no objects of %u to %u members", least,
                most);
  }
  if (most == 0)
    return no_members(s);
  expression rest =
      grammar_repeat(s->c, schema_after_comma(s, one), least ? least - 1 : 0,
                     most == GRAMMAR_UNBOUNDED ? most : most - 1);
  return schema_enclose(s, "{", grammar_pair(s->c, one, rest), least == 0, "}");
}

static void check_counts(schema_compiler *s, json schema, uint32_t all,
                         uint32_t required, int has_others) {
  json least = json_find(schema, "minProperties");
  json most = json_find(schema, "maxProperties");
  if (least && schema_count(s, schema, "minProperties", 0) > required)
    schema_fail(s, least,
                "it is not supported beside properties, unless as "
                "many are required");
  if (most && (has_others || schema_count(s, schema, "maxProperties", 0) < all))
    schema_fail(s, most,
                "it is not supported beside properties, unless all "
                "may be there");
}

expression schema_object(schema_compiler *s, json schema) {
  static const char *const keywords[] = {
      "properties",        "required",      "additionalProperties",
      "patternProperties", "propertyNames", "minProperties",
      "maxProperties"};
  json more = json_find(schema, "additionalProperties");
  grammar_json *all = json_make(s->c, JSON_OBJECT, schema);
  uint32_t needed = 0, said = 0;
  for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); ++i)
    said += json_find(schema, keywords[i]) != NULL;
  schema_refuse_excluded(s, schema);
  if (said == 0)
    return schema_any_object(s);
  property *list = list_properties(s, schema, all, &needed);
  /* Beside names that are required and no others are spoken of, there are
   * none. */
  int is_open = schema_is_open(schema) &&
                (more || json_find(schema, "properties") || !all->count);
  expression others = NULL;
  if (is_open || json_find(schema, "patternProperties"))
    others = other_member(s, schema, is_open ? (more ? more : &anything) : NULL,
                          all);
  if (all->count == 0 && others)
    return counted(s, schema, others);
  check_counts(s, schema, all->count, needed, others != NULL);
  if (all->count == 0)
    return no_members(s);
  return schema_enclose(s, "{",
                        members(s, list, all->count, others, MEMBERS_JSON),
                        needed == 0, "}");
}

/* Arguments of a call: their names and values, and no other conditions. */
expression schema_members(schema_compiler *s, json schema, member_style style) {
  static const char *const others[] = {"$ref",
                                       "anyOf",
                                       "oneOf",
                                       "allOf",
                                       "not",
                                       "if",
                                       "enum",
                                       "const",
                                       "patternProperties",
                                       "propertyNames",
                                       "minProperties",
                                       "maxProperties",
                                       "dependentRequired",
                                       "dependentSchemas",
                                       "dependencies"};
  uint32_t needed = 0;
  schema_check(s, schema);
  for (size_t i = 0; i < sizeof(others) / sizeof(*others); ++i)
    if (json_find(schema, others[i]))
      schema_fail(s, json_find(schema, others[i]),
                  "it is not supported of all arguments in this form of calls");
  grammar_json *all = json_make(s->c, JSON_OBJECT, schema);
  property *list = list_properties(s, schema, all, &needed);
  return members(s, list, all->count, NULL, style);
}
