/*===- filters.c - filters ------------------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "parts.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static value trim(engine *e, value v, const value *a) {
  value text = template_text(e, v);
  const value *set = a[0].kind == V_STRING ? &a[0] : NULL;
  if (!set && a[0].kind != V_UNDEFINED && a[0].kind != V_NONE)
    template_fail(e, "trim: expected a string, got %s",
                  template_kind_name(a[0]));
  return template_strip(e, text, STRIP_LEFT | STRIP_RIGHT, set);
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
static int read_number(engine *e, value v, char *text, size_t room,
                       int64_t base) {
  const char *digits =
      base == 10
          ? "+-.0123456789eE"
          : "+-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  if (v.kind != V_STRING)
    return 0;
  template_spend(e, v.bytes / 64);
  v = template_strip(e, v, STRIP_LEFT | STRIP_RIGHT, NULL);
  size_t n = 0;
  for (uint32_t i = 0; i < v.bytes; ++i) {
    if (v.at[i] == '_' && i > 0 && v.at[i - 1] != '_' && i + 1 < v.bytes)
      continue; /* 1_000 */
    if (n + 1 == room || !v.at[i] || !strchr(digits, v.at[i]))
      return 0;
    text[n++] = v.at[i];
  }
  text[n] = 0;
  return n != 0;
}

/* Jinja2 has no number for it and refuses it, as any attribute of it.
 */
static void refuse_undefined(engine *e, const char *filter, value v) {
  if (v.kind == V_UNDEFINED)
    template_fail(e, "%s: of an undefined value", filter);
}

