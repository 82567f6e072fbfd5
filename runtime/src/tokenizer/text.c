/*===- text.c - steps that change text -------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "encoder.h"

#include "../core/memory.h"
#include "words.h"

static const encoder_text nothing = {NULL, 0};

int tern_encoder_append(encoder *e, encoder_text *copy, const uint8_t *from,
                        size_t bytes) {
  uint8_t *to = encoder_take(e, bytes);
  if (!to)
    return 0;
  if (!copy->at)
    copy->at = to;
  if (bytes)
    memcpy(to, from, bytes);
  copy->bytes += bytes;
  return 1;
}

encoder_text tern_text_replace(encoder *e, uint32_t step, encoder_text text) {
  const uint8_t *content = e->tokenizer->table +
                           e->tokenizer->header.strings.offset +
                           encoder_operand(e, step, 2);
  uint32_t count = encoder_operand(e, step, 3);
  encoder_text copy = nothing;
  encoder_pattern pattern;
  if (!tern_pattern_begin(e, step, encoder_operand(e, step, 1), text, &pattern))
    return nothing;
  for (size_t at = 0; at < text.bytes;) {
    size_t end = tern_pattern_match(e, &pattern, at);
    uint32_t length;
    if (end > at) {
      if (!tern_encoder_append(e, &copy, content, count))
        return nothing;
      at = end;
      continue;
    }
    tern_utf8_decode(text.at + at, text.bytes - at, &length);
    if (!tern_encoder_append(e, &copy, text.at + at, length))
      return nothing;
    at += length;
  }
  return copy;
}

encoder_text tern_text_prepend(encoder *e, const uint8_t *prefix,
                               uint32_t count, encoder_text text) {
  encoder_text copy = nothing;
  if (!tern_encoder_append(e, &copy, prefix, count) ||
      !tern_encoder_append(e, &copy, text.at, text.bytes))
    return nothing;
  return copy;
}

static int is_space(const encoder *e, uint32_t sides, const uint8_t *at,
                    size_t bytes, uint32_t *length) {
  const tern_tokenizer *t = e->tokenizer;
  uint32_t klass = tern_class_at(t, at, bytes, length);
  if (sides & 4)
    return at[0] == ' ';
  return (table_u8(t, t->header.class_flags, klass) & TERN_CHAR_SPACE) != 0;
}

encoder_text tern_text_strip(encoder *e, uint32_t sides, encoder_text text) {
  uint32_t length;
  while ((sides & 1) && text.bytes > 0 &&
         is_space(e, sides, text.at, text.bytes, &length)) {
    text.at += length;
    text.bytes -= length;
  }
  while ((sides & 2) && text.bytes > 0) {
    size_t back = tern_utf8_last(text.at, text.bytes);
    if (!is_space(e, sides, text.at + (text.bytes - back), back, &length))
      break;
    text.bytes -= back;
  }
  return text;
}

encoder_text tern_text_map(encoder *e, uint32_t step, encoder_text text) {
  word_map map = tern_word_map_at(e->tokenizer, encoder_operand(e, step, 1));
  encoder_text copy = nothing;
  for (size_t at = 0; at < text.bytes;) {
    uint32_t length, from, to;
    uint32_t code = tern_utf8_decode(text.at + at, text.bytes - at, &length);
    if (!tern_word_map_find(&map, code, &from, &to)) {
      if (!tern_encoder_append(e, &copy, text.at + at, length))
        return nothing;
    } else {
      for (; from < to; ++from) {
        uint8_t bytes[4];
        uint32_t n = tern_utf8_encode(bytes, word_map_value(&map, from));
        if (!tern_encoder_append(e, &copy, bytes, n))
          return nothing;
      }
    }
    at += length;
  }
  return copy;
}
