/*===- lists.c - filters of lists -----------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "parts.h"

#include <string.h>

static value element(engine *e, value v, int from_end) {
  value none = {0};
  const list *items = template_elements(e, v);
  if (items->count == 0)
    return none;
  return items->items[from_end ? items->count - 1 : 0];
}
static value first(engine *e, value v, const value *a) {
  (void)a;
  return element(e, v, 0);
}
static value last(engine *e, value v, const value *a) {
  (void)a;
  return element(e, v, 1);
}

static value list_(engine *e, value v, const value *a) {
  (void)a;
  const list *items = template_elements(e, v);
  value copy = template_list(e, V_LIST, 0);
  *copy.list = *items;
  return copy;
}

value template_element_part(engine *e, value v, value attribute,
                            const value *missing) {
  if (attribute.kind == V_UNDEFINED || attribute.kind == V_NONE)
    return v;
  if (attribute.kind == V_STRING)
    return template_path(e, v, attribute, missing);
  v = template_item(e, v, attribute);
  return missing && v.kind == V_UNDEFINED ? *missing : v;
}

static value part_of(engine *e, value v, value attribute) {
  return template_element_part(e, v, attribute, NULL);
}

static value join(engine *e, value v, const value *a) {
  builder out = {0};
  const list *items = template_elements(e, v);
  value between = a[0].kind ? template_text(e, a[0]) : template_string("", 0);
  for (uint32_t i = 0; i < items->count; ++i) {
    if (i)
      template_append_value(e, &out, between);
    template_append_value(e, &out,
                          template_text(e, part_of(e, items->items[i], a[1])));
  }
  return template_built(&out);
}

static value reverse(engine *e, value v, const value *a) {
  (void)a;
  const list *items = template_elements(e, v);
  value turned = template_list(e, V_LIST, items->count);
  builder out = {0};
  for (uint32_t i = 0; i < items->count; ++i)
    turned.list->items[i] = items->items[items->count - 1 - i];
  if (v.kind != V_STRING)
    return turned;
  for (uint32_t i = 0; i < items->count; ++i)
    template_append_value(e, &out, turned.list->items[i]);
  return template_built(&out);
}

/* The key of a comparison: without regard to case unless asked for. */
static value sort_key(engine *e, value v, value attribute, int with_case) {
  value key = part_of(e, v, attribute);
  return key.kind == V_STRING && !with_case ? template_case(e, key, CASE_LOWER)
                                            : key;
}

/* For `sort`: a list of the parts that "a,b" names, as Jinja2 compares them. */
static value sort_keys(engine *e, value v, value attribute, int with_case) {
  value comma = template_string(",", 1);
  value names = template_list(e, V_LIST, 1);
  names.list->items[0] = attribute;
  if (attribute.kind == V_STRING)
    names = template_split(e, attribute, &comma, -1);
  value keys = template_list(e, V_LIST, names.list->count);
  for (uint32_t i = 0; i < keys.list->count; ++i)
    keys.list->items[i] = sort_key(e, v, names.list->items[i], with_case);
  return keys;
}

/* Merges two sorted halves; equal ones keep their order. */
static void merge(engine *e, value *items, value *keys, value *rest,
                  uint32_t from, uint32_t middle, uint32_t to, int backwards) {
  uint32_t a = from, b = middle, n = to - from;
  for (uint32_t i = 0; i < n; ++i) {
    int take_b = a == middle;
    if (!take_b && b < to) {
      int order = template_compare(e, keys[b], keys[a]);
      take_b = backwards ? order > 0 : order < 0;
    }
    uint32_t at = take_b ? b++ : a++;
    rest[2 * i] = items[at];
    rest[2 * i + 1] = keys[at];
  }
  for (uint32_t i = 0; i < n; ++i) {
    items[from + i] = rest[2 * i];
    keys[from + i] = rest[2 * i + 1];
  }
  template_spend(e, n);
}

