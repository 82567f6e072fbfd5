/*===- read_rules.c - the language of rules ---------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "grammar.h"

#include <string.h>

#define MOST_COPIES 65536u
#define MOST_RULES 65536u

typedef struct reader {
  grammar_compiler *c;
  const char *at, *end, *begin;
  uint32_t *table, table_room; /* rules by the hash of their names */
  uint32_t depth;
  const char *counted; /* where `line` is */
  uint32_t line;
} reader;

/*--- Places and spaces -----------------------------------------------------*/

static uint32_t line_of(reader *r, const char *at) {
  if (at < r->counted || !r->line) {
    r->counted = r->begin;
    r->line = 1;
  }
  for (; r->counted < at; ++r->counted)
    r->line += *r->counted == '\n';
  return r->line;
}

static void skip(reader *r) {
  for (; r->at < r->end; ++r->at)
    if (*r->at == '#')
      while (r->at + 1 < r->end && r->at[1] != '\n')
        ++r->at;
    else if (*r->at != ' ' && *r->at != '\t' && *r->at != '\n' &&
             *r->at != '\r')
      return;
}

/* "x", or the end of the text. */
static void refuse(reader *r, const char *expected) {
  uint32_t line = line_of(r, r->at), character;
  size_t bytes = grammar_decode(r->at, (size_t)(r->end - r->at), &character);
  if (r->at == r->end)
    grammar_fail(r->c, "line %u: expected %s, got the end of the text", line,
                 expected);
  if (bytes == 0 || character < 0x20)
    grammar_fail(r->c, "line %u: expected %s, got the byte 0x%02X", line,
                 expected, (uint8_t)*r->at);
  grammar_fail(r->c, "line %u: expected %s, got '%.*s'", line, expected,
               (int)bytes, r->at);
}

static int takes(reader *r, const char *text) {
  size_t bytes = strlen(text);
  if ((size_t)(r->end - r->at) < bytes || memcmp(r->at, text, bytes) != 0)
    return 0;
  r->at += bytes;
  return 1;
}

static void need(reader *r, const char *text, const char *expected) {
  if (!takes(r, text))
    refuse(r, expected);
}

/*--- Names -----------------------------------------------------------------*/

static int is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static size_t name_at(const reader *r) {
  const char *at = r->at;
  while (at < r->end && is_name(*at))
    ++at;
  return (size_t)(at - r->at);
}

/* A name with ::= behind it begins the next rule. */
static int begins_rule(reader *r) {
  const char *from = r->at;
  size_t bytes = name_at(r);
  r->at += bytes;
  skip(r);
  int result = bytes && takes(r, "::=");
  r->at = from;
  return result;
}

static uint32_t hash_of(const char *name, size_t bytes) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < bytes; ++i)
    hash = (hash ^ (uint8_t)name[i]) * 16777619u;
  return hash ^ hash >> 15;
}

static uint32_t *slot_of(reader *r, const char *name, size_t bytes) {
  uint32_t at = hash_of(name, bytes) & (r->table_room - 1);
  for (; r->table[at]; at = (at + 1) & (r->table_room - 1)) {
    const grammar_rule *rule = &r->c->rules[r->table[at]];
    if (rule->name_bytes == bytes && memcmp(rule->name, name, bytes) == 0)
      break;
  }
  return &r->table[at];
}

static uint32_t rule_named(reader *r, const char *name, size_t bytes) {
  uint32_t *slot = slot_of(r, name, bytes);
  if (*slot)
    return *slot;
  if (r->c->rule_count >= MOST_RULES)
    grammar_fail(r->c, "line %u: there are more than %u rules",
                 line_of(r, r->at), MOST_RULES - 1);
  *slot = grammar_new_rule(r->c, name, bytes, line_of(r, r->at));
  return *slot;
}

/*--- Characters ------------------------------------------------------------*/

static uint32_t read_hex(reader *r, uint32_t digits) {
  uint32_t value = 0;
  for (uint32_t i = 0; i < digits; ++i, ++r->at) {
    uint32_t digit = tern_hex_digit(r->at < r->end ? *r->at : 0);
    if (digit == 16)
      refuse(r, "a hexadecimal digit of an escape");
    value = value << 4 | digit;
  }
  if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
    grammar_fail(r->c, "line %u: U+%04X is not a character", line_of(r, r->at),
                 value);
  return value;
}

