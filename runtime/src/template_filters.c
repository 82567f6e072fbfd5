/*===- template_filters.c - filters ---------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "template_parts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static value trim(engine *e, value v, const value *a) {
  value text = template_text(e, v);
  const value *set = a[0].kind == V_STRING ? &a[0] : NULL;
  template_spend(e, (uint64_t)text.bytes * (set ? set->bytes : 1) / 16);
  return template_strip(text, STRIP_LEFT | STRIP_RIGHT, set);
}

static value upper(engine *e, value v, const value *a) {
  (void)a;
  return template_case(e, template_text(e, v), CASE_UPPER);
}
static value lower(engine *e, value v, const value *a) {
  (void)a;
  return template_case(e, template_text(e, v), CASE_LOWER);
}
/* Words begin behind blanks, '-' and brackets; the method sees more of them. */
static value title(engine *e, value v, const value *a) {
  builder out = {0};
  value text = template_text(e, v);
  size_t from = 0;
  (void)a;
  for (size_t at = 0; at <= text.bytes; ++at) {
    if (at < text.bytes && !strchr("-([{< \t\n\r\f\v", text.at[at]))
      continue;
    template_append_value(
        e, &out,
        template_case(e, template_part(text, from, at), CASE_CAPITALIZE));
    if (at < text.bytes)
      template_append_value(e, &out, template_part(text, at, at + 1));
    from = at + 1;
  }
  return template_built(&out);
}
static value capitalize(engine *e, value v, const value *a) {
  (void)a;
  return template_case(e, template_text(e, v), CASE_CAPITALIZE);
}

static value string(engine *e, value v, const value *a) {
  (void)a;
  return template_text(e, v);
}
static value safe(engine *e, value v, const value *a) {
  (void)e, (void)a;
  return v;
}

static value default_(engine *e, value v, const value *a) {
  (void)e;
  if (v.kind != V_UNDEFINED && !(template_truth(a[1]) && !template_truth(v)))
    return v;
  return a[0].kind == V_UNDEFINED ? template_string("", 0) : a[0];
}

static value length(engine *e, value v, const value *a) {
  (void)a;
  return template_int(template_length(e, v));
}

/* A number in text, white space around it aside; 0: there is none. */
static int read_number(engine *e, value v, char *text, size_t room) {
  if (v.kind != V_STRING)
    return 0;
  template_spend(e, v.bytes / 64);
  v = template_strip(v, STRIP_LEFT | STRIP_RIGHT, NULL);
  size_t n = 0;
  for (uint32_t i = 0; i < v.bytes; ++i) {
    if (v.at[i] == '_' && i > 0 && v.at[i - 1] != '_' && i + 1 < v.bytes)
      continue; /* 1_000 */
    if (n + 1 == room || !v.at[i] || !strchr("+-.0123456789eE", v.at[i]))
      return 0;
    text[n++] = v.at[i];
  }
  text[n] = 0;
  return n != 0;
}

static value int_(engine *e, value v, const value *a) {
  value missing = a[0].kind ? a[0] : template_int(0);
  char text[64], *end;
  if (v.kind == V_INT || v.kind == V_BOOL)
    return template_int(v.integer);
  double number = NAN;
  if (read_number(e, v, text, sizeof(text))) {
    errno = 0;
    int64_t whole = strtoll(text, &end, 10);
    if (!*end && errno == 0)
      return template_int(whole);
    number = strtod(text, &end);
    if (*end)
      return missing;
  } else if (v.kind == V_FLOAT) {
    number = v.number;
  }
  if (!(fabs(number) < 9e18))
    return missing;
  return template_int((int64_t)number);
}

static value float_(engine *e, value v, const value *a) {
  value missing = a[0].kind ? a[0] : template_float(0);
  char text[64], *end;
  if (template_is_number(v))
    return template_float(template_number(v));
  if (!read_number(e, v, text, sizeof(text)))
    return missing;
  double number = strtod(text, &end);
  return *end || !isfinite(number) ? missing : template_float(number);
}

static value abs_(engine *e, value v, const value *a) {
  (void)a;
  if (!template_is_number(v) || (v.kind != V_FLOAT && v.integer == INT64_MIN))
    template_fail(e, "abs: expected a number, got %s", template_kind_name(v));
  if (v.kind == V_FLOAT)
    return template_float(fabs(v.number));
  return template_int(v.integer < 0 ? -v.integer : v.integer);
}

