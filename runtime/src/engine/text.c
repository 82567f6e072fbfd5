/*===- text.c - text to tokens and back, for all threads -------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "engine.h"

#include <stdlib.h>
#include <string.h>

/* The engine's program with a sentence of its own: several threads read it. */
static host_program reader_of(const tern_engine *engine) {
  host_program program = engine->program;
  program.error.text[0] = 0;
  return program;
}

static int need_tokenizer(const tern_engine *engine) {
  if (engine->program.has_tokenizer)
    return 0;
  return engine_fail(TERN_ENGINE_INVALID,
                     "the model was compiled without a tokenizer, so it takes "
                     "tokens only");
}

static int give_tokens(const int32_t *from, size_t count, int32_t *tokens,
                       size_t room) {
  size_t n = count < room ? count : room;
  if (n)
    memcpy(tokens, from, n * sizeof(*tokens));
  return 0;
}

int engine_encode(tern_engine *engine, const char *text, size_t bytes,
                  uint32_t flags, int32_t **tokens, size_t *count) {
  *tokens = NULL;
  int result = need_tokenizer(engine);
  if (result != 0)
    return result;
  host_program program = reader_of(engine);
  program.options.no_bos = (flags & TERN_ENCODE_BARE) != 0;
  result = flags & TERN_ENCODE_PLAIN
               ? host_encode(&program, text, NULL, bytes, flags, tokens, count)
               : host_encode_prompt(&program, text, bytes, tokens, count);
  return result == 0 ? 0 : engine_pass_on(&program.error);
}

int tern_engine_tokenize(tern_engine *engine, const char *text, size_t bytes,
                         uint32_t flags, int32_t *tokens, size_t room,
                         size_t *count) {
  int32_t *all;
  int result = engine_encode(engine, text, bytes, flags, &all, count);
  if (result == 0)
    give_tokens(all, *count, tokens, room);
  free(all);
  return result;
}

/* Text that is written as far as there is room. */
typedef struct cut_text {
  char *at;
  size_t room, bytes;
} cut_text;

static void cut_append(cut_text *text, const char *from, size_t bytes) {
  size_t left = text->room > text->bytes ? text->room - text->bytes : 0;
  size_t n = bytes < left ? bytes : left;
  if (n)
    memcpy(text->at + text->bytes, from, n);
  text->bytes += bytes;
}

int tern_engine_detokenize(tern_engine *engine, const int32_t *tokens,
                           size_t count, char *text, size_t room,
                           size_t *bytes) {
  const tern_tokenizer *tokenizer = &engine->program.tokenizer;
  char out[TERN_UTF8_ROOM(256)];
  cut_text cut = {text, room, 0};
  tern_utf8 utf8 = {{0}, 0};
  uint32_t begun = 0;
  int result = need_tokenizer(engine);
  if (result != 0)
    return result;
  for (size_t i = 0; i < count; ++i) {
    size_t length = 0;
    const char *piece =
        tern_tokenizer_decode(tokenizer, tokens[i], &begun, &length);
    for (size_t at = 0, n; at < length; at += n) {
      n = length - at < 256 ? length - at : 256;
      cut_append(&cut, out, tern_utf8_push(&utf8, piece + at, n, out));
    }
  }
  cut_append(&cut, out, tern_utf8_flush(&utf8, out));
  *bytes = cut.bytes;
  return 0;
}

int tern_engine_token_bytes(tern_engine *engine, int32_t token, char *bytes,
                            size_t room, size_t *count) {
  cut_text cut = {bytes, room, 0};
  size_t length = 0;
  uint32_t flags = 0;
  int result = need_tokenizer(engine);
  if (result != 0)
    return result;
  const char *text =
      tern_tokenizer_token(&engine->program.tokenizer, token, &length, &flags);
  if (!text)
    return engine_fail(TERN_ENGINE_INVALID, "there is no token %d", (int)token);
  cut_append(&cut, text, length);
  *count = cut.bytes;
  return 0;
}

int engine_is_utf8(const char *text, size_t bytes) {
  char out[TERN_UTF8_ROOM(256)];
  tern_utf8 utf8 = {{0}, 0};
  size_t done = 0, n;
  for (size_t at = 0; at < bytes; at += n) {
    n = bytes - at < 256 ? bytes - at : 256;
    uint32_t held = utf8.held_count;
    size_t written = tern_utf8_push(&utf8, text + at, n, out);
    /* All that was taken and is not held comes out as it was. */
    if (written + utf8.held_count != held + n ||
        memcmp(out, text + done, written) != 0)
      return 0;
    done += written;
  }
  return utf8.held_count == 0;
}

/*--- Chats -----------------------------------------------------------------*/

static void set_defaults(tern_chat *chat) {
  memset(chat, 0, sizeof(*chat));
  chat->size = sizeof(*chat);
  chat->thinking = -1;
}

void(tern_chat_init)(tern_chat *chat) { set_defaults(chat); }

void tern_chat_init_sized(tern_chat *chat, size_t size) {
  tern_chat defaults;
  set_defaults(&defaults);
  engine_set_defaults(chat, size, &defaults, sizeof(defaults));
}

/* 0 if a text is a JSON list of objects: nothing else may come near a template,
 * for between two raw bytes strings are not what somebody wrote. */
