/*===- template_methods.c - methods of strings, mappings and loops --------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "template_parts.h"

#include <string.h>

static value text_of(engine *e, const char *method, value v) {
  if (v.kind != V_STRING)
    template_fail(e, "%s: expected a string, got %s", method,
                  template_kind_name(v));
  template_spend(e, v.bytes / 64);
  return v;
}

static int64_t number_or(engine *e, const char *method, value v,
                         int64_t missing) {
  if (v.kind == V_UNDEFINED)
    return missing;
  if (v.kind != V_INT)
    template_fail(e, "%s: expected a whole number, got %s", method,
                  template_kind_name(v));
  return v.integer;
}

static const value *set_or_none(engine *e, const value *a) {
  if (a->kind == V_UNDEFINED || a->kind == V_NONE)
    return NULL;
  text_of(e, "strip", *a);
  return a;
}

/* Each character is looked for in the whole set. */
static value strip_sides(engine *e, const char *method, value s, const value *a,
                         int sides) {
  const value *set = set_or_none(e, a);
  text_of(e, method, s);
  template_spend(e, set ? (uint64_t)s.bytes * set->bytes / 16 : 0);
  return template_strip(s, sides, set);
}
static value strip(engine *e, value s, const value *a) {
  return strip_sides(e, "strip", s, a, STRIP_LEFT | STRIP_RIGHT);
}
static value lstrip(engine *e, value s, const value *a) {
  return strip_sides(e, "lstrip", s, a, STRIP_LEFT);
}
static value rstrip(engine *e, value s, const value *a) {
  return strip_sides(e, "rstrip", s, a, STRIP_RIGHT);
}

static value split(engine *e, value s, const value *a) {
  return template_split(e, text_of(e, "split", s), set_or_none(e, a),
                        number_or(e, "split", a[1], -1));
}

/* From the right: all are cut, and the first ones put together again. */
static value rsplit(engine *e, value s, const value *a) {
  const value *separator = set_or_none(e, a);
  int64_t most = number_or(e, "rsplit", a[1], -1);
  value all = template_split(e, text_of(e, "rsplit", s), separator, -1);
  if (most < 0 || all.list->count <= (uint64_t)most + 1)
    return all;
  uint32_t joined = all.list->count - (uint32_t)most;
  value first = all.list->items[0], last = all.list->items[joined - 1];
  size_t from = separator ? 0 : (size_t)(first.at - s.at);
  value head = template_part(s, from, (size_t)(last.at - s.at) + last.bytes);
  value v = template_list(e, V_LIST, (size_t)most + 1);
  v.list->items[0] = head;
  for (uint32_t i = 1; i < v.list->count; ++i)
    v.list->items[i] = all.list->items[joined - 1 + i];
  return v;
}

static value splitlines(engine *e, value s, const value *a) {
  value newline = template_string("\n", 1);
  (void)a;
  if (text_of(e, "splitlines", s).bytes == 0)
    return template_list(e, V_LIST, 0);
  value v = template_split(e, s, &newline, -1);
  for (uint32_t i = 0; i < v.list->count; ++i) {
    value *line = &v.list->items[i];
    line->bytes -= line->bytes && line->at[line->bytes - 1] == '\r' &&
                   i + 1 < v.list->count;
  }
  v.list->count -= v.list->items[v.list->count - 1].bytes == 0;
  return v;
}

/* `how`: 0 begins, 1 ends. A list of strings: with any of them. */
static int has_end(engine *e, value s, value part, int how) {
  if (part.kind == V_TUPLE) {
    for (uint32_t i = 0; i < part.list->count; ++i)
      if (has_end(e, s, text_of(e, "startswith", part.list->items[i]), how))
        return 1;
    return 0;
  }
  text_of(e, how ? "endswith" : "startswith", part);
  template_spend(e, part.bytes / 64);
  return part.bytes <= s.bytes &&
         memcmp(s.at + (how ? s.bytes - part.bytes : 0), part.at, part.bytes) ==
             0;
}

