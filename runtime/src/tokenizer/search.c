/*===- search.c - searching the compiled table -----------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "table.h"

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

tern_table_span tern_table_ids(const tern_tokenizer *t, table_list list) {
  const tern_tokenizer_header *h = &t->header;
  return list == TABLE_PLAIN   ? h->by_bytes
         : list == TABLE_ADDED ? h->added
                               : h->late;
}

const uint8_t *tern_table_entry(const tern_tokenizer *t, table_list list,
                                uint32_t i, uint32_t *count) {
  const tern_tokenizer_header *h = &t->header;
  if (list == TABLE_PLAIN)
    return table_token(t, table_u32(t, h->by_bytes, i), count);
  int late = list == TABLE_LATE;
  tern_table_span offsets = late ? h->late_offsets : h->added_offsets;
  tern_table_span bytes = late ? h->late_bytes : h->added_bytes;
  uint32_t from = table_u32(t, offsets, i);
  *count = table_u32(t, offsets, i + 1) - from;
  return t->table + bytes.offset + from;
}

/* The byte of the i-th token of a list at `depth`, or -1 behind its end. */
static int byte_at(const tern_tokenizer *t, table_list list, uint32_t i,
                   size_t depth) {
  uint32_t count;
  const uint8_t *bytes = tern_table_entry(t, list, i, &count);
  return depth < count ? bytes[depth] : -1;
}

/* First of [low, high) whose byte at the search's depth is at least `byte`. */
static uint32_t lower_bound(const tern_tokenizer *t, const table_search *search,
                            int byte) {
  uint32_t low = search->low, high = search->high;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (byte_at(t, search->list, middle, search->depth) < byte)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

table_search tern_table_search(const tern_tokenizer *t, table_list list) {
  table_search search = {list, 0, tern_table_ids(t, list).count, 0};
  return search;
}

int32_t tern_table_next(const tern_tokenizer *t, table_search *search,
                        const uint8_t *text, size_t bytes) {
  tern_table_span ids = tern_table_ids(t, search->list);
  while (search->low < search->high) {
    if (search->depth > 0 &&
        byte_at(t, search->list, search->low, search->depth) < 0)
      return (int32_t)table_u32(t, ids, search->low++);
    if (search->depth == bytes)
      return -1;
    int byte = text[search->depth];
    search->low = lower_bound(t, search, byte);
    search->high = lower_bound(t, search, byte + 1);
    ++search->depth;
  }
  return -1;
}

int32_t tern_table_match(const tern_tokenizer *t, table_list list,
                         const uint8_t *text, size_t bytes, size_t *matched) {
  table_search search = tern_table_search(t, list);
  int32_t best = -1, id;
  while ((id = tern_table_next(t, &search, text, bytes)) >= 0) {
    best = id;
    *matched = search.depth;
  }
  return best;
}

int32_t tern_table_find(const tern_tokenizer *t, table_list list,
                        const uint8_t *text, size_t bytes) {
  size_t matched = 0;
  int32_t id = tern_table_match(t, list, text, bytes, &matched);
  return matched == bytes ? id : -1;
}

uint32_t tern_table_class(const tern_tokenizer *t, uint32_t code) {
  if (code < 0x80)
    return table_u8(t, t->header.ascii, code);
  uint32_t low = 0, high = t->header.classes.count;
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    if (table_u32(t, t->header.classes, middle) >> 8 <= code)
      low = middle;
    else
      high = middle;
  }
  return table_u32(t, t->header.classes, low) & 0xFFu;
}

uint32_t tern_class_at(const tern_tokenizer *t, const uint8_t *at, size_t bytes,
                       uint32_t *length) {
  *length = 1;
  if (at[0] < 0x80)
    return table_u8(t, t->header.ascii, at[0]);
  uint32_t code = tern_utf8_decode(at, bytes, length);
  return tern_table_class(t, code == UTF8_INVALID ? 0x10F800u : code);
}
