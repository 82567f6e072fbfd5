/*===- editor.c - what keys do to a text --------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "editor.h"

#include <stdlib.h>
#include <string.h>

/*--- Places ----------------------------------------------------------------*/

static size_t line_begin(const host_editor *e, size_t at) {
  while (at > 0 && e->text.at[at - 1] != '\n')
    --at;
  return at;
}

static size_t line_end(const host_editor *e, size_t at) {
  while (at < e->text.count && e->text.at[at] != '\n')
    ++at;
  return at;
}

/* Letters, digits and all beyond ASCII make words. */
static int is_word(const host_editor *e, size_t at) {
  uint8_t c = (uint8_t)e->text.at[at];
  return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
         (c >= 'a' && c <= 'z') || c == '_';
}

static int is_blank(const host_editor *e, size_t at) {
  return strchr(" \t\n", e->text.at[at]) != NULL;
}

static size_t word_left(const host_editor *e) {
  size_t at = e->cursor;
  while (at > 0 && !is_word(e, at - 1))
    --at;
  while (at > 0 && is_word(e, at - 1))
    --at;
  return at;
}

static size_t word_right(const host_editor *e) {
  size_t at = e->cursor;
  while (at < e->text.count && !is_word(e, at))
    ++at;
  while (at < e->text.count && is_word(e, at))
    ++at;
  return at;
}

static size_t blank_left(const host_editor *e) {
  size_t at = e->cursor;
  while (at > 0 && is_blank(e, at - 1))
    --at;
  while (at > 0 && !is_blank(e, at - 1))
    --at;
  return at;
}

static size_t next(const host_editor *e) {
  return host_next(e->text.at, e->text.count, e->cursor);
}
static size_t previous(const host_editor *e) {
  return host_previous(e->text.at, e->text.count, e->cursor);
}

/*--- Changes ---------------------------------------------------------------*/

static void insert(host_editor *e, const char *text, size_t count) {
  host_bytes_insert(&e->text, e->cursor, text, count);
  if (!e->text.failed)
    e->cursor += count;
}

/* Parts that are cut in one go are inserted as one. */
static void cut(host_editor *e, size_t begin, size_t end, int joins) {
  if (!joins)
    e->cut.count = 0;
  host_bytes_insert(&e->cut, begin < e->cursor ? 0 : e->cut.count,
                    e->text.at + begin, end - begin);
  host_bytes_remove(&e->text, begin, end);
  e->cursor = begin;
  e->was_cut = 1;
}

static void remove_part(host_editor *e, size_t begin, size_t end) {
  host_bytes_remove(&e->text, begin, end);
  e->cursor = begin;
}

/* The characters around the cursor change places. */
static void swap(host_editor *e) {
  char held[64];
  size_t middle = e->cursor;
  if (middle == line_end(e, middle))
    middle = previous(e);
  if (middle <= line_begin(e, e->cursor) || middle >= e->text.count)
    return;
  size_t from = host_previous(e->text.at, e->text.count, middle);
  size_t to = host_next(e->text.at, e->text.count, middle);
  if (middle - from > sizeof(held))
    return;
  memcpy(held, e->text.at + from, middle - from);
  memmove(e->text.at + from, e->text.at + middle, to - middle);
  memcpy(e->text.at + from + (to - middle), held, middle - from);
  e->cursor = to;
}

/*--- History ---------------------------------------------------------------*/

static void show(host_editor *e, size_t entry) {
  if (e->history_at == e->history_count)
    host_bytes_set(&e->draft, e->text.at, e->text.count);
  e->history_at = entry;
  if (entry == e->history_count)
    host_bytes_set(&e->text, e->draft.at, e->draft.count);
  else
    host_bytes_set(&e->text, e->history[entry], strlen(e->history[entry]));
  e->cursor = e->text.count;
}

/* In a text of several lines the lines come first, and then the history. */
static void up(host_editor *e) {
  size_t begin = line_begin(e, e->cursor), column = e->cursor - begin;
  if (begin > 0) {
    size_t above = line_begin(e, begin - 1);
    size_t at = above + column < begin - 1 ? above + column : begin - 1;
    while (at > above && ((uint8_t)e->text.at[at] & 0xC0) == 0x80)
      --at;
    e->cursor = at;
  } else if (e->history_at > 0) {
    show(e, e->history_at - 1);
  }
}

static void down(host_editor *e) {
  size_t column = e->cursor - line_begin(e, e->cursor);
  size_t end = line_end(e, e->cursor);
  if (end < e->text.count) {
    size_t last = line_end(e, end + 1);
    size_t at = end + 1 + column < last ? end + 1 + column : last;
    while (at > end + 1 && at < e->text.count &&
           ((uint8_t)e->text.at[at] & 0xC0) == 0x80)
      --at;
    e->cursor = at;
  } else if (e->history_at < e->history_count) {
    show(e, e->history_at + 1);
  }
}

