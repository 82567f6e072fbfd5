/*===- load.c - checking the compiled table --------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "table.h"

#include "../core/memory.h"
#include "words.h"

/* The header as it lies in the file is 32-bit words after the magic. */
static void read_header(const uint8_t *table, tern_tokenizer_header *header) {
  memcpy(header->magic, table, sizeof(header->magic));
  for (size_t at = sizeof(header->magic); at < sizeof(*header); at += 4) {
    uint32_t word = table_load(table + at);
    memcpy((uint8_t *)header + at, &word, sizeof(word));
  }
}

static int span_fits(const tern_tokenizer_header *header, tern_table_span span,
                     uint32_t element_bytes) {
  uint64_t end = span.offset + (uint64_t)span.count * element_bytes;
  return span.offset >= sizeof(*header) && end <= header->total_bytes;
}

static int spans_fit(const tern_tokenizer_header *h) {
  const uint64_t ids = h->vocab_size;
  const int scored = h->kind == TERN_TOKENIZER_UNIGRAM;
  /* Bytes of an element, and the number there must be; ANY for any. */
  const uint64_t any = UINT64_MAX;
  const struct {
    tern_table_span span;
    uint32_t element_bytes;
    uint64_t count;
  } spans[] = {{h->offsets, 4, ids + 1},
               {h->bytes, 1, any},
               {h->token_flags, 1, ids},
               {h->byte_tokens, 4, 256},
               {h->merge_starts, 4, ids + 1},
               {h->merges, 12, any},
               {h->scores, 8, scored ? ids + 1 : 0},
               {h->by_bytes, 4, any},
               {h->added, 4, any},
               {h->added_offsets, 4, (uint64_t)h->added.count + 1},
               {h->added_bytes, 1, any},
               {h->late, 4, any},
               {h->late_offsets, 4, (uint64_t)h->late.count + 1},
               {h->late_bytes, 1, any},
               {h->steps, 16, any},
               {h->strings, 1, any},
               {h->words, 4, any},
               {h->classes, 4, any},
               {h->ascii, 1, 128},
               {h->class_flags, 1, any},
               {h->automata, 16, any},
               {h->transitions, 4, any}};
  for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); ++i)
    if (!span_fits(h, spans[i].span, spans[i].element_bytes) ||
        (spans[i].count != any && spans[i].span.count != spans[i].count))
      return 0;
  return 1;
}

/* u32[count] that starts at 0, never falls and ends at `end`. */
static int is_partition(const tern_tokenizer *t, tern_table_span span,
                        uint32_t end) {
  uint32_t last = 0;
  for (uint32_t i = 0; i < span.count; ++i) {
    uint32_t value = table_u32(t, span, i);
    if (value < last || (i == 0 && value != 0))
      return 0;
    last = value;
  }
  return last == end;
}

static int merges_are_sorted(const tern_tokenizer *t) {
  const tern_tokenizer_header *h = &t->header;
  const uint8_t *merges = t->table + h->merges.offset;
  for (uint32_t left = 0; left < h->vocab_size; ++left) {
    uint32_t from = table_u32(t, h->merge_starts, left);
    uint32_t to = table_u32(t, h->merge_starts, left + 1);
    for (uint32_t i = from; i < to; ++i) {
      const uint8_t *merge = merges + (size_t)i * 12;
      uint32_t right = table_load(merge);
      if (right >= h->vocab_size || table_load(merge + 4) == TABLE_NO_MERGE ||
          table_load(merge + 8) >= h->vocab_size ||
          (i > from && right <= table_load(merge - 12)))
        return 0;
    }
  }
  return 1;
}

/* Strictly rising bytes, none empty or very long: what tern_table_next relies
 * on. */
static int list_is_sorted(const tern_tokenizer *t, table_list list) {
  const uint8_t *last = NULL;
  uint32_t last_count = 0;
  tern_table_span ids = tern_table_ids(t, list);
  for (uint32_t i = 0; i < ids.count; ++i) {
    uint32_t count;
    if (table_u32(t, ids, i) >= t->header.vocab_size)
      return 0;
    const uint8_t *bytes = tern_table_entry(t, list, i, &count);
    if (count == 0 || count > TERN_TOKENIZER_MAX_TOKEN)
      return 0;
    if (last) {
      int order = memcmp(last, bytes, last_count < count ? last_count : count);
      if (order > 0 || (order == 0 && last_count >= count))
        return 0;
    }
    last = bytes;
    last_count = count;
  }
  return 1;
}

