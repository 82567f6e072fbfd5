/*===- schema_arrays.c - arrays ---------------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "texts.h"

#include <string.h>

/* Rules of one array. */
#define MOST_RULES 4096u

/* Items that have a place of their own, and the others. */
typedef struct items {
  json prefix;
  json further;     /* what others are, or NULL: there are none */
  expression other; /* the same */
  uint32_t least, most;
} items;

static expression nothing(schema_compiler *s) {
  return grammar_bytes(s->c, "", 0);
}

/* Items from `at` on, of which the first is `first`. */
static expression items_from(schema_compiler *s, const items *list, json first,
                             uint32_t at) {
  uint32_t least = list->least > at ? list->least - at : 0;
  uint32_t most =
      list->most == GRAMMAR_UNBOUNDED ? list->most : list->most - at;
  expression one = first ? schema_call(s, first) : list->other;
  if (!first && (!one || most == 0))
    return nothing(s);
  if (at)
    one = schema_after_comma(s, one);
  if (!first && at)
    return grammar_repeat(s->c, one, least, most);
  expression rest;
  if (!first) {
    rest =
        grammar_repeat(s->c, schema_after_comma(s, one), least ? least - 1 : 0,
                       most == GRAMMAR_UNBOUNDED ? most : most - 1);
  } else if (most == 1) {
    rest = nothing(s);
  } else {
    uint32_t rule = grammar_new_rule(s->c, "further items", 13, 0);
    expression body = items_from(s, list, first->next, at + 1);
    s->c->rules[rule].body = body;
    rest = grammar_call(s->c, rule);
  }
  expression all = grammar_pair(s->c, one, rest);
  return at && least == 0 ? grammar_repeat(s->c, all, 0, 1) : all;
}

/*--- contains --------------------------------------------------------------*/

/* Rules by how many items there are and how many of these are what `contains`
 * says, both up to where more make no difference. */
typedef struct grid {
  schema_compiler *s;
  const items *list;
  json contains;
  uint32_t least, most; /* of those */
  uint32_t rows, columns, first;
  expression *inside, *outside; /* an item at a place that is one, and is not */
} grid;

static expression step_to(grid *g, expression item, uint32_t row,
                          uint32_t column) {
  grammar_compiler *c = g->s->c;
  uint32_t to = row + 1 < g->rows ? row + 1 : row;
  expression one = row ? schema_after_comma(g->s, item) : item;
  return grammar_pair(c, one,
                      grammar_call(c, g->first + to * g->columns + column));
}

static void fill_rule(grid *g, uint32_t row, uint32_t column) {
  grammar_compiler *c = g->s->c;
  grammar_list ways = {NULL, 0, 0};
  const items *list = g->list;
  int is_bounded = g->most != GRAMMAR_UNBOUNDED;
  uint32_t place = list->prefix && row < list->prefix->count
                       ? row
                       : (list->prefix ? list->prefix->count : 0);
  if (row >= list->least && column >= g->least)
    grammar_add(c, &ways, nothing(g->s));
  if (g->outside[place] && row < list->most) {
    grammar_add(c, &ways, step_to(g, g->outside[place], row, column));
    if (is_bounded ? column < g->most : column < g->least)
      grammar_add(c, &ways, step_to(g, g->inside[place], row, column + 1));
  }
  c->rules[g->first + row * g->columns + column].body =
      grammar_choice(c, &ways);
}

static expression containing(schema_compiler *s, json schema,
                             const items *list) {
  static const char name[] = "items that contain some";
  grid g = {s, list, json_find(schema, "contains"), 0, 0, 0, 0, 0, NULL, NULL};
  uint32_t prefix = list->prefix ? list->prefix->count : 0;
  uint32_t rows = list->most != GRAMMAR_UNBOUNDED ? list->most
                  : list->least > prefix          ? list->least
                                                  : prefix;
  g.least = schema_count(s, schema, "minContains", 1);
  g.most = schema_count(s, schema, "maxContains", GRAMMAR_UNBOUNDED);
  int is_bounded = g.most != GRAMMAR_UNBOUNDED;
  g.rows = (rows ? rows : 1) + 1;
  g.columns = (is_bounded ? g.most : g.least) + 1;
  if ((uint64_t)g.rows * g.columns > MOST_RULES)
    schema_fail(s, g.contains,
                "its limits and those of items need more than %u rules",
                MOST_RULES);
  g.inside = grammar_allocate(s->c, prefix + 1ull, sizeof(*g.inside));
  g.outside = grammar_allocate(s->c, prefix + 1ull, sizeof(*g.outside));
  json item = list->prefix ? list->prefix->first : NULL;
  for (uint32_t i = 0; i <= prefix; ++i, item = item ? item->next : NULL) {
    json any = item ? item : list->further;
    if (!any)
      continue;
    g.inside[i] = schema_call(s, schema_both(s, any, g.contains));
    /* More than the least do no harm, unless they are counted. */
    g.outside[i] = schema_call(
        s,
        is_bounded ? schema_both(s, any, schema_negated(s, g.contains)) : any);
  }
  g.first = s->c->rule_count;
  for (uint32_t i = 0; i < g.rows * g.columns; ++i)
    grammar_new_rule(s->c, name, sizeof(name) - 1, 0);
  for (uint32_t i = 0; i < g.rows; ++i)
    for (uint32_t k = 0; k < g.columns; ++k)
      fill_rule(&g, i, k);
  return grammar_call(s->c, g.first);
}

