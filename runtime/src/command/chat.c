/*===- chat.c - the command chat --------------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * A line is a message and is answered on standard output; everything else goes
 * to standard error. The conversation is rendered anew each time, and of its
 * tokens only those are read that the engine's sequence does not begin with.
 */
#include "../host/conversation.h"
#include "../host/defaults.h"
#include "../host/lines.h"
#include "../host/thinking.h"
#include "writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct chat {
  host_program *program;
  command_writer writer;
  host_conversation conversation;
  host_thinking thinking;
  host_lines lines;
  const char *system; /* the first message, or NULL */
  size_t system_bytes;
  int was_interrupted;
  int has_failed;  /* a message was not answered */
  uint64_t asked;  /* answers that were asked for */
  uint64_t reused; /* tokens that were not computed again */
} chat;

static void say(const chat *c, const char *what) {
  fprintf(stderr, "%s: %s\n", c->program->name, what);
}

/* A sentence about one message; the chat goes on. */
static void complain(chat *c) {
  say(c, c->program->error.text);
  c->program->error.text[0] = 0;
  c->has_failed = 1;
}

/*--- Answers ---------------------------------------------------------------*/

/* Tokens to keep free for the answer, if old messages are forgotten anyway. */
static size_t room_for_answer(const chat *c, size_t context) {
  int64_t limit = -1;
  host_default_limit(c->program, 0, &limit);
  return limit >= 0 && (uint64_t)limit < context / 4 ? (size_t)limit
                                                     : context / 4;
}

/* The conversation's tokens. The oldest messages are forgotten when they do not
 * fit into the context any more, and that is said. */
static int encode(chat *c, int32_t **tokens, size_t *count) {
  size_t context = c->writer.context, forgotten = 0;
  size_t most = context;
  for (;;) {
    if (host_conversation_encode(&c->conversation, tokens, count) != 0)
      return -1;
    if (*count < most || *count == 0)
      break;
    size_t gone = host_conversation_forget_oldest(&c->conversation);
    if (gone == 0)
      break;
    free(*tokens);
    forgotten += gone;
    most = context - room_for_answer(c, context);
  }
  if (forgotten)
    fprintf(stderr,
            "%s: the context of %zu tokens is full; forgot the oldest %zu "
            "messages\n",
            c->program->name, context, forgotten);
  if (*count < context)
    return 0;
  free(*tokens);
  *tokens = NULL;
  return host_fail(&c->program->error,
                   "the message has %zu tokens with all that the chat template "
                   "adds, but the context has room for %zu",
                   *count, context - 1);
}

/* Of the sequence's text stays what the conversation begins with, but not all
 * of that: behind its last token an answer goes on. *kept tokens. */
static int keep_beginning(chat *c, const int32_t *tokens, size_t count,
                          size_t *kept) {
  tern_sequence *sequence = c->writer.sequence;
  size_t room = c->writer.context, held = 0, at = 0;
  int32_t *before = host_allocate(c->program, room, sizeof(*before), 1);
  if (!before)
    return -1;
  int result = tern_sequence_tokens(sequence, before, room, &held);
  while (at + 1 < count && at < held && tokens[at] == before[at])
    ++at;
  free(before);
  if (result == 0)
    result = tern_sequence_cut(sequence, at, kept);
  return result == 0 ? 0 : command_pass_on(c->program);
}

/* An answer behind the tokens, which it adds what it says to. */
static command_stop write_answer(chat *c, const int32_t *tokens, size_t count,
                                 host_copy *said) {
  const host_copy *opening = &c->conversation.opening;
  command_writer *writer = &c->writer;
  uint64_t before = writer->prompt_tokens;
  size_t kept;
  if (keep_beginning(c, tokens, count, &kept) != 0)
    return STOP_FAILED;
  writer->copy = said;
  writer->may_think = c->conversation.thinking == SWITCH_ON;
  command_stop stop = command_write(writer, tokens + kept, count - kept,
                                    opening->text.bytes ? opening : NULL);
  writer->copy = NULL;
  if (writer->has_begun)
    c->reused += count - (writer->prompt_tokens - before);
  return stop;
}

/* Writes an answer to the last message and adds it. 0, or -1 when there is
 * none: the message is to be forgotten, too. */
