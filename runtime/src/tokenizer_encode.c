/*===- tokenizer_encode.c - byte-level BPE ---------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "tokenizer_table.h"

#include "memory.h"

#define MAX_TEXT_BYTES ((size_t)1 << 30)

/* A token of the piece being merged, at the index of its first byte. */
typedef struct node {
  int32_t id;
  uint32_t previous, next; /* indices; NOWHERE at the ends */
  uint32_t rank;           /* of the merge with `next`; TABLE_NO_MERGE: none */
  int32_t result;
} node;

#define NOWHERE UINT32_MAX

typedef struct encoder {
  const tern_tokenizer *tokenizer;
  node *nodes;
  /* Merges that may be done, least rank and then leftmost first: rank << 32 |
   * index. One is stale when its node has another rank by now. A merge takes
   * one and adds two at most, so 2 for each byte are enough. */
  uint64_t *heap;
  uint32_t heap_count;
  int32_t *tokens;
  size_t capacity;
  size_t count;
} encoder;

static void emit(encoder *e, int32_t token) {
  if (e->count < e->capacity)
    e->tokens[e->count] = token;
  ++e->count;
}

static void push(encoder *e, uint64_t entry) {
  uint32_t at = e->heap_count++;
  while (at > 0 && e->heap[(at - 1) / 2] > entry) {
    e->heap[at] = e->heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  e->heap[at] = entry;
}

static uint64_t pop(encoder *e) {
  uint64_t top = e->heap[0];
  uint64_t moved = e->heap[--e->heap_count];
  uint32_t at = 0;
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= e->heap_count)
      break;
    if (child + 1 < e->heap_count && e->heap[child + 1] < e->heap[child])
      ++child;
    if (e->heap[child] >= moved)
      break;
    e->heap[at] = e->heap[child];
    at = child;
  }
  e->heap[at] = moved;
  return top;
}

/* Looks up the merge of node `at` with the next one. */
static void update(encoder *e, uint32_t at) {
  node *n = &e->nodes[at];
  n->rank = TABLE_NO_MERGE;
  if (n->next == NOWHERE)
    return;
  table_merge merge =
      tern_table_find_merge(e->tokenizer, n->id, e->nodes[n->next].id);
  n->rank = merge.rank;
  n->result = merge.result;
  if (merge.rank != TABLE_NO_MERGE)
    push(e, (uint64_t)merge.rank << 32 | at);
}

static void merge_next(encoder *e, uint32_t at) {
  node *n = &e->nodes[at];
  node *gone = &e->nodes[n->next];
  n->id = n->result;
  n->next = gone->next;
  gone->rank = TABLE_NO_MERGE;
  if (n->next != NOWHERE)
    e->nodes[n->next].previous = at;
  update(e, at);
  if (n->previous != NOWHERE)
    update(e, n->previous);
}

static void encode_piece(encoder *e, const uint8_t *text, size_t bytes) {
  const tern_tokenizer *t = e->tokenizer;
  if (t->header.flags & TERN_TOKENIZER_IGNORE_MERGES) {
    size_t matched;
    int32_t id =
        tern_table_match(t, t->header.by_bytes, text, bytes, 1, &matched);
    if (id >= 0) {
      emit(e, id);
      return;
    }
  }
  uint32_t count = 0;
  for (size_t i = 0; i < bytes; ++i) {
    int32_t id = (int32_t)table_u32(t, t->header.byte_tokens, text[i]);
    if (id < 0)
      continue;
    node n = {id, count ? count - 1 : NOWHERE, count + 1, TABLE_NO_MERGE, -1};
    e->nodes[count++] = n;
  }
  if (count == 0)
    return;
  e->nodes[count - 1].next = NOWHERE;
  e->heap_count = 0;
  for (uint32_t i = 0; i < count; ++i)
    update(e, i);
  while (e->heap_count > 0) {
    uint64_t entry = pop(e);
    uint32_t at = (uint32_t)entry;
    if (e->nodes[at].rank == (uint32_t)(entry >> 32))
      merge_next(e, at);
  }
  for (uint32_t at = 0; at != NOWHERE; at = e->nodes[at].next)
    emit(e, e->nodes[at].id);
}

/* Text without added tokens in it. */
static void encode_plain(encoder *e, const uint8_t *text, size_t bytes) {
  for (size_t at = 0; at < bytes;) {
    size_t end = tern_split_next(e->tokenizer, text, bytes, at);
    encode_piece(e, text + at, end - at);
    at = end;
  }
}

