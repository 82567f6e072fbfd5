/*===- groups.c - filters that make lists of lists -------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "parts.h"

static int64_t count_of(engine *e, const char *filter, value v) {
  if (v.kind != V_INT && v.kind != V_BOOL)
    template_fail(e, "%s: expected a whole number, got %s", filter,
                  template_kind_name(v));
  return v.integer;
}

static int is_given(value v) {
  return v.kind != V_UNDEFINED && v.kind != V_NONE;
}

/* Rows of `linecount` elements; the last one is filled up if that is asked for.
 */
static value batch(engine *e, value v, const value *a) {
  const list *items = template_elements(e, v);
  uint32_t total = items->count;
  if (total == 0)
    return template_list(e, V_LIST, 0);
  /* As Jinja2's loop: a row ends where its length is the number. */
  double number = template_is_number(a[0]) ? template_number(a[0]) : 0;
  int64_t asked = number > 0 && number < 1e9 ? (int64_t)number : 0;
  if ((double)asked != number)
    asked = 0; /* no row has such a length */
  if (template_is_number(a[0]) && template_number(a[0]) == 0) {
    value both = template_list(e, V_LIST, 2);
    both.list->items[0] = template_list(e, V_LIST, 0);
    both.list->items[1] = template_list(e, V_LIST, 0);
    *both.list->items[1].list = *items;
    return both;
  }
  uint32_t row = asked <= 0 || asked > total ? total : (uint32_t)asked;
  uint32_t rows = (total - 1) / row + 1;
  value all = template_list(e, V_LIST, rows);
  for (uint32_t r = 0; r < rows; ++r) {
    uint32_t from = r * row, count = total - from < row ? total - from : row;
    int64_t wanted = is_given(a[1]) && asked > count ? asked : count;
    value made = template_list(e, V_LIST, (size_t)wanted);
    for (uint32_t i = 0; i < made.list->count; ++i)
      made.list->items[i] = i < count ? items->items[from + i] : a[1];
    all.list->items[r] = made;
  }
  return all;
}

/* That many columns, the first ones longer by one where it does not come out.
 */
static value slice(engine *e, value v, const value *a) {
  const list *items = template_elements(e, v);
  int64_t columns = count_of(e, "slice", a[0]);
  if (columns == 0)
    template_fail(e, "slice: division by zero");
  if (columns < 0)
    return template_list(e, V_LIST, 0);
  value all = template_list(e, V_LIST, (size_t)columns);
  uint32_t count = all.list->count, each = items->count / count;
  uint32_t longer = items->count % count, at = 0;
  for (uint32_t c = 0; c < count; ++c) {
    uint32_t n = each + (c < longer);
    int is_filled = is_given(a[1]) && c >= longer;
    value made = template_list(e, V_LIST, (size_t)n + (is_filled ? 1 : 0));
    for (uint32_t i = 0; i < made.list->count; ++i)
      made.list->items[i] = i < n ? items->items[at + i] : a[1];
    all.list->items[c] = made;
    at += n;
  }
  return all;
}

static value folded(engine *e, value v, int with_case) {
  return v.kind == V_STRING && !with_case ? template_case(e, v, CASE_LOWER) : v;
}

/* Pairs of a value of the attribute and the elements that have it, by rising
 * value. */
static value groupby(engine *e, value v, const value *a) {
  const list *items = template_elements(e, v);
  int with_case = template_truth(a[2]);
  const value *missing = is_given(a[1]) ? &a[1] : NULL;
  value *keys = template_take(e, (items->count + 1) * sizeof(value));
  value pairs = template_list(e, V_LIST, items->count);
  for (uint32_t i = 0; i < items->count; ++i) {
    value key = template_element_part(e, items->items[i], a[0], missing);
    keys[i] = folded(e, key, with_case);
    pairs.list->items[i] = template_pair(e, key, items->items[i]);
  }
  const list *sorted = template_sorted(e, pairs.list, keys, 0).list;
  value groups = template_list(e, V_LIST, sorted->count);
  uint32_t count = 0;
  for (uint32_t i = 0, end; i < sorted->count; i = end) {
    value first = sorted->items[i].list->items[0];
    value key = folded(e, first, with_case);
    for (end = i + 1;
         end < sorted->count &&
         template_equal(
             e, folded(e, sorted->items[end].list->items[0], with_case), key);)
      ++end;
    value group = template_list(e, V_LIST, end - i);
    for (uint32_t k = i; k < end; ++k)
      group.list->items[k - i] = sorted->items[k].list->items[1];
    groups.list->items[count++] = template_pair(e, first, group);
  }
  groups.list->count = count;
  return groups;
}

static const template_entry entries[] = {
    {"batch", "!linecount fill_with", batch},
    {"groupby", "!attribute default case_sensitive", groupby},
    {"slice", "!slices fill_with", slice},
};

const template_entry *template_group_entry(size_t index) {
  return &entries[index];
}
size_t template_group_entries(void) {
  return sizeof(entries) / sizeof(entries[0]);
}
