/*===- table.h - reading the compiled table --------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_TOKENIZER_TABLE_H
#define TERN_SRC_TOKENIZER_TABLE_H

#include "../core/utf8.h"

#include "tern/tokenizer.h"

/* Byte by byte: tables need no alignment and no byte order of the machine.
 * Compilers make one load of it. */
static inline uint32_t table_load(const uint8_t *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
         (uint32_t)at[3] << 24;
}

static inline uint32_t table_u32(const tern_tokenizer *t, tern_table_span span,
                                 uint32_t i) {
  return table_load(t->table + span.offset + (size_t)i * 4);
}

static inline uint32_t table_u8(const tern_tokenizer *t, tern_table_span span,
                                uint32_t i) {
  return t->table[span.offset + i];
}

/* The bytes of a token; `id` is below vocab_size. */
static inline const uint8_t *table_token(const tern_tokenizer *t, uint32_t id,
                                         uint32_t *count) {
  uint32_t from = table_u32(t, t->header.offsets, id);
  *count = table_u32(t, t->header.offsets, id + 1) - from;
  return t->table + t->header.bytes.offset + from;
}

static inline uint32_t table_flags(const tern_tokenizer *t, uint32_t id) {
  return table_u8(t, t->header.token_flags, id);
}

typedef struct table_merge {
  uint32_t rank;
  int32_t result;
} table_merge;

#define TABLE_NO_MERGE UINT32_MAX

/* The token that `left` and `right` merge to; rank TABLE_NO_MERGE when they do
 * not. */
table_merge tern_table_find_merge(const tern_tokenizer *t, int32_t left,
                                  int32_t right);

/* Tokens in the order of their bytes. */
typedef enum table_list { TABLE_PLAIN, TABLE_ADDED, TABLE_LATE } table_list;

tern_table_span tern_table_ids(const tern_tokenizer *t, table_list list);
/* The bytes by which the i-th token of a list is found. */
const uint8_t *tern_table_entry(const tern_tokenizer *t, table_list list,
                                uint32_t i, uint32_t *count);

/* A search for all tokens of a list that a text begins with. Start with the
 * list, all else 0 and high the number of its tokens. */
typedef struct table_search {
  table_list list;
  uint32_t low, high; /* these share the first `depth` bytes with the text */
  size_t depth;
} table_search;

table_search tern_table_search(const tern_tokenizer *t, table_list list);
/* The next longer one, which has `depth` bytes; -1 at the end. */
int32_t tern_table_next(const tern_tokenizer *t, table_search *search,
                        const uint8_t *text, size_t bytes);

/* The longest token of the list that `text` begins with: its id and length, or
 * -1. */
int32_t tern_table_match(const tern_tokenizer *t, table_list list,
                         const uint8_t *text, size_t bytes, size_t *matched);
/* The token that is all of the text, or -1. */
int32_t tern_table_find(const tern_tokenizer *t, table_list list,
                        const uint8_t *text, size_t bytes);

/* The class of a code point. */
uint32_t tern_table_class(const tern_tokenizer *t, uint32_t code);
/* The class of the character at `at`, which has *length bytes. Bytes that are
 * no character are taken as some character of private use. */
uint32_t tern_class_at(const tern_tokenizer *t, const uint8_t *at, size_t bytes,
                       uint32_t *length);

/* The form of a text in which late added tokens are found, made in `memory`.
 * The compiler asks for late tokens themselves. */
size_t tern_tokenizer_prepare(const tern_tokenizer *tokenizer, const char *text,
                              size_t text_bytes, void *memory, size_t bytes,
                              const char **prepared);

#endif /* TERN_SRC_TOKENIZER_TABLE_H */
