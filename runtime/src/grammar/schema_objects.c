/*===- schema_objects.c - objects and arrays --------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "schema.h"

#include <string.h>

static void add(schema_compiler *s, grammar_list *list, const char *text) {
  grammar_add(s->c, list, grammar_literal(s->c, text));
}

/* "," and blanks before a part. */
static expression after_comma(schema_compiler *s, expression part) {
  grammar_list parts = {NULL, 0, 0};
  add(s, &parts, ",");
  grammar_add(s->c, &parts, schema_space(s));
  grammar_add(s->c, &parts, part);
  return grammar_sequence(s->c, &parts);
}

/* Blanks, the parts and blanks, between brackets. */
static expression enclose(schema_compiler *s, const char *open,
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

/*--- Names of additional properties ----------------------------------------*/

/* Names that begin with `depth` bytes of the first of `names`, which are sorted
 * and of one beginning, and are none of them: by characters, as spelled without
 * escapes. */
static expression other_names(schema_compiler *s, json *names, uint32_t count,
                              uint32_t depth) {
  static const grammar_range bad[] = {{0, 0x1F}, {'"', '"'}, {'\\', '\\'}};
  grammar_list ways = {NULL, 0, 0};
  uint32_t range_count = 3;
  grammar_range *ranges = grammar_allocate(s->c, count + 3ull, sizeof(*ranges));
  memcpy(ranges, bad, sizeof(bad));
  if (s->depth++ >= GRAMMAR_NESTING)
    schema_fail(s, names[0],
                "the names of properties are too long beside "
                "additionalProperties");
  int is_name = count && names[0]->key_bytes == depth;
  for (uint32_t i = is_name ? 1 : 0, next; i < count; i = next) {
    uint32_t character = 0;
    size_t bytes = grammar_decode(names[i]->key + depth,
                                  names[i]->key_bytes - depth, &character);
    for (next = i + 1; next < count; ++next)
      if (names[next]->key_bytes < depth + bytes ||
          memcmp(names[next]->key + depth, names[i]->key + depth, bytes) != 0)
        break;
    ranges[range_count++] = (grammar_range){character, character};
    /* A name with an escape is no other one's spelling. */
    if (character < 0x20 || character == '"' || character == '\\')
      continue;
    grammar_add(s->c, &ways,
                grammar_pair(s->c,
                             grammar_bytes(s->c, names[i]->key + depth, bytes),
                             other_names(s, names + i, next - i,
                                         depth + (uint32_t)bytes)));
  }
  grammar_add(s->c, &ways,
              grammar_pair(s->c, grammar_class(s->c, ranges, range_count, 1),
                           grammar_repeat(s->c, grammar_class(s->c, bad, 3, 1),
                                          0, GRAMMAR_UNBOUNDED)));
  if (!is_name)
    grammar_add(s->c, &ways, grammar_bytes(s->c, "", 0));
  --s->depth;
  return grammar_choice(s->c, &ways);
}

static void sort_names(json *names, uint32_t count) {
  for (uint32_t i = 1; i < count; ++i)
    for (uint32_t j = i; j > 0; --j) {
      json a = names[j - 1], b = names[j];
      uint32_t n = a->key_bytes < b->key_bytes ? a->key_bytes : b->key_bytes;
      int order = memcmp(a->key, b->key, n);
      if (order < 0 || (order == 0 && a->key_bytes <= b->key_bytes))
        break;
      names[j - 1] = b;
      names[j] = a;
    }
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

static expression other_member(schema_compiler *s, json schema,
                               json properties) {
  uint32_t count = 0, room = properties ? properties->count : 0;
  json *names = grammar_allocate(s->c, room + 1ull, sizeof(*names));
  grammar_list name = {NULL, 0, 0};
  for (json i = properties ? properties->first : NULL; i; i = i->next)
    names[count++] = i;
  if (count > 2000)
    schema_fail(s, properties,
                "there are more than 2000 properties beside "
                "additionalProperties");
  sort_names(names, count);
  add(s, &name, "\"");
  grammar_add(s->c, &name, other_names(s, names, count, 0));
  add(s, &name, "\"");
  return member(s, grammar_sequence(s->c, &name), schema_value(s, schema));
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
  expression more =
      others ? grammar_repeat(c, after_comma(s, others), 0, GRAMMAR_UNBOUNDED)
             : none;
  c->rules[first + 2 * count + 1].body = more;
  c->rules[first + 2 * count].body =
      others ? grammar_either(c, grammar_pair(c, others, more), none) : none;
  for (uint32_t i = 0; i < count; ++i) {
    const property *p = &list[i];
    expression one = declared(s, p, style);
    expression behind = grammar_call(c, first + 2 * i + 3);
    expression here = grammar_pair(c, one, behind);
    expression after = style == MEMBERS_MARKED
                           ? here
                           : grammar_pair(c, after_comma(s, one), behind);
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

/* Required names that `properties` does not have, behind the others. */
static json with_required(schema_compiler *s, json schema, json properties) {
  static const grammar_json anything = {.kind = JSON_TRUE};
  json required = json_find(schema, "required");
  json more = json_find(schema, "additionalProperties");
  grammar_json *all = json_make(s->c, JSON_OBJECT, schema);
  for (json i = properties ? properties->first : NULL; i; i = i->next)
    json_put(s->c, all, i->key, i->key_bytes, i);
  for (json i = required ? required->first : NULL; i; i = i->next)
    if (!json_find_bytes(all, i->text, i->bytes))
      json_put(s->c, all, i->text, i->bytes, more ? more : &anything);
  return all;
}

/* How many members there may be, where that is not the properties' matter. */
static expression counted(schema_compiler *s, json schema, json more,
                          uint32_t least, uint32_t most) {
  static const grammar_json anything = {.kind = JSON_TRUE};
  if (most < least)
    schema_fail(s, schema, "there are no objects of %u to %u members", least,
                most);
  if (most == 0)
    return enclose(s, "{", grammar_bytes(s->c, "", 0), 1, "}");
  expression one = other_member(s, more ? more : &anything, NULL);
  expression rest =
      grammar_repeat(s->c, after_comma(s, one), least ? least - 1 : 0,
                     most == GRAMMAR_UNBOUNDED ? most : most - 1);
  return enclose(s, "{", grammar_pair(s->c, one, rest), least == 0, "}");
}

static void check_counts(schema_compiler *s, json schema, json all,
                         uint32_t required, int is_closed) {
  json least = json_find(schema, "minProperties");
  json most = json_find(schema, "maxProperties");
  if (least && schema_count(s, schema, "minProperties", 0) > required)
    schema_fail(s, least,
                "it is not supported beside properties, unless as "
                "many are required");
  if (most &&
      (!is_closed || schema_count(s, schema, "maxProperties", 0) < all->count))
    schema_fail(s, most,
                "it is not supported beside properties, unless all "
                "may be there");
}

static property *list_properties(schema_compiler *s, json schema, json all,
                                 uint32_t *count, uint32_t *needed) {
  json properties = json_find(schema, "properties");
  json required = json_find(schema, "required");
  property *list = grammar_allocate(s->c, all->count + 1ull, sizeof(*list));
  for (json i = all->first; i; i = i->next) {
    json own = json_find_bytes(properties, i->key, i->key_bytes);
    list[*count] = (property){i, own ? own : i, is_required(required, i)};
    *needed += (uint32_t)list[(*count)++].is_required;
  }
  return list;
}

expression schema_object(schema_compiler *s, json schema) {
  json properties = json_find(schema, "properties");
  json more = json_find(schema, "additionalProperties");
  json all = with_required(s, schema, properties);
  uint32_t count = 0, needed = 0;
  int is_closed = properties ? !more || more->kind == JSON_FALSE
                             : more && more->kind == JSON_FALSE;
  if (all->count == 0 && !is_closed) {
    uint32_t least = schema_count(s, schema, "minProperties", 0);
    uint32_t most = schema_count(s, schema, "maxProperties", GRAMMAR_UNBOUNDED);
    if (!more && least == 0 && most == GRAMMAR_UNBOUNDED)
      return schema_any_object(s);
    return counted(s, schema, more, least, most);
  }
  property *list = list_properties(s, schema, all, &count, &needed);
  check_counts(s, schema, all, needed, is_closed);
  expression others = NULL;
  if (!is_closed && more)
    others = other_member(s, more, all);
  if (count == 0 && !others)
    return enclose(s, "{", grammar_bytes(s->c, "", 0), 1, "}");
  return enclose(s, "{", members(s, list, count, others, MEMBERS_JSON),
                 needed == 0, "}");
}

expression schema_members(schema_compiler *s, json schema, member_style style) {
  uint32_t count = 0, needed = 0;
  schema_check(s, schema);
  json all = with_required(s, schema, json_find(schema, "properties"));
  property *list = list_properties(s, schema, all, &count, &needed);
  return members(s, list, count, NULL, style);
}

/*--- Arrays ----------------------------------------------------------------*/

/* Items that have a place of their own, and the others. */
typedef struct items {
  json prefix;
  expression other; /* NULL: there are none */
  uint32_t least, most;
} items;

/* Items from `at` on, of which the first is `first`. */
static expression items_from(schema_compiler *s, const items *list, json first,
                             uint32_t at) {
  uint32_t least = list->least > at ? list->least - at : 0;
  uint32_t most =
      list->most == GRAMMAR_UNBOUNDED ? list->most : list->most - at;
  expression one = first ? schema_call(s, first) : list->other;
  if (!first && (!one || most == 0))
    return grammar_bytes(s->c, "", 0);
  if (at)
    one = after_comma(s, one);
  if (!first && at)
    return grammar_repeat(s->c, one, least, most);
  expression rest;
  if (!first) {
    rest = grammar_repeat(s->c, after_comma(s, one), least ? least - 1 : 0,
                          most == GRAMMAR_UNBOUNDED ? most : most - 1);
  } else if (most == 1) {
    rest = grammar_bytes(s->c, "", 0);
  } else {
    uint32_t rule = grammar_new_rule(s->c, "further items", 13, 0);
    expression body = items_from(s, list, first->next, at + 1);
    s->c->rules[rule].body = body;
    rest = grammar_call(s->c, rule);
  }
  expression all = grammar_pair(s->c, one, rest);
  return at && least == 0 ? grammar_repeat(s->c, all, 0, 1) : all;
}

expression schema_array(schema_compiler *s, json schema) {
  items list = {json_find(schema, "prefixItems"), NULL, 0, 0};
  json other = json_find(schema, "items");
  uint32_t prefix = list.prefix ? list.prefix->count : 0;
  list.least = schema_count(s, schema, "minItems", 0);
  list.most = schema_count(s, schema, "maxItems", GRAMMAR_UNBOUNDED);
  if (prefix > GRAMMAR_NESTING)
    schema_fail(s, list.prefix, "there are more than %u items",
                GRAMMAR_NESTING);
  /* Behind items of their own there are others only where they are named, or
   * needed. */
  if (other ? other->kind != JSON_FALSE : !prefix || list.least > prefix)
    list.other = other ? schema_call(s, other) : schema_any(s);
  else if (list.most > prefix)
    list.most = prefix;
  if (list.most < list.least)
    schema_fail(s, schema, "there are no arrays of %u to %u items", list.least,
                list.most);
  if (list.most == 0)
    return enclose(s, "[", grammar_bytes(s->c, "", 0), 1, "]");
  json first = list.prefix ? list.prefix->first : NULL;
  return enclose(s, "[", items_from(s, &list, first, 0), list.least == 0, "]");
}