static value startswith(engine *e, value s, const value *a) {
  return template_bool(has_end(e, text_of(e, "startswith", s), a[0], 0));
}
static value endswith(engine *e, value s, const value *a) {
  return template_bool(has_end(e, text_of(e, "endswith", s), a[0], 1));
}
static value removeprefix(engine *e, value s, const value *a) {
  text_of(e, "removeprefix", a[0]);
  return has_end(e, text_of(e, "removeprefix", s), a[0], 0)
             ? template_part(s, a[0].bytes, s.bytes)
             : s;
}
static value removesuffix(engine *e, value s, const value *a) {
  text_of(e, "removesuffix", a[0]);
  return has_end(e, text_of(e, "removesuffix", s), a[0], 1)
             ? template_part(s, 0, s.bytes - a[0].bytes)
             : s;
}

static value upper(engine *e, value s, const value *a) {
  (void)a;
  return template_case(e, text_of(e, "upper", s), CASE_UPPER);
}
static value lower(engine *e, value s, const value *a) {
  (void)a;
  return template_case(e, text_of(e, "lower", s), CASE_LOWER);
}
static value title(engine *e, value s, const value *a) {
  (void)a;
  return template_case(e, text_of(e, "title", s), CASE_TITLE);
}
static value capitalize(engine *e, value s, const value *a) {
  (void)a;
  return template_case(e, text_of(e, "capitalize", s), CASE_CAPITALIZE);
}

static value replace(engine *e, value s, const value *a) {
  return template_replace(
      e, text_of(e, "replace", s), text_of(e, "replace", a[0]),
      text_of(e, "replace", a[1]), number_or(e, "replace", a[2], -1));
}

/* Positions are counted in characters. */
static int64_t position(engine *e, value s, size_t at) {
  return at == NOT_FOUND ? -1
                         : (int64_t)template_length(e, template_part(s, 0, at));
}
static value find(engine *e, value s, const value *a) {
  text_of(e, "find", s);
  return template_int(
      position(e, s, template_search(e, s, text_of(e, "find", a[0]), 0)));
}
static value rfind(engine *e, value s, const value *a) {
  size_t last = NOT_FOUND, at = 0;
  text_of(e, "rfind", s);
  text_of(e, "rfind", a[0]);
  while ((at = template_search(e, s, a[0], at)) != NOT_FOUND)
    last = at++;
  return template_int(position(e, s, last));
}

static value index_of(engine *e, value v, const value *a) {
  int64_t at = -1;
  if (v.kind == V_STRING)
    at = find(e, v, a).integer;
  else
    for (uint32_t i = 0; at < 0 && i < template_elements(e, v)->count; ++i)
      if (template_equal(e, v.list->items[i], a[0]))
        at = i;
  if (at < 0)
    template_fail(e, "index: it is not there");
  return template_int(at);
}

static value count(engine *e, value v, const value *a) {
  int64_t n = 0;
  if (v.kind == V_STRING) {
    size_t at = 0;
    text_of(e, "count", a[0]);
    if (a[0].bytes == 0)
      return template_int((int64_t)template_length(e, v) + 1);
    while ((at = template_search(e, v, a[0], at)) != NOT_FOUND) {
      ++n;
      at += a[0].bytes;
    }
    return template_int(n);
  }
  const list *items = template_elements(e, v);
  for (uint32_t i = 0; i < items->count; ++i)
    n += template_equal(e, items->items[i], a[0]);
  return template_int(n);
}

static int all_are(value s, const char *first, const char *last) {
  for (uint32_t i = 0; i < s.bytes; ++i) {
    int is = 0;
    for (size_t k = 0; first[k]; ++k)
      is |= s.at[i] >= first[k] && s.at[i] <= last[k];
    if (!is)
      return 0;
  }
  return s.bytes != 0;
}
static value isdigit_(engine *e, value s, const value *a) {
  (void)a;
  return template_bool(all_are(text_of(e, "isdigit", s), "0", "9"));
}
static value isalpha_(engine *e, value s, const value *a) {
  (void)a;
  return template_bool(all_are(text_of(e, "isalpha", s), "aA", "zZ"));
}
static value isalnum_(engine *e, value s, const value *a) {
  (void)a;
  return template_bool(all_are(text_of(e, "isalnum", s), "aA0", "zZ9"));
}
static value isspace_(engine *e, value s, const value *a) {
  (void)a;
  text_of(e, "isspace", s);
  return template_bool(s.bytes &&
                       template_strip(s, STRIP_LEFT, NULL).bytes == 0);
}

