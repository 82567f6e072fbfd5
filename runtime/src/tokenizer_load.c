/*===- tokenizer_load.c - checking and searching the compiled table --------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "tokenizer_table.h"

#include "memory.h"

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
  uint64_t ids = h->vocab_size;
  return span_fits(h, h->offsets, 4) && h->offsets.count == ids + 1 &&
         span_fits(h, h->bytes, 1) && span_fits(h, h->token_flags, 1) &&
         h->token_flags.count == ids && span_fits(h, h->byte_tokens, 4) &&
         h->byte_tokens.count == 256 && span_fits(h, h->merge_starts, 4) &&
         h->merge_starts.count == ids + 1 && span_fits(h, h->merges, 12) &&
         span_fits(h, h->by_bytes, 4) && span_fits(h, h->added, 4) &&
         span_fits(h, h->late, 4) && span_fits(h, h->classes, 4);
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

/* Strictly rising token bytes, none empty or very long: what tern_table_match
 * relies on. */
static int list_is_sorted(const tern_tokenizer *t, tern_table_span list) {
  const uint8_t *last = NULL;
  uint32_t last_count = 0;
  for (uint32_t i = 0; i < list.count; ++i) {
    uint32_t id = table_u32(t, list, i), count;
    if (id >= t->header.vocab_size)
      return 0;
    const uint8_t *bytes = table_token(t, id, &count);
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

static int classes_are_sorted(const tern_tokenizer *t) {
  tern_table_span span = t->header.classes;
  if (span.count == 0 || table_u32(t, span, 0) >> 2 != 0)
    return 0;
  for (uint32_t i = 1; i < span.count; ++i)
    if (table_u32(t, span, i) >> 2 <= table_u32(t, span, i - 1) >> 2)
      return 0;
  return 1;
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
      h->kind != TERN_TOKENIZER_BYTE_BPE || h->split > TERN_SPLIT_QWEN2 ||
      (h->flags & ~(uint32_t)TERN_TOKENIZER_IGNORE_MERGES) != 0 ||
      h->vocab_size == 0 || h->vocab_size > INT32_MAX)
    return TERN_BAD_TABLE;
  if (!spans_fit(h) || !ids_are_valid(&loaded) ||
      !is_partition(&loaded, h->offsets, h->bytes.count) ||
      !is_partition(&loaded, h->merge_starts, h->merges.count) ||
      !merges_are_sorted(&loaded) || !list_is_sorted(&loaded, h->by_bytes) ||
      !list_is_sorted(&loaded, h->added) || !list_is_sorted(&loaded, h->late) ||
      !classes_are_sorted(&loaded))
    return TERN_BAD_TABLE;
  *tokenizer = loaded;
  return TERN_OK;
}

table_merge tern_table_find_merge(const tern_tokenizer *t, int32_t left,
                                  int32_t right) {
  uint32_t low = table_u32(t, t->header.merge_starts, (uint32_t)left);
  uint32_t high = table_u32(t, t->header.merge_starts, (uint32_t)left + 1);
  const uint8_t *merges = t->table + t->header.merges.offset;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    const uint8_t *merge = merges + (size_t)middle * 12;
    uint32_t here = table_load(merge);
    if (here == (uint32_t)right) {
      table_merge found = {table_load(merge + 4),
                           (int32_t)table_load(merge + 8)};
      return found;
    }
    if (here < (uint32_t)right)
      low = middle + 1;
    else
      high = middle;
  }
  table_merge none = {TABLE_NO_MERGE, -1};
  return none;
}

/* The byte of the i-th token of a list at `depth`, or -1 behind its end. */
static int byte_at(const tern_tokenizer *t, tern_table_span list, uint32_t i,
                   size_t depth) {
  uint32_t count;
  const uint8_t *bytes = table_token(t, table_u32(t, list, i), &count);
  return depth < count ? bytes[depth] : -1;
}

/* First of [low, high) whose byte at `depth` is at least `byte`. */
static uint32_t lower_bound(const tern_tokenizer *t, tern_table_span list,
                            uint32_t low, uint32_t high, size_t depth,
                            int byte) {
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (byte_at(t, list, middle, depth) < byte)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

int32_t tern_table_match(const tern_tokenizer *t, tern_table_span list,
                         const uint8_t *text, size_t bytes, int whole,
                         size_t *matched) {
  /* All of [low, high) share the first `depth` bytes with the text. */
  uint32_t low = 0, high = list.count;
  int32_t best = -1;
  for (size_t depth = 0; low < high; ++depth) {
    if (depth > 0 && byte_at(t, list, low, depth) < 0) {
      if (!whole || depth == bytes) {
        best = (int32_t)table_u32(t, list, low);
        *matched = depth;
      }
      ++low;
    }
    if (depth == bytes)
      break;
    low = lower_bound(t, list, low, high, depth, text[depth]);
    high = lower_bound(t, list, low, high, depth, text[depth] + 1);
  }
  return best;
}

static uint32_t ascii_class(uint32_t code) {
  if ((code | 32) >= 'a' && (code | 32) <= 'z')
    return TERN_CHAR_LETTER;
  if (code >= '0' && code <= '9')
    return TERN_CHAR_NUMBER;
  return code == ' ' || (code >= '\t' && code <= '\r') ? TERN_CHAR_SPACE
                                                       : TERN_CHAR_OTHER;
}

uint32_t tern_table_class(const tern_tokenizer *t, uint32_t code) {
  if (code < 0x80)
    return ascii_class(code);
  uint32_t low = 0, high = t->header.classes.count;
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    if (table_u32(t, t->header.classes, middle) >> 2 <= code)
      low = middle;
    else
      high = middle;
  }
  return table_u32(t, t->header.classes, low) & 3u;
}
