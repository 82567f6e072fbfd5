/*===- schema_strings.c - strings and their formats -------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "texts.h"

#include <string.h>

#define DATE_OF_YEAR                                                           \
  "(\\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|"                          \
  "(0[469]|11)-(0[1-9]|[12]\\d|30)|02-(0[1-9]|1\\d|2[0-8]))|"                  \
  "(\\d\\d(0[48]|[2468][048]|[13579][26])|"                                    \
  "([02468][048]|[13579][26])00)-02-29)"
#define TIME_OF_DAY                                                            \
  "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?"                           \
  "(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)"

#define DURATION_OF_DAY                                                        \
  "T(\\d{1,9}H(\\d{1,9}M(\\d{1,9}S)?)?|\\d{1,9}M(\\d{1,9}S)?|\\d{1,9}S)"
#define IPV4                                                                   \
  "((25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)\\.){3}"                              \
  "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)"
#define HEX "[0-9a-fA-F]{1,4}"
#define IPV6                                                                   \
  "((" HEX ":){7}" HEX "|(" HEX ":){1,7}:|(" HEX ":){1,6}:" HEX "|(" HEX       \
  ":){1,5}(:" HEX "){2}|(" HEX ":){1,4}(:" HEX "){3}|(" HEX ":){1,3}(:" HEX    \
  "){4}|(" HEX ":){1,2}(:" HEX "){5}|" HEX ":(:" HEX "){6}|:((:" HEX           \
  "){1,7}|:)|::([fF]{4}:)?" IPV4 ")"
/* At most 29 characters, of at most 63, so that eight of them are fewer than
 * the 253 of all; no two hyphens, which names of other scripts have. */
#define LABEL "[0-9A-Za-z](-?[0-9A-Za-z]){0,14}"
#define HOST LABEL "(\\." LABEL "){0,7}"
#define ATOM "[0-9A-Za-z!#$%&'*+/=?^_`{|}~-]"
#define EMAIL ATOM "{1,31}(\\." ATOM "{1,15}){0,2}@" HOST
#define PERCENT "%[0-9A-Fa-f]{2}"
#define URI_PLAIN "-0-9A-Za-z._~!$&'()*+,;="
#define URI_PART "([" URI_PLAIN ":@]|" PERCENT ")"
#define URI_AFTER_PATH "(\\?([/?]|" URI_PART ")*)?(#([/?]|" URI_PART ")*)?"
#define URI_AUTHORITY                                                          \
  "//(([" URI_PLAIN ":]|" PERCENT ")*@)?(([" URI_PLAIN "]|" PERCENT            \
  ")+|\\[" IPV6 "\\])(:\\d{0,5})?(/" URI_PART "*)*"
#define URI                                                                    \
  "[A-Za-z][0-9A-Za-z+.-]*:(" URI_AUTHORITY "|/?" URI_PART "+(/" URI_PART      \
  "*)*)" URI_AFTER_PATH
#define URI_REFERENCE                                                          \
  "(" URI "|(" URI_AUTHORITY "|/(" URI_PART "+(/" URI_PART                     \
  "*)*)?|([" URI_PLAIN "@]|" PERCENT ")+(/" URI_PART "*)*|)" URI_AFTER_PATH    \
  ")"
#define POINTER "(/([^/~]|~[01])*)*"

/* Each text is of the format; formats for all scripts have those of ASCII. */
static const struct {
  const char *name, *pattern;
} formats[] = {
    {"date", DATE_OF_YEAR},
    {"time", TIME_OF_DAY},
    {"date-time", DATE_OF_YEAR "T" TIME_OF_DAY},
    {"duration",
     "P(\\d{1,9}W|(\\d{1,9}Y(\\d{1,9}M(\\d{1,9}D)?)?|\\d{1,9}M"
     "(\\d{1,9}D)?|\\d{1,9}D)(" DURATION_OF_DAY ")?|" DURATION_OF_DAY ")"},
    {"uuid", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"},
    {"ipv4", IPV4},
    {"ipv6", IPV6},
    {"hostname", HOST},
    {"idn-hostname", HOST},
    {"email", EMAIL},
    {"idn-email", EMAIL},
    {"uri", URI},
    {"iri", URI},
    {"uri-reference", URI_REFERENCE},
    {"iri-reference", URI_REFERENCE},
    {"json-pointer", POINTER},
    {"relative-json-pointer", "(0|[1-9]\\d{0,8})(#|" POINTER ")"},
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

expression schema_spell(schema_compiler *s, expression e) {
  grammar_list list = {NULL, 0, 0};
  if (e->kind == EXPRESSION_BYTES)
    return e;
  if (e->kind == EXPRESSION_CLASS)
    return schema_characters(s, e->ranges, e->count, 0);
  for (uint32_t i = 0; i < e->count; ++i)
    grammar_add(s->c, &list, schema_spell(s, e->parts[i]));
  return e->kind == EXPRESSION_SEQUENCE ? grammar_sequence(s->c, &list)
         : e->kind == EXPRESSION_CHOICE
             ? grammar_choice(s->c, &list)
             : grammar_repeat(s->c, list.parts[0], e->least, e->most);
}

expression schema_format(schema_compiler *s, json format) {
  for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); ++i)
    if (json_is(format, formats[i].name))
      return schema_pattern(s, format, formats[i].pattern,
                            strlen(formats[i].pattern), 0);
  schema_fail(s, format, "the format %.*s is not supported",
              format->bytes > 60 ? 60 : (int)format->bytes, format->text);
}

expression schema_string(schema_compiler *s, json schema) {
  text_conditions list = {NULL, 0, 0};
  schema_string_conditions(s, schema, &list);
  if (list.count == 0)
    return any_string(s);
  const text_condition *only = &list.at[list.count - 1];
  if (only->kind == TEXT_HAS_LENGTH && only->most < only->least) {
    if (s->choices)
      return grammar_class(s->c, NULL, 0, 0);
    schema_fail(s, schema, "there are no strings of %u to %u characters",
                only->least, only->most);
  }
  if (list.count == 1 && only->kind == TEXT_HAS_LENGTH)
    return quote(
        s, grammar_repeat(s->c, any_character(s), only->least, only->most));
  if (list.count == 1 && !only->is_excluded)
    return quote(s, schema_spell(s, only->texts));
  expression all = texts_all(texts_open(s, schema, &list), 1);
  return all ? quote(s, all) : grammar_class(s->c, NULL, 0, 0);
}
