/*===- document.h - JSON that is read as a whole ---------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_GRAMMAR_DOCUMENT_H
#define TERN_SRC_GRAMMAR_DOCUMENT_H

#include "grammar.h"

typedef enum json_kind {
  JSON_NULL,
  JSON_FALSE,
  JSON_TRUE,
  JSON_NUMBER,
  JSON_STRING,
  JSON_ARRAY,
  JSON_OBJECT
} json_kind;

typedef struct grammar_json grammar_json;
struct grammar_json {
  json_kind kind;
  uint32_t bytes, key_bytes;
  const char *text; /* of a string, without escapes, or of a number as it is */
  const char *key;  /* in an object */
  const char *raw;  /* as it was written */
  size_t raw_bytes;
  const grammar_json *parent;
  grammar_json *first, *last, *next; /* values of an array or object */
  uint32_t count, index;             /* in `parent` */
  uint32_t key_hash;
};

const grammar_json *grammar_read_json(grammar_compiler *c, const char *name,
                                      const char *text, size_t bytes);
/* The same where more may follow: *at is then behind the value. */
const grammar_json *grammar_read_part(grammar_compiler *c, const char *name,
                                      const char **at, const char *end);
/* The value of an object's key, or NULL; also where it is no object. */
const grammar_json *json_find(const grammar_json *object, const char *key);
const grammar_json *json_find_bytes(const grammar_json *object, const char *key,
                                    size_t bytes);
int json_is(const grammar_json *value, const char *text);
/* NaN, of which no comparison is true, for one of too many digits. */
double json_number(const grammar_json *value);
int json_equal(const grammar_json *a, const grammar_json *b);

/* New values, for schemas that follow from others. They have the place of
 * `like`. */
grammar_json *json_make(grammar_compiler *c, json_kind kind,
                        const grammar_json *like);
/* A copy of a value, behind the others of an array or object, which share all
 * that is in it. */
grammar_json *json_put(grammar_compiler *c, grammar_json *into, const char *key,
                       size_t key_bytes, const grammar_json *value);

/* "#/properties/a": the place of a value, as long as there is room. */
typedef struct json_place {
  char text[200];
} json_place;
json_place json_place_of(const grammar_json *value);
/* The value of a key of our own, which no text has: it is told by its address.
 */
const grammar_json *json_find_key(const grammar_json *object, const char *key);

/* A string as JSON, in its shortest spelling. */
const grammar_expression *json_spell(grammar_compiler *c, const char *text,
                                     size_t bytes);

#endif /* TERN_SRC_GRAMMAR_DOCUMENT_H */
