/*===- memory.c - memory, limits and small values -------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void template_fail(engine *e, const char *format, ...) {
  char cause[400];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(cause, sizeof(cause), format, arguments);
  va_end(arguments);
  char where[32] = "";
  if (e->line)
    snprintf(where, sizeof(where), ", line %u", e->line);
  snprintf(e->error->text, sizeof(e->error->text), "%.100s%s: %s",
           e->subject ? e->subject : "the chat template", where, cause);
  longjmp(e->failed, 1);
}

void *template_take(engine *e, size_t bytes) {
  size_t rounded = (bytes + 15) & ~(size_t)15;
  if (bytes > UINT32_MAX || rounded > e->room - e->used)
    template_fail(e, "it needs more than the %zu KiB of memory it may use",
                  e->room >> 10);
  void *result = e->memory + e->used;
  e->used += rounded;
  memset(result, 0, rounded);
  /* Clearing takes time, too. */
  template_spend(e, bytes / 4096);
  return result;
}

void template_spend(engine *e, uint64_t steps) {
  if (steps > e->steps)
    template_fail(e, "it takes more than the %llu steps it may take",
                  (unsigned long long)TERN_TEMPLATE_STEPS);
  e->steps -= steps;
}

void template_enter(engine *e) {
  if (++e->depth > TERN_TEMPLATE_DEPTH)
    template_fail(e, "more than %u levels inside each other",
                  TERN_TEMPLATE_DEPTH);
  template_spend(e, 1);
}

/*--- Text that grows -------------------------------------------------------*/

static void grow(engine *e, builder *to, size_t bytes) {
  size_t wanted = (size_t)to->bytes + bytes;
  if (wanted <= to->room)
    return;
  size_t room = wanted < 32 ? 64 : 2 * wanted;
  char *at = template_take(e, room);
  if (to->bytes)
    memcpy(at, to->at, to->bytes);
  if (to->marks) {
    uint8_t *marks = template_take(e, room);
    memcpy(marks, to->marks, to->bytes);
    to->marks = marks;
  }
  to->at = at;
  to->room = (uint32_t)room;
}

void template_append(engine *e, builder *to, const char *at,
                     const uint8_t *marks, size_t bytes) {
  if (bytes == 0)
    return;
  grow(e, to, bytes);
  memcpy(to->at + to->bytes, at, bytes);
  if (marks && !to->marks)
    to->marks = template_take(e, to->room);
  if (marks)
    memcpy(to->marks + to->bytes, marks, bytes);
  to->bytes += (uint32_t)bytes;
}

void template_append_value(engine *e, builder *to, value string) {
  template_append(e, to, string.at, string.marks, string.bytes);
}

void template_append_text(engine *e, builder *to, const char *text) {
  template_append(e, to, text, NULL, strlen(text));
}

value template_built(const builder *from) {
  value v = template_string(from->at, from->bytes);
  v.marks = from->marks;
  return v;
}

/*--- Values ----------------------------------------------------------------*/

value template_string(const char *at, size_t bytes) {
  value v = {0};
  v.kind = V_STRING;
  v.bytes = (uint32_t)bytes;
  v.at = at ? at : "";
  return v;
}

value template_part(value string, size_t from, size_t to) {
  value v = template_string(string.at + from, to - from);
  v.marks = string.marks ? string.marks + from : NULL;
  return v;
}

value template_bool(int truth) {
  value v = {0};
  v.kind = V_BOOL;
  v.integer = truth != 0;
  return v;
}

value template_int(int64_t integer) {
  value v = {0};
  v.kind = V_INT;
  v.integer = integer;
  return v;
}

value template_float(double number) {
  value v = {0};
  v.kind = V_FLOAT;
  v.number = number;
  return v;
}

value template_list(engine *e, value_kind kind, size_t count) {
  value v = {0};
  if (count > UINT32_MAX / sizeof(value))
    template_fail(e, "a list of %zu elements is too long", count);
  v.kind = kind;
  v.list = template_take(e, sizeof(list));
  v.list->items = template_take(e, count * sizeof(value));
  v.list->count = (uint32_t)count;
  template_spend(e, count / 16);
  return v;
}

value template_pair(engine *e, value first, value second) {
  value v = template_list(e, V_TUPLE, 2);
  v.list->items[0] = first;
  v.list->items[1] = second;
  return v;
}

value template_dict(engine *e, value_kind kind) {
  value v = {0};
  v.kind = kind;
  v.dict = template_take(e, sizeof(dict));
  return v;
}

value *template_find(engine *e, const dict *from, value key) {
  uint32_t looked = 0;
  for (entry *at = from->first; at; at = at->next) {
    if (at->key.bytes == key.bytes)
      template_spend(e, key.bytes / 64);
    if (template_same(at->key, key))
      return &at->value;
    if (++looked % 8 == 0)
      template_spend(e, 1);
  }
  return NULL;
}

void template_put(engine *e, dict *to, value key, value content) {
  value *old = template_find(e, to, key);
  if (old) {
    *old = content;
    return;
  }
  entry *added = template_take(e, sizeof(*added));
  added->key = key;
  added->value = content;
  if (to->last)
    to->last->next = added;
  else
    to->first = added;
  to->last = added;
  ++to->count;
}

int template_same(value a, value b) {
  return a.bytes == b.bytes && memcmp(a.at, b.at, a.bytes) == 0;
}

int template_is(value string, const char *text) {
  return string.bytes == strlen(text) &&
         memcmp(string.at, text, string.bytes) == 0;
}

int template_word(const char *words, value word) {
  for (int i = 0; *words; ++i) {
    size_t bytes = strcspn(words, " ");
    if (bytes == word.bytes && memcmp(words, word.at, bytes) == 0)
      return i;
    words += bytes + (words[bytes] == ' ');
  }
  return -1;
}
