/*===- values.c - what values are, equal and print ------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int template_truth(value v) {
  switch (v.kind) {
  case V_UNDEFINED:
  case V_NONE:
    return 0;
  case V_BOOL:
  case V_INT:
    return v.integer != 0;
  case V_FLOAT:
    return v.number != 0;
  case V_STRING:
    return v.bytes != 0;
  case V_LIST:
  case V_TUPLE:
    return v.list->count != 0;
  case V_DICT:
    return v.dict->count != 0;
  default:
    return 1;
  }
}

const char *template_kind_name(value v) {
  static const char *const names[] = {
      "an undefined value", "none",        "a truth value", "a number",
      "a number",           "a string",    "a list",        "a list",
      "a mapping",          "a namespace", "a loop",        "a function",
      "a method",           "a macro"};
  return names[v.kind];
}

static int equal_lists(engine *e, const list *a, const list *b) {
  if (a->count != b->count)
    return 0;
  for (uint32_t i = 0; i < a->count; ++i)
    if (!template_equal(e, a->items[i], b->items[i]))
      return 0;
  return 1;
}

static int equal_dicts(engine *e, const dict *a, const dict *b) {
  if (a->count != b->count)
    return 0;
  for (const entry *at = a->first; at; at = at->next) {
    value *other = template_find(e, b, at->key);
    if (!other || !template_equal(e, at->value, *other))
      return 0;
  }
  return 1;
}

int template_equal(engine *e, value a, value b) {
  int result = 0;
  template_enter(e);
  if (template_is_number(a) && template_is_number(b)) {
    result = a.kind == V_FLOAT || b.kind == V_FLOAT
                 ? template_number(a) == template_number(b)
                 : a.integer == b.integer;
  } else if (a.kind == b.kind) {
    switch (a.kind) {
    case V_UNDEFINED:
    case V_NONE:
      result = 1;
      break;
    case V_STRING:
      template_spend(e, a.bytes / 64);
      result = template_same(a, b);
      break;
    case V_LIST:
    case V_TUPLE:
      result = equal_lists(e, a.list, b.list);
      break;
    case V_DICT:
      result = equal_dicts(e, a.dict, b.dict);
      break;
    default: /* the same object */
      result = a.index == b.index;
    }
  }
  template_leave(e);
  return result;
}

int template_compare(engine *e, value a, value b) {
  if (template_is_number(a) && template_is_number(b)) {
    if (a.kind != V_FLOAT && b.kind != V_FLOAT)
      return (a.integer > b.integer) - (a.integer < b.integer);
    double x = template_number(a), y = template_number(b);
    return (x > y) - (x < y);
  }
  if (a.kind == V_STRING && b.kind == V_STRING) {
    uint32_t n = a.bytes < b.bytes ? a.bytes : b.bytes;
    template_spend(e, 1 + n / 64);
    int order = memcmp(a.at, b.at, n);
    if (order == 0)
      order = (a.bytes > b.bytes) - (a.bytes < b.bytes);
    return (order > 0) - (order < 0);
  }
  if (template_is_list(a) && a.kind == b.kind) {
    template_enter(e);
    int order = 0;
    for (uint32_t i = 0; !order && i < a.list->count && i < b.list->count; ++i)
      if (!template_equal(e, a.list->items[i], b.list->items[i]))
        order = template_compare(e, a.list->items[i], b.list->items[i]);
    template_leave(e);
    return order ? order
                 : (a.list->count > b.list->count) -
                       (a.list->count < b.list->count);
  }
  template_fail(e, "%s and %s have no order", template_kind_name(a),
                template_kind_name(b));
}

list *template_elements(engine *e, value v) {
  value keys;
  uint32_t i = 0;
  switch (v.kind) {
  case V_LIST:
  case V_TUPLE:
    template_spend(e, v.list->count / 4);
    return v.list;
  case V_UNDEFINED:
    return template_list(e, V_LIST, 0).list;
  case V_STRING:
    return template_characters(e, v).list;
  case V_DICT:
    keys = template_list(e, V_LIST, v.dict->count);
    for (const entry *at = v.dict->first; at; at = at->next)
      keys.list->items[i++] = at->key;
    return keys.list;
  default:
    template_fail(e, "%s has no elements to go through", template_kind_name(v));
  }
}

uint32_t template_length(engine *e, value v) {
  uint32_t count = 0;
  if (v.kind == V_UNDEFINED)
    return 0;
  if (template_is_list(v))
    return v.list->count;
  if (v.kind == V_DICT)
    return v.dict->count;
  if (v.kind != V_STRING)
    template_fail(e, "%s has no length", template_kind_name(v));
  for (uint32_t i = 0; i < v.bytes; ++i)
    count += ((uint8_t)v.at[i] & 0xC0) != 0x80;
  template_spend(e, v.bytes / 32);
  return count;
}

int template_is_key(value v) {
  if (v.kind == V_TUPLE)
    for (uint32_t i = 0; i < v.list->count; ++i)
      if (!template_is_key(v.list->items[i]))
        return 0;
  return v.kind != V_LIST && v.kind != V_DICT;
}