/* Cuts the tokens of the sorted list out, leftmost and longest first. What lies
 * between is cut by the late ones, and what lies between those is text. */
static void encode_around(encoder *e, const uint8_t *text, size_t bytes,
                          int late) {
  const tern_tokenizer_header *h = &e->tokenizer->header;
  tern_table_span list = late ? h->late : h->added;
  size_t from = 0, at = 0;
  while (at < bytes && list.count > 0) {
    size_t matched = 0;
    int32_t id = tern_table_match(e->tokenizer, list, text + at, bytes - at, 0,
                                  &matched);
    if (id < 0) {
      ++at;
      continue;
    }
    if (late)
      encode_plain(e, text + from, at - from);
    else
      encode_around(e, text + from, at - from, 1);
    emit(e, id);
    at += matched;
    from = at;
  }
  if (late)
    encode_plain(e, text + from, bytes - from);
  else
    encode_around(e, text + from, bytes - from, 1);
}

size_t tern_tokenizer_encode_bytes(const tern_tokenizer *tokenizer,
                                   size_t text_bytes) {
  if (!tokenizer || text_bytes > MAX_TEXT_BYTES ||
      text_bytes > SIZE_MAX / 40 - 16)
    return 0;
  size_t n = text_bytes + 1;
  /* And what it takes to align them. */
  return n * (sizeof(node) + 2 * sizeof(uint64_t)) + sizeof(uint64_t);
}

tern_status tern_tokenizer_encode(const tern_tokenizer *tokenizer,
                                  const char *text, size_t text_bytes,
                                  uint32_t flags, void *memory, size_t bytes,
                                  int32_t *tokens, size_t capacity,
                                  size_t *count) {
  size_t needed = tern_tokenizer_encode_bytes(tokenizer, text_bytes);
  if (!tokenizer || !tokenizer->table || (!text && text_bytes) || !memory ||
      (!tokens && capacity) || !count || needed == 0)
    return TERN_BAD_ARGUMENT;
  if (bytes < needed)
    return TERN_TOO_SMALL;
  const tern_tokenizer_header *h = &tokenizer->header;
  encoder e = {0};
  uint8_t *aligned = memory;
  aligned += (0 - (uintptr_t)memory) & (sizeof(uint64_t) - 1);
  e.tokenizer = tokenizer;
  e.heap = (uint64_t *)(void *)aligned;
  e.nodes = (node *)(void *)(e.heap + 2 * (text_bytes + 1));
  e.tokens = tokens;
  e.capacity = capacity;

  const uint8_t *from = (const uint8_t *)text;
  for (uint32_t i = 0; !(flags & TERN_ENCODE_BARE) && i < h->prefix_count; ++i)
    emit(&e, h->prefix[i]);
  if (flags & TERN_ENCODE_PLAIN)
    encode_plain(&e, from, text_bytes);
  else
    encode_around(&e, from, text_bytes, 0);
  for (uint32_t i = 0; !(flags & TERN_ENCODE_BARE) && i < h->suffix_count; ++i)
    emit(&e, h->suffix[i]);
  *count = e.count;
  return e.count > capacity ? TERN_TOO_SMALL : TERN_OK;
}

const char *tern_tokenizer_token(const tern_tokenizer *tokenizer, int32_t token,
                                 size_t *bytes, uint32_t *flags) {
  uint32_t count = 0, bits = 0;
  const uint8_t *result = NULL;
  if (tokenizer && tokenizer->table && token >= 0 &&
      (uint32_t)token < tokenizer->header.vocab_size) {
    bits = table_flags(tokenizer, (uint32_t)token);
    if (bits & TERN_TOKEN_EXISTS)
      result = table_token(tokenizer, (uint32_t)token, &count);
  }
  if (bytes)
    *bytes = count;
  if (flags)
    *flags = result ? bits : 0;
  return (const char *)result;
}

int32_t tern_tokenizer_find(const tern_tokenizer *tokenizer, const char *bytes,
                            size_t count) {
  if (!tokenizer || !tokenizer->table || !bytes)
    return -1;
  const tern_tokenizer_header *h = &tokenizer->header;
  const tern_table_span lists[] = {h->added, h->late, h->by_bytes};
  for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); ++i) {
    size_t matched;
    int32_t id = tern_table_match(tokenizer, lists[i], (const uint8_t *)bytes,
                                  count, 1, &matched);
    if (id >= 0)
      return id;
  }
  return -1;
}
