/*===- schema_numbers.c - numbers, and ranges of them -----------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "texts.h"

#include <stdio.h>
#include <string.h>

/* Digits before the point, and behind it: a bound on answers that never end. */
#define DIGITS 16u
#define LARGEST INT64_C(9999999999999999)

static const grammar_range digit_range = {'0', '9'};

static expression digits(schema_compiler *s, uint32_t least, uint32_t most) {
  return grammar_repeat(s->c, grammar_class(s->c, &digit_range, 1, 0), least,
                        most);
}

static expression one_digit(schema_compiler *s, uint32_t low, uint32_t high) {
  grammar_range range = {'0' + low, '0' + high};
  return grammar_class(s->c, &range, 1, 0);
}

static void add(schema_compiler *s, grammar_list *list, const char *text) {
  grammar_add(s->c, list, grammar_literal(s->c, text));
}

/*--- Limits ----------------------------------------------------------------*/

/* A whole number; 1.0 is one, too. */
static int64_t whole(schema_compiler *s, json value) {
  double number = json_number(value);
  if (value->kind != JSON_NUMBER || value->bytes > 40 ||
      !(number >= (double)-LARGEST && number <= (double)LARGEST) ||
      (double)(int64_t)number < number || (double)(int64_t)number > number)
    schema_fail(s, value, "expected a whole number of at most %u digits",
                DIGITS);
  return (int64_t)number;
}

int schema_limit(schema_compiler *s, json schema, int is_upper, int64_t *limit,
                 int *is_excluded) {
  json plain = json_find(schema, is_upper ? "maximum" : "minimum");
  json strict =
      json_find(schema, is_upper ? "exclusiveMaximum" : "exclusiveMinimum");
  if (!plain && !strict)
    return 0;
  *is_excluded = strict != NULL;
  *limit = whole(s, strict ? strict : plain);
  if (!plain || !strict)
    return 1;
  int64_t other = whole(s, plain);
  if (is_upper ? other < *limit : other > *limit) {
    *limit = other;
    *is_excluded = 0;
  }
  return 1;
}

static const char nines[] = "9999999999999999", zeros[] = "0000000000000000";

/*--- Ranges of digits ------------------------------------------------------*/

/* Numbers of the same length, whose digits `low` and `high` have. */
static expression same_length(schema_compiler *s, const char *low,
                              const char *high, uint32_t length) {
  grammar_list ways = {NULL, 0, 0};
  uint32_t first = (uint32_t)(low[0] - '0'), last = (uint32_t)(high[0] - '0');
  uint32_t rest = length - 1;
  if (length == 1)
    return one_digit(s, first, last);
  if (first == last)
    return grammar_pair(s->c, one_digit(s, first, last),
                        same_length(s, low + 1, high + 1, rest));
  if (strspn(low + 1, "0") < rest) {
    grammar_add(
        s->c, &ways,
        grammar_pair(s->c, one_digit(s, first, first),
                     same_length(s, low + 1, nines + (DIGITS - rest), rest)));
    ++first;
  }
  if (strspn(high + 1, "9") < rest) {
    grammar_add(
        s->c, &ways,
        grammar_pair(s->c, one_digit(s, last, last),
                     same_length(s, zeros + (DIGITS - rest), high + 1, rest)));
    --last;
  }
  if (first <= last)
    grammar_add(
        s->c, &ways,
        grammar_pair(s->c, one_digit(s, first, last), digits(s, rest, rest)));
  return grammar_choice(s->c, &ways);
}

/* 0 <= low <= high */
static expression range_of(schema_compiler *s, int64_t low, int64_t high) {
  grammar_list ways = {NULL, 0, 0};
  int64_t power = 1;
  for (uint32_t length = 1; length <= DIGITS; ++length, power *= 10) {
    int64_t from = length == 1 ? 0 : power, to = power * 10 - 1;
    char first[24], last[24];
    from = from > low ? from : low;
    to = to < high ? to : high;
    if (from > to)
      continue;
    snprintf(first, sizeof(first), "%lld", (long long)from);
    snprintf(last, sizeof(last), "%lld", (long long)to);
    grammar_add(s->c, &ways, same_length(s, first, last, length));
  }
  return grammar_choice(s->c, &ways);
}

/*--- Numbers between limits ------------------------------------------------*/

/* Of a magnitude: 0 <= low <= high. */
typedef struct span {
  int64_t low, high;
  int no_low, no_high; /* the limit itself is none of them */
} span;

static expression whole_span(schema_compiler *s, span r) {
  r.low += r.no_low;
  r.high -= r.no_high;
  return r.low <= r.high ? range_of(s, r.low, r.high)
                         : grammar_class(s->c, NULL, 0, 0);
}

static expression exactly(schema_compiler *s, int64_t value) {
  return range_of(s, value, value);
}

/* "." and digits, or nothing. */
static expression fraction(schema_compiler *s) {
  return grammar_repeat(
      s->c,
      grammar_pair(s->c, grammar_literal(s->c, "."), digits(s, 1, DIGITS)), 0,
      1);
}

/* "." and digits that are not all 0. */
static expression some_fraction(schema_compiler *s) {
  grammar_list parts = {NULL, 0, 0};
  add(s, &parts, ".");
  grammar_add(s->c, &parts,
              grammar_repeat(s->c, one_digit(s, 0, 0), 0, DIGITS - 1));
  grammar_add(s->c, &parts, one_digit(s, 1, 9));
  grammar_add(s->c, &parts, digits(s, 0, DIGITS - 1));
  return grammar_sequence(s->c, &parts);
}

