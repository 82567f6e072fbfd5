/*===- screen.c - a typed text on a terminal's rows ---------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * The terminal wraps long lines itself, so that it can do it again when its
 *size changes; this counts where it does. A text with more rows than the
 *terminal is shown in part, around the cursor.
 */
#include "editor.h"

#include <stdio.h>
#include <string.h>

#define PROMPT_COLUMNS 2u /* "> ", and ". " before further lines */
#define TAB_COLUMNS 4u

/* A walk over the text in the order of rows and columns. */
typedef struct place {
  size_t at; /* in the text */
  uint32_t row, column;
} place;

static uint32_t columns_of(const host_screen *s) {
  return s->columns < 4 ? 80 : s->columns;
}

/* Columns of the character at a place that is no end of a line. */
static uint32_t width_at(const host_editor *e, size_t at, size_t *length) {
  uint32_t code = host_character(e->text.at, e->text.count, at, length);
  if (code == '\t')
    return TAB_COLUMNS;
  if (code < 0x20 || code == 0x7F || (code >= 0x80 && code < 0xA0))
    return 2; /* ^X */
  return (uint32_t)host_width(code);
}

/* Moves over one character; 0 at the end of the text. A character that
 * does not fit begins the next row. */
static int step(const host_screen *s, const host_editor *e, place *p) {
  size_t length;
  if (p->at == e->text.count)
    return 0;
  if (e->text.at[p->at] == '\n') {
    ++p->at;
    ++p->row;
    p->column = PROMPT_COLUMNS;
    return 1;
  }
  uint32_t width = width_at(e, p->at, &length);
  if (p->column + width > columns_of(s)) {
    ++p->row;
    p->column = 0;
  }
  p->column += width;
  p->at += length;
  return 1;
}

/* The place where the cursor shows: behind a full row it is on the next one. */
static place shown(const host_screen *s, place p) {
  if (p.column >= columns_of(s)) {
    ++p.row;
    p.column = 0;
  }
  return p;
}

static place find(const host_screen *s, const host_editor *e, size_t at) {
  place p = {0, 0, PROMPT_COLUMNS};
  while (p.at < at && step(s, e, &p))
    ;
  /* In front of a character that is on the next row already. */
  size_t length;
  if (p.at < e->text.count && e->text.at[p.at] != '\n' &&
      p.column + width_at(e, p.at, &length) > columns_of(s)) {
    ++p.row;
    p.column = 0;
  }
  return shown(s, p);
}

static void put(host_bytes *out, const char *text) {
  host_bytes_append(out, text, strlen(text));
}

static void move(host_bytes *out, uint32_t count, char direction) {
  char text[16];
  snprintf(text, sizeof(text), "\x1B[%u%c", count, direction);
  if (count)
    put(out, text);
}

void host_screen_prompt(int color, const char *prompt, host_bytes *out) {
  if (color)
    put(out, "\x1B[1;32m");
  put(out, prompt);
  if (color)
    put(out, "\x1B[0m");
}

static void put_character(const host_editor *e, size_t at, host_bytes *out) {
  size_t length;
  char shown_as[4] = "^?";
  uint32_t code = host_character(e->text.at, e->text.count, at, &length);
  if (code == '\t')
    put(out, "    ");
  else if (code < 0x20 || (code >= 0x80 && code < 0xA0))
    put(out, (shown_as[1] = (char)(code % 0x20 + 0x40), shown_as));
  else if (code == 0x7F)
    put(out, shown_as);
  else if (code == 0xFFFD)
    put(out, "\xEF\xBF\xBD");
  else
    host_bytes_append(out, e->text.at + at, length);
}

static void put_bold(const host_screen *s, const char *on_or_off,
                     host_bytes *out) {
  if (s->color)
    put(out, on_or_off);
}

/* Behind a full row the terminal has not gone to the next one yet. Returns the
 * row where the cursor is. */
static uint32_t go_below(const host_screen *s, place p, uint32_t to,
                         host_bytes *out) {
  place below = shown(s, p);
  if (below.row == p.row || below.row >= to)
    return p.row;
  put(out, " \r");
  return below.row;
}

