/*===- conversation.c - messages and the text they make ---------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "conversation.h"
#include "stops.h"
#include "thinking.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*--- The template ----------------------------------------------------------*/

/* The text of the template in use; *file is to be freed. */
static int find_template(host_program *program, char **file, const char **text,
                         size_t *bytes) {
  const tern_artifact *artifact = &program->artifact;
  const char *path = program->options.chat_template;
  *file = NULL;
  *text = artifact->chat_template;
  *bytes = artifact->generation.chat_template_bytes;
  if (path) {
    if (host_read_file(program, path, file, bytes) != 0)
      return -1;
    *text = *file;
  }
  if (*text)
    return 0;
  return host_fail(&program->error,
                   "this model has no chat template, so how it was taught to "
                   "talk is not known; give its template (Jinja) with "
                   "--chat-template FILE, or use run");
}

static int is_utf8(host_program *program, const char *text, size_t bytes) {
  tern_utf8 state = {{0}, 0};
  char *whole = host_allocate(program, TERN_UTF8_ROOM(bytes), 1, 1);
  if (!whole)
    return 0;
  size_t n = tern_utf8_push(&state, text, bytes, whole);
  n += tern_utf8_flush(&state, whole + n);
  int is_same = n == bytes && memcmp(whole, text, bytes) == 0;
  free(whole);
  return is_same;
}

static int read_tools(host_conversation *conversation) {
  host_program *program = conversation->program;
  const char *path = program->options.tools;
  host_text *tools = &conversation->tools;
  if (!path)
    return 0;
  if (host_read_file(program, path, &tools->at, &tools->bytes) != 0 ||
      tern_template_check_tools(conversation->memory, TERN_TEMPLATE_MEMORY,
                                path, tools->at, tools->bytes,
                                &program->error) != 0)
    return -1;
  if (is_utf8(program, tools->at, tools->bytes))
    return 0;
  return host_fail(&program->error, "%s: this is not UTF-8", path);
}

static host_switch switch_of(const char *value) {
  if (!value || strcmp(value, "auto") == 0)
    return SWITCH_AUTO;
  return strcmp(value, "on") == 0 ? SWITCH_ON : SWITCH_OFF;
}

int host_conversation_open(host_conversation *conversation,
                           host_program *program) {
  char *file;
  const char *text;
  size_t bytes;
  tern_error cause;
  memset(conversation, 0, sizeof(*conversation));
  conversation->program = program;
  conversation->thinking = switch_of(program->options.thinking);
  int result = find_template(program, &file, &text, &bytes);
  if (result == 0) {
    conversation->memory = host_allocate(program, TERN_TEMPLATE_MEMORY, 1, 1);
    result = conversation->memory ? read_tools(conversation) : -1;
  }
  if (result == 0 &&
      tern_template_parse(conversation->memory, TERN_TEMPLATE_MEMORY, text,
                          bytes, &conversation->parsed, &cause) != 0)
    result =
        host_fail(&program->error, "%.300s; --chat-template FILE gives another",
                  cause.text);
  free(file);
  return result ? result : host_markers_open(conversation);
}

void host_conversation_close(host_conversation *conversation) {
  host_conversation_cut(conversation, 0);
  free(conversation->opening.text.at);
  free(conversation->opening.marks.at);
  free(conversation->tools.at);
  free(conversation->markers.ids);
  free(conversation->messages);
  free(conversation->memory);
}

/*--- Messages --------------------------------------------------------------*/

/* Raw bytes 0x0E and 0x0F, which JSON does not have, stand around what the
 * model made as added tokens: see tern_template_render. */
static int append_string(host_program *program, host_text *json,
                         const char *text, const uint8_t *marks, size_t bytes) {
  int result = host_text_append(program, json, "\"", 1), is_token = 0;
  for (size_t i = 0; i < bytes && result == 0; ++i) {
    char escape[8];
    uint8_t c = (uint8_t)text[i];
    if (is_token != (marks && marks[i] == TERN_MARK_TOKEN)) {
      is_token = !is_token;
      result = host_text_append(program, json, is_token ? "\x0E" : "\x0F", 1);
    }
    if (c < 0x20)
      snprintf(escape, sizeof(escape), "\\u%04x", c);
    else
      snprintf(escape, sizeof(escape), c == '"' || c == '\\' ? "\\%c" : "%c",
               c);
    if (result == 0)
      result = host_text_append(program, json, escape, strlen(escape));
  }
  return result ? result : host_text_append(program, json, "\"", 1);
}

