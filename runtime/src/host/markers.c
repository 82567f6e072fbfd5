/*===- markers.c - tokens that only a template may write --------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Markers of turns are special tokens in some tokenizers and plain added ones
 *in others, so the template decides: an added token that it writes is a marker.
 * Its literals show most of them, renders of short conversations those that it
 * puts together.
 */
#include "conversation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_ids(const void *a, const void *b) {
  int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
  return (x > y) - (x < y);
}

static int add_marker(host_conversation *c, int32_t id) {
  host_markers *m = &c->markers;
  if (m->count && bsearch(&id, m->ids, m->count, sizeof(id), compare_ids))
    return 0;
  if (m->count == m->room) {
    size_t room = 2 * m->room + 16;
    int32_t *more = realloc(m->ids, room * sizeof(*more));
    if (!more)
      return host_fail(&c->program->error, HOST_NO_MEMORY);
    m->ids = more;
    m->room = room;
  }
  m->ids[m->count++] = id;
  qsort(m->ids, m->count, sizeof(id), compare_ids);
  return 0;
}

/* White space is text, even where a tokenizer has added tokens for runs of it.
 */
static int is_blank(const char *text, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i)
    if (!strchr(" \t\n\v\f\r", text[i]))
      return 0;
  return 1;
}

/* The added tokens in a text of the template's. */
static int add_written(host_conversation *c, const char *text, size_t bytes) {
  host_program *program = c->program;
  int32_t *tokens;
  size_t count;
  if (bytes == 0)
    return 0;
  int result = host_encode(program, text, NULL, bytes, TERN_ENCODE_BARE,
                           &tokens, &count);
  if (result != 0)
    return result;
  for (size_t i = 0; i < count && result == 0; ++i) {
    uint32_t flags;
    size_t length;
    const char *token =
        tern_tokenizer_token(&program->tokenizer, tokens[i], &length, &flags);
    if ((flags & TERN_TOKEN_ADDED) && !(flags & TERN_TOKEN_SPECIAL) &&
        !is_blank(token, length))
      result = add_marker(c, tokens[i]);
  }
  free(tokens);
  return result;
}

int host_markers_of_rendering(host_conversation *c,
                              const tern_rendering *rendering) {
  const uint8_t *marks = rendering->marks;
  for (size_t at = 0, end; at < rendering->bytes; at = end + 1) {
    for (end = at; end < rendering->bytes && !(marks && marks[end]);)
      ++end;
    if (add_written(c, rendering->text + at, end - at) != 0)
      return -1;
  }
  return 0;
}

/* One conversation for each role that templates know. One that the template
 * refuses has nothing to show. */
static int add_of_roles(host_conversation *c) {
  static const char *const roles[] = {"assistant", "system",  "tool",
                                      "developer", "ipython", "function"};
  for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); ++i) {
    char messages[200];
    host_text json = {0};
    tern_rendering rendering;
    tern_error ignored;
    int is_system = i == 1;
    snprintf(messages, sizeof(messages),
             "{\"role\":\"%s\",\"content\":\"?\"},"
             "{\"role\":\"%s\",\"content\":\"?\"}",
             is_system ? roles[i] : "user", is_system ? "user" : roles[i]);
    int result = host_append_variables(c, messages, strlen(messages), &json);
    if (result == 0 && tern_template_render(c->parsed, json.at, json.bytes, 0,
                                            &rendering, &ignored) == 0)
      result = host_markers_of_rendering(c, &rendering);
    free(json.at);
    if (result != 0)
      return result;
  }
  return 0;
}

static int add_literal(void *conversation, const char *text, size_t bytes) {
  return add_written(conversation, text, bytes);
}

int host_markers_open(host_conversation *c) {
  const tern_generation *g = &c->program->artifact.generation;
  for (uint32_t i = 0; i < g->eos_count; ++i)
    if (add_marker(c, g->eos_ids[i]) != 0)
      return -1;
  if (!c->program->has_tokenizer)
    return 0;
  if (tern_template_literals(c->parsed, add_literal, c) != 0)
    return -1;
  return add_of_roles(c);
}