static value int_(engine *e, value v, const value *a) {
  value missing = a[0].kind ? a[0] : template_int(0);
  int64_t base = a[1].kind == V_INT ? a[1].integer : 10;
  char text[64], *end;
  refuse_undefined(e, "int", v);
  if (base != 0 && (base < 2 || base > 36))
    template_fail(e, "int: a base of %lld", (long long)base);
  if (v.kind == V_INT || v.kind == V_BOOL)
    return template_int(v.integer);
  double number = NAN;
  if (read_number(e, v, text, sizeof(text), base)) {
    errno = 0;
    int64_t whole = strtoll(text, &end, (int)base);
    if (!*end && errno == 0)
      return template_int(whole);
    number = strtod(text, &end);
    if (*end || strpbrk(text, "xXnNpP"))
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
  refuse_undefined(e, "float", v);
  if (template_is_number(v))
    return template_float(template_number(v));
  if (!read_number(e, v, text, sizeof(text), 10))
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

/* A whole number, halves to even: exactly as Python does on decimal digits. */
static double rounded(double x, int64_t digits) {
  char text[400];
  if (digits > 300 || fabs(x) > 1e60 || !isfinite(x))
    return x;
  if (digits >= 0) {
    snprintf(text, sizeof(text), "%.*f", (int)digits, x);
    return strtod(text, NULL);
  }
  double scale = pow(10, (double)-digits);
  return isfinite(scale) ? rint(x / scale) * scale : copysign(0.0, x);
}

static value round_(engine *e, value v, const value *a) {
  static const char *const methods = "common ceil floor";
  int method = a[1].kind == V_UNDEFINED ? 0
               : a[1].kind == V_STRING  ? template_word(methods, a[1])
                                        : -1;
  int64_t digits = a[0].kind == V_INT || a[0].kind == V_BOOL ? a[0].integer : 0;
  digits = digits > 400 ? 400 : digits < -400 ? -400 : digits;
  if (!template_is_number(v) || method < 0 ||
      (a[0].kind > V_NONE && a[0].kind != V_INT && a[0].kind != V_BOOL) ||
      (method && a[0].kind == V_NONE))
    template_fail(e, "round: expected a number, digits and a method: common, "
                     "ceil or floor");
  if (method) {
    double scale = pow(10, (double)digits), x = template_number(v) * scale;
    return template_float((method == 1 ? ceil(x) : floor(x)) / scale + 0.0);
  }
  double x = rounded(template_number(v), digits);
  if (v.kind == V_FLOAT && a[0].kind != V_NONE)
    return template_float(x);
  if (v.kind != V_FLOAT && digits >= 0)
    return template_int(v.integer);
  if (!(fabs(x) < 9e18))
    template_fail(e, "round: a number is too large");
  return template_int((int64_t)x);
}

static value replace(engine *e, value v, const value *a) {
  int64_t most = a[2].kind == V_INT || a[2].kind == V_BOOL ? a[2].integer : -1;
  return template_replace(e, template_text(e, v), template_text(e, a[0]),
                          template_text(e, a[1]), most);
}

static value repeated_blank(engine *e, int64_t count) {
  builder made = {0};
  for (int64_t i = 0; i < count; ++i)
    template_append_text(e, &made, " ");
  return template_built(&made);
}

static value indent(engine *e, value v, const value *a) {
  value blanks = a[0], newline = template_string("\n", 1);
  builder out = {0};
  if (v.kind != V_STRING)
    template_fail(e, "indent: expected a string, got %s",
                  template_kind_name(v));
  if (a[0].kind == V_UNDEFINED)
    blanks = repeated_blank(e, 4);
  else if (a[0].kind == V_INT || a[0].kind == V_BOOL)
    blanks = repeated_blank(e, a[0].integer);
  else if (a[0].kind != V_STRING)
    template_fail(e, "indent: expected a width, got %s",
                  template_kind_name(a[0]));
  const list *lines = template_lines(e, v, 0).list;
  int ends = v.bytes && v.at[v.bytes - 1] == '\n';
  for (uint32_t i = 0; i < lines->count + (uint32_t)ends; ++i) {
    value line = i < lines->count ? lines->items[i] : template_string("", 0);
    if (i)
      template_append_value(e, &out, newline);
    if (i ? line.bytes || template_truth(a[2]) : template_truth(a[1]))
      template_append_value(e, &out, blanks);
    template_append_value(e, &out, line);
  }
  if (lines->count == 0 && !ends && template_truth(a[1]))
    template_append_value(e, &out, blanks);
  return template_built(&out);
}

/* The odd blank stands on the left or right as Python's str.center has it. */
static value center(engine *e, value v, const value *a) {
  value text = template_text(e, v);
  int64_t width = a[0].kind == V_UNDEFINED ? 80 : a[0].integer;
  if (a[0].kind != V_UNDEFINED && a[0].kind != V_INT && a[0].kind != V_BOOL)
    template_fail(e, "center: expected a width, got %s",
                  template_kind_name(a[0]));
  return template_justify(e, text, width, template_string(" ", 1), 2);
}

static value format(engine *e, value v, const value *a) {
  uint32_t count = 0;
  while (count < MOST_PARAMETERS && a[count].kind)
    ++count;
  value values = template_list(e, V_TUPLE, count);
  for (uint32_t i = 0; i < count; ++i)
    values.list->items[i] = a[i];
  return template_format(e, template_text(e, v), values);
}

static value wordcount(engine *e, value v, const value *a) {
  value text = template_text(e, v);
  int64_t words = 0;
  uint32_t length;
  int inside = 0;
  (void)a;
  for (size_t at = 0; at < text.bytes; at += length) {
    int is_word = template_is_word(template_decode(text, at, &length));
    words += is_word && !inside;
    inside = is_word;
  }
  template_spend(e, text.bytes / 16);
  return template_int(words);
}

/* Attributes only, and a mapping's elements are none. */
static value attr(engine *e, value v, const value *a) {
  value none = {0};
  if (a[0].kind != V_STRING)
    template_fail(e, "attr: expected a name, got %s", template_kind_name(a[0]));
  if (v.kind == V_DICT)
    return none;
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

static const template_entry filters[] = {
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
    {"int", "default base", int_},
    {"float", "default", float_},
    {"abs", "", abs_},
    {"round", "precision method", round_},
    {"replace", "!old !new count", replace},
    {"indent", "width first blank", indent},
    {"center", "width", center},
    {"format", "a b c d e f", format},
    {"wordcount", "", wordcount},
    {"attr", "!name", attr},
    {"items", "", items},
    {"tojson", "ensure_ascii indent separators sort_keys", template_json},
};
#define FILTER_COUNT (sizeof(filters) / sizeof(filters[0]))

/* Those of lists have tables of their own, which go on from here. */
int template_filter_index(value name) {
  size_t count =
      FILTER_COUNT + template_list_entries() + template_group_entries();
  for (size_t i = 0; i < count; ++i)
    if (template_is(name, template_filter_entry(i)->name))
      return (int)i;
  return -1;
}

const template_entry *template_filter_entry(size_t index) {
  if (index < FILTER_COUNT)
    return &filters[index];
  index -= FILTER_COUNT;
  return index < template_list_entries()
             ? template_list_entry(index)
             : template_group_entry(index - template_list_entries());
}

value template_filter(engine *e, size_t index, value input,
                      const arguments *given) {
  const template_entry *entry = template_filter_entry(index);
  value bound[MOST_PARAMETERS];
  template_bind(e, entry->name, entry->parameters, given, bound);
  return entry->run(e, input, bound);
}