static int ids_are_valid(const tern_tokenizer *t) {
  const tern_tokenizer_header *h = &t->header;
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t id = table_u32(t, h->byte_tokens, i);
    if (id != UINT32_MAX && id >= h->vocab_size)
      return 0;
  }
  if (h->unknown < -1 || h->unknown >= (int64_t)h->vocab_size ||
      (h->kind == TERN_TOKENIZER_UNIGRAM && h->unknown < 0))
    return 0;
  if (h->prefix_count > TERN_TOKENIZER_MAX_AFFIX ||
      h->suffix_count > TERN_TOKENIZER_MAX_AFFIX)
    return 0;
  for (uint32_t i = 0; i < h->prefix_count; ++i)
    if ((uint32_t)h->prefix[i] >= h->vocab_size)
      return 0;
  for (uint32_t i = 0; i < h->suffix_count; ++i)
    if ((uint32_t)h->suffix[i] >= h->vocab_size)
      return 0;
  return 1;
}

static int classes_are_valid(const tern_tokenizer *t) {
  const tern_tokenizer_header *h = &t->header;
  tern_table_span span = h->classes;
  if (span.count == 0 || table_u32(t, span, 0) >> 8 != 0 ||
      h->class_flags.count > 256)
    return 0;
  for (uint32_t i = 0; i < span.count; ++i)
    if ((i > 0 &&
         table_u32(t, span, i) >> 8 <= table_u32(t, span, i - 1) >> 8) ||
        (table_u32(t, span, i) & 0xFF) >= h->class_flags.count)
      return 0;
  for (uint32_t i = 0; i < 128; ++i)
    if (table_u8(t, h->ascii, i) >= h->class_flags.count)
      return 0;
  return 1;
}

/* The automaton that reads from the end, for one of `states` states. */
static int ahead_is_valid(const tern_tokenizer *t, uint32_t from,
                          uint32_t count, uint32_t states) {
  const tern_tokenizer_header *h = &t->header;
  const uint64_t classes = (uint64_t)h->class_flags.count + 1;
  /* Their numbers are kept in bytes. */
  if (count > 256 ||
      from + count * (classes + (uint64_t)states) > h->transitions.count)
    return 0;
  for (uint32_t i = 0; i < count * (uint32_t)classes; ++i)
    if (table_u32(t, h->transitions, from + i) >= count)
      return 0;
  return 1;
}

static int automata_are_valid(const tern_tokenizer *t) {
  const tern_tokenizer_header *h = &t->header;
  const uint64_t classes = (uint64_t)h->class_flags.count + 1;
  for (uint32_t i = 0; i < h->automata.count; ++i) {
    uint32_t from = table_u32(t, h->automata, 4 * i);
    uint32_t states = table_u32(t, h->automata, 4 * i + 1);
    if (states < 2 || states * classes > UINT32_MAX / 2 ||
        from + states * classes > h->transitions.count)
      return 0;
    for (uint32_t j = 0; j < states * (uint32_t)classes; ++j) {
      uint32_t entry = table_u32(t, h->transitions, from + j);
      /* A match of nothing would be found forever. */
      int is_first = j >= classes && j < 2 * classes;
      if (entry >> 1 >= states || (is_first && (entry & 1)))
        return 0;
    }
    if (!ahead_is_valid(t, table_u32(t, h->automata, 4 * i + 2),
                        table_u32(t, h->automata, 4 * i + 3), states))
      return 0;
  }
  return 1;
}

static int has_string(const tern_tokenizer_header *h, uint32_t offset,
                      uint32_t count) {
  return offset <= h->strings.count && count <= h->strings.count - offset;
}