static int answer(chat *c) {
  const host_copy *opening = &c->conversation.opening;
  host_copy said = {0};
  int32_t *tokens;
  size_t count;
  ++c->asked;
  if (encode(c, &tokens, &count) != 0)
    return -1;
  command_stop stop = write_answer(c, tokens, count, &said);
  free(tokens);
  int result = 0;
  if (stop == STOP_FULL)
    say(c, "the context is full, so the answer ends here");
  else if (stop == STOP_LIMIT && c->thinking.is_inside && c->thinking.hides)
    say(c, "the answer was at its limit before the thinking had ended");
  /* An interrupted answer stays in the conversation as far as it got. */
  if (stop == STOP_FAILED ||
      (stop == STOP_INTERRUPTED && said.text.bytes <= opening->text.bytes))
    result = -1;
  else
    result =
        host_conversation_add(&c->conversation, "assistant", said.text.at,
                              (const uint8_t *)said.marks.at, said.text.bytes);
  free(said.text.at);
  free(said.marks.at);
  return result;
}

/* Adds a message, and an answer unless results of tools are awaited before. */
static void take_message(chat *c, const char *role, const char *text,
                         size_t bytes) {
  host_conversation *all = &c->conversation;
  host_interruptible = INTERRUPT_NOTED;
  int result = host_conversation_add(all, role, text, NULL, bytes);
  uint32_t awaited = result == 0 ? host_conversation_awaited(all) : 0;
  if (awaited && all->messages[all->count - 1].is_tool)
    fprintf(stderr, "%s: %u more result%s of tools to come\n", c->program->name,
            awaited, awaited > 1 ? "s" : "");
  else if (result == 0)
    result = answer(c);
  if (result != 0) {
    /* Of a message without an answer nothing stays; forgetting may have moved
     * it. */
    const host_message *last = all->count ? &all->messages[all->count - 1] : 0;
    if (last && (last->is_user || last->is_tool))
      host_conversation_cut(all, all->count - 1);
    if (c->program->error.text[0])
      complain(c);
  }
  host_progress_end(c->program);
  host_interruptible = INTERRUPT_ENDS;
  if (host_interrupted)
    say(c, "interrupted");
  host_interrupted = 0;
}

/*--- Lines -----------------------------------------------------------------*/

static const char help[] =
    "A line is a message; with \\ at its end it goes on in the next one.\n"
    "/help       this\n"
    "/reset      forget what was said\n"
    "/think, /no_think  let the model think before it answers, or not\n"
    "/tool TEXT  the result of a call of a tool\n"
    "/stats      timing and how full the context is\n"
    "/exit       end, as Ctrl-D does\n"
    "Ctrl-C stops an answer, drops a line, and at an empty prompt ends the "
    "program.\n";

/* Forgets everything but the system message. */
static int begin(chat *c) {
  host_conversation_cut(&c->conversation, 0);
  return c->system ? host_conversation_add(&c->conversation, "system",
                                           c->system, NULL, c->system_bytes)
                   : 0;
}

/* Of the flags; *text is to be freed. */
static int read_system(chat *c, char **text) {
  const host_options *o = &c->program->options;
  *text = NULL;
  c->system = o->system;
  c->system_bytes = o->system ? strlen(o->system) : 0;
  if (!o->system_file)
    return 0;
  if (host_read_file(c->program, o->system_file, text, &c->system_bytes) != 0)
    return -1;
  c->system = *text;
  /* The end of the last line is none of the message. */
  if (c->system_bytes && (*text)[c->system_bytes - 1] == '\n')
    --c->system_bytes;
  return 0;
}

static void print_stats(const chat *c) {
  fprintf(stderr,
          "%zu messages, %u of %u tokens of context; %llu tokens were "
          "not computed again\n",
          c->conversation.count, c->writer.filled, c->writer.context,
          (unsigned long long)c->reused);
  command_print_timing(&c->writer);
}

/* A line that is nothing to go on with. Somebody at a terminal sees it, a
 * script goes by the status. */
static void refuse(chat *c, const char *why) {
  say(c, why);
  c->has_failed |= !c->lines.prompts;
}

static void switch_thinking(chat *c, host_switch to) {
  int knows = host_conversation_knows_thinking(&c->conversation);
  if (knows < 0) {
    complain(c);
  } else if (!knows) {
    refuse(c, "the chat template has no switch for thinking; the model may "
              "know /no_think at the end of a message");
  } else {
    c->conversation.thinking = to;
    say(c, to == SWITCH_ON ? "thinking is on" : "thinking is off");
  }
}

static int is_result(const chat *c, const char *text) {
  return c->lines.takes_commands && strncmp(text, "/tool", 5) == 0 &&
         (!text[5] || strchr(" \n", text[5]));
}

