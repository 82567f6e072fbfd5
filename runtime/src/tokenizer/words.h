/*===- words.h - tables of characters --------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Operands of steps in the table's array of words:
 *
 *   a map   n, total; n code points, rising; n + 1 offsets; total code points
 *   a form  a map: full decompositions
 *           m; m times (code point << 8 | combining class), rising
 *           p; p times (first, second, composed), rising by first and second
 */
#ifndef TERN_SRC_TOKENIZER_WORDS_H
#define TERN_SRC_TOKENIZER_WORDS_H

#include "table.h"

typedef struct word_map {
  const tern_tokenizer *tokenizer;
  uint32_t keys, offsets, values; /* where they begin */
  uint32_t count;
  uint32_t end; /* of the map */
} word_map;

static inline uint32_t word_at(const tern_tokenizer *t, uint32_t at) {
  return table_u32(t, t->header.words, at);
}

word_map tern_word_map_at(const tern_tokenizer *t, uint32_t at);
/* The range of values of a code point; 0 when it has none. */
int tern_word_map_find(const word_map *map, uint32_t code, uint32_t *from,
                       uint32_t *to);
static inline uint32_t word_map_value(const word_map *map, uint32_t i) {
  return word_at(map->tokenizer, map->values + i);
}

/* True if a whole map or form, sorted, lies at a word. */
int tern_words_are_map(const tern_tokenizer *t, uint32_t at);
int tern_words_are_form(const tern_tokenizer *t, uint32_t at);

/* Bytes of the last character of a text, at least 1. */
size_t tern_utf8_last(const uint8_t *text, size_t bytes);

#endif /* TERN_SRC_TOKENIZER_WORDS_H */
