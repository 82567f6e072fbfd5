/*===- split.c - text into pieces ------------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Patterns were compiled into automata. One reads on behind the end of a match
 * as long as a longer one is possible. Where that is not bounded by the length
 * of the text in all, the text is read from its end first, and then only as far
 * as there is a match ahead.
 */
#include "encoder.h"
#include "words.h"

/* The character that stands for a byte in GPT-2's alphabet. */
static uint32_t alphabet(uint32_t byte) {
  if (byte < 0x21)
    return 0x100 + byte;
  if (byte >= 0x7F && byte < 0xA1)
    return 0x100 + 0x21 + (byte - 0x7F);
  return byte == 0xAD ? 0x100 + 0x21 + 0x22 : byte;
}

static uint32_t class_of(const encoder *e, const encoder_pattern *p, size_t at,
                         size_t bytes, uint32_t *length) {
  *length = 1;
  return p->sees_bytes
             ? tern_table_class(e->tokenizer, alphabet(p->text.at[at]))
             : tern_class_at(e->tokenizer, p->text.at + at, bytes, length);
}

/* From the end of the text to its beginning: which matches lie ahead. */
static int look_ahead(encoder *e, encoder_pattern *p, uint32_t automaton) {
  const uint8_t *text = p->text.at;
  uint32_t state = 0, length;
  uint8_t *ahead = encoder_take(e, p->text.bytes);
  if (!ahead)
    return 0;
  for (size_t at = p->text.bytes; at > 0;) {
    size_t back = p->sees_bytes ? 1 : tern_utf8_last(text, at);
    uint32_t klass = class_of(e, p, at - back, back, &length);
    state = table_u32(e->tokenizer, e->tokenizer->header.transitions,
                      automaton + state * p->classes + klass);
    for (; back > 0; --back)
      ahead[--at] = (uint8_t)state;
  }
  p->ahead = ahead;
  return 1;
}

int tern_pattern_begin(encoder *e, uint32_t step, uint32_t automaton,
                       encoder_text text, encoder_pattern *p) {
  const tern_tokenizer *t = e->tokenizer;
  const tern_tokenizer_header *h = &t->header;
  uint32_t ahead = table_u32(t, h->automata, automaton * 4 + 2);
  uint32_t ahead_states = table_u32(t, h->automata, automaton * 4 + 3);
  p->text = text;
  p->transitions = table_u32(t, h->automata, automaton * 4);
  p->states = table_u32(t, h->automata, automaton * 4 + 1);
  p->classes = h->class_flags.count + 1;
  p->sees_bytes = step > e->bytes_step;
  p->ahead = NULL;
  p->promises = ahead + ahead_states * p->classes;
  return ahead_states == 0 || look_ahead(e, p, ahead);
}

size_t tern_pattern_match(const encoder *e, const encoder_pattern *p,
                          size_t at) {
  const tern_tokenizer *t = e->tokenizer;
  size_t end = 0, bytes = p->text.bytes;
  for (uint32_t state = 1; state != 0;) {
    uint32_t klass = p->classes - 1, length = 1;
    if (at < bytes) {
      if (p->ahead &&
          !table_u32(t, t->header.transitions,
                     p->promises + p->ahead[at] * p->states + state))
        break;
      klass = class_of(e, p, at, bytes - at, &length);
    }
    uint32_t entry = table_u32(t, t->header.transitions,
                               p->transitions + state * p->classes + klass);
    if (entry & 1)
      end = at;
    if (at == bytes)
      break;
    state = entry >> 1;
    at += length;
  }
  return end;
}

/* The next match or the text before it: [split->at, *end). */
static int next_part(const encoder *e, encoder_split *s, size_t *end) {
  const encoder_text text = s->pattern.text;
  if (s->begin >= s->end) {
    for (s->begin = s->at; s->begin < text.bytes;) {
      s->end = tern_pattern_match(e, &s->pattern, s->begin);
      if (s->end > s->begin)
        break;
      uint32_t length = 1;
      if (!s->pattern.sees_bytes)
        tern_utf8_decode(text.at + s->begin, text.bytes - s->begin, &length);
      s->begin += length;
    }
    if (s->begin >= text.bytes)
      s->end = s->begin;
  }
  int is_match = s->at == s->begin && s->begin < s->end;
  *end = is_match ? s->end : s->begin;
  if (is_match)
    s->begin = s->end; /* the next one is not known */
  return is_match;
}

int tern_split_next(const encoder *e, encoder_split *s, size_t *from,
                    size_t *to) {
  uint32_t behavior = encoder_operand(e, s->step, 2);
  int inverted = encoder_operand(e, s->step, 3) != 0;
  while (s->at < s->pattern.text.bytes) {
    *from = s->at;
    s->was_match = next_part(e, s, to) != inverted;
    s->at = *to;
    if (behavior == TERN_SPLIT_REMOVED && s->was_match)
      continue;
    /* Neighbours that belong to this piece. */
    while (behavior > TERN_SPLIT_REMOVED && s->at < s->pattern.text.bytes) {
      encoder_split ahead = *s;
      ahead.was_match = next_part(e, &ahead, &ahead.at) != inverted;
      int joins =
          behavior == TERN_SPLIT_CONTIGUOUS ? ahead.was_match == s->was_match
          : behavior == TERN_SPLIT_PREVIOUS ? ahead.was_match && !s->was_match
                                            : s->was_match && !ahead.was_match;
      if (!joins)
        break;
      *s = ahead;
      *to = s->at;
      if (behavior != TERN_SPLIT_CONTIGUOUS)
        break;
    }
    return 1;
  }
  return 0;
}