static value round_(engine *e, value v, const value *a) {
  int64_t digits = a[0].kind == V_INT ? a[0].integer : 0;
  if (!template_is_number(v) || digits < 0 || digits > 15)
    template_fail(e, "round: expected a number and 0 to 15 digits");
  double scale = pow(10, (double)digits), x = template_number(v) * scale;
  if (a[1].kind == V_STRING && template_is(a[1], "ceil"))
    x = ceil(x);
  else if (a[1].kind == V_STRING && template_is(a[1], "floor"))
    x = floor(x);
  else
    x = rint(x); /* halves to even, as Python */
  return template_float(x / scale);
}

static value replace(engine *e, value v, const value *a) {
  value text = template_text(e, v);
  if (a[0].kind != V_STRING || a[1].kind != V_STRING)
    template_fail(e, "replace: expected two strings");
  return template_replace(e, text, a[0], a[1],
                          a[2].kind == V_INT ? a[2].integer : -1);
}

static value indent(engine *e, value v, const value *a) {
  value text = template_text(e, v), blanks = a[0], newline;
  builder out = {0}, made = {0};
  newline = template_string("\n", 1);
  if (a[0].kind != V_STRING) {
    int64_t width = a[0].kind == V_INT ? a[0].integer : 4;
    for (int64_t i = 0; i < width; ++i)
      template_append_text(e, &made, " ");
    blanks = template_built(&made);
  }
  const list *lines = template_split(e, text, &newline, -1).list;
  for (uint32_t i = 0; i < lines->count; ++i) {
    if (i)
      template_append_value(e, &out, newline);
    if (i ? lines->items[i].bytes || template_truth(a[2])
          : template_truth(a[1]))
      template_append_value(e, &out, blanks);
    template_append_value(e, &out, lines->items[i]);
  }
  return template_built(&out);
}

static value wordcount(engine *e, value v, const value *a) {
  (void)a;
  return template_int(
      template_split(e, template_text(e, v), NULL, -1).list->count);
}

static value attr(engine *e, value v, const value *a) {
  if (a[0].kind != V_STRING)
    template_fail(e, "attr: expected a name");
  return template_attribute(e, v, a[0]);
}

static value items(engine *e, value v, const value *a) {
  (void)a;
  if (v.kind == V_UNDEFINED)
    return template_list(e, V_LIST, 0);
  if (v.kind != V_DICT)
    template_fail(e, "items: expected a mapping, got %s",
                  template_kind_name(v));
  value all = template_list(e, V_LIST, v.dict->count);
  uint32_t i = 0;
  for (const entry *at = v.dict->first; at; at = at->next)
    all.list->items[i++] = template_pair(e, at->key, at->value);
  return all;
}

static const template_row filters[] = {
    {"trim", "chars", trim},
    {"upper", "", upper},
    {"lower", "", lower},
    {"title", "", title},
    {"capitalize", "", capitalize},
    {"string", "", string},
    {"safe", "", safe},
    {"default", "default_value boolean", default_},
    {"d", "default_value boolean", default_},
    {"length", "", length},
    {"count", "", length},
    {"int", "default", int_},
    {"float", "default", float_},
    {"abs", "", abs_},
    {"round", "precision method", round_},
    {"replace", "old new count", replace},
    {"indent", "width first blank", indent},
    {"wordcount", "", wordcount},
    {"attr", "name", attr},
    {"items", "", items},
    {"tojson", "ensure_ascii indent separators sort_keys", template_json},
};
#define FILTER_COUNT (sizeof(filters) / sizeof(filters[0]))

/* Those of lists have a table of their own, which goes on from here. */
int template_filter_index(value name) {
  for (size_t i = 0; i < FILTER_COUNT + template_list_rows(); ++i)
    if (template_is(name, template_filter_row(i)->name))
      return (int)i;
  return -1;
}

const template_row *template_filter_row(size_t index) {
  return index < FILTER_COUNT ? &filters[index]
                              : template_list_row(index - FILTER_COUNT);
}

value template_filter(engine *e, size_t index, value input,
                      const arguments *given) {
  const template_row *row = template_filter_row(index);
  value bound[MOST_PARAMETERS];
  template_bind(e, row->name, row->parameters, given, bound);
  return row->run(e, input, bound);
}
