/*===- read_json.c - the variables of a render ----------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "../core/utf8.h"
#include "parts.h"
#include "plain_locale.h"

#include "tern/tokenizer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader {
  engine *engine;
  const char *start, *at, *end;
  int marked; /* strings come from a message */
} reader;

_Noreturn static void bad_json(const reader *r) {
  engine *e = r->engine;
  if (!e->subject)
    template_fail(e, "the variables are not valid JSON");
  e->line = 1;
  for (const char *at = r->start; at < r->at; ++at)
    e->line += *at == '\n';
  template_fail(e, "this is not valid JSON");
}

static char look(reader *r) {
  while (r->at < r->end && *r->at && strchr(" \t\r\n", *r->at))
    ++r->at;
  return r->at < r->end ? *r->at : 0;
}

static int skip(reader *r, char c) {
  int is = look(r) == c;
  r->at += is;
  return is;
}

static uint32_t read_unit(reader *r) {
  uint32_t code = 0;
  for (int i = 0; i < 4; ++i, ++r->at) {
    uint32_t digit = tern_hex_digit(r->at < r->end ? *r->at : 0);
    if (digit == 16)
      bad_json(r);
    code = code << 4 | digit;
  }
  return code;
}

/* An escaped character as UTF-8; half a pair becomes U+FFFD. */
static size_t read_escape(reader *r, char *out) {
  static const char names[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
  char c = r->at < r->end ? *r->at++ : 0;
  const char *name = c ? strchr(names, c) : NULL;
  if (name) {
    *out = plain[name - names];
    return 1;
  }
  if (c != 'u')
    bad_json(r);
  uint32_t code = read_unit(r);
  if (code >= 0xD800 && code < 0xDC00 && r->end - r->at >= 6 &&
      r->at[0] == '\\' && r->at[1] == 'u') {
    reader after = *r;
    after.at += 2;
    uint32_t low = read_unit(&after);
    if (low >= 0xDC00 && low < 0xE000) {
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      r->at = after.at;
    }
  }
  if (code >= 0xD800 && code < 0xE000)
    code = 0xFFFD;
  return tern_utf8_encode((uint8_t *)out, code);
}

static value read_string(reader *r) {
  engine *e = r->engine;
  if (!skip(r, '"'))
    bad_json(r);
  const char *end = r->at;
  while (end < r->end && *end != '"')
    end += *end == '\\' && end + 1 < r->end ? 2 : 1;
  if (end >= r->end)
    bad_json(r);
  char *text = template_take(e, (size_t)(end - r->at) + 1);
  uint8_t *marks =
      r->marked ? template_take(e, (size_t)(end - r->at) + 1) : NULL;
  uint8_t mark = TERN_MARK_WRITTEN;
  size_t n = 0;
  while (r->at < end) {
    char c = *r->at++;
    size_t from = n;
    if (marks && (c == 0x0E || c == 0x0F)) {
      mark = c == 0x0E ? TERN_MARK_TOKEN : TERN_MARK_WRITTEN;
      continue;
    }
    if ((uint8_t)c < 0x20)
      bad_json(r);
    if (c == '\\')
      n += read_escape(r, text + n);
    else
      text[n++] = c;
    if (marks)
      memset(marks + from, mark, n - from);
  }
  if (r->at != end)
    bad_json(r);
  ++r->at;
  value v = template_string(text, n);
  v.marks = n ? marks : NULL;
  return v;
}

static value read_number(reader *r) {
  char text[64];
  size_t n = 0;
  int is_float = 0;
  while (r->at < r->end && *r->at && strchr("+-.eE0123456789", *r->at)) {
    is_float |= *r->at == '.' || *r->at == 'e' || *r->at == 'E';
    if (n + 1 == sizeof(text))
      bad_json(r);
    text[n++] = *r->at++;
  }
  text[n] = 0;
  char *end;
  errno = 0;
  value v = is_float ? template_float(strtod(text, &end))
                     : template_int(strtoll(text, &end, 10));
  if (n == 0 || *end || (errno && !is_float))
    bad_json(r);
  return v;
}

static value read_value(reader *r);

static value read_list(reader *r) {
  value *items = NULL;
  uint32_t count = 0, room = 0;
  while (!skip(r, ']')) {
    if (count && !skip(r, ','))
      bad_json(r);
    if (count == room) {
      room = room ? 2 * room : 8;
      value *more = template_take(r->engine, room * sizeof(value));
      if (count)
        memcpy(more, items, count * sizeof(value));
      items = more;
    }
    items[count++] = read_value(r);
  }
  value v = template_list(r->engine, V_LIST, 0);
  v.list->items = items;
  v.list->count = count;
  return v;
}

/* Names that templates are written for; tokens are made of them. */
static const char *const usual_roles =
    "system user assistant tool developer ipython function";

static value read_dict(reader *r, int is_outermost) {
  value v = template_dict(r->engine, V_DICT);
  int marked = r->marked;
  while (!skip(r, '}')) {
    if (v.dict->count && !skip(r, ','))
      bad_json(r);
    look(r);
    value key = read_string(r);
    if (!skip(r, ':'))
      bad_json(r);
    if (is_outermost)
      r->marked = template_word("messages tools documents", key) >= 0;
    value content = read_value(r);
    if (template_is(key, "role") && content.kind == V_STRING &&
        template_word(usual_roles, content) >= 0)
      content.marks = NULL;
    template_put(r->engine, v.dict, key, content);
    r->marked = marked;
  }
  return v;
}

static value read_word(reader *r, const char *word, value v) {
  size_t bytes = strlen(word);
  if ((size_t)(r->end - r->at) < bytes || memcmp(r->at, word, bytes) != 0)
    bad_json(r);
  r->at += bytes;
  return v;
}

static value read_value(reader *r) {
  value v = {0};
  template_enter(r->engine);
  switch (look(r)) {
  case '{':
    ++r->at;
    v = read_dict(r, r->engine->depth == 1);
    break;
  case '[':
    ++r->at;
    v = read_list(r);
    break;
  case '"':
    v = read_string(r);
    break;
  case 't':
    v = read_word(r, "true", template_bool(1));
    break;
  case 'f':
    v = read_word(r, "false", template_bool(0));
    break;
  case 'n':
    v.kind = V_NONE;
    v = read_word(r, "null", v);
    break;
  default:
    v = read_number(r);
  }
  template_leave(r->engine);
  return v;
}

value template_read_json(engine *e, const char *json, size_t bytes) {
  reader r = {e, json, json, json + bytes, 0};
  value v = read_value(&r);
  if (look(&r) || r.at != r.end || v.kind != V_DICT)
    bad_json(&r);
  return v;
}

/*--- Tools -----------------------------------------------------------------*/

static void check_tools(engine *e, const char *json, size_t bytes) {
  if (bytes > TERN_TEMPLATE_MAX_BYTES)
    template_fail(e, "expected at most %zu KiB, got %zu",
                  TERN_TEMPLATE_MAX_BYTES >> 10, (bytes + 1023) >> 10);
  reader r = {e, json, json, json + bytes, 0};
  value v = read_value(&r);
  if (look(&r) || r.at != r.end)
    bad_json(&r);
  if (v.kind != V_LIST)
    template_fail(e, "expected a list of objects, [{...}, ...], got %s",
                  template_kind_name(v));
  for (uint32_t i = 0; i < v.list->count; ++i)
    if (v.list->items[i].kind != V_DICT)
      template_fail(e, "expected a list of objects, got %s as element %u",
                    template_kind_name(v.list->items[i]), i + 1);
}

int tern_template_check_tools(void *memory, size_t bytes, const char *name,
                              const char *json, size_t json_bytes,
                              tern_error *error) {
  engine e;
  memset(&e, 0, sizeof(e));
  e.memory = memory;
  e.room = bytes;
  e.steps = TERN_TEMPLATE_STEPS;
  e.subject = name;
  e.error = error;
  int result = -1;
  locale_t before = template_use_plain_locale();
  if (setjmp(e.failed) == 0) {
    check_tools(&e, json, json_bytes);
    result = 0;
  }
  uselocale(before);
  return result;
}
