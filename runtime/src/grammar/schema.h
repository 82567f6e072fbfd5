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

/*--- schema_merge.c --------------------------------------------------------*/

/* A schema of what both allow. */
json schema_merge(schema_compiler *s, json a, json b);
/* The same without some of its keywords. */
grammar_json *schema_without(schema_compiler *s, json schema,
                             const char *const *keywords);
/* Fails unless each text that is made for one alternative is valid by it alone.
 */
void schema_check_apart(schema_compiler *s, json alternatives);

/*--- The kinds of values ---------------------------------------------------*/

expression schema_space(schema_compiler *s);
expression schema_any(schema_compiler *s);
expression schema_any_object(schema_compiler *s);
/* This very value. */
expression schema_literal(schema_compiler *s, json value);
/* Those of `enum` and `const` that all else in the schema allows. */
expression schema_listed(schema_compiler *s, json schema, uint32_t types);
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
expression schema_string(schema_compiler *s, json schema);
expression schema_number(schema_compiler *s, json schema, int is_integer);
/* Limits of a number; 0, or 1 where there is one. */
int schema_limit(schema_compiler *s, json schema, int is_upper, int64_t *limit,
                 int *is_excluded);
/* A string of characters, each as JSON spells it, without quotes. */
expression schema_characters(schema_compiler *s, const grammar_range *ranges,
                             uint32_t count, int inverted);
/* The text of a regular expression, which must match all of it, or any part
 * with is_part; without quotes. */
expression schema_pattern(schema_compiler *s, json at, const char *text,
                          size_t bytes, int is_part);

#endif /* TERN_SRC_GRAMMAR_SCHEMA_H */
