/*===- encode.c - text to tokens -------------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Added tokens are cut out of the text. The text between them goes through the
 * table's steps, one of which cuts the late added tokens out; pieces that come
 * out at the end are given to the model.
 */
#include "encoder.h"

#include "../core/memory.h"
#include "words.h"

#define MAX_TEXT_BYTES ((size_t)1 << 30)

static void run(encoder *e, uint32_t step, encoder_text text, int is_first);

static uint32_t flags_at(const encoder *e, const uint8_t *at, size_t bytes,
                         uint32_t *length) {
  const tern_tokenizer *t = e->tokenizer;
  return table_u8(t, t->header.class_flags,
                  tern_class_at(t, at, bytes, length));
}

/* True if a word character stands before or behind [start, end). */
static int touches_word(const encoder *e, encoder_text text, size_t start,
                        size_t end) {
  uint32_t length;
  if (start > 0) {
    size_t back = tern_utf8_last(text.at, start);
    if (flags_at(e, text.at + start - back, back, &length) & TERN_CHAR_WORD)
      return 1;
  }
  return end < text.bytes &&
         (flags_at(e, text.at + end, text.bytes - end, &length) &
          TERN_CHAR_WORD) != 0;
}

static size_t spaces_before(const encoder *e, encoder_text text, size_t from,
                            size_t at) {
  uint32_t length;
  while (at > from) {
    size_t back = tern_utf8_last(text.at + from, at - from);
    if (!(flags_at(e, text.at + at - back, back, &length) & TERN_CHAR_SPACE))
      break;
    at -= back;
  }
  return at;
}

static size_t spaces_behind(const encoder *e, encoder_text text, size_t at) {
  uint32_t length;
  while (
      at < text.bytes &&
      (flags_at(e, text.at + at, text.bytes - at, &length) & TERN_CHAR_SPACE))
    at += length;
  return at;
}

int tern_encoder_is_marker(const encoder *e, int32_t token) {
  const tern_marking *m = &e->marking;
  size_t low = 0, high = m->marker_count;
  if (table_flags(e->tokenizer, (uint32_t)token) & TERN_TOKEN_SPECIAL)
    return 1;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (m->markers[middle] < token)
      low = middle + 1;
    else
      high = middle;
  }
  return low < m->marker_count && m->markers[low] == token;
}

/* True if somebody wrote a byte of an added token's text. */
static int is_written(const encoder *e, const uint8_t *at, size_t bytes) {
  const uint8_t *marks = e->marking.marks;
  for (size_t i = 0; marks && i < bytes; ++i)
    if (marks[(size_t)(at - e->text.at) + i] == TERN_MARK_WRITTEN)
      return 1;
  return 0;
}

/* Cuts tokens of a list out, leftmost and longest first; what lies between goes
 * on at `step`. */
static void cut(encoder *e, table_list list, uint32_t step, encoder_text text,
                int is_first) {
  size_t from = 0, at = 0;
  int searches = tern_table_ids(e->tokenizer, list).count > 0;
  while (searches && at < text.bytes && e->status == TERN_OK) {
    size_t matched = 0;
    int32_t id = tern_table_match(e->tokenizer, list, text.at + at,
                                  text.bytes - at, &matched);
    if (id < 0) {
      ++at;
      continue;
    }
    size_t start = at, end = at + matched;
    uint32_t flags = table_flags(e->tokenizer, (uint32_t)id);
    at = end;
    if (e->markers_are_text && tern_encoder_is_marker(e, id))
      continue;
    /* Late ones are found in copies, and encode_marked sees to them. */
    if (list == TABLE_ADDED && is_written(e, text.at + start, matched) &&
        tern_encoder_is_marker(e, id)) {
      at = start + 1;
      continue;
    }
    if ((flags & TERN_TOKEN_WORD) && touches_word(e, text, start, end))
      continue;
    if ((flags & TERN_TOKEN_LSTRIP) && start > from)
      start = spaces_before(e, text, from, start);
    if (flags & TERN_TOKEN_RSTRIP) /* one before may have taken them all */
      end = from > end ? from : spaces_behind(e, text, end);
    if (from < start) {
      encoder_text part = {text.at + from, start - from};
      run(e, step, part, is_first && from == 0);
    }
    encoder_emit(e, id);
    from = end;
  }
  if (from < text.bytes) {
    encoder_text part = {text.at + from, text.bytes - from};
    run(e, step, part, is_first && from == 0);
  }
}

