/*===- evaluate.c - the value of an expression ----------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "parts.h"

/*--- Names, attributes, elements -------------------------------------------*/

scope *template_open_scope(engine *e, scope *parent) {
  scope *s = template_take(e, sizeof(*s));
  s->parent = parent;
  return s;
}

value template_look_up(engine *e, value name) {
  value v = {0};
  for (scope *s = e->scope; s; s = s->parent) {
    value *found = template_find(e, &s->names, name);
    if (found)
      return *found;
  }
  int index = template_function_index(name);
  if (index >= 0) {
    v.kind = V_FUNCTION;
    v.index = (size_t)index;
  }
  return v;
}

static value loop_attribute(const loop *l, value name) {
  static const char *const names = "index index0 revindex revindex0 first last "
                                   "length previtem nextitem depth depth0";
  uint32_t count = l->items->count;
  value none = {0};
  switch (template_word(names, name)) {
  case 0:
    return template_int((int64_t)l->index + 1);
  case 1:
    return template_int(l->index);
  case 2:
    return template_int((int64_t)count - l->index);
  case 3:
    return template_int((int64_t)count - l->index - 1);
  case 4:
    return template_bool(l->index == 0);
  case 5:
    return template_bool(l->index + 1 == count);
  case 6:
    return template_int(count);
  case 7:
    return l->index ? l->items->items[l->index - 1] : none;
  case 8:
    return l->index + 1 < count ? l->items->items[l->index + 1] : none;
  case 9:
    return template_int((int64_t)l->depth + 1);
  case 10:
    return template_int(l->depth);
  default:
    return none;
  }
}

/* The callee of a later call: a method, if there is one of that name. */
static value method_of(engine *e, value object, value name) {
  value v = {0};
  const template_entry *entry = template_method_entry(object, name);
  if (!entry)
    return v;
  v.kind = V_METHOD;
  v.method = template_take(e, sizeof(*v.method));
  v.method->object = object;
  v.method->entry = entry;
  return v;
}

value template_attribute(engine *e, value object, value name) {
  value none = {0};
  if (object.kind == V_UNDEFINED)
    template_fail(e, "'%.*s' of an undefined value", (int)name.bytes, name.at);
  if (object.kind == V_DICT || object.kind == V_NAMESPACE) {
    value *found = template_find(e, object.dict, name);
    return found ? *found : none;
  }
  return object.kind == V_LOOP ? loop_attribute(object.loop, name) : none;
}

value template_item(engine *e, value object, value key) {
  value none = {0};
  if (key.kind == V_STRING)
    return template_attribute(e, object, key);
  if (object.kind == V_UNDEFINED)
    template_fail(e, "an element of an undefined value");
  if (key.kind != V_INT && key.kind != V_BOOL)
    return none;
  int64_t at = key.integer;
  if (object.kind == V_STRING) {
    int64_t count = template_length(e, object);
    at += at < 0 ? count : 0;
    if (at < 0 || at >= count)
      return none;
    return template_characters(e, object).list->items[at];
  }
  if (!template_is_list(object))
    return none;
  at += at < 0 ? (int64_t)object.list->count : 0;
  return at >= 0 && at < (int64_t)object.list->count ? object.list->items[at]
                                                     : none;
}

value template_member(engine *e, value object, value name) {
  static const char *const methods =
      "clear copy fromkeys get items keys pop popitem setdefault update values";
  value v = {0};
  if (object.kind != V_DICT || template_word(methods, name) < 0)
    v = template_attribute(e, object, name);
  return v.kind == V_UNDEFINED ? method_of(e, object, name) : v;
}

value template_path(engine *e, value object, value path, const value *missing) {
  for (size_t from = 0; from <= path.bytes;) {
    size_t to = from;
    int digits = 1;
    for (; to < path.bytes && path.at[to] != '.'; ++to)
      digits &= path.at[to] >= '0' && path.at[to] <= '9';
    value part = template_part(path, from, to);
    if (digits && to > from && to - from < 10) {
      int64_t index = 0;
      for (size_t i = from; i < to; ++i)
        index = index * 10 + (path.at[i] - '0');
      object = template_item(e, object, template_int(index));
    } else {
      object = template_attribute(e, object, part);
    }
    if (missing && object.kind == V_UNDEFINED)
      object = *missing;
    from = to + 1;
  }
  return object;
}

/* Where a bound of a slice lies among `count` elements. */
static int64_t bound(engine *e, value v, int64_t missing, int64_t count,
                     int64_t step) {
  int64_t low = step < 0 ? -1 : 0, high = step < 0 ? count - 1 : count;
  if (v.kind == V_UNDEFINED || v.kind == V_NONE)
    return missing;
  if (v.kind != V_INT)
    template_fail(e, "the bounds of a slice are whole numbers");
  int64_t at = v.integer < 0 ? v.integer + count : v.integer;
  return at < low ? low : at > high ? high : at;
}

