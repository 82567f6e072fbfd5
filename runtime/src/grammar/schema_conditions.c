/*===- schema_conditions.c - what a schema says of strings and numbers ------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "texts.h"

#include <string.h>

#define LARGEST_DIVISOR 1000000u

const char schema_conditions[] = "conditions";

/*--- Decimal numbers -------------------------------------------------------*/

/* Digits without zeros at either end, and how many stand behind the point. */
typedef struct decimal {
  char digits[64];
  int count, behind, is_negative;
} decimal;

static int read_decimal(json number, decimal *d) {
  const char *at = number->text, *end = at + number->bytes;
  int exponent = 0, sign = 1, is_behind = 0;
  memset(d, 0, sizeof(*d));
  if (number->bytes > 60)
    return 0;
  d->is_negative = *at == '-';
  for (at += d->is_negative; at < end && *at != 'e' && *at != 'E'; ++at) {
    if (*at == '.') {
      is_behind = 1;
      continue;
    }
    d->behind += is_behind;
    if (d->count || *at != '0')
      d->digits[d->count++] = *at;
  }
  if (at < end) {
    sign = *++at == '-' ? -1 : 1;
    at += *at == '-' || *at == '+';
    for (; at < end; ++at)
      exponent = exponent < 1000 ? exponent * 10 + (*at - '0') : exponent;
  }
  d->behind -= sign * exponent;
  while (d->count && d->digits[d->count - 1] == '0') {
    --d->count;
    --d->behind;
  }
  if (d->count == 0)
    d->behind = d->is_negative = 0;
  return d->behind <= 16 && d->count - d->behind <= 16;
}

int schema_decimal(json number, char text[40]) {
  decimal d;
  int count = 0, is_whole;
  if (!read_decimal(number, &d))
    return 0;
  is_whole = d.count - d.behind;
  if (d.is_negative)
    text[count++] = '-';
  for (int i = is_whole < 0 ? is_whole : 0; i < d.count || i < is_whole; ++i) {
    if (i == is_whole || (i == 0 && is_whole < 0) || count == d.is_negative) {
      if (is_whole <= 0 && count == d.is_negative)
        text[count++] = '0';
      if (i >= is_whole && !memchr(text, '.', (size_t)count))
        text[count++] = '.';
    }
    text[count++] = i < 0 || i >= d.count ? '0' : d.digits[i];
  }
  if (count == d.is_negative)
    text[count++] = '0';
  text[count] = 0;
  return 1;
}

/* Its decimal and any zeros behind that. */
static expression equal_numbers(schema_compiler *s, const char *text) {
  grammar_compiler *c = s->c;
  expression zeros =
      grammar_repeat(c, grammar_literal(c, "0"), 0, GRAMMAR_UNBOUNDED);
  grammar_list parts = {NULL, 0, 0};
  if (strcmp(text, "0") == 0)
    grammar_add(c, &parts, grammar_repeat(c, grammar_literal(c, "-"), 0, 1));
  grammar_add(c, &parts, grammar_literal(c, text));
  grammar_add(
      c, &parts,
      strchr(text, '.')
          ? zeros
          : grammar_repeat(c, grammar_pair(c, grammar_literal(c, "."), zeros),
                           0, 1));
  return grammar_sequence(c, &parts);
}

static text_condition multiple_of(schema_compiler *s, json value) {
  text_condition result = {.kind = TEXT_IS_MULTIPLE};
  uint64_t divisor = 0;
  decimal d;
  int is_read = value->kind == JSON_NUMBER && read_decimal(value, &d);
  for (int i = 0; is_read && i < d.count + (d.behind < 0 ? -d.behind : 0); ++i)
    divisor =
        divisor > LARGEST_DIVISOR
            ? divisor
            : divisor * 10 + (uint64_t)(i < d.count ? d.digits[i] - '0' : 0);
  if (!is_read || d.is_negative || divisor == 0 || divisor > LARGEST_DIVISOR)
    schema_fail(s, value,
                "expected a number above 0 of 1 to %u and a power of ten",
                LARGEST_DIVISOR);
  result.divisor = (uint32_t)divisor;
  result.digits = d.behind > 0 ? (uint32_t)d.behind : 0;
  return result;
}

/*--- What follows from others ----------------------------------------------*/

/* {"pattern": P}, {"multipleOf": N} or {"const": V}, also in {"not": ...}; the
 * last one is always in one. */
static json inside(json condition, int *is_excluded) {
  json excluded = json_find(condition, "not");
  *is_excluded = excluded != NULL;
  return excluded ? excluded->first : condition->first;
}

