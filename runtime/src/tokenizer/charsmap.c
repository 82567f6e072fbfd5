/*===- charsmap.c - rules of SentencePiece's normalizers -------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * The rules lie as the files have them: a trie in a double array, whose values
 * say where the text begins that a key becomes. Nothing of it is trusted: a
 *unit outside of the array is one that nothing leads to.
 */
#include "encoder.h"
#include "words.h"

typedef struct rules {
  const tern_tokenizer *tokenizer;
  uint32_t units, count; /* words */
  uint32_t texts;        /* where the texts begin in `strings` */
} rules;

/* The replacement of the beginning of a text. */
typedef struct rule {
  size_t key_bytes; /* 0: no rule */
  const uint8_t *text;
  size_t bytes;
} rule;

/* Clusters of more bytes are looked at character by character, see below. */
#define LONGEST_CLUSTER 5u

static rules rules_of(const encoder *e, uint32_t step) {
  uint32_t at = encoder_operand(e, step, 2);
  rules r = {e->tokenizer, at + 1, word_at(e->tokenizer, at),
             encoder_operand(e, step, 3)};
  return r;
}

/* A unit says: bits 0-7 and 31, the byte that leads to it; 8, whether a key
 * ends there; the rest, what its place is combined with to find its children.
 */
static uint32_t unit_at(const rules *r, uint32_t i) {
  return i < r->count ? word_at(r->tokenizer, r->units + i) : UINT32_MAX;
}

static uint32_t children_of(uint32_t place, uint32_t unit) {
  return place ^ unit >> 10 << ((unit & 1u << 9) >> 6);
}

static void set_text(const rules *r, uint32_t value, rule *found) {
  tern_table_span strings = r->tokenizer->header.strings;
  const uint8_t *all = r->tokenizer->table + strings.offset;
  uint32_t from = strings.count, to;
  if (value < strings.count - r->texts)
    from = r->texts + value;
  for (to = from; to < strings.count && all[to];)
    ++to;
  found->text = all + from;
  found->bytes = to - from;
}

static rule find_rule(const rules *r, const uint8_t *at, size_t bytes,
                      int longest) {
  rule found = {0, NULL, 0};
  uint32_t value = 0, place = children_of(0, unit_at(r, 0));
  if (bytes > TERN_TOKENIZER_MAX_RULE)
    bytes = TERN_TOKENIZER_MAX_RULE;
  for (size_t i = 0; i < bytes && at[i]; ++i) {
    place ^= at[i];
    uint32_t unit = unit_at(r, place);
    if ((unit & 0x800000FFu) != at[i])
      break;
    place = children_of(place, unit);
    if (!(unit >> 8 & 1))
      continue;
    found.key_bytes = i + 1;
    value = unit_at(r, place) & 0x7FFFFFFFu;
    if (!longest)
      break;
  }
  if (found.key_bytes)
    set_text(r, value, &found);
  return found;
}

/* As Hugging Face does it: a short cluster of characters becomes what the
 * shortest key at its beginning says, all of it; in others each character is
 * looked up by itself. */
static int replace_cluster(encoder *e, const rules *r, encoder_text *copy,
                           const uint8_t *at, size_t bytes) {
  if (bytes <= LONGEST_CLUSTER) {
    rule found = find_rule(r, at, bytes, 0);
    if (found.key_bytes)
      return tern_encoder_append(e, copy, found.text, found.bytes);
  }
  for (const uint8_t *end = at + bytes; at < end;) {
    uint32_t length;
    tern_utf8_decode(at, (size_t)(end - at), &length);
    rule found = find_rule(r, at, length, 0);
    if (!(found.key_bytes
              ? tern_encoder_append(e, copy, found.text, found.bytes)
              : tern_encoder_append(e, copy, at, length)))
      return 0;
    at += length;
  }
  return 1;
}

/* As SentencePiece does it: the longest key, wherever characters end. */
static int replace_longest(encoder *e, const rules *r, encoder_text *copy,
                           const uint8_t *at, size_t bytes, size_t *taken) {
  uint32_t length;
  rule found = find_rule(r, at, bytes, 1);
  *taken = found.key_bytes;
  if (found.key_bytes)
    return tern_encoder_append(e, copy, found.text, found.bytes);
  tern_utf8_decode(at, bytes, &length);
  *taken = length;
  return tern_encoder_append(e, copy, at, length);
}

encoder_text tern_text_charsmap(encoder *e, uint32_t step, encoder_text text) {
  const encoder_text nothing = {NULL, 0};
  rules r = rules_of(e, step);
  encoder_text copy = nothing;
  uint32_t clusters = encoder_operand(e, step, 1);
  encoder_pattern pattern;
  if (clusters != TERN_TEXT_NO_PATTERN &&
      !tern_pattern_begin(e, step, clusters, text, &pattern))
    return nothing;
  for (size_t at = 0; at < text.bytes;) {
    const uint8_t *from = text.at + at;
    size_t taken, end;
    if (clusters == TERN_TEXT_NO_PATTERN) {
      if (!replace_longest(e, &r, &copy, from, text.bytes - at, &taken))
        return nothing;
      at += taken;
      continue;
    }
    end = tern_pattern_match(e, &pattern, at);
    taken = end > at ? end - at : 1;
    if (!replace_cluster(e, &r, &copy, from, taken))
      return nothing;
    at += taken;
  }
  return copy;
}