static void split(encoder *e, uint32_t step, encoder_text text, int is_first) {
  encoder_split pieces = {.step = step};
  size_t from, to;
  if (!tern_pattern_begin(e, step, encoder_operand(e, step, 1), text,
                          &pieces.pattern))
    return;
  while (e->status == TERN_OK && tern_split_next(e, &pieces, &from, &to)) {
    encoder_text piece = {text.at + from, to - from};
    run(e, step + 1, piece, is_first && from == 0);
  }
}

/* Sets a space before a text that does not begin with one. */
static encoder_text add_space(encoder *e, uint32_t step, encoder_text text,
                              int is_first) {
  static const uint8_t space = ' ';
  int only_first = encoder_operand(e, step, 1) != 0;
  if (text.at[0] == ' ' || (only_first && !is_first))
    return text;
  return tern_text_prepend(e, &space, 1, text);
}

/* True if a step changes a text, which may be empty. */
static int applies(const encoder *e, uint32_t step, encoder_text text) {
  return text.bytes > 0 || (encoder_operand(e, step, 0) == TERN_TEXT_PREPEND &&
                            encoder_operand(e, step, 3) != 0);
}

/* One step on a text to which it applies; 0 when the text has been dealt
 * with. */
static int do_step(encoder *e, uint32_t step, encoder_text *text,
                   int is_first) {
  const tern_tokenizer *t = e->tokenizer;
  switch (encoder_operand(e, step, 0)) {
  case TERN_TEXT_FORM:
    *text = tern_text_form(e, step, *text);
    break;
  case TERN_TEXT_MAP:
    *text = tern_text_map(e, step, *text);
    break;
  case TERN_TEXT_REPLACE:
    *text = tern_text_replace(e, step, *text);
    break;
  case TERN_TEXT_PREPEND:
    *text = tern_text_prepend(
        e, t->table + t->header.strings.offset + encoder_operand(e, step, 1),
        encoder_operand(e, step, 2), *text);
    break;
  case TERN_TEXT_CHARSMAP:
    *text = tern_text_charsmap(e, step, *text);
    break;
  case TERN_TEXT_STRIP:
    *text = tern_text_strip(e, encoder_operand(e, step, 1), *text);
    break;
  case TERN_TEXT_SPACE:
    *text = add_space(e, step, *text, is_first);
    break;
  case TERN_TEXT_LATE:
    cut(e, TABLE_LATE, step + 1, *text, is_first);
    return 0;
  case TERN_TEXT_SPLIT:
    split(e, step, *text, is_first);
    return 0;
  default: /* TERN_TEXT_BYTES says something about the steps that follow */
    break;
  }
  return 1;
}

/* Steps from `step` on, and then the model. */
static void run(encoder *e, uint32_t step, encoder_text text, int is_first) {
  size_t used = e->copies_used;
  uint32_t count = e->tokenizer->header.steps.count;
  int goes_on = 1;
  while (goes_on && step < count && e->status == TERN_OK &&
         applies(e, step, text))
    goes_on = do_step(e, step++, &text, is_first);
  if (goes_on && text.bytes > 0 && e->status == TERN_OK) {
    if (e->tokenizer->header.kind == TERN_TOKENIZER_UNIGRAM)
      tern_encode_unigram(e, text);
    else
      tern_encode_bpe(e, text);
  }
  e->copies_used = used;
}

