/*===- calls.c - arguments, macros and functions --------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "parts.h"

#include <string.h>
#include <time.h>

void template_arguments(engine *e, const node *items, arguments *to) {
  to->count = to->named = 0;
  for (const node *item = items; item; item = item->next) {
    uint32_t at = to->count + to->named;
    if (item->kind == N_KEYWORD) {
      to->names[at] = item->text;
      to->values[at] = template_evaluate(e, item->a);
      ++to->named;
    } else {
      to->values[at] = template_evaluate(e, item);
      ++to->count;
    }
  }
}

/* The i-th word of a list; *bytes is 0 behind the last one. A '!' before it,
 * which says that the argument is required, is no part of it. */
static const char *parameter(const char *words, uint32_t i, uint32_t *bytes,
                             int *is_required) {
  for (; i && *words; --i) {
    words += strcspn(words, " ");
    words += *words == ' ';
  }
  *is_required = *words == '!';
  words += *words == '!';
  *bytes = (uint32_t)strcspn(words, " ");
  return words;
}

int template_parameter(const char *words, value name) {
  uint32_t bytes;
  int required;
  for (uint32_t i = 0;; ++i) {
    const char *word = parameter(words, i, &bytes, &required);
    if (bytes == 0)
      return -1;
    if (bytes == name.bytes && memcmp(word, name.at, bytes) == 0)
      return (int)i;
  }
}

void template_bind(engine *e, const char *what, const char *parameters,
                   const arguments *from, value *to) {
  uint32_t most = 0, bytes, given = 0;
  int required;
  for (;; ++most) {
    parameter(parameters, most, &bytes, &required);
    if (bytes == 0)
      break;
  }
  memset(to, 0, MOST_PARAMETERS * sizeof(value));
  if (from->count > most)
    template_fail(e, "'%s' takes at most %u arguments, not %u", what, most,
                  from->count);
  for (uint32_t i = 0; i < from->count + from->named; ++i) {
    int at = (int)i;
    if (i >= from->count)
      at = template_parameter(parameters, from->names[i]);
    if (at < 0)
      template_fail(e, "'%s' has no argument '%.*s'", what,
                    (int)from->names[i].bytes, from->names[i].at);
    to[at] = from->values[i];
    given |= 1u << at;
  }
  for (uint32_t i = 0; i < most; ++i) {
    const char *word = parameter(parameters, i, &bytes, &required);
    if (required && !(given & 1u << i))
      template_fail(e, "'%s' wants an argument '%.*s'", what, (int)bytes, word);
  }
}

/*--- Macros ----------------------------------------------------------------*/

/* Parameters by position, then by name, then by default. The rest is in
 * varargs and kwargs. */
static void bind_parameters(engine *e, const node *definition,
                            const arguments *given, dict *names) {
  uint32_t at = 0;
  uint8_t taken[MOST_ARGUMENTS] = {0};
  for (const node *p = definition->items; p; p = p->next, ++at) {
    value v = {0};
    int is_given = at < given->count;
    if (is_given)
      v = given->values[at];
    for (uint32_t i = given->count; i < given->count + given->named; ++i)
      if (template_same(given->names[i], p->text)) {
        v = given->values[i];
        taken[i] = 1;
        is_given = 1;
      }
    template_put(e, names, p->text, v);
    if (!is_given && p->a)
      template_put(e, names, p->text, template_evaluate(e, p->a));
  }
  value rest =
      template_list(e, V_TUPLE, given->count > at ? given->count - at : 0);
  for (uint32_t i = at; i < given->count; ++i)
    rest.list->items[i - at] = given->values[i];
  value named = template_dict(e, V_DICT);
  for (uint32_t i = given->count; i < given->count + given->named; ++i)
    if (!taken[i])
      template_put(e, named.dict, given->names[i], given->values[i]);
  template_put(e, names, template_string("varargs", 7), rest);
  template_put(e, names, template_string("kwargs", 6), named);
}

value template_call_macro(engine *e, const macro *m, const arguments *given,
                          const value *caller) {
  scope *outside = e->scope;
  loop *around = e->loop;
  builder text = {0};
  template_enter(e);
  e->scope = template_open_scope(e, m->outer);
  if (caller)
    template_put(e, &e->scope->names, template_string("caller", 6), *caller);
  bind_parameters(e, m->definition, given, &e->scope->names);
  template_run(e, m->definition->body, &text);
  e->scope = outside;
  e->loop = around;
  template_leave(e);
  return template_built(&text);
}

