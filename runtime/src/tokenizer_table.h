/*===- tokenizer_table.h - reading the compiled table ----------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_TOKENIZER_TABLE_H
#define TERN_SRC_TOKENIZER_TABLE_H

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

/* The bytes of a token; `id` is below vocab_size. */
static inline const uint8_t *table_token(const tern_tokenizer *t, uint32_t id,
                                         uint32_t *count) {
  uint32_t from = table_u32(t, t->header.offsets, id);
  *count = table_u32(t, t->header.offsets, id + 1) - from;
  return t->table + t->header.bytes.offset + from;
}

static inline uint32_t table_flags(const tern_tokenizer *t, uint32_t id) {
  return t->table[t->header.token_flags.offset + id];
}

typedef struct table_merge {
  uint32_t rank;
  int32_t result;
} table_merge;

#define TABLE_NO_MERGE UINT32_MAX

/* What `left` and `right` merge to; rank TABLE_NO_MERGE when they do not. */
table_merge tern_table_find_merge(const tern_tokenizer *t, int32_t left,
                                  int32_t right);

/* The longest token of the sorted list that `text` begins with: its id and
 * length, or -1. With `whole`, only a token that is all of the text. */
int32_t tern_table_match(const tern_tokenizer *t, tern_table_span list,
                         const uint8_t *text, size_t bytes, int whole,
                         size_t *matched);

/* The class of a code point. */
uint32_t tern_table_class(const tern_tokenizer *t, uint32_t code);

/* Decodes one character of at least one byte. *length is 1 and the answer
 * UTF8_INVALID when it is not valid UTF-8. */
#define UTF8_INVALID 0xFFFFFFFFu
uint32_t tern_utf8_decode(const uint8_t *at, size_t bytes, uint32_t *length);

/* The end of the piece that starts at `at` < bytes. */
size_t tern_split_next(const tern_tokenizer *t, const uint8_t *text,
                       size_t bytes, size_t at);

#endif /* TERN_SRC_TOKENIZER_TABLE_H */
