/*===- conversation.c - messages and the text they make ---------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "conversation.h"

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

int host_conversation_open(host_conversation *conversation,
                           host_program *program) {
  char *file;
  const char *text;
  size_t bytes;
  tern_error cause;
  memset(conversation, 0, sizeof(*conversation));
  conversation->program = program;
  int result = find_template(program, &file, &text, &bytes);
  if (result == 0) {
    conversation->memory = host_allocate(program, TERN_TEMPLATE_MEMORY, 1, 1);
    result = conversation->memory ? 0 : -1;
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

int host_conversation_add(host_conversation *conversation, const char *role,
                          const char *text, const uint8_t *marks,
                          size_t bytes) {
  host_program *program = conversation->program;
  if (conversation->count == conversation->room) {
    size_t room = 2 * conversation->room + 8;
    host_message *more =
        realloc(conversation->messages, room * sizeof(host_message));
    if (!more)
      return host_fail(&program->error, "out of memory");
    conversation->messages = more;
    conversation->room = room;
  }
  host_message *message = &conversation->messages[conversation->count];
  memset(message, 0, sizeof(*message));
  message->is_user = strcmp(role, "user") == 0;
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

/*--- Text and tokens -------------------------------------------------------*/

/* The variables that the template may read. */
int host_append_variables(const host_conversation *conversation,
                          const char *messages, size_t bytes, host_text *json) {
  host_program *program = conversation->program;
  const tern_artifact *artifact = &program->artifact;
  uint32_t own = artifact->generation.chat_variables_bytes;
  if (append(program, json, "{\"messages\":[") != 0 ||
      host_text_append(program, json, messages, bytes) != 0 ||
      append(program, json, "]," TERN_TEMPLATE_VARIABLES) != 0)
    return -1;
  if (own <= 2)
    return append(program, json, "}");
  /* An object, whose members follow. */
  if (append(program, json, ",") != 0)
    return -1;
  return host_text_append(program, json, artifact->chat_variables + 1, own - 1);
}

static int render(host_conversation *conversation, tern_rendering *rendering) {
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

int host_conversation_encode(host_conversation *conversation, int32_t **tokens,
                             size_t *count) {
  host_program *program = conversation->program;
  tern_rendering rendering;
  *tokens = NULL;
  if (render(conversation, &rendering) != 0)
    return -1;
  if (rendering.bytes == 0)
    return host_fail(&program->error,
                     "the chat template makes no text of these messages");
  if (host_markers_of_rendering(conversation, &rendering) != 0)
    return -1;
  tern_marking marking = {rendering.marks, conversation->markers.ids,
                          conversation->markers.count};
  return host_encode(program, rendering.text, &marking, rendering.bytes,
                     TERN_ENCODE_BARE, tokens, count);
}