static int append(host_program *program, host_text *json, const char *text) {
  return host_text_append(program, json, text, strlen(text));
}

/* Room for one more, which is empty, or NULL. */
static host_message *next_message(host_conversation *conversation) {
  if (conversation->count == conversation->room) {
    size_t room = 2 * conversation->room + 8;
    host_message *more =
        realloc(conversation->messages, room * sizeof(host_message));
    if (!more) {
      host_fail(&conversation->program->error, HOST_NO_MEMORY);
      return NULL;
    }
    conversation->messages = more;
    conversation->room = room;
  }
  return memset(&conversation->messages[conversation->count], 0,
                sizeof(host_message));
}

int host_conversation_add(host_conversation *conversation, const char *role,
                          const char *text, const uint8_t *marks,
                          size_t bytes) {
  host_program *program = conversation->program;
  host_message *message = next_message(conversation);
  if (!message)
    return -1;
  message->is_user = strcmp(role, "user") == 0;
  message->is_tool = strcmp(role, "tool") == 0;
  if (strcmp(role, "assistant") == 0)
    message->calls = host_thinking_calls(text, bytes);
  if (append(program, &message->json, "{\"role\":") != 0 ||
      append_string(program, &message->json, role, NULL, strlen(role)) != 0 ||
      append(program, &message->json, ",\"content\":") != 0 ||
      append_string(program, &message->json, text, marks, bytes) != 0 ||
      append(program, &message->json, "}") != 0) {
    free(message->json.at);
    return -1;
  }
  ++conversation->count;
  return 0;
}

int host_conversation_add_json(host_conversation *conversation,
                               const char *objects, size_t bytes) {
  host_message *message = next_message(conversation);
  if (!message)
    return -1;
  if (host_text_append(conversation->program, &message->json, objects, bytes) !=
      0) {
    free(message->json.at);
    return -1;
  }
  ++conversation->count;
  return 0;
}

void host_conversation_cut(host_conversation *conversation, size_t count) {
  while (conversation->count > count)
    free(conversation->messages[--conversation->count].json.at);
}

size_t host_conversation_forget_oldest(host_conversation *conversation) {
  host_message *messages = conversation->messages;
  size_t from = 0, to;
  while (from < conversation->count && !messages[from].is_user)
    ++from;
  for (to = from + 1; to < conversation->count && !messages[to].is_user;)
    ++to;
  if (to >= conversation->count)
    return 0;
  for (size_t i = from; i < to; ++i)
    free(messages[i].json.at);
  memmove(messages + from, messages + to,
          (conversation->count - to) * sizeof(*messages));
  conversation->count -= to - from;
  return to - from;
}

uint32_t host_conversation_awaited(const host_conversation *conversation) {
  size_t at = conversation->count;
  uint32_t results = 0, calls;
  for (; at > 0 && conversation->messages[at - 1].is_tool; --at)
    ++results;
  calls = at > 0 ? conversation->messages[at - 1].calls : 0;
  return calls > results ? calls - results : 0;
}

/*--- Text and tokens -------------------------------------------------------*/

/* The variables that the template may read. */
int host_append_variables(const host_conversation *conversation,
                          const char *messages, size_t bytes, host_text *json) {
  host_program *program = conversation->program;
  const tern_artifact *artifact = &program->artifact;
  const host_text *tools = &conversation->tools;
  uint32_t own = artifact->generation.chat_variables_bytes;
  if (append(program, json, "{\"messages\":[") != 0 ||
      host_text_append(program, json, messages, bytes) != 0 ||
      append(program, json, "]," TERN_TEMPLATE_VARIABLES) != 0)
    return -1;
  /* The members of an object. */
  if (own > 2 && (append(program, json, ",") != 0 ||
                  host_text_append(program, json, artifact->chat_variables + 1,
                                   own - 2) != 0))
    return -1;
  if (conversation->thinking != SWITCH_AUTO &&
      append(program, json,
             conversation->thinking == SWITCH_ON
                 ? ",\"enable_thinking\":true"
                 : ",\"enable_thinking\":false") != 0)
    return -1;
  if (tools->bytes &&
      (append(program, json, ",\"tools\":") != 0 ||
       host_text_append(program, json, tools->at, tools->bytes) != 0))
    return -1;
  return append(program, json, "}");
}