value template_slice(engine *e, value object, const value *bounds) {
  value from =
      object.kind == V_STRING ? template_characters(e, object) : object;
  if (!template_is_list(from))
    template_fail(e, "%s cannot be sliced", template_kind_name(object));
  int64_t count = from.list->count;
  int64_t step = bounds[2].kind == V_INT ? bounds[2].integer : 1;
  if (step == 0)
    template_fail(e, "the step of a slice is 0");
  int64_t start = bound(e, bounds[0], step < 0 ? count - 1 : 0, count, step);
  int64_t stop = bound(e, bounds[1], step < 0 ? -1 : count, count, step);
  value result = template_list(e, object.kind, 0);
  value *items = template_take(e, (size_t)(count + 1) * sizeof(value));
  uint32_t n = 0;
  if (step > count || step < -count) /* no overflow below */
    step = step < 0 ? -count - 1 : count + 1;
  for (int64_t i = start; step > 0 ? i < stop : i > stop; i += step)
    items[n++] = from.list->items[i];
  template_spend(e, n / 16);
  if (object.kind != V_STRING) {
    result.list->items = items;
    result.list->count = n;
    return result;
  }
  builder text = {0};
  for (uint32_t i = 0; i < n; ++i)
    template_append_value(e, &text, items[i]);
  return template_built(&text);
}

/*--- Literals and the rest -------------------------------------------------*/

static value list_of(engine *e, const node *n) {
  value v = template_list(e, n->kind == N_LIST ? V_LIST : V_TUPLE, n->count);
  uint32_t i = 0;
  for (const node *item = n->items; item; item = item->next)
    v.list->items[i++] = template_evaluate(e, item);
  return v;
}

static value dict_of(engine *e, const node *n) {
  value v = template_dict(e, V_DICT);
  for (const node *item = n->items; item; item = item->next->next) {
    value key = template_evaluate(e, item);
    if (key.kind != V_STRING)
      template_fail(e, "a key of a mapping is a string, not %s",
                    template_kind_name(key));
    template_put(e, v.dict, key, template_evaluate(e, item->next));
  }
  return v;
}

/* As Python's templates do: where a mapping has no such key it is a method. */
static value item_of(engine *e, const node *n) {
  value object = template_evaluate(e, n->a);
  value key = template_evaluate(e, n->b);
  value v = template_item(e, object, key);
  return v.kind == V_UNDEFINED && key.kind == V_STRING
             ? method_of(e, object, key)
             : v;
}

static value slice_of(engine *e, const node *n) {
  value bounds[3], object = template_evaluate(e, n->a);
  int i = 0;
  for (const node *item = n->items; item; item = item->next)
    bounds[i++] = template_evaluate(e, item);
  return template_slice(e, object, bounds);
}

static value call_of(engine *e, const node *n) {
  arguments given;
  value function = {0};
  if (n->a->kind == N_ATTRIBUTE) {
    /* An entry of a namespace or a mapping, or else a method. */
    value object = template_evaluate(e, n->a->a);
    if (object.kind == V_NAMESPACE)
      function = template_attribute(e, object, n->a->text);
    if (function.kind == V_UNDEFINED)
      function = method_of(e, object, n->a->text);
  } else {
    function = template_evaluate(e, n->a);
  }
  if (function.kind == V_UNDEFINED && n->a->kind == N_NAME)
    template_fail(e, "unknown function '%.*s'", (int)n->a->text.bytes,
                  n->a->text.at);
  template_arguments(e, n->items, &given);
  e->line = n->line;
  return template_call(e, function, &given);
}

static value filter_of(engine *e, const node *n) {
  arguments given;
  value input = template_evaluate(e, n->a);
  template_arguments(e, n->items, &given);
  e->line = n->line;
  return template_filter(e, n->index, input, &given);
}

static value test_of(engine *e, const node *n) {
  value input = template_evaluate(e, n->a), argument = {0};
  if (n->items)
    argument = template_evaluate(e, n->items);
  e->line = n->line;
  return template_bool(
      template_test(e, n->index, input, n->items ? &argument : NULL));
}

static value evaluate(engine *e, const node *n) {
  value a, none = {0};
  switch (n->kind) {
  case N_CONSTANT:
    return n->text;
  case N_NAME:
    return template_look_up(e, n->text);
  case N_LIST:
  case N_TUPLE:
    return list_of(e, n);
  case N_DICT:
    return dict_of(e, n);
  case N_ATTRIBUTE:
    return template_member(e, template_evaluate(e, n->a), n->text);
  case N_INDEX:
    return item_of(e, n);
  case N_SLICE:
    return slice_of(e, n);
  case N_CALL:
    return call_of(e, n);
  case N_FILTER:
    return filter_of(e, n);
  case N_TEST:
    return test_of(e, n);
  case N_NOT:
    return template_bool(!template_truth(template_evaluate(e, n->a)));
  case N_MINUS:
  case N_PLUS:
    return template_sign(e, n);
  case N_AND:
    a = template_evaluate(e, n->a);
    return template_truth(a) ? template_evaluate(e, n->b) : a;
  case N_OR:
    a = template_evaluate(e, n->a);
    return template_truth(a) ? a : template_evaluate(e, n->b);
  case N_BINARY:
    a = template_evaluate(e, n->a);
    return template_binary(e, n->op, a, template_evaluate(e, n->b));
  case N_COMPARE:
    return template_comparison(e, n);
  case N_CHOICE:
    if (template_truth(template_evaluate(e, n->a)))
      return template_evaluate(e, n->b);
    return n->c ? template_evaluate(e, n->c) : none;
  case N_MISSING: /* what a filter block is about */
    return n->text;
  default:
    return none;
  }
}

value template_evaluate(engine *e, const node *n) {
  template_enter(e);
  e->line = n->line;
  value v = evaluate(e, n);
  template_leave(e);
  return v;
}
