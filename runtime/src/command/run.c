/*===- run.c - the command run ----------------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The tokens to continue, from --ids, -p, -f or a pipe. */
static int read_prompt(host_program *program, tern_engine *engine,
                       int32_t **tokens, size_t *count) {
  const host_options *o = &program->options;
  if (o->ids)
    return host_parse_ids(program, o->ids, tokens, count);
  char *text = NULL;
  size_t bytes = o->prompt ? strlen(o->prompt) : 0;
  if (!o->prompt &&
      host_read_file(program, o->file ? o->file : "-", &text, &bytes) != 0)
    return -1;
  const char *prompt = o->prompt ? o->prompt : text;
  int result =
      command_tokenize(program, engine, prompt, bytes,
                       o->no_bos ? TERN_ENCODE_BARE : 0, tokens, count);
  if (result == 0 && o->echo)
    fwrite(prompt, 1, bytes, stdout);
  free(text);
  return result;
}

static int exit_status(const command_writer *writer, command_stop stop) {
  switch (stop) {
  case STOP_FAILED:
    return EXIT_FAILED;
  case STOP_INTERRUPTED:
    return EXIT_INTERRUPTED;
  case STOP_FULL:
    fprintf(stderr, "%s: context of %u tokens is full\n", writer->program->name,
            writer->context);
    return EXIT_OK;
  default:
    return EXIT_OK;
  }
}

static void print_stats(const command_writer *writer) {
  tern_weight_count *counts;
  size_t count;
  if (!writer->after_prompt ||
      command_count_weights(writer->program, writer->engine, &counts, &count) !=
          0)
    return;
  command_print_weights("prompt", writer->after_prompt, NULL, count,
                        writer->prompt_tokens);
  command_print_weights("generation", counts, writer->after_prompt, count,
                        writer->steps);
  free(counts);
}

static int write_answer(command_writer *writer, const int32_t *tokens,
                        size_t count) {
  command_stop stop = command_write(writer, tokens, count, NULL);
  int status = exit_status(writer, stop);
  if (status != EXIT_FAILED && writer->has_begun)
    command_print_footer(writer);
  print_stats(writer);
  return status;
}

int command_run(host_program *program) {
  int32_t *tokens = NULL;
  size_t count = 0;
  command_writer writer = {0};
  int status = EXIT_FAILED;
  tern_engine *engine = command_open_engine(
      program, (uint32_t)program->options.context, STEP_TOKENS);
  int has_prompt = engine && read_prompt(program, engine, &tokens, &count) == 0;
  host_interruptible = INTERRUPT_SOON;
  if (has_prompt && command_writer_open(&writer, program, engine) == 0)
    status = write_answer(&writer, tokens, count);
  command_writer_close(&writer);
  tern_engine_close(engine);
  free(tokens);
  return status;
}
