/*===- texts.h - texts that meet several conditions ------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Rules have no "and" and no "not", automata do: a search through the states
 * that all conditions are in together gives an automaton of the texts that meet
 * them, whose states become rules.
 */
#ifndef TERN_SRC_GRAMMAR_TEXTS_H
#define TERN_SRC_GRAMMAR_TEXTS_H

#include "schema.h"

typedef enum condition_kind {
  TEXT_MATCHES,    /* one of an expression's texts */
  TEXT_HAS_LENGTH, /* so many characters */
  TEXT_IS_MULTIPLE /* a decimal number, of divisor / 10^digits */
} condition_kind;

typedef struct text_condition {
  condition_kind kind;
  int is_excluded; /* the texts that do not */
  expression
      texts; /* without calls, as characters are before JSON spells them */
  uint32_t least, most;
  uint32_t divisor, digits;
} text_condition;

typedef struct text_conditions {
  text_condition *at;
  uint32_t count, room;
} text_conditions;

typedef struct text_machine text_machine;

void texts_add(schema_compiler *s, text_conditions *list,
               text_condition condition);
/* `at` is the place that is named if this needs too much. */
text_machine *texts_open(schema_compiler *s, json at,
                         const text_conditions *list);
int texts_meet(text_machine *m, const char *text, size_t bytes);
/* All of them, by characters as JSON spells them or as they are; NULL: there
 * are none. */
expression texts_all(text_machine *m, int is_spelled);

/*--- schema_conditions.c ---------------------------------------------------*/

/* A schema's conditions on strings, and on numbers beside limits. */
void schema_string_conditions(schema_compiler *s, json schema,
                              text_conditions *list);
void schema_number_conditions(schema_compiler *s, json schema,
                              text_conditions *list);
/* A number without an exponent, in its shortest form; 0: it has more than 16
 * digits before or behind the point. */
int schema_decimal(json number, char text[40]);
/* The names that `propertyNames` allows. */
void schema_name_conditions(schema_compiler *s, json names,
                            text_conditions *list);
/* Names that match a pattern. */
text_condition schema_name_pattern(schema_compiler *s, json pattern,
                                   int is_excluded);
/* True if a name matches one of patternProperties, which may be NULL. */
int schema_has_pattern(schema_compiler *s, json patterns, json name);

#endif /* TERN_SRC_GRAMMAR_TEXTS_H */
