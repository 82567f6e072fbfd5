/*===- encoder.h - a text on its way to tokens -----------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_TOKENIZER_ENCODER_H
#define TERN_SRC_TOKENIZER_ENCODER_H

#include "table.h"

typedef struct encoder_text {
  const uint8_t *at;
  size_t bytes;
} encoder_text;

/* All memory is the caller's. The table says how much is enough; that is not
 * trusted: what needs more ends in TERN_BAD_TABLE. */
typedef struct encoder {
  const tern_tokenizer *tokenizer;
  encoder_text text; /* all of it */
  tern_marking marking;
  tern_status status;
  uint32_t bytes_step; /* patterns of later steps see bytes */
  int markers_are_text;
  uint8_t *copies; /* of text, freed in the reverse order */
  size_t copies_bytes, copies_used;
  uint64_t *work; /* of the model */
  size_t work_bytes;
  int32_t *tokens;
  size_t capacity, count;
} encoder;

/* Bytes of `work` for a piece of one byte, and one more. */
#define ENCODER_WORK_BYTES 40u

static inline void encoder_emit(encoder *e, int32_t token) {
  if (e->count < e->capacity)
    e->tokens[e->count] = token;
  ++e->count;
}

/* Returns true for a token that only the text's author may make: a special one
 * or one of the markers. */
int tern_encoder_is_marker(const encoder *e, int32_t token);

/* Returns true if the model must make the text from other tokens. Special ones
 * are never among its tokens. */
static inline int encoder_refuses(const encoder *e, int32_t token) {
  return e->markers_are_text && e->marking.marker_count > 0 &&
         tern_encoder_is_marker(e, token);
}

/* Memory for a copy; NULL, and the status says so, when there is too little. */
static inline uint8_t *encoder_take(encoder *e, size_t bytes) {
  if (bytes > e->copies_bytes - e->copies_used) {
    e->status = TERN_BAD_TABLE;
    return NULL;
  }
  e->copies_used += bytes;
  return e->copies + (e->copies_used - bytes);
}

/* Operands of a step. */
static inline uint32_t encoder_operand(const encoder *e, uint32_t step,
                                       uint32_t i) {
  return table_u32(e->tokenizer, e->tokenizer->header.steps, step * 4 + i);
}

/* Steps that change text: each returns the new one. text.c and
 * the files named after them. */
encoder_text tern_text_replace(encoder *e, uint32_t step, encoder_text text);
encoder_text tern_text_prepend(encoder *e, const uint8_t *prefix,
                               uint32_t count, encoder_text text);
encoder_text tern_text_strip(encoder *e, uint32_t sides, encoder_text text);
encoder_text tern_text_map(encoder *e, uint32_t step, encoder_text text);
encoder_text tern_text_form(encoder *e, uint32_t step, encoder_text text);
encoder_text tern_text_charsmap(encoder *e, uint32_t step, encoder_text text);

/* Appends to the copy that was begun last, and began as nothing. */
int tern_encoder_append(encoder *e, encoder_text *copy, const uint8_t *from,
                        size_t bytes);

/* An automaton on its way through a text. */
typedef struct encoder_pattern {
  encoder_text text;
  uint32_t transitions, classes;
  int sees_bytes;
  /* The class ahead of each character of the text, see tern/tokenizer.h, and
   * its meaning for the states; NULL where no state depends on it. */
  const uint8_t *ahead;
  uint32_t promises, states;
} encoder_pattern;

/* 0 when there is too little memory, which the status says. */
int tern_pattern_begin(encoder *e, uint32_t step, uint32_t automaton,
                       encoder_text text, encoder_pattern *pattern);
/* The end of the match at `at`, which is after `at`, or 0. */
size_t tern_pattern_match(const encoder *e, const encoder_pattern *pattern,
                          size_t at);

/* A part of a text that is being split. */
typedef struct encoder_split {
  uint32_t step;
  encoder_pattern pattern;
  size_t at;
  /* The next match when that is known: begin < end. */
  size_t begin, end;
  int was_match;
} encoder_split;

/* The next piece that is not removed; 0 at the end. */
int tern_split_next(const encoder *e, encoder_split *split, size_t *from,
                    size_t *to);

/* Models: tokens of a piece. */
void tern_encode_bpe(encoder *e, encoder_text piece);
void tern_encode_unigram(encoder *e, encoder_text piece);

#endif /* TERN_SRC_TOKENIZER_ENCODER_H */