size_t tern_tokenizer_prepare(const tern_tokenizer *tokenizer, const char *text,
                              size_t text_bytes, void *memory, size_t bytes,
                              const char **prepared) {
  encoder e = {.tokenizer = tokenizer,
               .bytes_step = UINT32_MAX,
               .copies = memory,
               .copies_bytes = bytes};
  encoder_text part = {(const uint8_t *)text, text_bytes};
  for (uint32_t step = 0; part.bytes > 0; ++step) {
    if (encoder_operand(&e, step, 0) == TERN_TEXT_LATE)
      break;
    do_step(&e, step, &part, 1);
  }
  *prepared = (const char *)part.at;
  return part.bytes;
}

/* Where the parts of the memory lie; 0 when the text is too long. */
static int sizes(const tern_tokenizer *tokenizer, size_t text_bytes,
                 size_t *copies, size_t *work) {
  const tern_tokenizer_header *h = &tokenizer->header;
  if (text_bytes > MAX_TEXT_BYTES)
    return 0;
  uint64_t text = (uint64_t)text_bytes * h->text_growth + h->text_extra;
  uint64_t copied = (uint64_t)text_bytes * h->copies_growth + h->copies_extra;
  uint64_t worked = (text + 1) * ENCODER_WORK_BYTES;
  /* Indices of places in a piece have 32 bits. */
  if (text >= UINT32_MAX || copied + worked > SIZE_MAX / 2)
    return 0;
  *copies = (size_t)copied;
  *work = (size_t)worked;
  return 1;
}

size_t tern_tokenizer_encode_bytes(const tern_tokenizer *tokenizer,
                                   size_t text_bytes) {
  size_t copies, work;
  if (!tokenizer || !tokenizer->table ||
      !sizes(tokenizer, text_bytes, &copies, &work))
    return 0;
  return copies + work + sizeof(uint64_t); /* to align them */
}

size_t tern_tokenizer_max_tokens(const tern_tokenizer *tokenizer,
                                 size_t text_bytes) {
  if (!tokenizer || text_bytes > MAX_TEXT_BYTES ||
      text_bytes > SIZE_MAX / 2 / (tokenizer->header.tokens_growth + 1))
    return 0;
  return text_bytes * tokenizer->header.tokens_growth +
         2 * TERN_TOKENIZER_MAX_AFFIX;
}

/* Places where a marker that the model knows stands in a text. */
static size_t count_plain_markers(const encoder *e, encoder_text text) {
  const tern_tokenizer *t = e->tokenizer;
  size_t count = 0;
  for (size_t i = 0; i < e->marking.marker_count; ++i) {
    uint32_t bytes;
    uint32_t id = (uint32_t)e->marking.markers[i];
    const uint8_t *marker = table_token(t, id, &bytes);
    if (bytes == 0 ||
        tern_table_find(t, TABLE_PLAIN, marker, bytes) != (int32_t)id)
      continue;
    for (size_t at = 0; at + bytes <= text.bytes; ++at)
      count +=
          text.at[at] == *marker && memcmp(text.at + at, marker, bytes) == 0;
  }
  return count;
}

/* Markers that would be found in a part of the text once it is prepared. */
static size_t count_markers(encoder *e, size_t from, size_t to) {
  encoder_text text = {e->text.at + from, to - from};
  size_t used = e->copies_used, count = 0;
  for (uint32_t step = 0;
       text.bytes > 0 && encoder_operand(e, step, 0) != TERN_TEXT_LATE; ++step)
    do_step(e, step, &text, 0);
  for (size_t at = 0; at < text.bytes;) {
    size_t matched = 1;
    int32_t id = tern_table_match(e->tokenizer, TABLE_LATE, text.at + at,
                                  text.bytes - at, &matched);
    count += id >= 0 && tern_encoder_is_marker(e, id);
    at += id >= 0 ? matched : 1;
  }
  count += count_plain_markers(e, text);
  e->copies_used = used;
  return count;
}

/* Bytes of such markers that may lie outside a written part. */
#define MARKER_REACH 64u

