/*===- pattern.c - regular expressions of schemas ---------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "schema.h"

#include <string.h>

/* The part of ECMAScript's expressions that is regular: no references, no
 * looking ahead, anchors only where the whole begins or ends. */

#define MOST_COPIES 10000u

typedef struct pattern {
  schema_compiler *s;
  json place;
  const char *begin, *at, *end;
  uint32_t depth;
} pattern;

typedef struct ranges {
  grammar_range *at;
  uint32_t count, room;
} ranges;

static void refuse(pattern *p, const char *why) {
  int bytes = p->end - p->begin > 100 ? 100 : (int)(p->end - p->begin);
  schema_fail(p->s, p->place, "%s, at byte %zu of %.*s", why,
              (size_t)(p->at - p->begin), bytes, p->begin);
}

static int takes(pattern *p, const char *text) {
  size_t bytes = strlen(text);
  if ((size_t)(p->end - p->at) < bytes || memcmp(p->at, text, bytes) != 0)
    return 0;
  p->at += bytes;
  return 1;
}

/*--- Classes ---------------------------------------------------------------*/

static void put(pattern *p, ranges *r, uint32_t low, uint32_t high) {
  r->at = grammar_grow(p->s->c, r->at, r->count, &r->room, sizeof(*r->at));
  r->at[r->count++] = (grammar_range){low, high};
}

static void put_inverted(pattern *p, ranges *r, const ranges *from) {
  expression all = grammar_class(p->s->c, from->at, from->count, 1);
  for (uint32_t i = 0; i < all->count; ++i)
    put(p, r, all->ranges[i].low, all->ranges[i].high);
}

