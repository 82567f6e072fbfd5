/*===- form.c - Unicode normalization --------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * The algorithm of Unicode, annex 15: decompose, put marks in order, compose. A
 * byte that is part of no character stands as a code point behind the last one.
 */
#include "encoder.h"

#include "../core/memory.h"
#include "words.h"

#define STRAY 0x110000u
/* Hangul syllables are computed. */
#define HANGUL 0xAC00u
#define LEADS 0x1100u
#define VOWELS 0x1161u
#define TAILS 0x11A7u
#define LEAD_COUNT 19u
#define VOWEL_COUNT 21u
#define TAIL_COUNT 28u

/* The two tables behind the map of a form. */
typedef struct form {
  const tern_tokenizer *tokenizer;
  word_map map;
  uint32_t marks, mark_count;
  uint32_t pairs, pair_count;
  int composes;
} form;

static form form_at(const tern_tokenizer *t, uint32_t composes, uint32_t at) {
  form f = {t, tern_word_map_at(t, at), 0, 0, 0, 0, composes != 0};
  f.mark_count = word_at(t, f.map.end);
  f.marks = f.map.end + 1;
  f.pair_count = word_at(t, f.marks + f.mark_count);
  f.pairs = f.marks + f.mark_count + 1;
  return f;
}

static uint32_t combining_class(const form *f, uint32_t code) {
  if (code < 0x300)
    return 0;
  uint32_t low = 0, high = f->mark_count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    uint32_t here = word_at(f->tokenizer, f->marks + middle);
    if (here >> 8 == code)
      return here & 0xFF;
    if (here >> 8 < code)
      low = middle + 1;
    else
      high = middle;
  }
  return 0;
}

/* The composition of two code points, or 0. */
static uint32_t composed(const form *f, uint32_t first, uint32_t second) {
  if (first - LEADS < LEAD_COUNT && second - VOWELS < VOWEL_COUNT)
    return HANGUL +
           ((first - LEADS) * VOWEL_COUNT + (second - VOWELS)) * TAIL_COUNT;
  uint32_t syllable = first - HANGUL;
  if (syllable < LEAD_COUNT * VOWEL_COUNT * TAIL_COUNT &&
      syllable % TAIL_COUNT == 0 && second - TAILS - 1 < TAIL_COUNT - 1)
    return first + (second - TAILS);
  uint32_t low = 0, high = f->pair_count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2, at = f->pairs + middle * 3;
    uint32_t a = word_at(f->tokenizer, at), b = word_at(f->tokenizer, at + 1);
    if (a == first && b == second)
      return word_at(f->tokenizer, at + 2);
    if (a < first || (a == first && b < second))
      low = middle + 1;
    else
      high = middle;
  }
  return 0;
}

/* Characters are held as code point << 8 | combining class. */
typedef struct characters {
  encoder *encoder;
  const form *form;
  uint8_t *at; /* no alignment */
  size_t count;
} characters;

static uint32_t get(const characters *c, size_t i) {
  return table_load(c->at + 4 * i);
}

static void set(characters *c, size_t i, uint32_t value) {
  for (int byte = 0; byte < 4; ++byte)
    c->at[4 * i + (size_t)byte] = (uint8_t)(value >> (8 * byte));
}

static int put(characters *c, uint32_t code) {
  if (!encoder_take(c->encoder, 4))
    return 0;
  set(c, c->count++, code << 8 | combining_class(c->form, code));
  return 1;
}

static int put_decomposed(characters *c, uint32_t code) {
  uint32_t syllable = code - HANGUL, from, to;
  if (syllable < LEAD_COUNT * VOWEL_COUNT * TAIL_COUNT) {
    uint32_t tail = syllable % TAIL_COUNT;
    syllable /= TAIL_COUNT;
    return put(c, LEADS + syllable / VOWEL_COUNT) &&
           put(c, VOWELS + syllable % VOWEL_COUNT) &&
           (tail == 0 || put(c, TAILS + tail));
  }
  if (code < 0x80 || !tern_word_map_find(&c->form->map, code, &from, &to))
    return put(c, code);
  for (; from < to; ++from)
    if (!put(c, word_map_value(&c->form->map, from)))
      return 0;
  return 1;
}

/* Puts a run of marks in the order of their classes; equal ones stay as they
 * were. By counting: a text may be one long run. */
static int order(characters *c, size_t from, size_t to) {
  size_t places[257] = {0};
  for (size_t i = from; i < to; ++i)
    ++places[(get(c, i) & 0xFF) + 1];
  for (size_t i = 1; i < 257; ++i)
    places[i] += places[i - 1];
  encoder *e = c->encoder;
  uint8_t *copy = encoder_take(e, 4 * (to - from));
  if (!copy)
    return 0;
  memcpy(copy, c->at + 4 * from, 4 * (to - from));
  for (size_t i = 0; i < to - from; ++i) {
    uint32_t value = table_load(copy + 4 * i);
    set(c, from + places[value & 0xFF]++, value);
  }
  e->copies_used -= 4 * (to - from);
  return 1;
}

static int order_marks(characters *c) {
  for (size_t from = 0; from < c->count;) {
    size_t to = from;
    uint32_t last = 0;
    int sorted = 1;
    for (; to < c->count && (get(c, to) & 0xFF) != 0; ++to) {
      uint32_t here = get(c, to) & 0xFF;
      sorted = sorted && last <= here;
      last = here;
    }
    if (!sorted && !order(c, from, to))
      return 0;
    from = to > from ? to : from + 1;
  }
  return 1;
}

static void compose(characters *c) {
  size_t starter = SIZE_MAX, out = 0;
  uint32_t last = 0; /* class of the character before, of those that stayed */
  for (size_t i = 0; i < c->count; ++i) {
    uint32_t value = get(c, i), klass = value & 0xFF;
    /* Nothing may stand between them, or only marks of lower classes. */
    int adjacent = starter != SIZE_MAX && out == starter + 1;
    if (starter != SIZE_MAX && (adjacent || last < klass)) {
      uint32_t both = composed(c->form, get(c, starter) >> 8, value >> 8);
      if (both) {
        set(c, starter, both << 8);
        continue;
      }
    }
    if (klass == 0)
      starter = out;
    last = klass;
    set(c, out++, value);
  }
  c->count = out;
}

encoder_text tern_text_form(encoder *e, uint32_t step, encoder_text text) {
  form f = form_at(e->tokenizer, encoder_operand(e, step, 1),
                   encoder_operand(e, step, 2));
  encoder_text result = {NULL, 0};
  characters c = {e, &f, e->copies + e->copies_used, 0};
  for (size_t at = 0; at < text.bytes;) {
    uint32_t length;
    uint32_t code = tern_utf8_decode(text.at + at, text.bytes - at, &length);
    if (code == UTF8_INVALID ? !put(&c, STRAY + text.at[at])
                             : !put_decomposed(&c, code))
      return result;
    at += length;
  }
  if (!order_marks(&c))
    return result;
  if (f.composes)
    compose(&c);
  /* In place: a character is written in at most the four bytes it was in. */
  for (size_t i = 0; i < c.count; ++i) {
    uint32_t code = get(&c, i) >> 8;
    if (code < STRAY)
      result.bytes += tern_utf8_encode(c.at + result.bytes, code);
    else
      c.at[result.bytes++] = (uint8_t)(code - STRAY);
  }
  result.at = c.at;
  return result;
}
