/*===- calls_python.c - calls in lines of Python ----------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "calls.h"

#include <string.h>

typedef struct python {
  grammar_compiler *c;
  const char *at, *end;
  uint32_t depth;
  calls_text out;
} python;

static void skip(python *p) {
  while (p->at < p->end && strchr(" \t\r\n", *p->at) && *p->at)
    ++p->at;
}

static int takes(python *p, const char *text) {
  size_t bytes = strlen(text);
  if ((size_t)(p->end - p->at) < bytes || memcmp(p->at, text, bytes) != 0)
    return 0;
  p->at += bytes;
  return 1;
}

static void refuse(python *p) {
  p->c->is_cut = p->at == p->end;
  grammar_fail(p->c, "a call is not in the form f(x=1)");
}

static void put(python *p, const char *text) {
  calls_append(p->c, &p->out, text, strlen(text));
}

static size_t name_bytes(const python *p) {
  const char *at = p->at;
  while (at < p->end &&
         ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
          (*at >= '0' && *at <= '9' && at > p->at) || *at == '_' ||
          *at == '.' || *at == '-'))
    ++at;
  return (size_t)(at - p->at);
}

/*--- Values ----------------------------------------------------------------*/

static void put_character(python *p, calls_text *text, uint32_t character) {
  char bytes[4];
  if (character > 0x10FFFF || (character >= 0xD800 && character < 0xE000))
    refuse(p);
  calls_append(p->c, text, bytes, grammar_encode(character, bytes));
}

static uint32_t read_hex(python *p, uint32_t digits) {
  uint32_t value = 0;
  for (uint32_t i = 0; i < digits; ++i, ++p->at) {
    static const char all[] = "0123456789abcdefABCDEF";
    const char *found = p->at < p->end && *p->at ? strchr(all, *p->at) : NULL;
    if (!found)
      refuse(p);
    uint32_t digit = (uint32_t)(found - all);
    value = value << 4 | (digit > 15 ? digit - 6 : digit);
  }
  return value;
}

static void read_escape(python *p, calls_text *text) {
  static const char names[] = "nrtbf0\\'\"", values[] = "\n\r\t\b\f\0\\'\"";
  if (p->at == p->end)
    refuse(p);
  char c = *p->at++;
  const char *found = c ? strchr(names, c) : NULL;
  uint32_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (digits) {
    uint32_t value = read_hex(p, digits);
    if (c == 'u' && value >= 0xD800 && value < 0xDC00 && takes(p, "\\u"))
      value = 0x10000 + ((value - 0xD800) << 10) + (read_hex(p, 4) - 0xDC00);
    put_character(p, text, value);
  } else if (found) {
    calls_append(p->c, text, &values[found - names], 1);
  } else if (c != '\n') {
    /* As it is, backslash and all. */
    calls_append(p->c, text, "\\", 1);
    calls_append(p->c, text, &c, 1);
  }
}

static void read_string(python *p, const char *quote) {
  calls_text text = {NULL, 0, 0};
  calls_append(p->c, &text, "", 0);
  while (!takes(p, quote)) {
    if (p->at == p->end || (*p->at == '\n' && !quote[1]))
      refuse(p);
    if (takes(p, "\\"))
      read_escape(p, &text);
    else
      calls_append(p->c, &text, p->at++, 1);
  }
  calls_append_string(p->c, &p->out, text.at, text.bytes);
}

static void read_value(python *p);

static void read_members(python *p, const char *open, const char *close,
                         const char *end) {
  int is_dictionary = end[0] == '}', count = 0;
  put(p, open);
  for (skip(p); !takes(p, end); skip(p)) {
    if (count++) {
      if (!takes(p, ","))
        refuse(p);
      skip(p);
      if (takes(p, end))
        break;
      put(p, ", ");
    }
    if (is_dictionary && p->at < p->end && *p->at != '"' && *p->at != '\'')
      refuse(p);
    read_value(p);
    skip(p);
    if (is_dictionary && !takes(p, ":"))
      refuse(p);
    if (is_dictionary) {
      put(p, ": ");
      read_value(p);
    }
  }
  put(p, close);
}

/* A number as JSON has it. */
static void read_number(python *p) {
  const char *from = p->at;
  while (p->at < p->end && *p->at && strchr("0123456789+-.eE", *p->at))
    ++p->at;
  if (p->at == from)
    refuse(p);
  grammar_read_json(p->c, "number", from, (size_t)(p->at - from));
  calls_append(p->c, &p->out, from, (size_t)(p->at - from));
}

static void read_value(python *p) {
  static const char *const words[][2] = {{"True", "true"},   {"False", "false"},
                                         {"None", "null"},   {"true", "true"},
                                         {"false", "false"}, {"null", "null"}};
  static const char *const quotes[] = {"\"\"\"", "'''", "\"", "'"};
  skip(p);
  if (++p->depth > GRAMMAR_NESTING)
    refuse(p);
  for (size_t i = 0; i < 4; ++i)
    if (takes(p, quotes[i])) {
      read_string(p, quotes[i]);
      --p->depth;
      return;
    }
  size_t word = 0;
  while (word < 6 && !takes(p, words[word][0]))
    ++word;
  if (word < 6)
    put(p, words[word][1]);
  else if (takes(p, "["))
    read_members(p, "[", "]", "]");
  else if (takes(p, "("))
    read_members(p, "[", "]", ")");
  else if (takes(p, "{"))
    read_members(p, "{", "}", "}");
  else
    read_number(p);
  --p->depth;
}

/*--- Calls -----------------------------------------------------------------*/

static call *read_call(python *p) {
  call *made = grammar_allocate(p->c, 1, sizeof(*made));
  made->name = p->at;
  made->name_bytes = name_bytes(p);
  p->at += made->name_bytes;
  memset(&p->out, 0, sizeof(p->out));
  skip(p);
  if (made->name_bytes == 0 || !takes(p, "("))
    refuse(p);
  put(p, "{");
  for (skip(p); !takes(p, ")"); skip(p)) {
    if (p->out.bytes > 1) {
      if (!takes(p, ","))
        refuse(p);
      skip(p);
      if (takes(p, ")"))
        break;
      put(p, ", ");
    }
    size_t bytes = name_bytes(p);
    if (bytes == 0)
      refuse(p);
    calls_append_string(p->c, &p->out, p->at, bytes);
    p->at += bytes;
    skip(p);
    if (!takes(p, "="))
      refuse(p);
    put(p, ": ");
    read_value(p);
  }
  put(p, "}");
  made->arguments = p->out.at;
  made->arguments_bytes = p->out.bytes;
  return made;
}

call *calls_read_python(grammar_compiler *c, const char *text, size_t bytes) {
  python p = {c, text, text + bytes, 0, {NULL, 0, 0}};
  call *first = NULL, **last = &first;
  skip(&p);
  int is_block = takes(&p, "```python") || takes(&p, "```");
  for (skip(&p); p.at < p.end && !takes(&p, "```"); skip(&p)) {
    *last = read_call(&p);
    last = &(*last)->next;
    skip(&p);
    takes(&p, ";");
  }
  (void)is_block;
  skip(&p);
  if (p.at != p.end)
    refuse(&p);
  return first;
}