int host_conversation_render(host_conversation *conversation,
                             tern_rendering *rendering) {
  host_program *program = conversation->program;
  host_text messages = {0}, json = {0};
  int result = 0;
  for (size_t i = 0; i < conversation->count && result == 0; ++i) {
    const host_text *message = &conversation->messages[i].json;
    if (i)
      result = append(program, &messages, ",");
    if (result == 0)
      result =
          host_text_append(program, &messages, message->at, message->bytes);
  }
  if (result == 0)
    result =
        host_append_variables(conversation, messages.at, messages.bytes, &json);
  if (result == 0)
    result =
        tern_template_render(conversation->parsed, json.at, json.bytes,
                             (int64_t)time(NULL), rendering, &program->error);
  free(messages.at);
  free(json.at);
  return result;
}

/* Notes the <think> that the prompt ends with. */
static int note_opening(host_conversation *conversation,
                        const tern_rendering *rendering) {
  host_copy *opening = &conversation->opening;
  size_t bytes = host_thinking_opening(rendering);
  const char *text = rendering->text + (rendering->bytes - bytes);
  int is_tag = 1;
  opening->text.bytes = opening->marks.bytes = 0;
  if (host_copy_append(conversation->program, opening, text, text, bytes) != 0)
    return -1;
  for (size_t i = 0; i < bytes; ++i) {
    opening->marks.at[i] = is_tag ? TERN_MARK_TOKEN : TERN_MARK_WRITTEN;
    is_tag &= text[i] != '>';
  }
  return 0;
}

int host_conversation_encode(host_conversation *conversation, int32_t **tokens,
                             size_t *count) {
  host_program *program = conversation->program;
  tern_rendering rendering;
  *tokens = NULL;
  if (host_conversation_render(conversation, &rendering) != 0)
    return -1;
  if (rendering.bytes == 0)
    return host_fail(&program->error,
                     "the chat template makes no text of these messages");
  if (host_markers_of_rendering(conversation, &rendering) != 0 ||
      note_opening(conversation, &rendering) != 0)
    return -1;
  tern_marking marking = {rendering.marks, conversation->markers.ids,
                          conversation->markers.count};
  return host_encode(program, rendering.text, &marking, rendering.bytes,
                     TERN_ENCODE_BARE, tokens, count);
}

/*--- Templates, tried ------------------------------------------------------*/

/* One question, rendered; 1 when the template refuses it. */
static int try_question(host_conversation *conversation, host_text *text) {
  static const char question[] = "{\"role\":\"user\",\"content\":\"?\"}";
  host_program *program = conversation->program;
  host_text json = {0};
  tern_rendering rendering;
  tern_error ignored;
  int result = host_append_variables(conversation, question,
                                     sizeof(question) - 1, &json);
  if (result == 0 &&
      tern_template_render(conversation->parsed, json.at, json.bytes, 0,
                           &rendering, &ignored) != 0)
    result = 1;
  if (result == 0)
    result = host_text_append(program, text, rendering.text, rendering.bytes);
  free(json.at);
  return result;
}

/* Returns 1 if the question becomes another text in `other`, where all else is
 * as in `conversation`. */
static int makes_a_difference(host_conversation *conversation,
                              host_conversation *other) {
  host_text a = {0}, b = {0};
  int here = try_question(conversation, &a);
  int there = here < 0 ? here : try_question(other, &b);
  int result = 1;
  if (here < 0 || there < 0)
    result = -1;
  else if (here == 0 && there == 0)
    result = a.bytes != b.bytes || memcmp(a.at, b.at, a.bytes) != 0;
  free(a.at);
  free(b.at);
  return result;
}

int host_conversation_knows_tools(host_conversation *conversation) {
  host_conversation without = *conversation;
  without.tools.bytes = 0;
  return makes_a_difference(conversation, &without);
}

int host_conversation_knows_thinking(host_conversation *conversation) {
  host_conversation on = *conversation, off = *conversation;
  on.thinking = SWITCH_ON;
  off.thinking = SWITCH_OFF;
  return makes_a_difference(&on, &off);
}