value template_sorted(engine *e, const list *items, const value *keys,
                      int backwards) {
  uint32_t count = items->count;
  value v = template_list(e, V_LIST, count);
  value *own = template_take(e, (count + 1) * sizeof(value));
  value *rest = template_take(e, 2 * (size_t)(count + 1) * sizeof(value));
  for (uint32_t i = 0; i < count; ++i) {
    v.list->items[i] = items->items[i];
    own[i] = keys[i];
  }
  for (uint64_t width = 1; width < count; width *= 2)
    for (uint64_t from = 0; from + width < count; from += 2 * width) {
      uint64_t to = from + 2 * width < count ? from + 2 * width : count;
      merge(e, v.list->items, own, rest, (uint32_t)from,
            (uint32_t)(from + width), (uint32_t)to, backwards);
    }
  return v;
}

static value sort(engine *e, value v, const value *a) {
  const list *items = template_elements(e, v);
  value *keys = template_take(e, (items->count + 1) * sizeof(value));
  for (uint32_t i = 0; i < items->count; ++i)
    keys[i] = sort_keys(e, items->items[i], a[2], template_truth(a[1]));
  return template_sorted(e, items, keys, template_truth(a[0]));
}

static value dictsort(engine *e, value v, const value *a) {
  if (v.kind != V_DICT)
    template_fail(e, "dictsort: expected a mapping, got %s",
                  template_kind_name(v));
  if (a[1].kind != V_UNDEFINED &&
      (a[1].kind != V_STRING || template_word("key value", a[1]) < 0))
    template_fail(e, "dictsort: by 'key' or 'value' only");
  value pairs = template_list(e, V_LIST, v.dict->count);
  value *keys = template_take(e, (v.dict->count + 1) * sizeof(value));
  int by_value = a[1].kind == V_STRING && template_is(a[1], "value");
  uint32_t i = 0;
  for (const entry *at = v.dict->first; at; at = at->next, ++i) {
    value none = {0};
    pairs.list->items[i] = template_pair(e, at->key, at->value);
    keys[i] =
        sort_key(e, by_value ? at->value : at->key, none, template_truth(a[0]));
  }
  return template_sorted(e, pairs.list, keys, template_truth(a[2]));
}

int template_hashed(engine *e, value v) {
  if (!template_is_key(v))
    template_fail(e, "%s cannot be told from others", template_kind_name(v));
  return 1;
}

static value unique(engine *e, value v, const value *a) {
  const list *items = template_elements(e, v);
  value kept = template_list(e, V_LIST, items->count);
  value *keys = template_take(e, (items->count + 1) * sizeof(value));
  uint32_t n = 0;
  for (uint32_t i = 0; i < items->count; ++i) {
    uint32_t k = 0;
    keys[n] = sort_key(e, items->items[i], a[1], template_truth(a[0]));
    template_hashed(e, keys[n]);
    while (k < n && !template_equal(e, keys[k], keys[n]))
      ++k;
    if (k == n)
      kept.list->items[n++] = items->items[i];
  }
  kept.list->count = n;
  return kept;
}

static value extreme(engine *e, value v, const value *a, int sign) {
  value best = {0}, best_key = {0};
  const list *items = template_elements(e, v);
  for (uint32_t i = 0; i < items->count; ++i) {
    value key = sort_key(e, items->items[i], a[1], template_truth(a[0]));
    if (i == 0 || template_compare(e, key, best_key) * sign > 0) {
      best = items->items[i];
      best_key = key;
    }
  }
  return best;
}
static value max(engine *e, value v, const value *a) {
  return extreme(e, v, a, 1);
}
static value min(engine *e, value v, const value *a) {
  return extreme(e, v, a, -1);
}

static value sum(engine *e, value v, const value *a) {
  const list *items = template_elements(e, v);
  value total = a[1].kind ? a[1] : template_int(0);
  if (total.kind == V_STRING)
    template_fail(e, "sum: strings are joined, not added");
  for (uint32_t i = 0; i < items->count; ++i)
    total = template_binary(e, '+', total, part_of(e, items->items[i], a[0]));
  return total;
}

