/*===- stops.c - strings that end an answer --------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Looked for in the text as it is printed, so it does not matter how a string
 *is cut into tokens. A control token is not printed; a string that is just one
 *is looked for among the tokens.
 */
#include "stops.h"

#include <stdlib.h>
#include <string.h>

static void fill_fallback(host_stop_string *s) {
  uint32_t matched = 0;
  s->fallback[0] = s->fallback[1] = 0;
  for (uint32_t i = 1; i < s->bytes; ++i) {
    while (matched > 0 && s->text[i] != s->text[matched])
      matched = s->fallback[matched];
    matched += s->text[i] == s->text[matched];
    s->fallback[i + 1] = (uint16_t)matched;
  }
}

static int add(host_stops *stops, host_program *program, const char *text) {
  host_stop_string *s = &stops->strings[stops->count];
  size_t bytes = strlen(text);
  if (bytes == 0 || bytes > TERN_MAX_STOP_BYTES)
    return host_fail(&program->error,
                     "a stop string has 1 to %u bytes, but this one has %zu",
                     TERN_MAX_STOP_BYTES, bytes);
  s->text = text;
  s->bytes = (uint32_t)bytes;
  s->matched = 0;
  s->fallback = host_allocate(program, bytes + 1, sizeof(uint16_t), 1);
  if (!s->fallback)
    return -1;
  ++stops->count;
  fill_fallback(s);
  int32_t *ids;
  size_t count;
  uint32_t flags = 0;
  if (host_encode(program, text, NULL, bytes, TERN_ENCODE_BARE, &ids, &count) !=
      0)
    return -1;
  if (count == 1)
    tern_tokenizer_token(&program->tokenizer, ids[0], &bytes, &flags);
  if (count == 1 && (flags & TERN_TOKEN_SPECIAL))
    stops->tokens[stops->token_count++] = ids[0];
  free(ids);
  return 0;
}

int host_stops_open(host_stops *stops, host_program *program) {
  const host_options *o = &program->options;
  const tern_artifact *artifact = &program->artifact;
  uint32_t own = o->ignore_eos || !program->has_tokenizer
                     ? 0
                     : artifact->generation.stop_count;
  uint32_t given = (uint32_t)o->stops.count;
  memset(stops, 0, sizeof(*stops));
  if (own + given == 0)
    return 0;
  if (!program->has_tokenizer)
    return host_fail(
        &program->error,
        "this model has no tokenizer, so there is no text in which "
        "--stop could be found");
  stops->strings =
      host_allocate(program, own + given, sizeof(host_stop_string), 1);
  stops->tokens = host_allocate(program, own + given, sizeof(int32_t), 1);
  if (!stops->strings || !stops->tokens)
    return -1;
  const char *at = artifact->stops;
  for (uint32_t i = 0; i < own; ++i, at += strlen(at) + 1)
    if (add(stops, program, at) != 0)
      return -1;
  for (uint32_t i = 0; i < given; ++i)
    if (add(stops, program, o->stops.at[i]) != 0)
      return -1;
  return 0;
}

void host_stops_close(host_stops *stops) {
  for (uint32_t i = 0; i < stops->count; ++i)
    free(stops->strings[i].fallback);
  free(stops->strings);
  free(stops->tokens);
  free(stops->held.text.at);
  free(stops->held.marks.at);
}

void host_stops_reset(host_stops *stops) {
  for (uint32_t i = 0; i < stops->count; ++i)
    stops->strings[i].matched = 0;
  stops->held.text.bytes = stops->held.marks.bytes = 0;
}

int host_stops_is_token(const host_stops *stops, int32_t token) {
  for (uint32_t i = 0; i < stops->token_count; ++i)
    if (stops->tokens[i] == token)
      return 1;
  return 0;
}

/* Bytes of the longest string that ends with this byte of the text, or 0. */
static uint32_t advance(host_stops *stops, char byte) {
  uint32_t longest = 0;
  for (uint32_t i = 0; i < stops->count; ++i) {
    host_stop_string *s = &stops->strings[i];
    while (s->matched > 0 && s->text[s->matched] != byte)
      s->matched = s->fallback[s->matched];
    s->matched += s->text[s->matched] == byte;
    if (s->matched == s->bytes && s->bytes > longest)
      longest = s->bytes;
  }
  return longest;
}

static uint32_t longest_begun(const host_stops *stops) {
  uint32_t longest = 0;
  for (uint32_t i = 0; i < stops->count; ++i)
    if (stops->strings[i].matched > longest)
      longest = stops->strings[i].matched;
  return longest;
}

int host_copy_append(host_program *program, host_copy *copy, const char *text,
                     const char *marks, size_t bytes) {
  if (host_text_append(program, &copy->text, text, bytes) != 0)
    return -1;
  return host_text_append(program, &copy->marks, marks, bytes);
}

static void clear(host_copy *copy) { copy->text.bytes = copy->marks.bytes = 0; }

/* Drops the first `bytes`. */
static void drop(host_text *text, size_t bytes) {
  text->bytes -= bytes;
  if (text->bytes)
    memmove(text->at, text->at + bytes, text->bytes);
}

int host_stops_push(host_stops *stops, host_program *program, const char *text,
                    size_t bytes, char mark, host_copy *out) {
  host_copy *held = &stops->held;
  clear(out);
  if (host_copy_append(program, held, text, text, bytes) != 0)
    return -1;
  uint32_t found = 0;
  size_t before = held->text.bytes - bytes, done = 0;
  if (bytes)
    memset(held->marks.at + before, mark, bytes);
  while (done < bytes && found == 0)
    found = advance(stops, text[done++]);
  size_t sure = before + done - (found ? found : longest_begun(stops));
  if (host_copy_append(program, out, held->text.at, held->marks.at, sure) != 0)
    return -1;
  if (found) {
    host_stops_reset(stops);
    return 1;
  }
  drop(&held->text, sure);
  drop(&held->marks, sure);
  return 0;
}

int host_stops_flush(host_stops *stops, host_program *program, host_copy *out) {
  const host_copy *held = &stops->held;
  clear(out);
  int result = host_copy_append(program, out, held->text.at, held->marks.at,
                                held->text.bytes);
  host_stops_reset(stops);
  return result;
}
