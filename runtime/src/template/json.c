/*===- json.c - what tojson writes -----------------------------------------===
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

typedef struct writer {
  engine *engine;
  builder to;
  value indent; /* what a level is indented by, or undefined */
  value between, colon;
  int only_ascii, sorted;
} writer;

static void write_escape(writer *w, value from, uint32_t code) {
  char text[16];
  if (code >= 0x10000)
    snprintf(text, sizeof(text), "\\u%04x\\u%04x",
             0xD800 + ((code - 0x10000) >> 10), 0xDC00 + (code & 0x3FF));
  else
    snprintf(text, sizeof(text), "\\u%04x", code);
  uint8_t marks[16];
  memset(marks, from.marks ? *from.marks : 0, sizeof(marks));
  template_append(w->engine, &w->to, text, from.marks ? marks : NULL,
                  strlen(text));
}

static void write_string(writer *w, value s) {
  static const char plain[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
  template_append_text(w->engine, &w->to, "\"");
  for (uint32_t i = 0, length = 1; i < s.bytes; i += length) {
    uint32_t code = template_decode(s, i, &length);
    const char *name = code && code < 0x80 ? strchr(plain, (int)code) : NULL;
    value part = template_part(s, i, i + length);
    if (name) {
      char text[2] = {'\\', names[name - plain]};
      uint8_t marks[2] = {part.marks ? *part.marks : 0,
                          part.marks ? *part.marks : 0};
      template_append(w->engine, &w->to, text, part.marks ? marks : NULL, 2);
    } else if (code < 0x20 || (w->only_ascii && code >= 0x7F && code != 0x7F)) {
      write_escape(w, part, code);
    } else {
      template_append_value(w->engine, &w->to, part);
    }
  }
  template_append_text(w->engine, &w->to, "\"");
}

static void new_line(writer *w, uint32_t level) {
  if (w->indent.kind != V_STRING)
    return;
  template_append_text(w->engine, &w->to, "\n");
  for (uint32_t i = 0; i < level; ++i)
    template_append_value(w->engine, &w->to, w->indent);
}

static void write_json(writer *w, value v, uint32_t level);

static void write_list(writer *w, const list *l, uint32_t level) {
  template_append_text(w->engine, &w->to, "[");
  for (uint32_t i = 0; i < l->count; ++i) {
    if (i)
      template_append_value(w->engine, &w->to, w->between);
    new_line(w, level + 1);
    write_json(w, l->items[i], level + 1);
  }
  if (l->count)
    new_line(w, level);
  template_append_text(w->engine, &w->to, "]");
}

static int by_key(const void *a, const void *b) {
  value x = (*(const entry *const *)a)->key,
        y = (*(const entry *const *)b)->key;
  uint32_t n = x.bytes < y.bytes ? x.bytes : y.bytes;
  int order = memcmp(x.at, y.at, n);
  return order ? order : (x.bytes > y.bytes) - (x.bytes < y.bytes);
}

static void write_dict(writer *w, const dict *d, uint32_t level) {
  const entry **entries =
      template_take(w->engine, (d->count + 1) * sizeof(*entries));
  uint32_t count = 0;
  for (const entry *at = d->first; at; at = at->next)
    entries[count++] = at;
  if (w->sorted)
    qsort(entries, count, sizeof(*entries), by_key);
  template_append_text(w->engine, &w->to, "{");
  for (uint32_t i = 0; i < count; ++i) {
    if (i)
      template_append_value(w->engine, &w->to, w->between);
    new_line(w, level + 1);
    write_string(w, entries[i]->key);
    template_append_value(w->engine, &w->to, w->colon);
    write_json(w, entries[i]->value, level + 1);
  }
  if (count)
    new_line(w, level);
  template_append_text(w->engine, &w->to, "}");
}

static void write_json(writer *w, value v, uint32_t level) {
  engine *e = w->engine;
  template_enter(e);
  switch (v.kind) {
  case V_NONE:
    template_append_text(e, &w->to, "null");
    break;
  case V_BOOL:
    template_append_text(e, &w->to, v.integer ? "true" : "false");
    break;
  case V_INT:
    template_append_value(e, &w->to, template_text(e, v));
    break;
  case V_FLOAT:
    if (!isfinite(v.number))
      template_append_text(e, &w->to,
                           isnan(v.number) ? "NaN"
                           : v.number > 0  ? "Infinity"
                                           : "-Infinity");
    else
      template_write_float(e, &w->to, v.number);
    break;
  case V_STRING:
    write_string(w, v);
    break;
  case V_LIST:
  case V_TUPLE:
    write_list(w, v.list, level);
    break;
  case V_DICT:
    write_dict(w, v.dict, level);
    break;
  default:
    template_fail(e, "tojson: %s has no form in JSON", template_kind_name(v));
  }
  template_leave(e);
}

/* Options: ensure_ascii, indent, separators, sort_keys. */
value template_json(engine *e, value v, const value *options) {
  writer w = {0};
  w.engine = e;
  w.only_ascii = template_truth(options[0]);
  w.sorted = template_truth(options[3]);
  w.between = template_string(", ", 2);
  w.colon = template_string(": ", 2);
  if (options[1].kind == V_INT || options[1].kind == V_BOOL) {
    builder blanks = {0};
    for (int64_t i = 0; i < options[1].integer; ++i)
      template_append_text(e, &blanks, " ");
    w.indent = template_built(&blanks);
    w.between.bytes = 1;
  } else if (options[1].kind == V_STRING) {
    w.indent = options[1];
    w.between.bytes = 1;
  } else if (template_truth(options[1])) {
    template_fail(e, "tojson: indent is a number or a string");
  }
  if (template_truth(options[2])) {
    const value *pair =
        template_is_list(options[2]) && options[2].list->count == 2
            ? options[2].list->items
            : NULL;
    if (!pair || pair[0].kind != V_STRING || pair[1].kind != V_STRING)
      template_fail(e, "tojson: separators are two strings");
    w.between = pair[0];
    w.colon = pair[1];
  }
  write_json(&w, v, 0);
  return template_built(&w.to);
}
