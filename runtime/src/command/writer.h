/*===- writer.h - answers on standard output -------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Commands that write text are clients of the engine, with one sequence and one
 * request at a time.
 */
#ifndef TERN_SRC_COMMAND_WRITER_H
#define TERN_SRC_COMMAND_WRITER_H

#include "client.h"
#include "form.h"
#include "prompt_files.h"

/* Why an answer ended. */
typedef enum command_stop {
  STOP_FAILED, /* with the sentence in program->error */
  STOP_LIMIT,
  STOP_END, /* an end token or a stop string */
  STOP_FULL,
  STOP_INTERRUPTED
} command_stop;

typedef struct command_writer {
  host_program *program; /* the command line's */
  tern_engine *engine;   /* the caller's */
  uint32_t context;
  tern_sequence *sequence;
  tern_request request; /* as the flags have it */
  tern_logit_bias *biases;
  command_form form;
  prompt_files files;
  /* Of chat: thoughts are shown in their own way. NULL: as all else. */
  struct host_thinking *thinking;
  host_text shown;          /* of an answer with thoughts */
  host_copy *copy;          /* takes what is written, too, unless it is NULL */
  const host_copy *opening; /* of the answer, or NULL */
  int may_think;            /* before an answer that has a form */
  /* Of the request: */
  int is_part;   /* of a prompt */
  int has_begun; /* its answer */
  int is_over;
  tern_finish finish;
  /* Of all: */
  uint64_t prompt_tokens, steps;   /* that were read; behind prompts */
  uint64_t prompt_time, step_time; /* nanoseconds ... */
  uint64_t counted;                /* ... of these in the engine's count */
  uint32_t filled; /* tokens of the sequence whose state is there */
  tern_weight_count *after_prompt; /* for --stats, or NULL */
  size_t weight_count;
} command_writer;

/* 0, or -1 with the sentence in program->error. Says what the model asks for.
 */
int command_writer_open(command_writer *writer, host_program *program,
                        tern_engine *engine);
void command_writer_close(command_writer *writer);
/* Appends tokens to the sequence, and writes the answer as it comes, in the
 * form that flags ask for. `opening` is the beginning of the answer that the
 * tokens end with: it is shown as if the model had made it; NULL: there is
 * none. */
command_stop command_write(command_writer *writer, const int32_t *tokens,
                           size_t count, const host_copy *opening);
/* How long reading and writing took, on standard error; the footer not with -q.
 */
void command_print_timing(const command_writer *writer);
void command_print_footer(const command_writer *writer);
/* show.c: what an event brings, on standard output. */
void command_show_event(command_writer *writer, const tern_event *event);
/* The text that the template has begun the answer with. */
void command_show_opening(command_writer *writer);
/* The end: all that was held back, and of the line. 0, or -1. */
int command_show_end(command_writer *writer);

#endif /* TERN_SRC_COMMAND_WRITER_H */