/* True if one of them has a byte in [begin, end). */
static int has_marker(encoder *e, size_t begin, size_t end) {
  size_t from = begin < MARKER_REACH ? 0 : begin - MARKER_REACH;
  size_t to =
      e->text.bytes - end < MARKER_REACH ? e->text.bytes : end + MARKER_REACH;
  return count_markers(e, from, to) >
         count_markers(e, from, begin) + count_markers(e, end, to);
}

static void encode_part(encoder *e, size_t from, size_t to) {
  encoder_text part = {e->text.at + from, to - from};
  cut(e, TABLE_ADDED, 0, part, from == 0);
}

/* A written part in which a late marker or one that the model knows would be
 * found is encoded by itself and without markers. Elsewhere marks do not cut
 * the text. */
static void encode_marked(encoder *e) {
  size_t from = 0, at = 0, bytes = e->text.bytes;
  const uint8_t *marks = e->marking.marks;
  int looks = marks && (tern_table_ids(e->tokenizer, TABLE_LATE).count > 0 ||
                        e->marking.marker_count > 0);
  while (looks && at < bytes && e->status == TERN_OK) {
    size_t begin = at, end;
    while (begin < bytes && marks[begin] != TERN_MARK_WRITTEN)
      ++begin;
    for (end = begin; end < bytes && marks[end] == TERN_MARK_WRITTEN;)
      ++end;
    if (end > begin && has_marker(e, begin, end)) {
      int are_text = e->markers_are_text;
      encode_part(e, from, begin);
      e->markers_are_text = 1;
      encode_part(e, begin, end);
      e->markers_are_text = are_text;
      from = end;
    }
    at = end;
  }
  encode_part(e, from, bytes);
}

tern_status tern_tokenizer_encode(const tern_tokenizer *tokenizer,
                                  const char *text, size_t text_bytes,
                                  uint32_t flags, void *memory, size_t bytes,
                                  int32_t *tokens, size_t capacity,
                                  size_t *count) {
  return tern_tokenizer_encode_marked(tokenizer, text, NULL, text_bytes, flags,
                                      memory, bytes, tokens, capacity, count);
}

tern_status
tern_tokenizer_encode_marked(const tern_tokenizer *tokenizer, const char *text,
                             const tern_marking *marking, size_t text_bytes,
                             uint32_t flags, void *memory, size_t bytes,
                             int32_t *tokens, size_t capacity, size_t *count) {
  size_t needed = tern_tokenizer_encode_bytes(tokenizer, text_bytes);
  if (!tokenizer || !tokenizer->table || (!text && text_bytes) || !memory ||
      (!tokens && capacity) || !count || needed == 0)
    return TERN_BAD_ARGUMENT;
  if (bytes < needed)
    return TERN_TOO_SMALL;
  const tern_tokenizer_header *h = &tokenizer->header;
  encoder e = {.tokenizer = tokenizer,
               .bytes_step = UINT32_MAX,
               .text = {(const uint8_t *)text, text_bytes},
               .markers_are_text = (flags & TERN_ENCODE_PLAIN) != 0,
               .tokens = tokens,
               .capacity = capacity};
  if (marking)
    e.marking = *marking;
  sizes(tokenizer, text_bytes, &e.copies_bytes, &e.work_bytes);
  uint8_t *aligned = memory;
  aligned += (0 - (uintptr_t)memory) & (sizeof(uint64_t) - 1);
  e.work = (uint64_t *)(void *)aligned;
  e.copies = aligned + e.work_bytes;
  for (uint32_t step = 0; step < h->steps.count; ++step)
    if (encoder_operand(&e, step, 0) == TERN_TEXT_BYTES)
      e.bytes_step = step;

  for (uint32_t i = 0; !(flags & TERN_ENCODE_BARE) && i < h->prefix_count; ++i)
    encoder_emit(&e, h->prefix[i]);
  encode_marked(&e);
  for (uint32_t i = 0; !(flags & TERN_ENCODE_BARE) && i < h->suffix_count; ++i)
    encoder_emit(&e, h->suffix[i]);
  *count = e.count;
  if (e.status != TERN_OK)
    return e.status;
  return e.count > capacity ? TERN_TOO_SMALL : TERN_OK;
}
