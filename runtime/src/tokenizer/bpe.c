/*===- bpe.c - merging neighbours ------------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "encoder.h"

/* A token of the piece being merged. */
typedef struct node {
  int32_t id;
  uint32_t previous, next; /* indices; NOWHERE at the ends */
  uint32_t rank;           /* of the merge with `next`; TABLE_NO_MERGE: none */
  int32_t result;
} node;

#define NOWHERE UINT32_MAX

typedef struct merger {
  encoder *encoder;
  /* Merges that may be done, least rank and then leftmost first: rank << 32 |
   * index. One is stale when its node has another rank by now. A merge takes
   * one and adds two at most, so 2 for each node are enough. */
  uint64_t *heap;
  uint32_t heap_count;
  node *nodes;
  uint32_t count;
  uint32_t unknown;   /* a node for unknown characters is due */
  int32_t ascii[128]; /* tokens of characters; UNSEEN until looked up */
} merger;

#define UNSEEN (-2)

static void push(merger *m, uint64_t entry) {
  uint32_t at = m->heap_count++;
  while (at > 0 && m->heap[(at - 1) / 2] > entry) {
    m->heap[at] = m->heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  m->heap[at] = entry;
}

static uint64_t pop(merger *m) {
  uint64_t top = m->heap[0];
  uint64_t moved = m->heap[--m->heap_count];
  uint32_t at = 0;
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= m->heap_count)
      break;
    if (child + 1 < m->heap_count && m->heap[child + 1] < m->heap[child])
      ++child;
    if (m->heap[child] >= moved)
      break;
    m->heap[at] = m->heap[child];
    at = child;
  }
  m->heap[at] = moved;
  return top;
}

/* Looks up the merge of node `at` with the next one. */
static void update(merger *m, uint32_t at) {
  node *n = &m->nodes[at];
  n->rank = TABLE_NO_MERGE;
  if (n->next == NOWHERE)
    return;
  table_merge merge =
      tern_table_find_merge(m->encoder->tokenizer, n->id, m->nodes[n->next].id);
  if (encoder_refuses(m->encoder, merge.result))
    return;
  n->rank = merge.rank;
  n->result = merge.result;
  if (merge.rank != TABLE_NO_MERGE)
    push(m, (uint64_t)merge.rank << 32 | at);
}

static void merge_next(merger *m, uint32_t at) {
  node *n = &m->nodes[at];
  node *gone = &m->nodes[n->next];
  n->id = n->result;
  n->next = gone->next;
  gone->rank = TABLE_NO_MERGE;
  if (n->next != NOWHERE)
    m->nodes[n->next].previous = at;
  update(m, at);
  if (n->previous != NOWHERE)
    update(m, n->previous);
}

static void add(merger *m, int32_t id) {
  uint32_t at = m->count++;
  node n = {id, at ? at - 1 : NOWHERE, at + 1, TABLE_NO_MERGE, -1};
  m->nodes[at] = n;
}

static void add_unknown(merger *m) {
  if (m->unknown)
    add(m, m->encoder->tokenizer->header.unknown);
  m->unknown = 0;
}

/* Tokens for the bytes of a character; 0 when some byte has none. */
static int add_bytes(merger *m, const uint8_t *at, uint32_t length) {
  const tern_tokenizer *t = m->encoder->tokenizer;
  for (uint32_t i = 0; i < length; ++i)
    if (table_u32(t, t->header.byte_tokens, at[i]) == UINT32_MAX)
      return 0;
  for (uint32_t i = 0; i < length; ++i)
    add(m, (int32_t)table_u32(t, t->header.byte_tokens, at[i]));
  return 1;
}

/* The token of one character, or -1. */
static int32_t find_character(merger *m, const uint8_t *at, uint32_t length) {
  const tern_tokenizer *t = m->encoder->tokenizer;
  if (at[0] >= 128)
    return tern_table_find(t, TABLE_PLAIN, at, length);
  if (m->ascii[at[0]] == UNSEEN)
    m->ascii[at[0]] = tern_table_find(t, TABLE_PLAIN, at, 1);
  return m->ascii[at[0]];
}

/* The first node or nodes of a character. An unknown one is put off until a
 * known one comes, past those that fall back to bytes, as Hugging Face does. */
static void add_character(merger *m, const uint8_t *at, uint32_t length) {
  const tern_tokenizer_header *h = &m->encoder->tokenizer->header;
  if (h->flags & TERN_TOKENIZER_BYTES) {
    int32_t byte =
        (int32_t)table_u32(m->encoder->tokenizer, h->byte_tokens, at[0]);
    if (byte >= 0) {
      add_unknown(m);
      add(m, byte);
      return;
    }
  } else {
    int32_t id = find_character(m, at, length);
    int falls_back = (h->flags & TERN_TOKENIZER_BYTE_FALLBACK) != 0;
    if (id >= 0 && !(falls_back && encoder_refuses(m->encoder, id))) {
      add_unknown(m);
      add(m, id);
      return;
    }
    if (falls_back && add_bytes(m, at, length))
      return;
  }
  if (!(h->flags & TERN_TOKENIZER_FUSE_UNKNOWN))
    add_unknown(m);
  m->unknown = h->unknown >= 0;
}

void tern_encode_bpe(encoder *e, encoder_text piece) {
  const tern_tokenizer_header *h = &e->tokenizer->header;
  if (h->flags & TERN_TOKENIZER_IGNORE_MERGES) {
    int32_t id =
        tern_table_find(e->tokenizer, TABLE_PLAIN, piece.at, piece.bytes);
    if (id >= 0 && !encoder_refuses(e, id)) {
      encoder_emit(e, id);
      return;
    }
  }
  merger m = {e, e->work, 0, NULL, 0, 0, {0}};
  if (piece.bytes >= e->work_bytes / ENCODER_WORK_BYTES) {
    e->status = TERN_BAD_TABLE;
    return;
  }
  m.nodes = (node *)(void *)(m.heap + 2 * (piece.bytes + 1));
  for (uint32_t i = 0; !(h->flags & TERN_TOKENIZER_BYTES) && i < 128; ++i)
    m.ascii[i] = UNSEEN;
  for (size_t at = 0; at < piece.bytes;) {
    uint32_t length = 1;
    if (!(h->flags & TERN_TOKENIZER_BYTES))
      tern_utf8_decode(piece.at + at, piece.bytes - at, &length);
    add_character(&m, piece.at + at, length);
    at += length;
  }
  add_unknown(&m);
  if (m.count == 0)
    return;
  m.nodes[m.count - 1].next = NOWHERE;
  for (uint32_t i = 0; i < m.count; ++i)
    update(&m, i);
  while (m.heap_count > 0) {
    uint64_t entry = pop(&m);
    uint32_t at = (uint32_t)entry;
    if (m.nodes[at].rank == (uint32_t)(entry >> 32))
      merge_next(&m, at);
  }
  for (uint32_t at = 0; at != NOWHERE; at = m.nodes[at].next)
    encoder_emit(e, m.nodes[at].id);
}
