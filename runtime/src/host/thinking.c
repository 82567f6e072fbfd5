/*===- thinking.c - what a model thinks before it answers -------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "thinking.h"

#include <string.h>

static const char opening[] = "<think>", closing[] = "</think>";
static const char call[] = "<tool_call>";
static const char dim[] = "\x1B[2m", plain[] = "\x1B[22m";

/* The text shown by one call. */
typedef struct show {
  const host_thinking *thinking;
  host_program *program;
  host_text *out;
  int is_dim, failed;
} show;

static void append(show *s, const char *text, size_t bytes) {
  if (!s->failed && bytes)
    s->failed = host_text_append(s->program, s->out, text, bytes) != 0;
}

static void put(show *s, int is_thought, const char *text, size_t bytes) {
  if (bytes == 0 || (is_thought && s->thinking->hides))
    return;
  int wants_dim = is_thought && s->thinking->dims;
  if (wants_dim != s->is_dim)
    append(s, wants_dim ? dim : plain, strlen(wants_dim ? dim : plain));
  s->is_dim = wants_dim;
  append(s, text, bytes);
}

static int finish(show *s) {
  if (s->is_dim)
    append(s, plain, strlen(plain));
  return s->failed ? -1 : 0;
}

void host_thinking_begin(host_thinking *t) {
  t->is_inside = t->has_said = 0;
  t->matched = 0;
}

static int is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The bytes that began a tag and were none. */
static void give_up(host_thinking *t, show *s) {
  if (t->matched && !t->is_inside)
    t->has_said = 1;
  put(s, t->is_inside, t->is_inside ? closing : opening, t->matched);
  t->matched = 0;
}

static void end_tag(host_thinking *t, show *s) {
  const char *tag = t->is_inside ? closing : opening;
  put(s, 1, tag, strlen(tag));
  t->is_inside = !t->is_inside;
  t->has_said = 0;
  t->matched = 0;
}

static void take(host_thinking *t, show *s, char c, char mark) {
  const char *tag = t->is_inside ? closing : opening;
  /* Letters that open nothing. */
  int is_text = !t->is_inside && t->has_said && mark != TERN_MARK_TOKEN;
  if (t->matched && (is_text || c != tag[t->matched]))
    give_up(t, s);
  is_text = !t->is_inside && t->has_said && mark != TERN_MARK_TOKEN;
  /* No tag has its first character once more inside. */
  if (!is_text && c == tag[t->matched]) {
    if (!tag[++t->matched])
      end_tag(t, s);
    return;
  }
  if (!t->is_inside && !t->has_said && s->thinking->hides &&
      (c == '\n' || c == '\r'))
    return;
  if (!t->is_inside && !is_blank(c))
    t->has_said = 1;
  put(s, t->is_inside, &c, 1);
}

int host_thinking_push(host_thinking *t, host_program *program,
                       const char *text, const char *marks, size_t bytes,
                       host_text *out) {
  show s = {t, program, out, 0, 0};
  for (size_t i = 0; i < bytes; ++i)
    take(t, &s, text[i], marks[i]);
  return finish(&s);
}

int host_thinking_flush(host_thinking *t, host_program *program,
                        host_text *out) {
  show s = {t, program, out, 0, 0};
  give_up(t, &s);
  return finish(&s);
}

static int is(const char *tag, const char *text, size_t bytes) {
  return bytes == strlen(tag) && memcmp(text, tag, bytes) == 0;
}

int host_thinking_is_tag(const char *text, size_t bytes) {
  static const char *const tags[] = {opening,
                                     closing,
                                     call,
                                     "</tool_call>",
                                     "<|tool_call_start|>",
                                     "<|tool_call_end|>",
                                     "<|thought_start|>",
                                     "<|thought_end|>",
                                     "<|python_tag|>",
                                     "[TOOL_CALLS]"};
  for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); ++i)
    if (is(tags[i], text, bytes))
      return 1;
  return 0;
}

size_t host_thinking_opening(const tern_rendering *rendering) {
  size_t end = rendering->bytes, tag = strlen(opening);
  while (end && is_blank(rendering->text[end - 1]))
    --end;
  if (end < tag || !is(opening, rendering->text + (end - tag), tag))
    return 0;
  for (size_t i = end - tag; rendering->marks && i < rendering->bytes; ++i)
    if (rendering->marks[i] != TERN_MARK_TEMPLATE)
      return 0;
  return rendering->bytes - (end - tag);
}

uint32_t host_thinking_calls(const char *text, size_t bytes) {
  uint32_t count = 0;
  for (size_t i = 0; i < bytes; ++i) {
    if (bytes - i >= strlen(closing) && is(closing, text + i, strlen(closing)))
      count = 0;
    count += bytes - i >= strlen(call) && is(call, text + i, strlen(call));
  }
  return count;
}
