/*===- tokenizer_split.c - text into pieces --------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * By hand what these patterns say, alternatives in their order:
 *
 *   Llama-3  (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}
 *            | ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
 *   Qwen-2   the same with \p{N} for \p{N}{1,3}
 *   GPT-2    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+
 *            |\s+(?!\S)|\s+
 *
 * Every piece is found in one pass over it and the character behind it, except
 * that a run of white space is also looked at up to its end.
 */
#include "tokenizer_table.h"

typedef struct cursor {
  const tern_tokenizer *tokenizer;
  const uint8_t *text;
  size_t bytes;
} cursor;

typedef struct character {
  uint32_t code;   /* UTF8_INVALID for a byte that is part of no character */
  uint32_t length; /* 0 behind the end */
  uint32_t klass;
} character;

static character look(const cursor *c, size_t at) {
  character result = {UTF8_INVALID, 0, TERN_CHAR_OTHER};
  if (at >= c->bytes)
    return result;
  result.code = tern_utf8_decode(c->text + at, c->bytes - at, &result.length);
  if (result.code != UTF8_INVALID)
    result.klass = tern_table_class(c->tokenizer, result.code);
  return result;
}

static int is_newline(character ch) {
  return ch.length > 0 && (ch.code == '\r' || ch.code == '\n');
}

/* The end of the run of at most `most` characters of one class from `at`. */
static size_t run_of(const cursor *c, size_t at, uint32_t klass, size_t most) {
  for (; most > 0; --most) {
    character ch = look(c, at);
    if (ch.length == 0 || ch.klass != klass)
      break;
    at += ch.length;
  }
  return at;
}

/* Lower case; U+017F, the long s, folds to s as (?i) in Unicode has it. */
static uint32_t fold(uint32_t code) {
  if (code == 0x17F)
    return 's';
  return code >= 'A' && code <= 'Z' ? code + 32 : code;
}

/* The end of 's, 't, 're, 've, 'm, 'll or 'd at `at`, or 0. */
static size_t contraction(const cursor *c, size_t at, int any_case) {
  if (c->text[at] != '\'')
    return 0;
  character first = look(c, at + 1);
  if (first.length == 0)
    return 0;
  uint32_t a = any_case ? fold(first.code) : first.code;
  size_t end = at + 1 + first.length;
  if (a == 's' || a == 't' || a == 'm' || a == 'd')
    return end;
  character second = look(c, end);
  uint32_t b = any_case ? fold(second.code) : second.code;
  if (second.length > 0 && ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') ||
                            (a == 'l' && b == 'l')))
    return end + second.length;
  return 0;
}

/* \s*[\r\n]+ if `newlines`, then \s+(?!\S), then \s+. `at` is white space. */
static size_t white_space(const cursor *c, size_t at, int newlines) {
  size_t end = at, last = at, after_newline = 0;
  for (character ch = look(c, at); ch.length && ch.klass == TERN_CHAR_SPACE;
       ch = look(c, end)) {
    last = end;
    end += ch.length;
    if (is_newline(ch))
      after_newline = end;
  }
  if (newlines && after_newline)
    return after_newline;
  /* The last one belongs to what follows, unless it is the only one. */
  return end < c->bytes && last > at ? last : end;
}

static size_t next_llama3(const cursor *c, size_t at, size_t digits) {
  size_t end = contraction(c, at, 1);
  if (end)
    return end;
  character first = look(c, at);
  character second = look(c, at + first.length);
  if (first.klass == TERN_CHAR_LETTER)
    return run_of(c, at, TERN_CHAR_LETTER, SIZE_MAX);
  if (first.klass == TERN_CHAR_NUMBER)
    return run_of(c, at, TERN_CHAR_NUMBER, digits);
  if (second.length && second.klass == TERN_CHAR_LETTER && !is_newline(first))
    return run_of(c, at + first.length, TERN_CHAR_LETTER, SIZE_MAX);
  int space = first.code == ' ' && second.length;
  if (first.klass == TERN_CHAR_OTHER ||
      (space && second.klass == TERN_CHAR_OTHER)) {
    end = run_of(c, at + (space ? 1 : 0), TERN_CHAR_OTHER, SIZE_MAX);
    while (is_newline(look(c, end)))
      ++end;
    return end;
  }
  return white_space(c, at, 1);
}

static size_t next_gpt2(const cursor *c, size_t at) {
  size_t end = contraction(c, at, 0);
  if (end)
    return end;
  character first = look(c, at);
  character second = look(c, at + first.length);
  if (first.klass != TERN_CHAR_SPACE)
    return run_of(c, at, first.klass, SIZE_MAX);
  if (first.code == ' ' && second.length && second.klass != TERN_CHAR_SPACE)
    return run_of(c, at + 1, second.klass, SIZE_MAX);
  return white_space(c, at, 0);
}

size_t tern_split_next(const tern_tokenizer *t, const uint8_t *text,
                       size_t bytes, size_t at) {
  cursor c = {t, text, bytes};
  switch (t->header.split) {
  case TERN_SPLIT_GPT2:
    return next_gpt2(&c, at);
  case TERN_SPLIT_LLAMA3:
    return next_llama3(&c, at, 3);
  case TERN_SPLIT_QWEN2:
    return next_llama3(&c, at, 1);
  default:
    return bytes;
  }
}
