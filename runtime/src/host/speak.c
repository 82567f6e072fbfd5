/*===- speak.c - from tokens to text ----------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "speak.h"
#include "stops.h"
#include "thinking.h"

#include <string.h>

int host_is_end(const host_generator *generator, int32_t token) {
  const tern_generation *g = &generator->program->artifact.generation;
  if (host_stops_is_token(generator->stops, token))
    return 1;
  if (generator->program->options.ignore_eos)
    return 0;
  for (uint32_t i = 0; i < g->eos_count; ++i)
    if (g->eos_ids[i] == token)
      return 1;
  return 0;
}

static int append(host_generator *generator, host_copy *out) {
  const host_copy *ready = &generator->ready;
  return host_copy_append(generator->program, out, ready->text.at,
                          ready->marks.at, ready->text.bytes);
}

/* As host_speak, of whole characters. */
static int push(host_generator *generator, const char *text, size_t bytes,
                host_copy *out) {
  int result = host_stops_push(generator->stops, generator->program, text,
                               bytes, generator->mark, &generator->ready);
  return result >= 0 && append(generator, out) != 0 ? -1 : result;
}

int host_speak(host_generator *generator, int32_t token, int shows_tags,
               host_copy *out) {
  char whole[TERN_UTF8_ROOM(256)];
  size_t bytes;
  uint32_t flags;
  int result = 0;
  const char *text = tern_tokenizer_token(&generator->program->tokenizer, token,
                                          &bytes, &flags);
  if ((flags & TERN_TOKEN_SPECIAL) &&
      !(shows_tags && host_thinking_is_tag(text, bytes)))
    return 0;
  generator->mark =
      flags & TERN_TOKEN_ADDED ? TERN_MARK_TOKEN : TERN_MARK_WRITTEN;
  for (size_t at = 0, n; at < bytes && result == 0; at += n) {
    n = bytes - at < 256 ? bytes - at : 256;
    result = push(generator, whole,
                  tern_utf8_push(&generator->utf8, text + at, n, whole), out);
  }
  /* A begun character behind a stop string is no part of the text either. */
  if (result > 0)
    memset(&generator->utf8, 0, sizeof(generator->utf8));
  return result;
}

int host_speak_rest(host_generator *generator, host_copy *out) {
  char rest[TERN_UTF8_ROOM(0)];
  int result =
      push(generator, rest, tern_utf8_flush(&generator->utf8, rest), out);
  if (result == 0)
    result = host_stops_flush(generator->stops, generator->program,
                              &generator->ready);
  return result == 0 ? append(generator, out) : result < 0 ? -1 : 0;
}