static void remember(host_editor *e) {
  char **all = e->history;
  if (e->text.count == 0 || memchr(e->text.at, 0, e->text.count))
    return;
  if (e->history_count && strlen(all[e->history_count - 1]) == e->text.count &&
      memcmp(all[e->history_count - 1], e->text.at, e->text.count) == 0)
    return;
  if (e->history_count == HOST_HISTORY) {
    free(all[0]);
    memmove(all, all + 1, --e->history_count * sizeof(*all));
  }
  char **more = realloc(all, (e->history_count + 1) * sizeof(*all));
  char *copy = malloc(e->text.count + 1);
  if (more)
    e->history = more;
  if (!more || !copy) { /* it goes on without */
    free(copy);
    return;
  }
  memcpy(copy, e->text.at, e->text.count);
  copy[e->text.count] = 0;
  e->history[e->history_count++] = copy;
}

void host_editor_next(host_editor *e) {
  remember(e);
  e->history_at = e->history_count;
  e->text.count = e->cursor = e->draft.count = 0;
  e->was_cut = 0;
  e->was_edited = 1;
}

void host_editor_close(host_editor *e) {
  for (size_t i = 0; i < e->history_count; ++i)
    free(e->history[i]);
  free(e->history);
  free(e->text.at);
  free(e->cut.at);
  free(e->draft.at);
  memset(e, 0, sizeof(*e));
}

/*--- Keys ------------------------------------------------------------------*/

/* '\' at the end asks for another line. */
static host_edit enter(host_editor *e) {
  e->was_edited |= e->cursor < e->text.count;
  e->cursor = e->text.count;
  if (e->text.count == 0 || e->text.at[e->text.count - 1] != '\\')
    return EDIT_DONE;
  e->text.at[e->text.count - 1] = '\n';
  e->was_edited = 1;
  return EDIT_ON;
}

static host_edit do_key(host_editor *e, host_key key, int joins) {
  switch (key) {
  case KEY_ENTER:
    return enter(e);
  case KEY_NEW_LINE:
    insert(e, "\n", 1);
    break;
  case KEY_LEFT:
    e->cursor = previous(e);
    break;
  case KEY_RIGHT:
    e->cursor = next(e);
    break;
  case KEY_UP:
    up(e);
    break;
  case KEY_DOWN:
    down(e);
    break;
  case KEY_HOME:
    e->cursor = line_begin(e, e->cursor);
    break;
  case KEY_END:
    e->cursor = line_end(e, e->cursor);
    break;
  case KEY_WORD_LEFT:
    e->cursor = word_left(e);
    break;
  case KEY_WORD_RIGHT:
    e->cursor = word_right(e);
    break;
  case KEY_BACKSPACE:
    remove_part(e, previous(e), e->cursor);
    break;
  case KEY_DELETE_OR_END:
    if (e->text.count == 0)
      return EDIT_ENDED;
    remove_part(e, e->cursor, next(e));
    break;
  case KEY_DELETE:
    remove_part(e, e->cursor, next(e));
    break;
  case KEY_CUT_WORD_LEFT:
    cut(e, blank_left(e), e->cursor, joins);
    break;
  case KEY_CUT_PART_LEFT:
    cut(e, word_left(e), e->cursor, joins);
    break;
  case KEY_CUT_WORD_RIGHT:
    cut(e, e->cursor, word_right(e), joins);
    break;
  case KEY_CUT_LEFT:
    cut(e, line_begin(e, e->cursor), e->cursor, joins);
    break;
  case KEY_CUT_RIGHT:
    cut(e, e->cursor, line_end(e, e->cursor), joins);
    break;
  case KEY_INSERT_CUT:
    insert(e, e->cut.at, e->cut.count);
    break;
  case KEY_SWAP:
    swap(e);
    break;
  case KEY_CLEAR_SCREEN:
    return EDIT_CLEARED;
  case KEY_INTERRUPT:
    return EDIT_INTERRUPTED;
  case KEY_SUSPEND:
    return EDIT_SUSPENDED;
  default:
    break;
  }
  return EDIT_ON;
}

host_edit host_editor_do(host_editor *e, host_key key, const char *text,
                         size_t count) {
  host_edit result = EDIT_ON;
  int joins = e->was_cut;
  if (key == KEY_NONE)
    return EDIT_ON;
  e->was_cut = 0;
  int is_text = key == KEY_TEXT || key == KEY_PASTE;
  e->was_edited |= (!is_text || e->cursor < e->text.count) && key != KEY_ENTER;
  if (is_text)
    insert(e, text, count);
  else
    result = do_key(e, key, joins);
  return e->text.failed || e->cut.failed || e->draft.failed ? EDIT_FAILED
                                                            : result;
}