static uint32_t read_escape(reader *r) {
  static const char names[] = "nrt\\\"[]-^'/", values[] = "\n\r\t\\\"[]-^'/";
  if (takes(r, "x"))
    return read_hex(r, 2);
  if (takes(r, "u"))
    return read_hex(r, 4);
  if (takes(r, "U"))
    return read_hex(r, 8);
  const char *found = r->at < r->end && *r->at ? strchr(names, *r->at) : NULL;
  if (!found)
    refuse(r, "an escape: \\n \\r \\t \\\\ \\\" \\[ \\] \\- \\^ \\xFF \\uFFFF "
              "or \\U0010FFFF");
  ++r->at;
  return (uint8_t)values[found - names];
}

static uint32_t read_character(reader *r) {
  uint32_t character;
  if (takes(r, "\\"))
    return read_escape(r);
  size_t bytes = grammar_decode(r->at, (size_t)(r->end - r->at), &character);
  if (bytes == 0)
    refuse(r, "a character of UTF-8");
  r->at += bytes;
  return character;
}

static const grammar_expression *read_literal(reader *r) {
  char *text = NULL;
  uint32_t count = 0, room = 0;
  while (!takes(r, "\"")) {
    char bytes[4];
    if (r->at == r->end || *r->at == '\n')
      refuse(r, "\" at the end of a literal");
    size_t n = grammar_encode(read_character(r), bytes);
    for (size_t i = 0; i < n; ++i) {
      text = grammar_grow(r->c, text, count, &room, 1);
      text[count++] = bytes[i];
    }
  }
  return grammar_bytes(r->c, text, count);
}

static const grammar_expression *read_class(reader *r) {
  grammar_range *ranges = NULL;
  uint32_t count = 0, room = 0;
  int inverted = takes(r, "^");
  while (!takes(r, "]")) {
    if (r->at == r->end || *r->at == '\n')
      refuse(r, "] at the end of a class");
    const char *from = r->at;
    uint32_t low = read_character(r), high = low;
    if (r->end - r->at > 1 && r->at[0] == '-' && r->at[1] != ']') {
      ++r->at;
      high = read_character(r);
    }
    if (high < low)
      grammar_fail(r->c, "line %u: the range %.*s ends before it begins",
                   line_of(r, from), (int)(r->at - from), from);
    ranges = grammar_grow(r->c, ranges, count, &room, sizeof(*ranges));
    ranges[count++] = (grammar_range){low, high};
  }
  return grammar_class(r->c, ranges, count, inverted);
}

/*--- Expressions -----------------------------------------------------------*/

static const grammar_expression *read_choice(reader *r);

static uint32_t read_count(reader *r, uint32_t otherwise) {
  uint64_t value = 0;
  if (r->at == r->end || *r->at < '0' || *r->at > '9')
    return otherwise;
  for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; ++r->at) {
    value = value * 10 + (uint64_t)(*r->at - '0');
    if (value > MOST_COPIES)
      grammar_fail(r->c, "line %u: expected a repetition of at most %u",
                   line_of(r, r->at), MOST_COPIES);
  }
  return (uint32_t)value;
}

/* {m}, {m,}, {,n} or {m,n}; the brace is read. */
static const grammar_expression *read_braces(reader *r,
                                             const grammar_expression *part) {
  const char *from = r->at;
  skip(r);
  uint32_t least = read_count(r, GRAMMAR_NONE), most = least;
  skip(r);
  if (takes(r, ",")) {
    skip(r);
    most = read_count(r, GRAMMAR_UNBOUNDED);
    if (least == GRAMMAR_NONE)
      least = most == GRAMMAR_UNBOUNDED ? GRAMMAR_NONE : 0;
    skip(r);
  }
  if (least == GRAMMAR_NONE)
    refuse(r, "a number of repetitions");
  need(r, "}", "} behind a number of repetitions");
  if (most < least)
    grammar_fail(r->c, "line %u: {%.*s ends before it begins", line_of(r, from),
                 (int)(r->at - from), from);
  return grammar_repeat(r->c, part, least, most);
}