static int step_is_valid(const tern_tokenizer *t, uint32_t step) {
  const tern_tokenizer_header *h = &t->header;
  uint32_t operand[4];
  for (uint32_t i = 0; i < 4; ++i)
    operand[i] = table_u32(t, h->steps, 4 * step + i);
  switch (operand[0]) {
  case TERN_TEXT_FORM:
    return operand[1] <= 1 && tern_words_are_form(t, operand[2]);
  case TERN_TEXT_MAP:
    return tern_words_are_map(t, operand[1]);
  case TERN_TEXT_REPLACE:
    return operand[1] < h->automata.count &&
           has_string(h, operand[2], operand[3]);
  case TERN_TEXT_PREPEND:
    return has_string(h, operand[1], operand[2]);
  case TERN_TEXT_STRIP:
    return operand[1] <= 7;
  case TERN_TEXT_SPLIT:
    return operand[1] < h->automata.count &&
           operand[2] <= TERN_SPLIT_CONTIGUOUS;
  case TERN_TEXT_CHARSMAP:
    return (operand[1] == TERN_TEXT_NO_PATTERN ||
            operand[1] < h->automata.count) &&
           operand[2] < h->words.count &&
           word_at(t, operand[2]) < h->words.count - operand[2] &&
           has_string(h, operand[3], 0);
  case TERN_TEXT_LATE:
  case TERN_TEXT_SPACE:
  case TERN_TEXT_BYTES:
    return 1;
  default:
    return 0;
  }
}

static int steps_are_valid(const tern_tokenizer *t) {
  const tern_tokenizer_header *h = &t->header;
  uint32_t cuts = 0;
  if (h->steps.count > TERN_TEXT_MAX_STEPS)
    return 0;
  for (uint32_t step = 0; step < h->steps.count; ++step) {
    if (!step_is_valid(t, step))
      return 0;
    cuts += table_u32(t, h->steps, 4 * step) == TERN_TEXT_LATE;
  }
  return cuts == 1;
}

static int numbers_are_known(const tern_tokenizer_header *h) {
  const uint32_t flags = 2 * TERN_TOKENIZER_FLOAT_SUMS - 1;
  const uint32_t most = 1u << 16; /* keeps sums of sizes far from 64 bits */
  return (h->kind == TERN_TOKENIZER_BPE || h->kind == TERN_TOKENIZER_UNIGRAM) &&
         (h->flags & ~flags) == 0 && h->vocab_size > 0 &&
         h->vocab_size < INT32_MAX && h->text_growth <= most &&
         h->text_extra <= most && h->copies_growth <= most &&
         h->copies_extra <= most && h->tokens_growth <= most;
}

static int table_is_valid(const tern_tokenizer *t) {
  const tern_tokenizer_header *h = &t->header;
  return numbers_are_known(h) && spans_fit(h) && ids_are_valid(t) &&
         is_partition(t, h->offsets, h->bytes.count) &&
         is_partition(t, h->added_offsets, h->added_bytes.count) &&
         is_partition(t, h->late_offsets, h->late_bytes.count) &&
         is_partition(t, h->merge_starts, h->merges.count) &&
         merges_are_sorted(t) && list_is_sorted(t, TABLE_PLAIN) &&
         list_is_sorted(t, TABLE_ADDED) && list_is_sorted(t, TABLE_LATE) &&
         classes_are_valid(t) && automata_are_valid(t) && steps_are_valid(t);
}

tern_status tern_tokenizer_load(tern_tokenizer *tokenizer, const void *table,
                                size_t bytes) {
  if (!tokenizer || !table)
    return TERN_BAD_ARGUMENT;
  memset(tokenizer, 0, sizeof(*tokenizer));
  tern_tokenizer loaded;
  tern_tokenizer_header *h = &loaded.header;
  if (bytes < sizeof(*h))
    return TERN_BAD_TABLE;
  loaded.table = table;
  read_header(table, h);
  if (memcmp(h->magic, TERN_TOKENIZER_MAGIC, sizeof(h->magic)) != 0 ||
      h->version != TERN_TOKENIZER_VERSION || h->total_bytes > bytes ||
      !table_is_valid(&loaded))
    return TERN_BAD_TABLE;
  *tokenizer = loaded;
  return TERN_OK;
}
