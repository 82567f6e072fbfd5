/*===- show.c - an answer as it comes ---------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "../host/stops.h"
#include "../host/thinking.h"
#include "writer.h"

#include <stdio.h>

/* `answered` tokens up to now. */
static void show(command_writer *writer, const char *text, const char *marks,
                 size_t bytes, uint32_t answered) {
  host_program *program = writer->program;
  host_thinking *thinking = writer->thinking;
  host_text *shown = &writer->shown;
  if (!thinking) {
    fwrite(text, 1, bytes, stdout);
    return;
  }
  shown->bytes = 0;
  host_thinking_push(thinking, program, text, marks, bytes, shown);
  if (thinking->hides && thinking->is_inside)
    host_progress(program, "thinking, %u tokens", answered);
  if (shown->bytes)
    host_progress_end(program);
  fwrite(shown->at, 1, shown->bytes, stdout);
}

/* Unless ids are printed instead. */
static void print(command_writer *writer, const char *text, const char *marks,
                  size_t bytes, uint32_t answered) {
  if (writer->program->options.print_ids)
    return;
  show(writer, text, marks, bytes, answered);
  if (writer->copy)
    host_copy_append(writer->program, writer->copy, text, marks, bytes);
}

void command_show_event(command_writer *writer, const tern_event *event) {
  const host_program *program = writer->program;
  int is_token = event->kind == TERN_EVENT_TOKEN;
  if (is_token && (program->options.print_ids || !program->has_tokenizer))
    printf("%s%d", event->answer_tokens > 1 ? "," : "", event->token);
  if (program->has_tokenizer)
    print(writer, event->text, (const char *)event->marks, event->text_bytes,
          event->answer_tokens);
  if (is_token)
    fflush(stdout);
}

void command_show_opening(command_writer *writer) {
  const host_copy *opening = writer->opening;
  host_interrupt_writes("\n");
  if (writer->thinking)
    host_thinking_begin(writer->thinking);
  if (opening)
    print(writer, opening->text.at, opening->marks.at, opening->text.bytes, 0);
}

int command_show_end(command_writer *writer) {
  host_program *program = writer->program;
  host_text *shown = &writer->shown;
  host_progress_end(program);
  shown->bytes = 0;
  if (writer->thinking &&
      host_thinking_flush(writer->thinking, program, shown) == 0)
    fwrite(shown->at, 1, shown->bytes, stdout);
  fputc('\n', stdout);
  int is_written = fflush(stdout) == 0 && !ferror(stdout);
  host_interrupt_writes(NULL);
  return is_written
             ? 0
             : host_fail(&program->error, "cannot write to standard output");
}
