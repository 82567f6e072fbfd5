/*===- words.c - tables of characters --------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "words.h"

#define CODE_POINTS 0x110000u

word_map tern_word_map_at(const tern_tokenizer *t, uint32_t at) {
  uint32_t count = word_at(t, at);
  word_map map = {t,
                  at + 2,
                  at + 2 + count,
                  at + 3 + 2 * count,
                  count,
                  at + 3 + 2 * count + word_at(t, at + 1)};
  return map;
}

int tern_word_map_find(const word_map *map, uint32_t code, uint32_t *from,
                       uint32_t *to) {
  uint32_t low = 0, high = map->count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    uint32_t here = word_at(map->tokenizer, map->keys + middle);
    if (here == code) {
      *from = word_at(map->tokenizer, map->offsets + middle);
      *to = word_at(map->tokenizer, map->offsets + middle + 1);
      return 1;
    }
    if (here < code)
      low = middle + 1;
    else
      high = middle;
  }
  return 0;
}

/* True if `count` elements of `size` words fit behind `at`. */
static int fits(const tern_tokenizer *t, uint32_t at, uint64_t count,
                uint32_t size) {
  uint32_t all = t->header.words.count;
  return at <= all && count * size <= all - at;
}

int tern_words_are_map(const tern_tokenizer *t, uint32_t at) {
  if (!fits(t, at, 2, 1))
    return 0;
  uint64_t count = word_at(t, at), total = word_at(t, at + 1);
  if (!fits(t, at, 3 + 2 * count + total, 1))
    return 0;
  word_map map = tern_word_map_at(t, at);
  for (uint32_t i = 0; i < map.count; ++i)
    if (word_at(t, map.offsets + i) > word_at(t, map.offsets + i + 1) ||
        (i > 0 && word_at(t, map.keys + i) <= word_at(t, map.keys + i - 1)))
      return 0;
  for (uint32_t i = map.values; i < map.end; ++i)
    if (word_at(t, i) >= CODE_POINTS)
      return 0;
  return word_at(t, map.offsets) == 0 &&
         word_at(t, map.offsets + map.count) == total;
}

int tern_words_are_form(const tern_tokenizer *t, uint32_t at) {
  if (!tern_words_are_map(t, at))
    return 0;
  at = tern_word_map_at(t, at).end;
  if (!fits(t, at, 1, 1) || !fits(t, at + 1, word_at(t, at), 1))
    return 0;
  uint32_t end = at + 1 + word_at(t, at);
  for (++at; at < end; ++at)
    if (at + 1 < end && word_at(t, at) >> 8 >= word_at(t, at + 1) >> 8)
      return 0;
  if (!fits(t, at, 1, 1) || !fits(t, at + 1, word_at(t, at), 3))
    return 0;
  end = at + 1 + 3 * word_at(t, at);
  for (++at; at < end; at += 3) {
    if (word_at(t, at + 2) >= CODE_POINTS)
      return 0;
    if (at + 3 >= end)
      break;
    uint32_t a = word_at(t, at), b = word_at(t, at + 3);
    if (a > b || (a == b && word_at(t, at + 1) >= word_at(t, at + 4)))
      return 0;
  }
  return 1;
}

size_t tern_utf8_last(const uint8_t *text, size_t bytes) {
  for (size_t n = 1; n <= 4 && n <= bytes; ++n) {
    uint32_t length;
    uint32_t code = tern_utf8_decode(text + (bytes - n), n, &length);
    if (code != UTF8_INVALID && length == n)
      return n;
  }
  return 1;
}
