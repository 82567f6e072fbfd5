/*===- schema.h - from a JSON schema to rules ------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * The texts of a schema's rules are valid by it: some of all that are, as
 * members come in the order of `properties`, and blanks are few.
 */
#ifndef TERN_SRC_GRAMMAR_SCHEMA_H
#define TERN_SRC_GRAMMAR_SCHEMA_H

#include "document.h"

typedef struct known_schema {
  const grammar_json *schema;
  uint32_t rule;
} known_schema;

typedef struct schema_compiler {
  grammar_compiler *c;
  const grammar_json *root; /* of references */
  int is_python;            /* True, False and None */
  uint32_t depth, work;
  uint32_t choices;  /* that are looked at: an alternative may be of no value */
  uint64_t compared; /* about the bytes of values that were */
  uint64_t steps;    /* through automata of texts */
  /* Rules, or 0: not yet. */
  uint32_t space, string, number, integer, any, object, array;
  known_schema *known;
  uint32_t known_count, known_room;
} schema_compiler;

typedef const grammar_expression *expression;
typedef const grammar_json *json;

/*--- schema.c --------------------------------------------------------------*/

/* The values that a schema allows. */
expression schema_value(schema_compiler *s, json schema);
/* The rule of a schema, made once. */
expression schema_call(schema_compiler *s, json schema);
/* The schema that $ref names. */
json schema_resolve(schema_compiler *s, json reference);
/* Fails with "PLACE: SENTENCE". */
#if defined(__GNUC__)
__attribute__((noreturn, format(printf, 3, 4)))
#endif
void schema_fail(schema_compiler *s, json at, const char *format, ...);
/* A schema that is referred to, itself or what it refers to. */
json schema_target(schema_compiler *s, json schema);

/*--- schema_keywords.c -----------------------------------------------------*/

/* Fails for a keyword that is not supported. */
void schema_check(schema_compiler *s, json schema);
/* True for those that say nothing about values. */
int schema_is_note(json keyword);
enum {
  TYPE_NULL = 1,
  TYPE_BOOLEAN = 2,
  TYPE_INTEGER = 4,
  TYPE_NUMBER = 8, /* always with TYPE_INTEGER */
  TYPE_STRING = 16,
  TYPE_ARRAY = 32,
  TYPE_OBJECT = 64,
  TYPE_ALL = 127
};
/* That `type` allows, of a schema or by itself. */
uint32_t schema_types(schema_compiler *s, json schema);
uint32_t schema_types_named(schema_compiler *s, json type);
uint32_t schema_type_of(json value);
/* A count, as of maxLength; `otherwise` where there is none. */
uint32_t schema_count(schema_compiler *s, json schema, const char *keyword,
                      uint32_t otherwise);

/*--- schema_negate.c -------------------------------------------------------*/

/* A schema of all that this one does not allow. */
json schema_negate(schema_compiler *s, json schema);
/* true or false, {key: value}, a list of one or two; {"not": schema}; objects
 * that have the property. */
json schema_word(schema_compiler *s, json like, json_kind kind);
void schema_put(schema_compiler *s, grammar_json *into, const char *key,
                json value);
json schema_with(schema_compiler *s, json like, const char *key, json value);
json schema_list_of(schema_compiler *s, json like, json a, json b);
json schema_negated(schema_compiler *s, json schema);
json schema_present(schema_compiler *s, json like, const char *name,
                    uint32_t bytes);

/*--- schema_reduce.c -------------------------------------------------------*/

/* The schema without `not`, `if` and keywords of dependencies, which become
 * further parts of its allOf. */
json schema_reduce(schema_compiler *s, json schema);
/* oneOf as anyOf: each alternative without the values of all others. */
json schema_only_one(schema_compiler *s, json alternatives);
/* Without $ref and allOf as well: all keywords are there. */
json schema_flat(schema_compiler *s, json schema);
/* The key of a list of further conditions on strings and numbers, which no
 * schema has as it is written: {"pattern": P}, {"multipleOf": N}, or {"not":
 * {"const": V}}, for example. */
extern const char schema_conditions[];
/* Some other properties may be there, too, without being named. */
int schema_is_open(json schema);

/*--- schema_merge.c --------------------------------------------------------*/

/* A schema of what both allow. */
json schema_merge(schema_compiler *s, json a, json b);
/* {"allOf": [a, b]} */
json schema_both(schema_compiler *s, json a, json b);
/* The same without some of its keywords. */
grammar_json *schema_without(schema_compiler *s, json schema,
                             const char *const *keywords);
/* True if no text that is made for one alternative is valid by another one. */
int schema_are_apart(schema_compiler *s, json alternatives);

/*--- The kinds of values ---------------------------------------------------*/

expression schema_space(schema_compiler *s);
expression schema_any(schema_compiler *s);
expression schema_any_object(schema_compiler *s);
/* Fails where lists or objects are excluded by their values. */
void schema_refuse_excluded(schema_compiler *s, json schema);
/* This very value. */
expression schema_literal(schema_compiler *s, json value);
expression schema_object(schema_compiler *s, json schema);
/* Members as JSON has them; as arguments of Python, and between marks. */
typedef enum member_style {
  MEMBERS_JSON,
  MEMBERS_PYTHON,
  MEMBERS_MARKED
} member_style;
/* The declared members of an object, without what is around all of them. */
expression schema_members(schema_compiler *s, json schema, member_style style);
expression schema_array(schema_compiler *s, json schema);
/* Blanks, the parts and blanks, between brackets; and "," and blanks before a
 * part. */
expression schema_enclose(schema_compiler *s, const char *open,
                          expression parts, int may_be_empty,
                          const char *close);
expression schema_after_comma(schema_compiler *s, expression part);
/* Values of `enum` and `const` that all else in the schema allows. */
json schema_values(schema_compiler *s, json schema, uint32_t types);
expression schema_string(schema_compiler *s, json schema);
/* The texts of a format, likewise without quotes. */
expression schema_format(schema_compiler *s, json format);
expression schema_number(schema_compiler *s, json schema, int is_integer);
/* Limits of a number; 0, or 1 where there is one. */
int schema_limit(schema_compiler *s, json schema, int is_upper, int64_t *limit,
                 int *is_excluded);
/* A string of characters, each as JSON spells it, without quotes. */
expression schema_characters(schema_compiler *s, const grammar_range *ranges,
                             uint32_t count, int inverted);
/* The same expression with its characters as JSON spells them. */
expression schema_spell(schema_compiler *s, expression e);
/* The texts of a regular expression, which must match all of one, or any part
 * with is_part; as they are before JSON spells them. */
expression schema_pattern(schema_compiler *s, json at, const char *text,
                          size_t bytes, int is_part);

#endif /* TERN_SRC_GRAMMAR_SCHEMA_H */