/* Behind "/tool". */
static void take_result(chat *c, const char *text, size_t bytes) {
  if (bytes < 2)
    refuse(c, "/tool needs the result behind it");
  else if (c->conversation.count == (c->system != NULL))
    refuse(c, "there is no answer yet that could have called a tool");
  else
    take_message(c, "tool", text + 1, bytes - 1);
}

/* True to go on. */
static int take_command(chat *c, const char *name) {
  if (strcmp(name, "/exit") == 0)
    return 0;
  if (strcmp(name, "/help") == 0)
    fputs(help, stderr);
  else if (strcmp(name, "/stats") == 0)
    print_stats(c);
  else if (strcmp(name, "/think") == 0)
    switch_thinking(c, SWITCH_ON);
  else if (strcmp(name, "/no_think") == 0)
    switch_thinking(c, SWITCH_OFF);
  else if (strcmp(name, "/reset") == 0)
    return begin(c) == 0;
  else {
    char why[160];
    snprintf(why, sizeof(why),
             "there is no command %.60s; /help lists them, and a blank before "
             "it makes it a message",
             name);
    refuse(c, why);
  }
  return 1;
}

/* Without a terminal there is nobody to type /stats. */
static void finish(const chat *c) {
  if (c->lines.prompts)
    fputc('\n', stderr);
  else if (c->writer.prompt_tokens)
    command_print_footer(&c->writer);
}

static void talk(chat *c) {
  host_text message = {0};
  int goes_on = 1, lines = 0, is_enough = 0;
  if (c->lines.prompts)
    fputs(help, stderr);
  while (goes_on && !is_enough &&
         (lines = host_lines_read(&c->lines, &message)) > 0 &&
         host_text_append(c->program, &message, "", 1) == 0) {
    size_t bytes = message.bytes - 1; /* without the NUL */
    uint64_t asked = c->asked;
    if (is_result(c, message.at))
      take_result(c, message.at + 5, bytes - 5);
    else if (lines == 1 && message.at[0] == '/' && c->lines.takes_commands)
      goes_on = take_command(c, message.at);
    else if (bytes > 0)
      take_message(c, "user", message.at, bytes);
    is_enough = c->program->options.single_turn && c->asked > asked;
  }
  c->was_interrupted = lines == HOST_LINES_INTERRUPTED;
  if (goes_on && (lines == 0 || (is_enough && !c->lines.prompts)))
    finish(c);
  free(message.at);
}

/* A flag that the template makes nothing of. 0, or -1. */
static int warn_of_template(chat *c) {
  const host_options *o = &c->program->options;
  int knows = 1;
  if (o->tools)
    knows = host_conversation_knows_tools(&c->conversation);
  if (knows == 0 && !o->quiet)
    say(c, "the chat template does not write the tools of --tools");
  if (knows >= 0 && c->conversation.thinking != SWITCH_AUTO) {
    knows = host_conversation_knows_thinking(&c->conversation);
    if (knows == 0 && !o->quiet)
      say(c, "the chat template has no switch for thinking, so --thinking "
             "changes nothing");
  }
  return knows < 0 ? -1 : 0;
}

static int open_writer(chat *c, tern_engine *engine) {
  if (!engine || command_writer_open(&c->writer, c->program, engine) != 0)
    return -1;
  c->writer.thinking = &c->thinking;
  c->writer.request.flags |= TERN_REQUEST_TAGS;
  return 0;
}

int command_chat(host_program *program) {
  chat c = {.program = program,
            .thinking = {.hides = program->options.hide_thinking,
                         .dims = host_lines_dim(&program->options)}};
  char *system = NULL;
  tern_engine *engine = NULL;
  int is_open =
      read_system(&c, &system) == 0 &&
      host_conversation_open(&c.conversation, program) == 0 &&
      (engine = command_open_engine(program, (uint32_t)program->options.context,
                                    STEP_TOKENS)) != NULL &&
      open_writer(&c, engine) == 0 && begin(&c) == 0 &&
      warn_of_template(&c) == 0;
  if (is_open) {
    host_lines_open(&c.lines, program);
    talk(&c);
    host_lines_close(&c.lines);
  }
  command_writer_close(&c.writer);
  tern_engine_close(engine);
  host_conversation_close(&c.conversation);
  free(system);
  if (c.was_interrupted)
    return EXIT_INTERRUPTED;
  return is_open && !c.has_failed && !program->error.text[0] ? EXIT_OK
                                                             : EXIT_FAILED;
}
