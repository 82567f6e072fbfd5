/*===- methods.c - methods of mappings, lists and loops --------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "parts.h"

#include <string.h>

static value index_of(engine *e, value v, const value *a) {
  for (uint32_t i = 0; i < v.list->count; ++i)
    if (template_equal(e, v.list->items[i], a[0]))
      return template_int(i);
  template_fail(e, "index: it is not there");
}

static value count(engine *e, value v, const value *a) {
  int64_t n = 0;
  for (uint32_t i = 0; i < v.list->count; ++i)
    n += template_equal(e, v.list->items[i], a[0]);
  return template_int(n);
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

static value copy(engine *e, value v, const value *a) {
  (void)a;
  if (v.kind != V_LIST)
    dict_of(e, "copy", v);
  return v; /* nothing can be changed */
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

#define OF(kind) (1u << (kind))

/* Methods of values of some kinds. */
static const struct method {
  uint32_t kinds;
  template_entry entry;
} methods[] = {
    {OF(V_LIST) | OF(V_TUPLE), {"index", "!value", index_of}},
    {OF(V_LIST) | OF(V_TUPLE), {"count", "!value", count}},
    {OF(V_LIST) | OF(V_DICT), {"copy", "", copy}},
    {OF(V_DICT), {"get", "!key default", get}},
    {OF(V_DICT), {"keys", "", keys}},
    {OF(V_DICT), {"values", "", values}},
    {OF(V_DICT), {"items", "", items}},
    {OF(V_LOOP), {"cycle", "!a b c d e f", cycle}},
    {OF(V_LOOP), {"changed", "!value", changed}},
};

const template_entry *template_method_entry(value object, value name) {
  if (object.kind == V_STRING)
    return template_string_method(name);
  for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); ++i)
    if ((methods[i].kinds & OF(object.kind)) &&
        template_is(name, methods[i].entry.name))
      return &methods[i].entry;
  return NULL;
}

int template_is_method(value name) {
  for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); ++i)
    if (template_is(name, methods[i].entry.name))
      return 1;
  return template_string_method(name) != NULL;
}

value template_call_method(engine *e, const bound_method *m,
                           const arguments *given) {
  value bound[MOST_PARAMETERS];
  if (!m->entry->run)
    return template_fill(e, m->object, given);
  template_bind(e, m->entry->name, m->entry->parameters, given, bound);
  return m->entry->run(e, m->object, bound);
}