int template_contains(engine *e, value container, value item) {
  if (template_is_list(container)) {
    for (uint32_t i = 0; i < container.list->count; ++i)
      if (template_equal(e, container.list->items[i], item))
        return 1;
    return 0;
  }
  if (container.kind == V_UNDEFINED)
    return 0;
  if (container.kind == V_DICT && !template_is_key(item))
    template_fail(e, "%s is no key of a mapping", template_kind_name(item));
  if (container.kind == V_DICT)
    return item.kind == V_STRING &&
           template_find(e, container.dict, item) != NULL;
  if (container.kind == V_STRING && item.kind == V_STRING)
    return template_search(e, container, item, 0) != NOT_FOUND;
  template_fail(e, "%s cannot be in %s", template_kind_name(item),
                template_kind_name(container));
}

/*--- Printing, as Python does ----------------------------------------------*/

void template_write_float(engine *e, builder *to, double number) {
  char text[64], digits[40];
  if (!isfinite(number)) {
    template_append_text(e, to,
                         isnan(number) ? "nan"
                         : number > 0  ? "inf"
                                       : "-inf");
    return;
  }
  int precision = 1;
  do
    snprintf(digits, sizeof(digits), "%.*e", precision - 1, number);
  while (strtod(digits, NULL) != number && ++precision <= 17);
  int exponent = atoi(strchr(digits, 'e') + 1);
  if (exponent >= -4 && exponent < 16) {
    int decimals = precision - 1 - exponent;
    snprintf(text, sizeof(text), "%.*f", decimals > 1 ? decimals : 1, number);
  } else {
    char *mark = strchr(digits, 'e');
    snprintf(text, sizeof(text), "%.*se%c%02d", (int)(mark - digits), digits,
             exponent < 0 ? '-' : '+', abs(exponent));
  }
  template_append_text(e, to, text);
}

static void write_quoted(engine *e, builder *to, value s) {
  const char *quote =
      memchr(s.at, '\'', s.bytes) && !memchr(s.at, '"', s.bytes) ? "\"" : "'";
  template_append_text(e, to, quote);
  for (uint32_t i = 0; i < s.bytes; ++i) {
    char c = s.at[i], text[8];
    if (c == '\n' || c == '\t' || c == '\r')
      snprintf(text, sizeof(text), "\\%c",
               c == '\n'   ? 'n'
               : c == '\t' ? 't'
                           : 'r');
    else if ((uint8_t)c < 0x20 || c == 0x7F)
      snprintf(text, sizeof(text), "\\x%02x", (uint8_t)c);
    else if (c == '\\' || c == *quote)
      snprintf(text, sizeof(text), "\\%c", c);
    else
      text[0] = 0;
    if (text[0])
      template_append_text(e, to, text);
    else
      template_append_value(e, to, template_part(s, i, i + 1));
  }
  template_append_text(e, to, quote);
}

static void write_value(engine *e, builder *to, value v, int is_inside);

static void write_list(engine *e, builder *to, value v) {
  int is_tuple = v.kind == V_TUPLE;
  template_append_text(e, to, is_tuple ? "(" : "[");
  for (uint32_t i = 0; i < v.list->count; ++i) {
    if (i)
      template_append_text(e, to, ", ");
    write_value(e, to, v.list->items[i], 1);
  }
  if (is_tuple && v.list->count == 1)
    template_append_text(e, to, ",");
  template_append_text(e, to, is_tuple ? ")" : "]");
}

static void write_dict(engine *e, builder *to, value v) {
  template_append_text(e, to, "{");
  for (const entry *at = v.dict->first; at; at = at->next) {
    write_quoted(e, to, at->key);
    template_append_text(e, to, ": ");
    write_value(e, to, at->value, 1);
    if (at->next)
      template_append_text(e, to, ", ");
  }
  template_append_text(e, to, "}");
}

static void write_value(engine *e, builder *to, value v, int is_inside) {
  char text[32];
  template_enter(e);
  switch (v.kind) {
  case V_UNDEFINED:
    template_append_text(e, to, is_inside ? "Undefined" : "");
    break;
  case V_NONE:
    template_append_text(e, to, "None");
    break;
  case V_BOOL:
    template_append_text(e, to, v.integer ? "True" : "False");
    break;
  case V_INT:
    snprintf(text, sizeof(text), "%lld", (long long)v.integer);
    template_append_text(e, to, text);
    break;
  case V_FLOAT:
    template_write_float(e, to, v.number);
    break;
  case V_STRING:
    if (is_inside)
      write_quoted(e, to, v);
    else
      template_append_value(e, to, v);
    break;
  case V_LIST:
  case V_TUPLE:
    write_list(e, to, v);
    break;
  case V_DICT:
    write_dict(e, to, v);
    break;
  case V_NAMESPACE:
    template_append_text(e, to, "<Namespace ");
    write_dict(e, to, v);
    template_append_text(e, to, ">");
    break;
  default:
    template_fail(e, "%s cannot be printed", template_kind_name(v));
  }
  template_leave(e);
}

value template_text(engine *e, value v) {
  builder to = {0};
  if (v.kind == V_STRING)
    return v;
  write_value(e, &to, v, 0);
  return template_built(&to);
}