static text_condition matches(expression texts, int is_excluded) {
  text_condition result = {.kind = TEXT_MATCHES};
  result.texts = texts;
  result.is_excluded = is_excluded;
  return result;
}

static expression plain_pattern(schema_compiler *s, json pattern) {
  return schema_pattern(s, pattern, pattern->text, pattern->bytes, 1);
}

static void add_further(schema_compiler *s, json schema, json_kind kind,
                        text_conditions *list) {
  json further = json_find_key(schema, schema_conditions);
  grammar_list others = {NULL, 0, 0};
  for (json i = further ? further->first : NULL; i; i = i->next) {
    int is_excluded;
    json value = inside(i, &is_excluded);
    int is_value = strcmp(value->key, "const") == 0;
    char text[40];
    if (is_value && value->kind == JSON_STRING && kind == JSON_STRING) {
      grammar_add(s->c, &others,
                  grammar_bytes(s->c, value->text, value->bytes));
    } else if (is_value && value->kind == JSON_NUMBER && kind == JSON_NUMBER) {
      if (schema_decimal(value, text))
        grammar_add(s->c, &others, equal_numbers(s, text));
    } else if (!is_value && value->kind == kind) {
      text_condition one = kind == JSON_NUMBER ? multiple_of(s, value)
                           : strcmp(value->key, "format") == 0
                               ? matches(schema_format(s, value), 0)
                               : matches(plain_pattern(s, value), 0);
      one.is_excluded = is_excluded;
      texts_add(s, list, one);
    }
  }
  if (others.count)
    texts_add(s, list, matches(grammar_choice(s->c, &others), 1));
}

void schema_string_conditions(schema_compiler *s, json schema,
                              text_conditions *list) {
  json pattern = json_find(schema, "pattern");
  json format = json_find(schema, "format");
  json least = json_find(schema, "minLength");
  json most = json_find(schema, "maxLength");
  text_condition length = {.kind = TEXT_HAS_LENGTH};
  if (pattern)
    texts_add(s, list, matches(plain_pattern(s, pattern), 0));
  if (format)
    texts_add(s, list, matches(schema_format(s, format), 0));
  add_further(s, schema, JSON_STRING, list);
  if (!least && !most)
    return;
  length.least = schema_count(s, schema, "minLength", 0);
  length.most = schema_count(s, schema, "maxLength", GRAMMAR_UNBOUNDED);
  texts_add(s, list, length);
}

void schema_number_conditions(schema_compiler *s, json schema,
                              text_conditions *list) {
  json multiple = json_find(schema, "multipleOf");
  if (multiple)
    texts_add(s, list, multiple_of(s, multiple));
  add_further(s, schema, JSON_NUMBER, list);
}

/*--- Names -----------------------------------------------------------------*/

text_condition schema_name_pattern(schema_compiler *s, json pattern,
                                   int is_excluded) {
  return matches(
      schema_pattern(s, pattern, pattern->key, pattern->key_bytes, 1),
      is_excluded);
}

int schema_has_pattern(schema_compiler *s, json patterns, json name) {
  for (json i = patterns ? patterns->first : NULL; i; i = i->next) {
    text_conditions one = {NULL, 0, 0};
    texts_add(s, &one, schema_name_pattern(s, i, 0));
    if (texts_meet(texts_open(s, i, &one), name->key, name->key_bytes))
      return 1;
  }
  return 0;
}

void schema_name_conditions(schema_compiler *s, json names,
                            text_conditions *list) {
  static const char *const others[] = {"anyOf", "oneOf"};
  grammar_list ways = {NULL, 0, 0};
  names = schema_flat(s, names);
  if (names->kind == JSON_TRUE)
    return;
  int is_none = names->kind == JSON_FALSE;
  for (size_t i = 0; i < 2 && !is_none; ++i)
    if (json_find(names, others[i]))
      schema_fail(s, json_find(names, others[i]),
                  "it is not supported in propertyNames");
  if (is_none || !(schema_types(s, names) & TYPE_STRING)) {
    texts_add(s, list, matches(grammar_class(s->c, NULL, 0, 0), 0));
    return;
  }
  json values = json_find(names, "enum"), only = json_find(names, "const");
  for (json i = values ? values->first : only; i; i = values ? i->next : NULL)
    if (i->kind == JSON_STRING && (!values || !only || json_equal(i, only)))
      grammar_add(s->c, &ways, grammar_bytes(s->c, i->text, i->bytes));
  if (values || only)
    texts_add(s, list, matches(grammar_choice(s->c, &ways), 0));
  schema_string_conditions(s, names, list);
}