static int check_objects(host_program *program, const char *name,
                         const char *json, size_t bytes) {
  if (!engine_is_utf8(json, bytes))
    return host_fail(&program->error, "%s: this is not UTF-8", name);
  void *memory = host_allocate(program, TERN_TEMPLATE_MEMORY, 1, 1);
  int result =
      memory ? tern_template_check_tools(memory, TERN_TEMPLATE_MEMORY, name,
                                         json, bytes, &program->error)
             : -1;
  free(memory);
  return result;
}

static int set_tools(host_conversation *conversation, const tern_chat *chat) {
  host_program *program = conversation->program;
  if (!chat->tools)
    return 0;
  if (check_objects(program, "tools", chat->tools, chat->tools_bytes) != 0)
    return -1;
  return host_text_append(program, &conversation->tools, chat->tools,
                          chat->tools_bytes);
}

static int add_json(host_conversation *conversation, const tern_chat *chat) {
  host_program *program = conversation->program;
  if (chat->message_count)
    return host_fail(&program->error,
                     "a chat has messages or JSON, but this one has both");
  if (check_objects(program, "messages", chat->json, chat->json_bytes) != 0)
    return -1;
  /* A list was found, so both brackets are there. */
  const char *from = memchr(chat->json, '[', chat->json_bytes);
  const char *end = chat->json + chat->json_bytes;
  while (*--end != ']')
    ;
  return host_conversation_add_json(conversation, from + 1,
                                    (size_t)(end - from - 1));
}

static int add_messages(host_conversation *conversation,
                        const tern_chat *chat) {
  host_program *program = conversation->program;
  if (chat->json)
    return add_json(conversation, chat);
  for (size_t i = 0; i < chat->message_count; ++i) {
    const tern_message *m = &chat->messages[i];
    if (!m->role || (!m->content && m->content_bytes))
      return host_fail(&program->error, "message %zu has no %s", i,
                       m->role ? "content" : "role");
    if (!engine_is_utf8(m->role, strlen(m->role)) ||
        !engine_is_utf8(m->content, m->content_bytes))
      return host_fail(&program->error, "message %zu is not UTF-8", i);
    if (host_conversation_add(conversation, m->role, m->content, m->marks,
                              m->content_bytes) != 0)
      return -1;
  }
  return 0;
}

/* Under `chatting`: the conversation as the chat has it. */
static int begin_chat(tern_engine *engine, const tern_chat *given) {
  host_conversation *conversation = &engine->conversation;
  host_program *program = &engine->chatter;
  tern_chat chat;
  tern_chat_init(&chat);
  int result =
      engine_take(&chat, sizeof(chat), given, given->size, "tern_chat");
  if (result != 0)
    return result;
  if (chat.thinking < -1 || chat.thinking > 1)
    return engine_fail(TERN_ENGINE_INVALID,
                       "thinking is %d, expected -1, 0 or 1", chat.thinking);
  program->error.text[0] = 0;
  if (!engine->has_conversation) {
    engine->has_conversation =
        host_conversation_open(conversation, program) == 0;
    if (!engine->has_conversation)
      host_conversation_close(conversation);
  }
  if (engine->has_conversation) {
    conversation->thinking = chat.thinking < 0   ? SWITCH_AUTO
                             : chat.thinking > 0 ? SWITCH_ON
                                                 : SWITCH_OFF;
    if (set_tools(conversation, &chat) == 0 &&
        add_messages(conversation, &chat) == 0)
      return 0;
  }
  return engine_pass_on(&program->error);
}

static void end_chat(tern_engine *engine) {
  if (engine->has_conversation) {
    host_conversation_cut(&engine->conversation, 0);
    engine->conversation.tools.bytes = 0;
  }
  pthread_mutex_unlock(&engine->chatting);
}

int tern_engine_render(tern_engine *engine, const tern_chat *chat, char *text,
                       size_t room, size_t *bytes) {
  tern_rendering rendering;
  pthread_mutex_lock(&engine->chatting);
  int result = begin_chat(engine, chat);
  if (result == 0 &&
      host_conversation_render(&engine->conversation, &rendering) != 0)
    result = engine_pass_on(&engine->chatter.error);
  if (result == 0) {
    cut_text cut = {text, room, 0};
    cut_append(&cut, rendering.text, rendering.bytes);
    *bytes = cut.bytes;
  }
  end_chat(engine);
  return result;
}

int engine_encode_chat(tern_engine *engine, const tern_chat *chat,
                       host_copy *opening, int32_t **tokens, size_t *count) {
  const host_copy *own = &engine->conversation.opening;
  host_program *program = &engine->chatter;
  *tokens = NULL;
  int result = need_tokenizer(engine);
  if (result != 0)
    return result;
  pthread_mutex_lock(&engine->chatting);
  result = begin_chat(engine, chat);
  if (result == 0 &&
      (host_conversation_encode(&engine->conversation, tokens, count) != 0 ||
       (opening && host_copy_append(program, opening, own->text.at,
                                    own->marks.at, own->text.bytes) != 0)))
    result = engine_pass_on(&program->error);
  end_chat(engine);
  return result;
}

int tern_engine_tokenize_chat(tern_engine *engine, const tern_chat *chat,
                              int32_t *tokens, size_t room, size_t *count) {
  int32_t *all;
  int result = engine_encode_chat(engine, chat, NULL, &all, count);
  if (result == 0)
    give_tokens(all, *count, tokens, room);
  free(all);
  return result;
}
