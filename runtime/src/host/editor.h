/*===- editor.h - a line that is being typed ----------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Nothing here knows of a terminal: bytes become keys (keys.c), keys change the
 * text (editor.c), and the text becomes bytes for a screen (screen.c).
 * terminal.c joins them to one.
 */
#ifndef TERN_SRC_HOST_EDITOR_H
#define TERN_SRC_HOST_EDITOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*--- Characters (width.c) --------------------------------------------------*/

/* Columns of a terminal that a character takes: 0, 1 or 2. */
int host_width(uint32_t code);
/* The character at a place of a text, U+FFFD for a byte that is none. */
uint32_t host_character(const char *text, size_t bytes, size_t at,
                        size_t *length);
/* The end of what is one character to a reader: with its marks, and with all
 * that a joiner ties to it. The beginning of the one before a place. */
size_t host_next(const char *text, size_t bytes, size_t at);
size_t host_previous(const char *text, size_t bytes, size_t at);

/*--- Bytes that grow -------------------------------------------------------*/

typedef struct host_bytes {
  char *at; /* to be freed */
  size_t count, room;
  int failed; /* there was no memory for something */
} host_bytes;
void host_bytes_insert(host_bytes *to, size_t place, const char *from,
                       size_t count);
void host_bytes_append(host_bytes *to, const char *from, size_t count);
void host_bytes_set(host_bytes *to, const char *from, size_t count);
void host_bytes_remove(host_bytes *from, size_t begin, size_t end);

/*--- Keys (keys.c) ---------------------------------------------------------*/

typedef enum host_key {
  KEY_NONE, /* more bytes are needed, or it means nothing */
  KEY_TEXT,
  KEY_PASTE, /* text that is not typed */
  KEY_ENTER,
  KEY_NEW_LINE,
  KEY_LEFT,
  KEY_RIGHT,
  KEY_UP,
  KEY_DOWN,
  KEY_HOME,
  KEY_END,
  KEY_WORD_LEFT,
  KEY_WORD_RIGHT,
  KEY_BACKSPACE,
  KEY_DELETE,
  KEY_CUT_WORD_LEFT, /* to the white space before */
  KEY_CUT_PART_LEFT, /* to where a word begins */
  KEY_CUT_WORD_RIGHT,
  KEY_CUT_LEFT,
  KEY_CUT_RIGHT,
  KEY_INSERT_CUT,
  KEY_SWAP,
  KEY_CLEAR_SCREEN,
  KEY_INTERRUPT,
  KEY_DELETE_OR_END,
  KEY_SUSPEND
} host_key;

/* All fields 0 is the beginning. */
typedef struct host_keys {
  char held[32]; /* a sequence whose end has not come */
  size_t held_count;
  int pastes, after_return;
} host_keys;

/* The next key of `bytes`, of which *taken are used up. Of KEY_TEXT and
 * KEY_PASTE, *text is a part of `bytes` or of `keys`. */
host_key host_keys_next(host_keys *keys, const char *bytes, size_t count,
                        size_t *taken, const char **text, size_t *text_count);

/*--- The text (editor.c) ---------------------------------------------------*/

typedef struct host_editor {
  host_bytes text;
  size_t cursor; /* a byte of the text */
  host_bytes cut;
  int was_cut;    /* the last key cut something */
  int was_edited; /* not only text was added at the end since it was drawn */
  char **history;
  size_t history_count, history_at; /* at the count: the draft */
  host_bytes draft;
} host_editor;

typedef enum host_edit {
  EDIT_ON,
  EDIT_DONE,
  EDIT_INTERRUPTED,
  EDIT_ENDED,
  EDIT_SUSPENDED,
  EDIT_CLEARED, /* the screen is to be */
  EDIT_FAILED   /* no memory */
} host_edit;

#define HOST_HISTORY 500u /* texts at most */

/* Does what a key means. `text` is that of KEY_TEXT or KEY_PASTE. */
host_edit host_editor_do(host_editor *editor, host_key key, const char *text,
                         size_t count);
/* Puts the text into the history and begins the next one. */
void host_editor_next(host_editor *editor);
void host_editor_close(host_editor *editor);

/*--- The screen (screen.c) -------------------------------------------------*/

typedef struct host_screen {
  uint32_t columns, rows; /* 0: not known */
  int color;
  uint32_t top;    /* the first row of the text that is shown */
  uint32_t cursor; /* the cursor's row as it was drawn, from `top` */
  size_t drawn;    /* bytes of the text */
  int has_prompt;  /* it stands there already */
} host_screen;

/* Begins with a screen on which nothing is drawn. */
void host_screen_begin(host_screen *screen);
/* Appends what makes a terminal show prompt and text in place of what was drawn
 * last. Text that was added at the end is sent alone. */
void host_screen_draw(host_screen *screen, host_editor *editor,
                      host_bytes *out);
/* After a change of the size: the terminal has wrapped the text anew. */
void host_screen_resize(host_screen *screen, const host_editor *editor,
                        uint32_t columns, uint32_t rows);
/* The line is finished: `mark` stands behind it, and the cursor below. */
void host_screen_leave(host_screen *screen, host_editor *editor,
                       const char *mark, host_bytes *out);
void host_screen_prompt(int color, const char *prompt, host_bytes *out);

#ifdef __cplusplus
}
#endif
#endif /* TERN_SRC_HOST_EDITOR_H */
