/*===- lexer.c - a template's text to tokens ------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "../core/utf8.h"
#include "parts.h"

#include <string.h>

static int is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F);
}
static int is_digit(char c) { return c >= '0' && c <= '9'; }
static int is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static uint32_t line_at(lexer *l, const char *at) {
  for (; l->counted < at; ++l->counted)
    l->line += *l->counted == '\n';
  return l->line;
}

static token make(lexer *l, token_kind kind, const char *at, size_t bytes) {
  token t = {kind, 0, line_at(l, at), template_string(at, bytes)};
  return t;
}

static int follows(const lexer *l, const char *at, const char *text) {
  size_t bytes = strlen(text);
  return (size_t)(l->end - at) >= bytes && memcmp(at, text, bytes) == 0;
}

/* The text before a tag at `to`: with '-' no white space at its end; before a
 * block or a comment no blanks if they are all of their line (lstrip_blocks).
 */
static const char *strip_before(const lexer *l, const char *from,
                                const char *to) {
  const char *at = to;
  char sign = to + 2 < l->end ? to[2] : 0;
  if (sign == '-') {
    value text = template_string(from, (size_t)(to - from));
    return from + template_strip(l->engine, text, STRIP_RIGHT, NULL).bytes;
  }
  if (sign == '+' || to[1] == '{')
    return to;
  while (at > from && at[-1] != '\n' && is_blank(at[-1]))
    --at;
  return at == l->start || at[-1] == '\n' ? at : to;
}

/* The text behind a tag: with '-' no white space at its beginning; behind a
 * block or a comment not the end of its line (trim_blocks). */
static void strip_after(lexer *l, char sign, int is_print) {
  if (sign == '-') {
    value text = template_string(l->at, (size_t)(l->end - l->at));
    l->at = l->end - template_strip(l->engine, text, STRIP_LEFT, NULL).bytes;
  } else if (!is_print && sign != '+' && l->at < l->end && *l->at == '\n') {
    ++l->at;
  }
}

static void skip_comment(lexer *l, const char *tag) {
  const char *at = tag + 2;
  while (at < l->end && !follows(l, at, "#}"))
    ++at;
  if (at == l->end) {
    l->engine->line = line_at(l, tag);
    template_fail(l->engine, "'{#' has no '#}'");
  }
  char sign = at > tag + 2 ? at[-1] : 0;
  l->at = at + 2;
  strip_after(l, sign == '+' || sign == '-' ? sign : 0, 0);
}

/* Behind "{%", a sign and blanks: whether the tag is `name` alone. */
static const char *tag_named(const lexer *l, const char *tag, const char *name,
                             char *sign) {
  const char *at = tag + 2;
  if (at < l->end && (*at == '-' || *at == '+'))
    ++at;
  while (at < l->end && is_blank(*at))
    ++at;
  if (!follows(l, at, name))
    return NULL;
  at += strlen(name);
  while (at < l->end && is_blank(*at))
    ++at;
  *sign = 0;
  if (at < l->end && (*at == '-' || *at == '+'))
    *sign = *at++;
  return follows(l, at, "%}") ? at + 2 : NULL;
}

/* The text of {% raw %}, whose tag begins at `tag` and ends at `from`. */
static token lex_raw(lexer *l, const char *tag, const char *from, char sign) {
  l->at = from;
  strip_after(l, sign, 0);
  const char *begin = l->at;
  for (const char *at = begin; at < l->end; ++at) {
    const char *after =
        follows(l, at, "{%") ? tag_named(l, at, "endraw", &sign) : NULL;
    if (!after)
      continue;
    const char *end = strip_before(l, begin, at);
    l->at = after;
    strip_after(l, sign, 0);
    return make(l, T_TEXT, begin, (size_t)(end - begin));
  }
  l->engine->line = line_at(l, tag);
  template_fail(l->engine, "'raw' has no 'endraw'");
}

/* Text up to the next tag, or that tag. */
static token lex_outside(lexer *l) {
  for (;;) {
    const char *from = l->at, *tag = from, *after;
    char sign;
    while (tag < l->end && !(tag + 1 < l->end && *tag == '{' &&
                             strchr("{%#", tag[1]) && tag[1] != 0))
      ++tag;
    if (tag == l->end && from == tag)
      return make(l, T_END, tag, 0);
    if (tag > from) {
      const char *to = tag == l->end ? tag : strip_before(l, from, tag);
      l->at = tag;
      if (to > from)
        return make(l, T_TEXT, from, (size_t)(to - from));
      continue;
    }
    if (tag[1] == '#') {
      skip_comment(l, tag);
      continue;
    }
    if (tag[1] == '%' && (after = tag_named(l, tag, "raw", &sign)) != NULL)
      return lex_raw(l, tag, after, sign);
    token t = make(l, tag[1] == '%' ? T_BLOCK_BEGIN : T_PRINT_BEGIN, tag, 2);
    l->at = tag + 2;
    if (l->at < l->end && (*l->at == '-' || *l->at == '+'))
      ++l->at;
    l->inside = tag[1];
    l->open = 0;
    return t;
  }
}

/* "-%}", "+%}" or "%}"; prints end with "}}". */
static int lex_tag_end(lexer *l, token *t) {
  const char *at = l->at;
  int is_print = l->inside == '{';
  char sign = *at == '-' || (*at == '+' && !is_print) ? *at : 0;
  if (l->open || !follows(l, at + (sign != 0), is_print ? "}}" : "%}"))
    return 0;
  *t = make(l, is_print ? T_PRINT_END : T_BLOCK_END, at, 2);
  l->at = at + (sign != 0) + 2;
  l->inside = 0;
  strip_after(l, sign, is_print);
  return 1;
}