value template_call(engine *e, value function, const arguments *given) {
  switch (function.kind) {
  case V_MACRO:
    return template_call_macro(e, function.macro, given, NULL);
  case V_FUNCTION:
    return template_call_function(e, function.index, given);
  case V_METHOD:
    return template_call_method(e, function.method, given);
  default:
    template_fail(e, "%s cannot be called", template_kind_name(function));
  }
}

/*--- Functions of the language ---------------------------------------------*/

static int64_t integer(engine *e, const char *of, value v) {
  if (v.kind != V_INT && v.kind != V_BOOL)
    template_fail(e, "%s: expected a whole number, got %s", of,
                  template_kind_name(v));
  return v.integer;
}

static value call_range(engine *e, value none, const value *a) {
  (void)none;
  int64_t step = a[2].kind ? integer(e, "range", a[2]) : 1;
  int64_t from = a[1].kind ? integer(e, "range", a[0]) : 0;
  int64_t to = integer(e, "range", a[a[1].kind ? 1 : 0]);
  if (step == 0)
    template_fail(e, "range: a step of 0");
  uint64_t count = 0;
  if (step > 0 ? from < to : from > to) {
    uint64_t span = step > 0 ? (uint64_t)to - (uint64_t)from
                             : (uint64_t)from - (uint64_t)to;
    uint64_t by = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    count = (span - 1) / by + 1;
  }
  if (count > 100000) /* as the sandbox of Jinja */
    template_fail(e, "range: more than 100000 numbers");
  value v = template_list(e, V_LIST, (size_t)count);
  for (uint32_t i = 0; i < count; ++i)
    v.list->items[i] = template_int(from + (int64_t)i * step);
  return v;
}

static value call_raise(engine *e, value none, const value *a) {
  (void)none;
  value text = template_text(e, a[0]);
  template_fail(e, "it refuses: %.*s",
                (int)(text.bytes < 300 ? text.bytes : 300), text.at);
}

static value call_strftime(engine *e, value none, const value *a) {
  (void)none;
  char text[256];
  struct tm parts;
  time_t now = (time_t)e->now;
  if (a[0].kind != V_STRING || a[0].bytes >= 64)
    template_fail(e, "strftime_now: expected a short format");
  if (a[0].bytes == 0)
    return a[0];
  char format[64];
  memcpy(format, a[0].at, a[0].bytes);
  format[a[0].bytes] = 0;
  size_t n = 0;
  if (localtime_r(&now, &parts))
    n = strftime(text, sizeof(text), format, &parts);
  builder out = {0};
  template_append(e, &out, text, NULL, n);
  return template_built(&out);
}

static const template_entry functions[] = {
    {"range", "!start stop step", call_range},
    {"raise_exception", "!message", call_raise},
    {"strftime_now", "!format", call_strftime},
    {"namespace", "", NULL},
    {"dict", "", NULL},
};
#define FUNCTION_COUNT (sizeof(functions) / sizeof(functions[0]))

int template_function_index(value name) {
  for (size_t i = 0; i < FUNCTION_COUNT; ++i)
    if (template_is(name, functions[i].name))
      return (int)i;
  return -1;
}

/* namespace(...) and dict(...): a mapping, and what has a name. */
static value make_mapping(engine *e, const char *what, const arguments *given) {
  value v = template_dict(e, *what == 'n' ? V_NAMESPACE : V_DICT);
  for (uint32_t i = 0; i < given->count; ++i) {
    value from = given->values[i];
    if (given->count > 1 || from.kind == V_UNDEFINED)
      template_fail(e, "%s: expected a mapping or arguments with names", what);
    if (from.kind == V_DICT) {
      for (const entry *at = from.dict->first; at; at = at->next)
        template_put(e, v.dict, at->key, at->value);
      continue;
    }
    const list *pairs = template_elements(e, from);
    for (uint32_t k = 0; k < pairs->count; ++k) {
      const list *pair = template_elements(e, pairs->items[k]);
      if (pair->count != 2 || pair->items[0].kind != V_STRING)
        template_fail(e, "%s: expected pairs of a string and a value", what);
      template_put(e, v.dict, pair->items[0], pair->items[1]);
    }
  }
  for (uint32_t i = given->count; i < given->count + given->named; ++i)
    template_put(e, v.dict, given->names[i], given->values[i]);
  return v;
}

value template_call_function(engine *e, size_t index, const arguments *given) {
  const template_entry *entry = &functions[index];
  value bound[MOST_PARAMETERS], none = {0};
  if (!entry->run)
    return make_mapping(e, entry->name, given);
  template_bind(e, entry->name, entry->parameters, given, bound);
  return entry->run(e, none, bound);
}