/* Rows [from, to) of the text; the row where it ended. */
static uint32_t put_rows(const host_screen *s, const host_editor *e,
                         uint32_t from, uint32_t to, host_bytes *out) {
  place p = {0, 0, PROMPT_COLUMNS}, before = p;
  if (from == 0 && !s->has_prompt)
    host_screen_prompt(s->color, "> ", out);
  put_bold(s, "\x1B[1m", out);
  while (before = p, step(s, e, &p)) {
    int is_end = e->text.at[before.at] == '\n';
    if (p.row >= to) {
      p = before;
      break;
    }
    if (is_end && p.row > from)
      put(out, "\r\n");
    if (is_end && p.row >= from) {
      host_screen_prompt(s->color, ". ", out);
      put_bold(s, "\x1B[1m", out);
    }
    if (!is_end && p.row >= from)
      put_character(e, before.at, out);
  }
  uint32_t last = p.at == e->text.count ? go_below(s, p, to, out) : p.row;
  put_bold(s, "\x1B[0m", out);
  return last;
}

/* Only what was added behind the rest, if that is all that there is to do. */
static int put_added(host_screen *s, const host_editor *e, uint32_t height,
                     host_bytes *out) {
  place p = {0, 0, PROMPT_COLUMNS};
  if (e->was_edited || !s->has_prompt || e->cursor != e->text.count ||
      s->drawn > e->text.count ||
      memchr(e->text.at + s->drawn, '\n', e->text.count - s->drawn) ||
      find(s, e, e->text.count).row >= height)
    return 0;
  /* A mark belongs to the character before it. */
  if (s->drawn && s->drawn < e->text.count &&
      host_previous(e->text.at, e->text.count, e->text.count) < s->drawn)
    return 0;
  while (p.at < s->drawn && step(s, e, &p))
    ;
  if (s->drawn == e->text.count)
    return 1;
  put_bold(s, "\x1B[1m", out);
  while (p.at < e->text.count) {
    put_character(e, p.at, out);
    step(s, e, &p);
  }
  s->cursor = go_below(s, p, UINT32_MAX, out);
  put_bold(s, "\x1B[0m", out);
  s->drawn = e->text.count;
  return 1;
}

void host_screen_begin(host_screen *s) {
  s->top = s->cursor = 0;
  s->drawn = 0;
  s->has_prompt = 0;
}

/* To where the first row begins, and what is below is gone. */
static void go_back(host_screen *s, uint32_t top, host_bytes *out) {
  s->has_prompt &= s->top == 0 && top == 0;
  move(out, s->cursor, 'A');
  put(out, "\r");
  if (s->has_prompt)
    move(out, PROMPT_COLUMNS, 'C');
  put(out, "\x1B[J");
}

void host_screen_draw(host_screen *s, host_editor *e, host_bytes *out) {
  uint32_t height = s->rows < 2 ? 24 : s->rows, top = s->top;
  if (put_added(s, e, height, out))
    return;
  place cursor = find(s, e, e->cursor), end = find(s, e, e->text.count);
  if (end.row < height)
    top = 0;
  else if (top > end.row + 1 - height)
    top = end.row + 1 - height;
  if (cursor.row < top)
    top = cursor.row;
  if (cursor.row >= top + height)
    top = cursor.row + 1 - height;
  go_back(s, top, out);
  s->top = top;
  uint32_t last = put_rows(s, e, top, top + height, out);
  move(out, last - cursor.row, 'A');
  put(out, "\r");
  move(out, cursor.column, 'C');
  s->cursor = cursor.row - top;
  s->has_prompt = top == 0;
  s->drawn = e->text.count;
  e->was_edited = 0;
}

void host_screen_resize(host_screen *s, const host_editor *e, uint32_t columns,
                        uint32_t rows) {
  s->columns = columns;
  s->rows = rows;
  place cursor = find(s, e, e->cursor);
  uint32_t height = rows < 2 ? 24 : rows;
  if (s->top > cursor.row)
    s->top = cursor.row;
  s->cursor = cursor.row - s->top;
  if (s->cursor >= height)
    s->cursor = height - 1;
}

void host_screen_leave(host_screen *s, host_editor *e, const char *mark,
                       host_bytes *out) {
  uint32_t height = s->rows < 2 ? 24 : s->rows;
  e->was_edited |= e->cursor < e->text.count;
  e->cursor = e->text.count;
  /* All of it, even where that is more than the terminal's rows. */
  if (!put_added(s, e, height, out)) {
    go_back(s, 0, out);
    put_rows(s, e, 0, UINT32_MAX, out);
  }
  put(out, mark);
  put(out, "\r\n");
  host_screen_begin(s);
}
