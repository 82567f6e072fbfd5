/*===- conversation.h - messages and the text they make ---------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_HOST_CONVERSATION_H
#define TERN_SRC_HOST_CONVERSATION_H

#include "host.h"
#include "tern/template.h"

/* Ids of the tokens that only the template may write, rising. */
typedef struct host_markers {
  int32_t *ids;
  size_t count, room;
} host_markers;

/* A message, as JSON. */
typedef struct host_message {
  host_text json;
  int is_user, is_tool;
  uint32_t calls; /* of tools, in an answer */
} host_message;

/* The value of "enable_thinking": undefined, as transformers has it where
 * nobody says anything, or this. */
typedef enum host_switch {
  SWITCH_AUTO = -1,
  SWITCH_OFF,
  SWITCH_ON
} host_switch;

typedef struct host_conversation {
  host_program *program;
  void *memory; /* of the template */
  tern_template *parsed;
  host_text tools; /* of --tools: JSON, checked; empty without */
  host_switch thinking;
  host_markers markers;
  host_message *messages;
  size_t count, room;
  host_copy opening; /* see host_conversation_encode */
} host_conversation;

/* All of these: 0, or -1 with the sentence in program->error. */

/* With the template of --chat-template or the model's, the tools of --tools and
 * the switch of --thinking. Without a template chat would have to guess, and a
 * wrong guess gives wrong answers, so that is refused. */
int host_conversation_open(host_conversation *conversation,
                           host_program *program);
void host_conversation_close(host_conversation *conversation);
/* `text` is taken as it is. `marks` has TERN_MARK_WRITTEN or TERN_MARK_TOKEN
 * for each of its bytes (NULL: all are written). */
int host_conversation_add(host_conversation *conversation, const char *role,
                          const char *text, const uint8_t *marks, size_t bytes);
/* Messages as a template reads them: objects with commas between, checked. They
 * count as one. */
int host_conversation_add_json(host_conversation *conversation,
                               const char *objects, size_t bytes);
/* Forgets all messages but the first `count`. */
void host_conversation_cut(host_conversation *conversation, size_t count);
/* Forgets what was said before the second question that is left, the system
 * message aside. The number of messages forgotten, 0 if there is no second
 * question. */
size_t host_conversation_forget_oldest(host_conversation *conversation);
/* The text that the template makes of them; it lies there until the next one.
 */
int host_conversation_render(host_conversation *conversation,
                             tern_rendering *rendering);
/* The tokens that an answer to the last message goes on from; to be freed.
 * Control tokens come from the template only, never from what a message says,
 * and tokens around a text (bos) only if the template writes them, as in
 * transformers. Where the template ends them with <think>, the answer begins
 * inside of a thought: that text is in conversation->opening, which is empty
 * otherwise, and the answer that is added begins with it. */
int host_conversation_encode(host_conversation *conversation, int32_t **tokens,
                             size_t *count);
/* Results that the calls of tools in the last answer still wait for. */
uint32_t host_conversation_awaited(const host_conversation *conversation);
/* Returns 1 if the template writes something else with --tools than without, or
 * with thinking switched on than switched off; 0 if it makes no difference. One
 * that refuses to be tried is taken to make one. -1: out of memory. */
int host_conversation_knows_tools(host_conversation *conversation);
int host_conversation_knows_thinking(host_conversation *conversation);

/* Appends the object that a template reads: these messages, with commas between
 * them, and the model's own variables. */
int host_append_variables(const host_conversation *conversation,
                          const char *messages, size_t bytes, host_text *json);
/* Finds the markers that the template surely writes, and the end tokens. */
int host_markers_open(host_conversation *conversation);
/* Finds those that it wrote here. */
int host_markers_of_rendering(host_conversation *conversation,
                              const tern_rendering *rendering);

#endif /* TERN_SRC_HOST_CONVERSATION_H */