static value join(engine *e, value s, const value *a) {
  builder out = {0};
  const list *items = template_elements(e, a[0]);
  text_of(e, "join", s);
  for (uint32_t i = 0; i < items->count; ++i) {
    if (i)
      template_append_value(e, &out, s);
    template_append_value(e, &out, text_of(e, "join", items->items[i]));
  }
  return template_built(&out);
}

static const dict *dict_of(engine *e, const char *method, value v) {
  if (v.kind != V_DICT)
    template_fail(e, "%s: expected a mapping, got %s", method,
                  template_kind_name(v));
  return v.dict;
}

static value get(engine *e, value v, const value *a) {
  value none = {0};
  value *found = a[0].kind == V_STRING
                     ? template_find(e, dict_of(e, "get", v), a[0])
                     : NULL;
  dict_of(e, "get", v);
  none.kind = V_NONE;
  return found ? *found : a[1].kind ? a[1] : none;
}

static value list_dict(engine *e, const char *method, value v, int what) {
  const dict *d = dict_of(e, method, v);
  value all = template_list(e, V_LIST, d->count);
  uint32_t i = 0;
  for (const entry *at = d->first; at; at = at->next)
    all.list->items[i++] = what == 0   ? at->key
                           : what == 1 ? at->value
                                       : template_pair(e, at->key, at->value);
  return all;
}
static value keys(engine *e, value v, const value *a) {
  (void)a;
  return list_dict(e, "keys", v, 0);
}
static value values(engine *e, value v, const value *a) {
  (void)a;
  return list_dict(e, "values", v, 1);
}
static value items(engine *e, value v, const value *a) {
  (void)a;
  return list_dict(e, "items", v, 2);
}

static value cycle(engine *e, value v, const value *a) {
  uint32_t n = 0;
  while (n < MOST_PARAMETERS && a[n].kind)
    ++n;
  if (v.kind != V_LOOP || n == 0)
    template_fail(e, "cycle: expected a loop and values");
  return a[v.loop->index % n];
}

static value changed(engine *e, value v, const value *a) {
  if (v.kind != V_LOOP)
    template_fail(e, "changed: expected a loop, got %s", template_kind_name(v));
  int is = !v.loop->was_told || !template_equal(e, v.loop->changed, a[0]);
  v.loop->was_told = 1;
  v.loop->changed = a[0];
  return template_bool(is);
}

static const template_row methods[] = {
    {"strip", "chars", strip},
    {"lstrip", "chars", lstrip},
    {"rstrip", "chars", rstrip},
    {"split", "sep maxsplit", split},
    {"rsplit", "sep maxsplit", rsplit},
    {"splitlines", "", splitlines},
    {"startswith", "prefix", startswith},
    {"endswith", "suffix", endswith},
    {"removeprefix", "prefix", removeprefix},
    {"removesuffix", "suffix", removesuffix},
    {"upper", "", upper},
    {"lower", "", lower},
    {"title", "", title},
    {"capitalize", "", capitalize},
    {"replace", "old new count", replace},
    {"find", "sub", find},
    {"rfind", "sub", rfind},
    {"index", "value", index_of},
    {"count", "value", count},
    {"isdigit", "", isdigit_},
    {"isalpha", "", isalpha_},
    {"isalnum", "", isalnum_},
    {"isspace", "", isspace_},
    {"join", "iterable", join},
    {"get", "key default", get},
    {"keys", "", keys},
    {"values", "", values},
    {"items", "", items},
    {"cycle", "a b c d e f", cycle},
    {"changed", "value", changed},
};

int template_method_index(value name) {
  for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); ++i)
    if (template_is(name, methods[i].name))
      return (int)i;
  return -1;
}

const template_row *template_method_row(size_t index) {
  return &methods[index];
}

value template_call_method(engine *e, const bound_method *m,
                           const arguments *given) {
  const template_row *row = &methods[m->index];
  value bound[MOST_PARAMETERS];
  if (m->object.kind == V_UNDEFINED)
    template_fail(e, "'%s' of an undefined value", row->name);
  template_bind(e, row->name, row->parameters, given, bound);
  return row->run(e, m->object, bound);
}