static token lex_number(lexer *l) {
  const char *from = l->at, *at = from;
  token_kind kind = T_INT;
  while (at < l->end && (is_digit(*at) || *at == '_'))
    ++at;
  /* In a.0.1 there are two whole numbers. */
  int after_dot = from > l->start && from[-1] == '.';
  if (!after_dot && at + 1 < l->end && *at == '.' && is_digit(at[1])) {
    kind = T_FLOAT;
    for (++at; at < l->end && is_digit(*at);)
      ++at;
  }
  const char *mark = at;
  if (!after_dot && at < l->end && (*at == 'e' || *at == 'E')) {
    ++at;
    at += at < l->end && (*at == '+' || *at == '-');
    if (at < l->end && is_digit(*at)) {
      kind = T_FLOAT;
      while (at < l->end && is_digit(*at))
        ++at;
    } else {
      at = mark;
    }
  }
  l->at = at;
  return make(l, kind, from, (size_t)(at - from));
}

static token lex_string(lexer *l) {
  const char *from = l->at, *at = from + 1;
  while (at < l->end && *at != *from)
    at += *at == '\\' && at + 1 < l->end ? 2 : 1;
  if (at >= l->end) {
    l->engine->line = line_at(l, from);
    template_fail(l->engine, "a string has no end");
  }
  l->at = at + 1;
  return make(l, T_STRING, from, (size_t)(at + 1 - from));
}

static token lex_operator(lexer *l) {
  static const char *const pairs[] = {"==", "!=", "<=", ">=", "//", "**"};
  token t = make(l, T_OPERATOR, l->at, 1);
  for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); ++i)
    if (follows(l, l->at, pairs[i])) {
      t.op = OP2(pairs[i][0], pairs[i][1]);
      t.text.bytes = 2;
      l->at += 2;
      return t;
    }
  char c = *l->at;
  if (c == 0 || !strchr("+-*/%~<>=()[]{}.,:|", c)) {
    l->engine->line = line_at(l, l->at);
    if (c > 0x20 && c < 0x7F)
      template_fail(l->engine, "unexpected '%c'", c);
    template_fail(l->engine, "unexpected byte 0x%02x in a tag", (uint8_t)c);
  }
  t.op = (uint32_t)c;
  ++l->at;
  if (strchr("([{", c))
    ++l->open;
  else if (strchr(")]}", c) && l->open)
    --l->open;
  return t;
}

token template_lex(lexer *l) {
  token t;
  if (!l->inside)
    return lex_outside(l);
  while (l->at < l->end && is_blank(*l->at))
    ++l->at;
  if (l->at == l->end) {
    l->engine->line = line_at(l, l->at);
    template_fail(l->engine, "a tag has no end: expected '%s'",
                  l->inside == '{' ? "}}" : "%}");
  }
  if (lex_tag_end(l, &t))
    return t;
  if (is_digit(*l->at))
    return lex_number(l);
  if (*l->at == '\'' || *l->at == '"')
    return lex_string(l);
  if (is_letter(*l->at)) {
    const char *from = l->at;
    while (l->at < l->end && (is_letter(*l->at) || is_digit(*l->at)))
      ++l->at;
    return make(l, T_NAME, from, (size_t)(l->at - from));
  }
  return lex_operator(l);
}

/*--- String literals, as Python reads them ---------------------------------*/

static uint32_t read_digits(const char **at, const char *end, uint32_t base,
                            int most) {
  uint32_t code = 0;
  for (int i = 0; i < most && *at < end; ++i, ++*at) {
    uint32_t digit = tern_hex_digit(**at);
    if (digit >= base)
      break;
    code = code * base + digit;
  }
  return code;
}

static void append_code(engine *e, builder *to, uint32_t code) {
  char out[4];
  if (code >= 0x110000 || (code >= 0xD800 && code < 0xE000))
    template_fail(e, "a string has an escape that is no character");
  template_append(e, to, out, NULL, tern_utf8_encode((uint8_t *)out, code));
}

static void unescape(engine *e, builder *to, const char **at, const char *end) {
  static const char names[] = "abfnrtv\\'\"", codes[] = "\a\b\f\n\r\t\v\\'\"";
  char c = **at;
  const char *name = c ? strchr(names, c) : NULL;
  if (name) {
    ++*at;
    template_append(e, to, codes + (name - names), NULL, 1);
  } else if (c == '\n') {
    ++*at;
  } else if (c >= '0' && c <= '7') {
    append_code(e, to, read_digits(at, end, 8, 3));
  } else if (c == 'x' || c == 'u' || c == 'U') {
    int wanted = c == 'x' ? 2 : c == 'u' ? 4 : 8;
    const char *from = ++*at;
    uint32_t code = read_digits(at, end, 16, wanted);
    if (*at - from != wanted)
      template_fail(e, "'\\%c' wants %d hexadecimal digits", c, wanted);
    append_code(e, to, code);
  } else {
    template_append(e, to, "\\", NULL, 1);
  }
}

value template_unquote(engine *e, value quoted) {
  const char *at = quoted.at + 1, *end = quoted.at + quoted.bytes - 1;
  if (!memchr(at, '\\', (size_t)(end - at)))
    return template_string(at, (size_t)(end - at));
  builder text = {0};
  while (at < end) {
    const char *from = at;
    while (at < end && *at != '\\')
      ++at;
    template_append(e, &text, from, NULL, (size_t)(at - from));
    if (at < end && ++at < end)
      unescape(e, &text, &at, end);
  }
  return template_built(&text);
}
