/*===- unigram.c - the tokens of the greatest score ------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "encoder.h"

#include "../core/memory.h"

/* The best tokens that end at a place. */
typedef struct node {
  double score;
  uint32_t start; /* of the last of them; then, the end of the next one */
  int32_t id;     /* of it; NONE: nothing ends here */
} node;

#define NONE (-1)

static double score_of(const tern_tokenizer *t, uint32_t id) {
  uint64_t bits = table_u32(t, t->header.scores, 2 * id) |
                  (uint64_t)table_u32(t, t->header.scores, 2 * id + 1) << 32;
  double score;
  memcpy(&score, &bits, sizeof(score));
  return score;
}

static void offer(const encoder *e, node *end, double score, size_t start,
                  int32_t id) {
  if (e->tokenizer->header.flags & TERN_TOKENIZER_FLOAT_SUMS)
    score = (float)score; /* the sum of two floats, rounded only here */
  if (end->id != NONE && !(score > end->score))
    return;
  end->score = score;
  end->start = (uint32_t)start;
  end->id = id;
}

/* Fills the nodes from left to right. The scores are those of the engine to the
 * bit: sums from the left, in double precision for Hugging Face and llama.cpp,
 * in single precision for SentencePiece. */
static void find_best(const encoder *e, encoder_text piece, node *nodes) {
  const tern_tokenizer *t = e->tokenizer;
  double unknown_score = score_of(t, t->header.vocab_size);
  for (size_t at = 0; at < piece.bytes;) {
    const uint8_t *text = piece.at + at;
    double here = nodes[at].score;
    uint32_t length;
    int known = 0;
    tern_utf8_decode(text, piece.bytes - at, &length);
    table_search search = tern_table_search(t, TABLE_PLAIN);
    int32_t id;
    while ((id = tern_table_next(t, &search, text, piece.bytes - at)) >= 0) {
      if (encoder_refuses(e, id))
        continue;
      offer(e, &nodes[at + search.depth], score_of(t, (uint32_t)id) + here, at,
            id);
      known |= search.depth == length;
    }
    if (!known)
      offer(e, &nodes[at + length], unknown_score + here, at,
            t->header.unknown);
    at += length;
  }
}

/* Unknown characters: one token, or one for each of their bytes. */
static void emit_unknown(encoder *e, const uint8_t *at, size_t bytes) {
  const tern_tokenizer *t = e->tokenizer;
  int has_bytes = (t->header.flags & TERN_TOKENIZER_BYTE_FALLBACK) != 0;
  for (size_t i = 0; has_bytes && i < bytes; ++i)
    has_bytes = table_u32(t, t->header.byte_tokens, at[i]) != UINT32_MAX;
  for (size_t i = 0; has_bytes && i < bytes; ++i)
    encoder_emit(e, (int32_t)table_u32(t, t->header.byte_tokens, at[i]));
  if (!has_bytes)
    encoder_emit(e, t->header.unknown);
}

void tern_encode_unigram(encoder *e, encoder_text piece) {
  node *nodes = (node *)(void *)e->work;
  int32_t unknown = e->tokenizer->header.unknown;
  if (piece.bytes >= e->work_bytes / ENCODER_WORK_BYTES) {
    e->status = TERN_BAD_TABLE;
    return;
  }
  for (size_t i = 0; i <= piece.bytes; ++i)
    nodes[i].id = NONE;
  nodes[0].score = 0;
  find_best(e, piece, nodes);
  /* From the end back to the beginning, leaving the way to the end. */
  uint32_t next = (uint32_t)piece.bytes, at = next;
  while (at > 0) {
    uint32_t start = nodes[at].start;
    nodes[at].start = next;
    next = at;
    at = start;
  }
  for (at = 0; at < piece.bytes; at = next, next = nodes[next].start) {
    if (nodes[next].id != unknown) {
      encoder_emit(e, nodes[next].id);
      continue;
    }
    uint32_t from = at;
    while (next < piece.bytes && nodes[nodes[next].start].id == unknown)
      next = nodes[next].start;
    emit_unknown(e, piece.at + from, next - from);
  }
}
