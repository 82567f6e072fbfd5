/*===- keys.c - bytes of a terminal to keys -----------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "editor.h"

#include <stdlib.h>
#include <string.h>

#define ESCAPE '\x1B'

static host_key control_key(char c) {
  switch (c) {
  case 1:
    return KEY_HOME;
  case 2:
    return KEY_LEFT;
  case 3:
    return KEY_INTERRUPT;
  case 4:
    return KEY_DELETE_OR_END;
  case 5:
    return KEY_END;
  case 6:
    return KEY_RIGHT;
  case 8:
  case 127:
    return KEY_BACKSPACE;
  case '\n':
  case '\r':
    return KEY_ENTER;
  case 11:
    return KEY_CUT_RIGHT;
  case 12:
    return KEY_CLEAR_SCREEN;
  case 14:
    return KEY_DOWN;
  case 16:
    return KEY_UP;
  case 20:
    return KEY_SWAP;
  case 21:
    return KEY_CUT_LEFT;
  case 23:
    return KEY_CUT_WORD_LEFT;
  case 25:
    return KEY_INSERT_CUT;
  case 26:
    return KEY_SUSPEND;
  default:
    return KEY_NONE;
  }
}

static host_key alt_key(char c) {
  switch (c) {
  case 'b':
  case 'B':
    return KEY_WORD_LEFT;
  case 'f':
  case 'F':
    return KEY_WORD_RIGHT;
  case 'd':
  case 'D':
    return KEY_CUT_WORD_RIGHT;
  case 8:
  case 127:
    return KEY_CUT_PART_LEFT;
  case '\n':
  case '\r':
    return KEY_NEW_LINE;
  default:
    return KEY_NONE;
  }
}

static host_key letter_key(char c, int is_word) {
  switch (c) {
  case 'A':
    return KEY_UP;
  case 'B':
    return KEY_DOWN;
  case 'C':
  case 'c':
    return is_word ? KEY_WORD_RIGHT : KEY_RIGHT;
  case 'D':
  case 'd':
    return is_word ? KEY_WORD_LEFT : KEY_LEFT;
  case 'H':
    return KEY_HOME;
  case 'F':
    return KEY_END;
  default:
    return KEY_NONE;
  }
}

static host_key number_key(long number, int is_word) {
  switch (number) {
  case 1:
  case 7:
    return KEY_HOME;
  case 3:
    return is_word ? KEY_CUT_WORD_RIGHT : KEY_DELETE;
  case 4:
  case 8:
    return KEY_END;
  default:
    return KEY_NONE;
  }
}

/* A whole sequence behind ESC: "[1;5C", "OH", "b". */
static host_key sequence_key(host_keys *keys, const char *s, size_t count) {
  char last = s[count - 1];
  if (count == 1)
    return alt_key(last);
  /* A modifier comes behind ';', or is the number before a letter. */
  const char *semicolon = memchr(s, ';', count);
  long modifier = semicolon                  ? strtol(semicolon + 1, NULL, 10)
                  : count > 2 && last != '~' ? strtol(s + 1, NULL, 10)
                                             : 0;
  int is_word = modifier >= 3 && modifier <= 8;
  if (s[0] == 'O' || last != '~')
    return letter_key(last, is_word || (last >= 'a' && s[0] == 'O'));
  long number = strtol(s + 1, NULL, 10);
  if (number == 200)
    keys->pastes = 1;
  return number_key(number, is_word);
}

/* 1: the sequence that is held is whole, 0: more may come, -1: it is none. */
static int is_whole(const char *s, size_t count) {
  if (count == 0)
    return 0;
  if (s[0] == ESCAPE)
    return -1;
  if (s[0] == 'O')
    return count > 1;
  if (s[0] != '[')
    return 1;
  /* The console of Linux sends "[[A" for F1. */
  if (count > 2 && s[1] == '[')
    return 1;
  for (size_t i = 1; i < count; ++i) {
    if ((uint8_t)s[i] < 0x20 || (uint8_t)s[i] > 0x7E)
      return -1;
    if (s[i] >= 0x40 && !(i == 1 && s[i] == '['))
      return 1;
  }
  return 0;
}

static const char paste_end[] = "\x1B[201~";
#define PASTE_END_BYTES (sizeof(paste_end) - 1)

/* Pasted text up to its end, or to where that may begin. A line ends with '\n'.
 */
static host_key next_pasted(host_keys *k, const char *bytes, size_t count,
                            size_t *taken, const char **text, size_t *n) {
  *taken = 1;
  if (*bytes == paste_end[k->held_count]) {
    k->held[k->held_count++] = *bytes;
    if (k->held_count < PASTE_END_BYTES)
      return KEY_NONE;
    k->held_count = 0;
    k->pastes = k->after_return = 0;
    return KEY_NONE;
  }
  if (k->held_count) { /* it was text after all */
    *taken = 0;
    *text = k->held;
    *n = k->held_count;
    k->held_count = 0;
    return KEY_PASTE;
  }
  int is_second = k->after_return && *bytes == '\n';
  k->after_return = *bytes == '\r';
  if (is_second)
    return KEY_NONE;
  if (*bytes == '\r') {
    *text = "\n";
    *n = 1;
    return KEY_PASTE;
  }
  while (*taken < count && bytes[*taken] != '\r' && bytes[*taken] != ESCAPE)
    ++*taken;
  *text = bytes;
  *n = *taken;
  return KEY_PASTE;
}

host_key host_keys_next(host_keys *k, const char *bytes, size_t count,
                        size_t *taken, const char **text, size_t *n) {
  *text = NULL;
  *n = 0;
  if (k->pastes)
    return next_pasted(k, bytes, count, taken, text, n);
  *taken = 1;
  if (k->held_count) {
    if (k->held_count == sizeof(k->held) - 1) { /* no key is that long */
      k->held_count = 0;
      return KEY_NONE;
    }
    k->held[k->held_count++] = *bytes;
    k->held[k->held_count] = 0;
    int whole = is_whole(k->held + 1, k->held_count - 1);
    if (whole == 0)
      return KEY_NONE;
    size_t length = k->held_count - 1;
    k->held_count = 0;
    if (whole > 0)
      return sequence_key(k, k->held + 1, length);
    *taken = 0; /* what broke it is looked at by itself */
    if (*bytes == ESCAPE)
      return KEY_NONE;
    return KEY_NONE;
  }
  if (*bytes == ESCAPE) {
    k->held[k->held_count++] = *bytes;
    return KEY_NONE;
  }
  if ((uint8_t)*bytes < 0x20 && *bytes != '\t')
    return control_key(*bytes);
  if (*bytes == 127)
    return KEY_BACKSPACE;
  while (*taken < count && (uint8_t)bytes[*taken] >= 0x20 &&
         bytes[*taken] != 127)
    ++*taken;
  *text = bytes;
  *n = *taken;
  return KEY_TEXT;
}
