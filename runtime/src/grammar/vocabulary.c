/*===- vocabulary.c - the tokens as a trie ----------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "tern/tools.h"
#include "tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer ones are never allowed. */
#define MOST_BYTES 1024u

static void *out_of_memory(tern_error *error) {
  if (error)
    snprintf(error->text, sizeof(error->text), "out of memory");
  return NULL;
}

void tern_vocabulary_close(tern_vocabulary *v) {
  if (!v)
    return;
  free(v->nodes);
  free(v->order);
  free(v->text);
  free(v->bytes);
  free(v->owned);
  free(v->ends);
  free(v);
}

static tern_vocabulary *make(uint32_t vocab_size, const int32_t *ends,
                             size_t end_count) {
  tern_vocabulary *v = calloc(1, sizeof(*v));
  if (!v)
    return NULL;
  v->vocab_size = vocab_size;
  v->word_count = (uint32_t)(((uint64_t)vocab_size + 31) / 32);
  v->text = calloc((size_t)vocab_size + 1, sizeof(*v->text));
  v->bytes = calloc((size_t)vocab_size + 1, sizeof(*v->bytes));
  v->ends = calloc(end_count + 1, sizeof(*v->ends));
  v->order = calloc((size_t)vocab_size + 1, sizeof(*v->order));
  if (!v->text || !v->bytes || !v->ends || !v->order) {
    tern_vocabulary_close(v);
    return NULL;
  }
  for (size_t i = 0; i < end_count; ++i)
    if (ends[i] >= 0 && (uint32_t)ends[i] < vocab_size)
      v->ends[v->end_count++] = ends[i];
  return v;
}

static int is_end(const tern_vocabulary *v, uint32_t token) {
  for (uint32_t i = 0; i < v->end_count; ++i)
    if ((uint32_t)v->ends[i] == token)
      return 1;
  return 0;
}

/*--- Order -----------------------------------------------------------------*/

static int comes_first(const tern_vocabulary *v, uint32_t a, uint32_t b) {
  uint32_t x = v->bytes[a], y = v->bytes[b];
  int order = memcmp(v->text[a], v->text[b], x < y ? x : y);
  return order ? order < 0 : x != y ? x < y : a < b;
}

/* Runs of one, two, four ... tokens that are in order. */
static int sort(tern_vocabulary *v) {
  uint32_t count = v->order_count;
  uint32_t *from = v->order, *to = calloc((size_t)count + 1, sizeof(*to));
  if (!to)
    return -1;
  for (uint64_t run = 1; run < count; run *= 2) {
    for (uint64_t begin = 0; begin < count; begin += 2 * run) {
      uint64_t middle = begin + run < count ? begin + run : count;
      uint64_t end = begin + 2 * run < count ? begin + 2 * run : count;
      uint64_t a = begin, b = middle;
      for (uint64_t at = begin; at < end; ++at)
        to[at] = b == end || (a < middle && !comes_first(v, from[b], from[a]))
                     ? from[a++]
                     : from[b++];
    }
    uint32_t *other = from;
    from = to;
    to = other;
  }
  v->order = from;
  free(to);
  return 0;
}

/*--- The trie --------------------------------------------------------------*/

static uint32_t common(const tern_vocabulary *v, uint32_t a, uint32_t b) {
  uint32_t n = 0;
  while (n < v->bytes[a] && n < v->bytes[b] && v->text[a][n] == v->text[b][n])
    ++n;
  return n;
}

/* Nodes that are still open, by depth, end where a token leaves them. */
static void close_nodes(tern_vocabulary *v, uint32_t *open, uint32_t *depth,
                        uint32_t down_to) {
  while (*depth > down_to)
    v->nodes[open[--*depth]].skip = v->node_count;
}

static int build(tern_vocabulary *v) {
  uint64_t total = 1;
  uint32_t open[MOST_BYTES], depth = 0;
  for (uint32_t i = 0; i < v->order_count; ++i) {
    uint32_t token = v->order[i];
    total += v->bytes[token] - (i ? common(v, v->order[i - 1], token) : 0);
    if (v->bytes[token] > v->longest)
      v->longest = v->bytes[token];
  }
  v->nodes = total < UINT32_MAX ? calloc(total, sizeof(*v->nodes)) : NULL;
  if (!v->nodes)
    return -1;
  for (uint32_t i = 0; i < v->order_count; ++i) {
    uint32_t token = v->order[i];
    close_nodes(v, open, &depth, i ? common(v, v->order[i - 1], token) : 0);
    while (depth < v->bytes[token]) {
      trie_node *node = &v->nodes[v->node_count];
      node->first = i;
      node->depth = (uint16_t)depth;
      node->byte = v->text[token][depth];
      open[depth++] = v->node_count++;
    }
  }
  close_nodes(v, open, &depth, 0);
  v->nodes[v->node_count].first = v->order_count;
  v->nodes[v->node_count].skip = v->node_count;
  return 0;
}

/* All tokens that have a text and end no answer. */
static tern_vocabulary *finish(tern_vocabulary *v, tern_error *error) {
  for (uint32_t token = 0; token < v->vocab_size; ++token)
    if (v->text[token] && v->bytes[token] && v->bytes[token] <= MOST_BYTES &&
        !is_end(v, token))
      v->order[v->order_count++] = token;
    else
      v->text[token] = NULL;
  if (sort(v) == 0 && build(v) == 0)
    return v;
  tern_vocabulary_close(v);
  return out_of_memory(error);
}

tern_vocabulary *tern_vocabulary_of(const char *const *tokens,
                                    const uint32_t *bytes, uint32_t vocab_size,
                                    const int32_t *ends, size_t end_count,
                                    tern_error *error) {
  tern_vocabulary *v = make(vocab_size, ends, end_count);
  size_t total = 1;
  for (uint32_t i = 0; i < vocab_size; ++i)
    total += bytes[i];
  if (!v || !(v->owned = malloc(total))) {
    tern_vocabulary_close(v);
    return out_of_memory(error);
  }
  uint8_t *at = v->owned;
  for (uint32_t i = 0; i < vocab_size; ++i) {
    v->text[i] = at;
    v->bytes[i] = bytes[i];
    if (bytes[i])
      memcpy(at, tokens[i], bytes[i]);
    at += bytes[i];
  }
  return finish(v, error);
}

tern_vocabulary *tern_vocabulary_open(const tern_tokenizer *tokenizer,
                                      uint32_t vocab_size, const int32_t *ends,
                                      size_t end_count, tern_error *error) {
  tern_vocabulary *v = make(vocab_size, ends, end_count);
  if (!v)
    return out_of_memory(error);
  for (uint32_t i = 0; i < vocab_size; ++i) {
    size_t bytes;
    uint32_t flags;
    const char *text =
        tern_tokenizer_token(tokenizer, (int32_t)i, &bytes, &flags);
    if (!text || bytes > MOST_BYTES ||
        ((flags & TERN_TOKEN_SPECIAL) && !tern_answer_is_mark(text, bytes)))
      continue;
    v->text[i] = (const uint8_t *)text;
    v->bytes[i] = (uint32_t)bytes;
  }
  return finish(v, error);
}
