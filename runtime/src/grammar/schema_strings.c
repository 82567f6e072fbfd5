/*===- schema_strings.c - strings and their formats -------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "schema.h"

#include <string.h>

#define DATE_OF_YEAR                                                           \
  "(\\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|"                          \
  "(0[469]|11)-(0[1-9]|[12]\\d|30)|02-(0[1-9]|1\\d|2[0-8]))|"                  \
  "(\\d\\d(0[48]|[2468][048]|[13579][26])|"                                    \
  "([02468][048]|[13579][26])00)-02-29)"
#define TIME_OF_DAY                                                            \
  "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?"                           \
  "(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)"

static const struct {
  const char *name, *pattern;
} formats[] = {
    {"date", DATE_OF_YEAR},
    {"time", TIME_OF_DAY},
    {"date-time", DATE_OF_YEAR "T" TIME_OF_DAY},
    {"uuid", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"},
    {"ipv4", "((25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)\\.){3}"
             "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)"},
};

static expression quote(schema_compiler *s, expression inner) {
  grammar_list parts = {NULL, 0, 0};
  grammar_add(s->c, &parts, grammar_literal(s->c, "\""));
  grammar_add(s->c, &parts, inner);
  grammar_add(s->c, &parts, grammar_literal(s->c, "\""));
  return grammar_sequence(s->c, &parts);
}

static expression of_class(schema_compiler *s, const char *from,
                           const char *to) {
  grammar_range ranges[8];
  uint32_t count = 0;
  for (; from[count]; ++count)
    ranges[count] = (grammar_range){(uint8_t)from[count], (uint8_t)to[count]};
  return grammar_class(s->c, ranges, count, 0);
}

static expression hex(schema_compiler *s, uint32_t count) {
  return grammar_repeat(s->c, of_class(s, "0Aa", "9Ff"), count, count);
}

/* A character in any spelling: two escapes where UTF-16 has two halves. */
static expression any_character(schema_compiler *s) {
  static const grammar_range bad[] = {{0, 0x1F}, {'"', '"'}, {'\\', '\\'}};
  grammar_compiler *c = s->c;
  grammar_list ways = {NULL, 0, 0}, units = {NULL, 0, 0}, pair = {NULL, 0, 0};
  expression d = of_class(s, "Dd", "Dd");
  grammar_add(c, &units,
              grammar_pair(c, of_class(s, "0ACEac", "9BFFbc"), hex(s, 3)));
  grammar_add(c, &units, grammar_pair(c, of_class(s, "ef", "ef"), hex(s, 3)));
  grammar_add(
      c, &units,
      grammar_pair(c, d, grammar_pair(c, of_class(s, "0", "7"), hex(s, 2))));
  grammar_add(c, &pair, d);
  grammar_add(c, &pair, of_class(s, "89Aa", "89Bb"));
  grammar_add(c, &pair, hex(s, 2));
  grammar_add(c, &pair, grammar_literal(c, "\\u"));
  grammar_add(c, &pair, d);
  grammar_add(c, &pair, of_class(s, "Cc", "Ff"));
  grammar_add(c, &pair, hex(s, 2));
  grammar_add(c, &units, grammar_sequence(c, &pair));
  expression escape = grammar_either(
      c, of_class(s, "\"\\/bfnrt", "\"\\/bfnrt"),
      grammar_pair(c, grammar_literal(c, "u"), grammar_choice(c, &units)));
  grammar_add(c, &ways, grammar_class(c, bad, 3, 1));
  grammar_add(c, &ways, grammar_pair(c, grammar_literal(c, "\\"), escape));
  return grammar_choice(c, &ways);
}

static expression any_string(schema_compiler *s) {
  if (!s->string) {
    s->string = grammar_new_rule(s->c, "any string", 10, 0);
    s->c->rules[s->string].body =
        quote(s, grammar_repeat(s->c, any_character(s), 0, GRAMMAR_UNBOUNDED));
  }
  return grammar_call(s->c, s->string);
}

expression schema_characters(schema_compiler *s, const grammar_range *ranges,
                             uint32_t count, int inverted) {
  grammar_list ways = {NULL, 0, 0};
  expression all = grammar_class(s->c, ranges, count, inverted);
  grammar_range *plain =
      grammar_allocate(s->c, all->count + 4ull, sizeof(*plain));
  uint32_t kept = 0;
  for (uint32_t i = 0; i < all->count; ++i) {
    grammar_range r = all->ranges[i];
    /* Those that have to be escaped, one by one. */
    for (uint32_t one = r.low; one <= r.high && one <= '\\'; ++one)
      if (one < 0x20 || one == '"' || one == '\\') {
        char text = (char)one;
        expression spelled = json_spell(s->c, &text, 1);
        grammar_add(
            s->c, &ways,
            grammar_bytes(s->c, spelled->bytes + 1, spelled->count - 2));
      }
    static const grammar_range gaps[] = {
        {0x20, '"' - 1}, {'"' + 1, '\\' - 1}, {'\\' + 1, 0x10FFFF}};
    for (size_t gap = 0; gap < 3; ++gap) {
      uint32_t low = r.low > gaps[gap].low ? r.low : gaps[gap].low;
      uint32_t high = r.high < gaps[gap].high ? r.high : gaps[gap].high;
      if (low > high)
        continue;
      grammar_range part = {low, high};
      plain[kept++] = part;
      if (kept == all->count + 4ull) {
        grammar_add(s->c, &ways, grammar_class(s->c, plain, kept, 0));
        kept = 0;
      }
    }
  }
  if (kept)
    grammar_add(s->c, &ways, grammar_class(s->c, plain, kept, 0));
  return grammar_choice(s->c, &ways);
}

static expression of_format(schema_compiler *s, json format) {
  for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); ++i)
    if (json_is(format, formats[i].name))
      return quote(s, schema_pattern(s, format, formats[i].pattern,
                                     strlen(formats[i].pattern), 0));
  schema_fail(s, format, "the format %.*s is not supported",
              format->bytes > 60 ? 60 : (int)format->bytes, format->text);
}

expression schema_string(schema_compiler *s, json schema) {
  json pattern = json_find(schema, "pattern");
  json format = json_find(schema, "format");
  json least = json_find(schema, "minLength");
  json most = json_find(schema, "maxLength");
  json length = least ? least : most;
  if (pattern && format)
    schema_fail(s, format, "it is not supported beside pattern");
  if ((pattern || format) && length)
    schema_fail(s, length, "it is not supported beside %s",
                pattern ? "pattern" : "format");
  if (format)
    return of_format(s, format);
  if (pattern)
    return quote(s,
                 schema_pattern(s, pattern, pattern->text, pattern->bytes, 1));
  if (!length)
    return any_string(s);
  uint32_t from = schema_count(s, schema, "minLength", 0);
  uint32_t to = schema_count(s, schema, "maxLength", GRAMMAR_UNBOUNDED);
  if (to < from)
    schema_fail(s, length, "there are no strings of %u to %u characters", from,
                to);
  return quote(s, grammar_repeat(s->c, any_character(s), from, to));
}