/*--- By tests and filters --------------------------------------------------*/

/* Those for which the test `test[0]` with `test[1]` is `wanted`; without one
 * those that are true. */
static value chosen(engine *e, value v, value attribute, const value *test,
                    int wanted) {
  /* Jinja2 asks nothing of what is false: none, or nothing. */
  if (!template_truth(v))
    return template_list(e, V_LIST, 0);
  const list *items = template_elements(e, v);
  value kept = template_list(e, V_LIST, items->count);
  int index = -1;
  if (test[0].kind == V_STRING)
    index = template_test_index(test[0]);
  if (test[0].kind != V_UNDEFINED && index < 0)
    template_fail(
        e, "unknown test '%.*s'",
        test[0].kind == V_STRING && test[0].bytes < 60 ? (int)test[0].bytes : 0,
        test[0].at);
  uint32_t n = 0;
  for (uint32_t i = 0; i < items->count; ++i) {
    value part = part_of(e, items->items[i], attribute);
    int holds = index < 0 ? template_truth(part)
                          : template_test(e, (size_t)index, part,
                                          test[1].kind ? &test[1] : NULL);
    if (holds == wanted)
      kept.list->items[n++] = items->items[i];
  }
  kept.list->count = n;
  return kept;
}

static value select_(engine *e, value v, const value *a) {
  value none = {0};
  return chosen(e, v, none, a, 1);
}
static value reject(engine *e, value v, const value *a) {
  value none = {0};
  return chosen(e, v, none, a, 0);
}
static void want_attribute(engine *e, value v, value name) {
  if (name.kind == V_UNDEFINED && template_truth(v))
    template_fail(e, "it wants the name of an attribute");
}
static value selectattr(engine *e, value v, const value *a) {
  want_attribute(e, v, a[0]);
  return chosen(e, v, a[0], a + 1, 1);
}
static value rejectattr(engine *e, value v, const value *a) {
  want_attribute(e, v, a[0]);
  return chosen(e, v, a[0], a + 1, 0);
}

/* map('filter', arguments) or map(attribute='name', default=value). */
static value map(engine *e, value v, const value *a) {
  if (!template_truth(v))
    return template_list(e, V_LIST, 0);
  const list *items = template_elements(e, v);
  value mapped = template_list(e, V_LIST, items->count);
  const value *missing =
      a[5].kind == V_UNDEFINED || a[5].kind == V_NONE ? NULL : &a[5];
  arguments given = {0};
  int index = a[0].kind == V_STRING ? template_filter_index(a[0]) : -1;
  if (index < 0 && (a[0].kind != V_UNDEFINED || a[4].kind == V_UNDEFINED))
    template_fail(e, "map: expected the name of a filter or attribute=");
  while (given.count < 3 && a[1 + given.count].kind)
    ++given.count;
  memcpy(given.values, a + 1, 3 * sizeof(value));
  for (uint32_t i = 0; i < items->count; ++i)
    mapped.list->items[i] =
        index >= 0 ? template_filter(e, (size_t)index, items->items[i], &given)
                   : template_element_part(e, items->items[i], a[4], missing);
  return mapped;
}

static const template_entry entries[] = {
    {"first", "", first},
    {"last", "", last},
    {"list", "", list_},
    {"join", "d attribute", join},
    {"reverse", "", reverse},
    {"sort", "reverse case_sensitive attribute", sort},
    {"dictsort", "case_sensitive by reverse", dictsort},
    {"unique", "case_sensitive attribute", unique},
    {"max", "case_sensitive attribute", max},
    {"min", "case_sensitive attribute", min},
    {"sum", "attribute start", sum},
    {"select", "test argument", select_},
    {"reject", "test argument", reject},
    {"selectattr", "name test argument", selectattr},
    {"rejectattr", "name test argument", rejectattr},
    {"map", "filter a b c attribute default", map},
};

const template_entry *template_list_entry(size_t index) {
  return &entries[index];
}
size_t template_list_entries(void) {
  return sizeof(entries) / sizeof(entries[0]);
}
