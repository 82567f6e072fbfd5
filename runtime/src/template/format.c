/*===- format.c - values in the places of a format -------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * '%s: %3d' % (a, b), and '{}: {name}'.format(a, name=b).
 */
#include "parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Values on their way into a format. */
typedef struct source {
  value all; /* a tuple: in turn; a mapping: by name; else the only one */
  uint32_t taken;
  int by_name;
} source;

static value next_value(engine *e, source *from) {
  uint32_t count = from->all.kind == V_TUPLE ? from->all.list->count : 1;
  if (from->taken == count)
    template_fail(e, "not enough values for the format");
  ++from->taken;
  return from->all.kind == V_TUPLE ? from->all.list->items[from->taken - 1]
                                   : from->all;
}

/* The part between '%' and its letter. */
typedef struct place {
  char flags[8];
  int64_t width, precision; /* -1: none */
} place;

static int64_t read_count(engine *e, value format, size_t *at, source *from) {
  int64_t count = 0;
  if (*at < format.bytes && format.at[*at] == '*') {
    ++*at;
    value v = next_value(e, from);
    if (v.kind != V_INT)
      template_fail(e, "'*' in a format wants a whole number");
    return v.integer;
  }
  for (; *at < format.bytes && format.at[*at] >= '0' && format.at[*at] <= '9';
       ++*at)
    if ((count = count * 10 + (format.at[*at] - '0')) > 10000)
      template_fail(e, "a width in a format is too large");
  return count;
}

static value written_number(engine *e, const place *p, char letter, value v) {
  char format[32], text[512];
  int n;
  if (!template_is_number(v))
    template_fail(e, "%%%c of a format: expected a number, got %s", letter,
                  template_kind_name(v));
  if (p->width > 400 || p->width < -400 || p->precision > 60)
    template_fail(e, "a width in a format is too large");
  if (strchr("diuxXo", letter)) {
    if (v.kind == V_FLOAT && strchr("xXo", letter))
      template_fail(e, "%%%c of a format: expected a whole number", letter);
    if (v.kind == V_FLOAT && !(fabs(v.number) < 9e18))
      template_fail(e, "%%%c of a format: the number is too large", letter);
    int64_t number = v.kind == V_FLOAT ? (int64_t)v.number : v.integer;
    if (number < 0 && strchr("xXo", letter))
      template_fail(e, "%%%c of a format: the number is negative", letter);
    snprintf(format, sizeof(format), "%%%s*.*ll%c", p->flags, letter);
    n = snprintf(text, sizeof(text), format, (int)p->width, (int)p->precision,
                 (long long)number);
  } else {
    snprintf(format, sizeof(format), "%%%s*.*%c", p->flags, letter);
    n = snprintf(text, sizeof(text), format, (int)p->width, (int)p->precision,
                 template_number(v));
  }
  builder out = {0};
  template_append(e, &out, text, NULL, n > 0 ? (size_t)n : 0);
  return template_built(&out);
}

static value written(engine *e, const place *p, char letter, value v) {
  builder quoted = {0};
  if (letter != 's' && letter != 'r')
    return written_number(e, p, letter, v);
  if (letter == 'r' && v.kind == V_STRING) {
    value inside = template_list(e, V_LIST, 1);
    inside.list->items[0] = v;
    value shown = template_text(e, inside);
    template_append_value(e, &quoted, template_part(shown, 1, shown.bytes - 1));
    v = template_built(&quoted);
  }
  value text = template_text(e, v);
  uint32_t length;
  size_t end = 0;
  for (int64_t i = 0; p->precision >= 0 && i < p->precision && end < text.bytes;
       ++i, end += length)
    template_decode(text, end, &length);
  if (p->precision >= 0)
    text = template_part(text, 0, end);
  return template_justify(e, text, p->width, template_string(" ", 1),
                          !strchr(p->flags, '-'));
}