static const grammar_expression *read_atom(reader *r) {
  if (takes(r, "\""))
    return read_literal(r);
  if (takes(r, "["))
    return read_class(r);
  if (takes(r, "."))
    return grammar_class(r->c, NULL, 0, 1);
  if (takes(r, "(")) {
    if (++r->depth > GRAMMAR_NESTING)
      grammar_fail(r->c,
                   "line %u: there are more than %u groups inside each "
                   "other",
                   line_of(r, r->at), GRAMMAR_NESTING);
    const grammar_expression *inner = read_choice(r);
    need(r, ")", ") at the end of a group");
    --r->depth;
    return inner;
  }
  size_t bytes = name_at(r);
  if (bytes == 0 || begins_rule(r))
    return NULL;
  uint32_t rule = rule_named(r, r->at, bytes);
  r->at += bytes;
  return grammar_call(r->c, rule);
}

static const grammar_expression *read_sequence(reader *r) {
  grammar_list list = {NULL, 0, 0};
  for (;;) {
    skip(r);
    const grammar_expression *part = read_atom(r);
    if (!part)
      break;
    for (uint32_t marks = 0;; ++marks) {
      skip(r);
      int is_repeated = 1;
      if (takes(r, "*"))
        part = grammar_repeat(r->c, part, 0, GRAMMAR_UNBOUNDED);
      else if (takes(r, "+"))
        part = grammar_repeat(r->c, part, 1, GRAMMAR_UNBOUNDED);
      else if (takes(r, "?"))
        part = grammar_repeat(r->c, part, 0, 1);
      else if (takes(r, "{"))
        part = read_braces(r, part);
      else
        is_repeated = 0;
      if (!is_repeated)
        break;
      if (marks == 8)
        refuse(r, "at most 8 repetitions of one part");
    }
    grammar_add(r->c, &list, part);
  }
  return grammar_sequence(r->c, &list);
}

static const grammar_expression *read_choice(reader *r) {
  grammar_list list = {NULL, 0, 0};
  do
    grammar_add(r->c, &list, read_sequence(r));
  while (takes(r, "|"));
  return grammar_choice(r->c, &list);
}

static void read_rule(reader *r) {
  size_t bytes = name_at(r);
  uint32_t line = line_of(r, r->at);
  if (!begins_rule(r)) {
    if (bytes) {
      r->at += bytes;
      skip(r);
      refuse(r, "::= behind the name of a rule");
    }
    refuse(r, "the name of a rule");
  }
  uint32_t rule = rule_named(r, r->at, bytes);
  grammar_rule *known = &r->c->rules[rule];
  if (known->body)
    grammar_fail(r->c, "line %u: rule %.*s is there already, in line %u", line,
                 bytes > 100 ? 100 : (int)bytes, r->at, known->line);
  known->line = line;
  r->at += bytes;
  skip(r);
  takes(r, "::=");
  const grammar_expression *body = read_choice(r);
  r->c->rules[rule].body = body;
  if (r->at < r->end && !begins_rule(r))
    refuse(r, "the next part of a rule");
}

typedef struct rules_text {
  const char *text;
  size_t bytes;
} rules_text;

static const grammar_expression *read_rules(grammar_compiler *c,
                                            const void *input) {
  const rules_text *text = input;
  reader r = {c,          text->text, text->text + text->bytes,
              text->text, NULL,       16,
              0,          NULL,       0};
  r.counted = r.begin;
  /* A name has a byte at least, and another one behind it. */
  while (r.table_room < text->bytes && r.table_room < 2 * MOST_RULES)
    r.table_room *= 2;
  r.table = grammar_allocate(c, r.table_room, sizeof(*r.table));
  for (skip(&r); r.at < r.end; skip(&r))
    read_rule(&r);
  for (uint32_t i = 1; i < c->rule_count; ++i)
    if (!c->rules[i].body)
      grammar_fail(c, "line %u: there is no rule %.*s", c->rules[i].line,
                   c->rules[i].name_bytes > 100 ? 100
                                                : (int)c->rules[i].name_bytes,
                   c->rules[i].name);
  uint32_t root = *slot_of(&r, "root", 4);
  if (!root)
    grammar_fail(c, "there is no rule root, which is the whole answer");
  return grammar_call(c, root);
}

tern_grammar *tern_grammar_from_rules(const char *text, size_t bytes,
                                      const tern_grammar_options *options,
                                      tern_error *error) {
  rules_text input = {text, bytes};
  return grammar_compile(read_rules, &input, 'r', text, bytes, options, error);
}