/* \d \w \s, and \D \W \S; 0: it is none of them. */
static int put_named(pattern *p, ranges *r, char name) {
  static const grammar_range spaces[] = {
      {9, 13},          {32, 32},         {0xA0, 0xA0},     {0x1680, 0x1680},
      {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
      {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
  ranges own = {NULL, 0, 0};
  char lower = (char)(name | 0x20);
  if (lower == 'd' || lower == 'w')
    put(p, &own, '0', '9');
  if (lower == 'w') {
    put(p, &own, 'A', 'Z');
    put(p, &own, 'a', 'z');
    put(p, &own, '_', '_');
  }
  for (size_t i = 0; lower == 's' && i < 10; ++i)
    put(p, &own, spaces[i].low, spaces[i].high);
  if (own.count == 0)
    return 0;
  if (name != lower)
    put_inverted(p, r, &own);
  else
    for (uint32_t i = 0; i < own.count; ++i)
      put(p, r, own.at[i].low, own.at[i].high);
  return 1;
}

static uint32_t read_hex(pattern *p, uint32_t digits) {
  uint32_t value = 0;
  for (uint32_t i = 0; i < digits; ++i, ++p->at) {
    uint32_t digit = tern_hex_digit(p->at < p->end ? *p->at : 0);
    if (digit == 16)
      refuse(p, "expected a hexadecimal digit");
    value = value << 4 | digit;
  }
  if (value >= 0xD800 && value < 0xE000)
    refuse(p, "half of a character is not supported");
  return value;
}

/* The backslash is read; classes are not among them. */
static uint32_t read_escape(pattern *p) {
  static const char names[] = "nrtfv0", values[] = "\n\r\t\f\v\0";
  if (p->at == p->end)
    refuse(p, "expected a character behind the backslash");
  char c = *p->at++;
  const char *found = strchr(names, c);
  if (c == '0' && p->at < p->end && *p->at >= '0' && *p->at <= '9')
    refuse(p, "octal numbers are not supported");
  if (c && found)
    return (uint8_t)values[found - names];
  if (c == 'x')
    return read_hex(p, 2);
  if (c == 'u')
    return read_hex(p, 4);
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
      (c >= 'A' && c <= 'Z') || (c & 0x80) || c == 0) {
    --p->at;
    refuse(p, "this escape is not supported");
  }
  return (uint8_t)c;
}

static uint32_t read_plain(pattern *p) {
  uint32_t character;
  size_t bytes = grammar_decode(p->at, (size_t)(p->end - p->at), &character);
  if (bytes == 0)
    refuse(p, "expected a character of UTF-8");
  p->at += bytes;
  return character;
}

static int is_named(const pattern *p) {
  return p->end - p->at > 1 && p->at[0] == '\\' && strchr("dwsDWS", p->at[1]) &&
         p->at[1];
}

static uint32_t class_character(pattern *p) {
  if (takes(p, "\\b"))
    return '\b';
  return takes(p, "\\") ? read_escape(p) : read_plain(p);
}

static expression read_class(pattern *p) {
  ranges r = {NULL, 0, 0};
  int inverted = takes(p, "^");
  while (!takes(p, "]")) {
    if (p->at == p->end)
      refuse(p, "expected ']'");
    if (is_named(p)) {
      put_named(p, &r, p->at[1]);
      p->at += 2;
      continue;
    }
    uint32_t low = class_character(p), high = low;
    if (p->end - p->at > 1 && p->at[0] == '-' && p->at[1] != ']') {
      ++p->at;
      if (is_named(p))
        refuse(p, "expected a character at the end of a range");
      high = class_character(p);
    }
    if (high < low)
      refuse(p, "a range ends before it begins");
    put(p, &r, low, high);
  }
  return grammar_class(p->s->c, r.at, r.count, inverted);
}

/*--- Parts -----------------------------------------------------------------*/

static expression read_choice(pattern *p);

static expression read_group(pattern *p) {
  if (++p->depth > GRAMMAR_NESTING / 2)
    refuse(p, "there are too many groups inside each other");
  if (takes(p, "?") && !takes(p, ":"))
    refuse(p, "groups that begin with (? are not supported, but for (?:");
  expression inner = read_choice(p);
  if (!takes(p, ")"))
    refuse(p, "expected ')'");
  --p->depth;
  return inner;
}

static expression read_atom(pattern *p) {
  static const grammar_range ends[] = {
      {'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};
  ranges r = {NULL, 0, 0};
  if (takes(p, "("))
    return read_group(p);
  if (takes(p, "["))
    return read_class(p);
  if (takes(p, "."))
    return grammar_class(p->s->c, ends, 3, 1);
  if (is_named(p)) {
    put_named(p, &r, p->at[1]);
    p->at += 2;
    return grammar_class(p->s->c, r.at, r.count, 0);
  }
  if (strchr("*+?{", *p->at))
    refuse(p, "there is nothing to repeat");
  if (strchr("^$", *p->at))
    refuse(p, "an anchor is supported only where the pattern begins or ends");
  uint32_t one = takes(p, "\\") ? read_escape(p) : read_plain(p);
  put(p, &r, one, one);
  return grammar_class(p->s->c, r.at, r.count, 0);
}

static uint32_t read_count(pattern *p, uint32_t otherwise) {
  uint32_t count = 0;
  const char *from = p->at;
  for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; ++p->at) {
    count = count * 10 + (uint32_t)(*p->at - '0');
    if (count > MOST_COPIES)
      refuse(p, "there are more than 10000 repetitions");
  }
  return p->at == from ? otherwise : count;
}

static expression repeat(pattern *p, expression part) {
  uint32_t least, most;
  grammar_compiler *c = p->s->c;
  if (takes(p, "*"))
    part = grammar_repeat(c, part, 0, GRAMMAR_UNBOUNDED);
  else if (takes(p, "+"))
    part = grammar_repeat(c, part, 1, GRAMMAR_UNBOUNDED);
  else if (takes(p, "?"))
    part = grammar_repeat(c, part, 0, 1);
  else if (takes(p, "{")) {
    least = most = read_count(p, GRAMMAR_NONE);
    if (takes(p, ","))
      most = read_count(p, GRAMMAR_UNBOUNDED);
    if (least == GRAMMAR_NONE || most < least || !takes(p, "}"))
      refuse(p, "expected {m}, {m,} or {m,n}");
    part = grammar_repeat(c, part, least, most);
  } else
    return part;
  /* The same texts match, though in another way. */
  takes(p, "?");
  return part;
}

static expression read_sequence(pattern *p) {
  grammar_list list = {NULL, 0, 0};
  while (p->at < p->end && *p->at != '|' && *p->at != ')') {
    if (*p->at == '$' && p->depth == 0 &&
        (p->end - p->at == 1 || p->at[1] == '|'))
      break;
    grammar_add(p->s->c, &list, repeat(p, read_atom(p)));
  }
  return grammar_sequence(p->s->c, &list);
}

static expression read_choice(pattern *p) {
  grammar_list list = {NULL, 0, 0};
  do
    grammar_add(p->s->c, &list, read_sequence(p));
  while (takes(p, "|"));
  return grammar_choice(p->s->c, &list);
}

static expression anything(pattern *p) {
  return grammar_repeat(p->s->c, grammar_class(p->s->c, NULL, 0, 1), 0,
                        GRAMMAR_UNBOUNDED);
}

expression schema_pattern(schema_compiler *s, json at, const char *text,
                          size_t bytes, int is_part) {
  pattern p = {s, at, text, text, text + bytes, 0};
  grammar_list ways = {NULL, 0, 0};
  do {
    grammar_list parts = {NULL, 0, 0};
    int begins = takes(&p, "^");
    if (is_part && !begins)
      grammar_add(s->c, &parts, anything(&p));
    grammar_add(s->c, &parts, read_sequence(&p));
    int ends = takes(&p, "$");
    if (is_part && !ends)
      grammar_add(s->c, &parts, anything(&p));
    grammar_add(s->c, &ways, grammar_sequence(s->c, &parts));
  } while (takes(&p, "|"));
  if (p.at != p.end)
    refuse(&p, "expected the end");
  return grammar_choice(s->c, &ways);
}