static expression no_fraction(schema_compiler *s) {
  return grammar_repeat(
      s->c,
      grammar_pair(s->c, grammar_literal(s->c, "."),
                   grammar_repeat(s->c, one_digit(s, 0, 0), 1, DIGITS)),
      0, 1);
}

static expression decimal_span(schema_compiler *s, span r) {
  grammar_list ways = {NULL, 0, 0};
  if (r.low < r.high)
    grammar_add(s->c, &ways,
                grammar_pair(s->c, exactly(s, r.low),
                             r.no_low ? some_fraction(s) : fraction(s)));
  if (r.low + 1 <= r.high - 1)
    grammar_add(
        s->c, &ways,
        grammar_pair(s->c, range_of(s, r.low + 1, r.high - 1), fraction(s)));
  if (!r.no_high && !(r.low == r.high && r.no_low))
    grammar_add(s->c, &ways,
                grammar_pair(s->c, exactly(s, r.high), no_fraction(s)));
  return grammar_choice(s->c, &ways);
}

static expression of_span(schema_compiler *s, span r, int is_integer) {
  return is_integer ? whole_span(s, r) : decimal_span(s, r);
}

/*--- All of them -----------------------------------------------------------*/

static expression any_sign(schema_compiler *s) {
  return grammar_repeat(s->c, grammar_literal(s->c, "-"), 0, 1);
}

/* 0, or digits that begin otherwise. */
static expression any_digits(schema_compiler *s) {
  return grammar_either(
      s->c, grammar_literal(s->c, "0"),
      grammar_pair(s->c, one_digit(s, 1, 9), digits(s, 0, DIGITS - 1)));
}

static expression any_number(schema_compiler *s, int is_integer) {
  uint32_t *rule = is_integer ? &s->integer : &s->number;
  if (!*rule) {
    static const grammar_range signs[] = {{'+', '+'}, {'-', '-'}};
    static const grammar_range exponents[] = {{'E', 'E'}, {'e', 'e'}};
    grammar_list parts = {NULL, 0, 0}, power = {NULL, 0, 0};
    grammar_add(s->c, &parts, any_sign(s));
    grammar_add(s->c, &parts, any_digits(s));
    if (!is_integer) {
      grammar_add(s->c, &parts, fraction(s));
      grammar_add(s->c, &power, grammar_class(s->c, exponents, 2, 0));
      grammar_add(s->c, &power,
                  grammar_repeat(s->c, grammar_class(s->c, signs, 2, 0), 0, 1));
      grammar_add(s->c, &power, digits(s, 1, 3));
      grammar_add(s->c, &parts,
                  grammar_repeat(s->c, grammar_sequence(s->c, &power), 0, 1));
    }
    *rule = grammar_new_rule(s->c, "any number", 10, 0);
    s->c->rules[*rule].body = grammar_sequence(s->c, &parts);
  }
  return grammar_call(s->c, *rule);
}

/* Without exponents. */
static expression between(schema_compiler *s, json schema, int is_integer) {
  span r = {-LARGEST, LARGEST, 0, 0};
  grammar_list ways = {NULL, 0, 0};
  int has_low = schema_limit(s, schema, 0, &r.low, &r.no_low);
  int has_high = schema_limit(s, schema, 1, &r.high, &r.no_high);
  if (!has_low && !has_high) {
    expression all = grammar_pair(s->c, any_sign(s), any_digits(s));
    return is_integer ? all : grammar_pair(s->c, all, fraction(s));
  }
  if (r.low > r.high || (r.low == r.high && (r.no_low || r.no_high))) {
    if (s->choices)
      return grammar_class(s->c, NULL, 0, 0);
    schema_fail(s, schema, "there is no number between its limits");
  }
  if (r.high >= 0) {
    span positive = r;
    if (r.low < 0) {
      positive.low = 0;
      positive.no_low = 0;
    }
    grammar_add(s->c, &ways, of_span(s, positive, is_integer));
  }
  if (r.low < 0) {
    span negative = {-r.high, -r.low, r.no_high, r.no_low};
    if (r.high > 0 || (r.high == 0 && !r.no_high)) {
      negative.low = 0;
      negative.no_low = is_integer;
    }
    grammar_add(s->c, &ways,
                grammar_pair(s->c, grammar_literal(s->c, "-"),
                             of_span(s, negative, is_integer)));
  }
  return grammar_choice(s->c, &ways);
}

expression schema_number(schema_compiler *s, json schema, int is_integer) {
  text_conditions list = {NULL, 0, 0};
  int64_t limit;
  int is_excluded;
  schema_number_conditions(s, schema, &list);
  if (list.count == 0 && !schema_limit(s, schema, 0, &limit, &is_excluded) &&
      !schema_limit(s, schema, 1, &limit, &is_excluded))
    return any_number(s, is_integer);
  expression all = between(s, schema, is_integer);
  if (list.count == 0)
    return all;
  texts_add(s, &list, (text_condition){.kind = TEXT_MATCHES, .texts = all});
  all = texts_all(texts_open(s, schema, &list), 0);
  return all ? all : grammar_class(s->c, NULL, 0, 0);
}