value template_format(engine *e, value format, value values) {
  source from = {values, 0, 0};
  builder out = {0};
  for (size_t at = 0, text = 0; text < format.bytes; text = at) {
    while (at < format.bytes && format.at[at] != '%')
      ++at;
    template_append_value(e, &out, template_part(format, text, at));
    if (at == format.bytes)
      break;
    place p = {{0}, 0, -1};
    value named = {0};
    if (++at < format.bytes && format.at[at] == '(') {
      size_t name = ++at;
      while (at < format.bytes && format.at[at] != ')')
        ++at;
      if (values.kind != V_DICT)
        template_fail(e, "a format with names wants a mapping");
      value key = template_part(format, name, at);
      value *found = template_find(e, values.dict, key);
      if (!found)
        template_fail(e, "the format's '%.*s' is not there",
                      (int)(key.bytes < 60 ? key.bytes : 60), key.at);
      named = *found;
      from.by_name = 1;
      ++at;
    }
    for (size_t n = 0; at < format.bytes && n + 1 < sizeof(p.flags) &&
                       memchr("-+ 0#", format.at[at], 5);
         ++at)
      p.flags[n++] = format.at[at];
    p.width = read_count(e, format, &at, &from);
    if (at < format.bytes && format.at[at] == '.') {
      ++at;
      p.precision = read_count(e, format, &at, &from);
    }
    char letter = at < format.bytes ? format.at[at++] : 0;
    if (letter == '%')
      template_append_text(e, &out, "%");
    else if (letter && strchr("srdiuxXofFeEgG", letter))
      template_append_value(
          e, &out,
          written(e, &p, letter, from.by_name ? named : next_value(e, &from)));
    else
      template_fail(e, "the format has a '%%' that is not followed by s, d, f "
                       "or the like");
  }
  /* Python lets what could be asked for elements be left over. */
  int may_stay = from.by_name || values.kind == V_DICT ||
                 values.kind == V_LIST || values.kind == V_UNDEFINED;
  uint32_t count = values.kind == V_TUPLE ? values.list->count : 1;
  if (from.taken < count && !(may_stay && from.taken == 0))
    template_fail(e, "not all values have a place in the format");
  return template_built(&out);
}

/*--- str.format ------------------------------------------------------------*/

static value filling(engine *e, value name, const arguments *given,
                     uint32_t *next) {
  uint32_t index = 0;
  int is_number = name.bytes > 0 && name.bytes < 6;
  for (uint32_t i = 0; i < name.bytes && is_number; ++i) {
    is_number = name.at[i] >= '0' && name.at[i] <= '9';
    index = index * 10 + (uint32_t)(name.at[i] - '0');
  }
  if (name.bytes == 0)
    index = (*next)++;
  if (name.bytes == 0 || is_number) {
    if (index >= given->count)
      template_fail(e, "format: not enough values");
    return given->values[index];
  }
  for (uint32_t i = given->count; i < given->count + given->named; ++i)
    if (template_same(given->names[i], name))
      return given->values[i];
  template_fail(e, "format: '%.*s' is not there, or more than a name",
                (int)(name.bytes < 60 ? name.bytes : 60), name.at);
}

value template_fill(engine *e, value format, const arguments *given) {
  builder out = {0};
  uint32_t next = 0;
  for (size_t at = 0; at < format.bytes;) {
    char c = format.at[at];
    if (c != '{' && c != '}') {
      size_t from = at;
      while (at < format.bytes && format.at[at] != '{' && format.at[at] != '}')
        ++at;
      template_append_value(e, &out, template_part(format, from, at));
      continue;
    }
    if (at + 1 < format.bytes && format.at[at + 1] == c) {
      template_append_value(e, &out, template_part(format, at, at + 1));
      at += 2;
      continue;
    }
    size_t end = at + 1;
    while (end < format.bytes && format.at[end] != '}')
      ++end;
    if (c == '}' || end == format.bytes)
      template_fail(e, "format: a single brace");
    template_append_value(
        e, &out,
        template_text(
            e, filling(e, template_part(format, at + 1, end), given, &next)));
    at = end + 1;
  }
  return template_built(&out);
}