/*--- uniqueItems -----------------------------------------------------------*/

/* The values of items, where they are listed. */
static json listed_items(schema_compiler *s, json schema) {
  schema = schema_flat(s, schema);
  grammar_json *result = json_make(s->c, JSON_ARRAY, schema);
  uint32_t types = schema->kind == JSON_OBJECT ? schema_types(s, schema) : 0;
  if (json_find(schema, "enum") || json_find(schema, "const")) {
    json values = schema_values(s, schema, types);
    for (json i = values->first; i; i = i->next) {
      json same = result->first;
      while (same && !json_equal(same, i))
        same = same->next;
      if (!same)
        json_put(s->c, result, NULL, 0, i);
    }
    return result;
  }
  if (types == 0 || types & ~(uint32_t)(TYPE_BOOLEAN | TYPE_NULL) ||
      json_find(schema, "anyOf") || json_find(schema, "oneOf") ||
      json_find_key(schema, schema_conditions))
    return NULL;
  for (uint32_t kind = JSON_NULL; kind <= JSON_TRUE; ++kind)
    if (types & (kind == JSON_NULL ? TYPE_NULL : TYPE_BOOLEAN))
      json_put(s->c, result, NULL, 0, json_make(s->c, (json_kind)kind, schema));
  return result;
}

/* A rule for each set of values that are there already. */
static expression distinct(schema_compiler *s, json schema, const items *list) {
  static const char name[] = "items that differ";
  grammar_compiler *c = s->c;
  json unique = json_find(schema, "uniqueItems");
  json values =
      list->prefix || !list->further ? NULL : listed_items(s, list->further);
  if (!values || values->count > 12 || json_find(schema, "contains"))
    schema_fail(s, unique,
                "it is supported for items of at most 12 listed values, and "
                "not beside contains");
  uint32_t first = c->rule_count, count = values->count;
  for (uint32_t i = 0; i < 1u << count; ++i)
    grammar_new_rule(c, name, sizeof(name) - 1, 0);
  for (uint32_t set = 0; set < 1u << count; ++set) {
    grammar_list ways = {NULL, 0, 0};
    uint32_t there = 0;
    for (uint32_t i = 0; i < count; ++i)
      there += set >> i & 1;
    if (there >= list->least)
      grammar_add(c, &ways, nothing(s));
    for (json i = values->first; i && there < list->most; i = i->next) {
      if (set >> i->index & 1)
        continue;
      expression one = schema_literal(s, i);
      grammar_add(
          c, &ways,
          grammar_pair(c, there ? schema_after_comma(s, one) : one,
                       grammar_call(c, first + (set | 1u << i->index))));
    }
    c->rules[first + set].body = grammar_choice(c, &ways);
  }
  return grammar_call(c, first);
}

/*--- The whole -------------------------------------------------------------*/

expression schema_array(schema_compiler *s, json schema) {
  static const grammar_json anything = {.kind = JSON_TRUE};
  items list = {json_find(schema, "prefixItems"), NULL, NULL, 0, 0};
  json other = json_find(schema, "items");
  json unique = json_find(schema, "uniqueItems");
  json contains = json_find(schema, "contains");
  uint32_t prefix = list.prefix ? list.prefix->count : 0;
  schema_refuse_excluded(s, schema);
  if (contains && schema_count(s, schema, "minContains", 1) == 0 &&
      !json_find(schema, "maxContains"))
    contains = NULL;
  list.least = schema_count(s, schema, "minItems", 0);
  list.most = schema_count(s, schema, "maxItems", GRAMMAR_UNBOUNDED);
  if (prefix > GRAMMAR_NESTING)
    schema_fail(s, list.prefix, "there are more than %u items",
                GRAMMAR_NESTING);
  /* Behind items of their own there are others only where they are named, or
   * needed. */
  if (other ? other->kind != JSON_FALSE
            : !prefix || list.least > prefix || contains)
    list.further = other ? other : &anything;
  else if (list.most > prefix)
    list.most = prefix;
  if (list.most < list.least) {
    if (s->choices)
      return grammar_class(s->c, NULL, 0, 0);
    schema_fail(s, schema, "there are no arrays of %u to %u items", list.least,
                list.most);
  }
  expression parts;
  if (contains) {
    if (unique && unique->kind == JSON_TRUE && list.most > 1)
      schema_fail(s, unique, "it is not supported beside contains");
    parts = containing(s, schema, &list);
  } else if (list.most == 0) {
    parts = nothing(s);
  } else if (unique && unique->kind == JSON_TRUE && list.most > 1) {
    parts = distinct(s, schema, &list);
  } else {
    list.other = list.further ? schema_call(s, list.further) : NULL;
    parts = items_from(s, &list, list.prefix ? list.prefix->first : NULL, 0);
  }
  return schema_enclose(s, "[", parts, list.least == 0 && !contains, "]");
}
