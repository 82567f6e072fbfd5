/*===- width.c - characters as a terminal shows them --------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "../core/utf8.h"
#include "editor.h"

#include <stdlib.h>
#include <string.h>

typedef struct range {
  uint32_t first, last;
} range;

static const range no_column[] = {
#define NO_COLUMN(first, last) {first, last},
#define TWO_COLUMNS(first, last)
#include "width.def"
};
static const range two_columns[] = {
#define NO_COLUMN(first, last)
#define TWO_COLUMNS(first, last) {first, last},
#include "width.def"
};

static int is_in(const range *ranges, size_t count, uint32_t code) {
  size_t low = 0, high = count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (ranges[middle].last < code)
      low = middle + 1;
    else
      high = middle;
  }
  return low < count && ranges[low].first <= code;
}

int host_width(uint32_t code) {
  if (code < 0x300)
    return 1;
  if (is_in(no_column, sizeof(no_column) / sizeof(range), code))
    return 0;
  return 1 + is_in(two_columns, sizeof(two_columns) / sizeof(range), code);
}

uint32_t host_character(const char *text, size_t bytes, size_t at,
                        size_t *length) {
  uint32_t n = 1;
  uint32_t code = tern_utf8_decode((const uint8_t *)text + at, bytes - at, &n);
  *length = n ? n : 1;
  return code == UTF8_INVALID ? 0xFFFD : code;
}

#define JOINER 0x200D

static int is_flag(uint32_t c) { return c >= 0x1F1E6 && c <= 0x1F1FF; }
static int is_skin(uint32_t c) { return c >= 0x1F3FB && c <= 0x1F3FF; }

size_t host_next(const char *text, size_t bytes, size_t at) {
  size_t length;
  if (at >= bytes)
    return bytes;
  uint32_t before = host_character(text, bytes, at, &length);
  int flags = is_flag(before);
  for (at += length; at < bytes; at += length) {
    uint32_t code = host_character(text, bytes, at, &length);
    int is_pair = flags == 1 && is_flag(code);
    if (before == '\n' || !(host_width(code) == 0 || is_skin(code) ||
                            before == JOINER || is_pair))
      break;
    flags += is_pair;
    before = code;
  }
  return at;
}

size_t host_previous(const char *text, size_t bytes, size_t at) {
  /* A character cannot be told from behind; lines are short and typed by hand.
   */
  size_t from = at;
  while (from > 0 && text[from - 1] != '\n')
    --from;
  if (from == at)
    return at ? at - 1 : 0;
  for (size_t next = from; (next = host_next(text, bytes, from)) < at;)
    from = next;
  return from;
}

/*--- Bytes that grow --------------------------------------------------------*/

void host_bytes_insert(host_bytes *to, size_t place, const char *from,
                       size_t count) {
  if (count > to->room - to->count) {
    size_t room = 2 * (to->count + count) + 64;
    char *larger = count < SIZE_MAX / 8 && to->count < SIZE_MAX / 8
                       ? realloc(to->at, room)
                       : NULL;
    if (!larger) {
      to->failed = 1;
      return;
    }
    to->at = larger;
    to->room = room;
  }
  if (count == 0)
    return;
  memmove(to->at + place + count, to->at + place, to->count - place);
  memcpy(to->at + place, from, count);
  to->count += count;
}

void host_bytes_append(host_bytes *to, const char *from, size_t count) {
  host_bytes_insert(to, to->count, from, count);
}

void host_bytes_set(host_bytes *to, const char *from, size_t count) {
  to->count = 0;
  host_bytes_append(to, from, count);
}

void host_bytes_remove(host_bytes *from, size_t begin, size_t end) {
  if (begin == end)
    return;
  memmove(from->at + begin, from->at + end, from->count - end);
  from->count -= end - begin;
}
