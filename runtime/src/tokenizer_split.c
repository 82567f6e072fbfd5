/*===- tokenizer_split.c - text into pieces --------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Patterns were compiled into automata. One reads on behind the end of a match
 * as long as a longer one is possible; the compiler refuses patterns for which
 * that is not bounded by the length of the text in all.
 */
#include "tokenizer_encoder.h"

/* The character that stands for a byte in GPT-2's alphabet. */
static uint32_t alphabet(uint32_t byte) {
  if (byte < 0x21)
    return 0x100 + byte;
  if (byte >= 0x7F && byte < 0xA1)
    return 0x100 + 0x21 + (byte - 0x7F);
  return byte == 0xAD ? 0x100 + 0x21 + 0x22 : byte;
}

size_t tern_pattern_match(const encoder *e, uint32_t step, encoder_text text,
                          size_t at) {
  const tern_tokenizer *t = e->tokenizer;
  const tern_tokenizer_header *h = &t->header;
  uint32_t automaton = encoder_operand(e, step, 1);
  uint32_t from = table_u32(t, h->automata, automaton * 2);
  uint32_t classes = h->class_flags.count + 1;
  int sees_bytes = step > e->bytes_step;
  size_t end = 0;
  for (uint32_t state = 1; state != 0;) {
    uint32_t klass = classes - 1, length = 1;
    if (at < text.bytes)
      klass = sees_bytes
                  ? tern_table_class(t, alphabet(text.at[at]))
                  : tern_class_at(t, text.at + at, text.bytes - at, &length);
    uint32_t entry =
        table_u32(t, h->transitions, from + state * classes + klass);
    if (entry & 1)
      end = at;
    if (at == text.bytes)
      break;
    state = entry >> 1;
    at += length;
  }
  return end;
}

/* The next match or the text before it: [split->at, *end). */
static int next_part(const encoder *e, encoder_split *s, size_t *end) {
  if (s->begin >= s->end) {
    for (s->begin = s->at; s->begin < s->text.bytes;) {
      s->end = tern_pattern_match(e, s->step, s->text, s->begin);
      if (s->end > s->begin)
        break;
      uint32_t length = 1;
      if (s->step <= e->bytes_step)
        tern_utf8_decode(s->text.at + s->begin, s->text.bytes - s->begin,
                         &length);
      s->begin += length;
    }
    if (s->begin >= s->text.bytes)
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
  while (s->at < s->text.bytes) {
    *from = s->at;
    s->was_match = next_part(e, s, to) != inverted;
    s->at = *to;
    if (behavior == TERN_SPLIT_REMOVED && s->was_match)
      continue;
    /* Neighbours that belong to this piece. */
    while (behavior > TERN_SPLIT_REMOVED && s->at < s->text.bytes) {
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
