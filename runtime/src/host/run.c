/*===- run.c - the command run ----------------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The tokens to continue, from --ids, -p, -f or a pipe. */
static int read_prompt(host_program *program, int32_t **tokens, size_t *count) {
  const host_options *o = &program->options;
  if (o->ids)
    return host_parse_ids(program, o->ids, tokens, count);
  char *text = NULL;
  size_t bytes = o->prompt ? strlen(o->prompt) : 0;
  if (!o->prompt &&
      host_read_file(program, o->file ? o->file : "-", &text, &bytes) != 0)
    return -1;
  const char *prompt = o->prompt ? o->prompt : text;
  int result = host_encode_prompt(program, prompt, bytes, tokens, count);
  if (result == 0 && o->echo)
    fwrite(prompt, 1, bytes, stdout);
  free(text);
  return result;
}

static int exit_status(host_program *program, host_stop stop,
                       const host_generator *generator) {
  switch (stop) {
  case STOP_FAILED:
    return EXIT_FAILED;
  case STOP_INTERRUPTED:
    return EXIT_INTERRUPTED;
  case STOP_FULL:
    fprintf(stderr, "%s: context of %u tokens is full\n", program->name,
            tern_session_context(generator->session));
    return EXIT_OK;
  default:
    return EXIT_OK;
  }
}

static void print_stats(host_program *program, const uint64_t *after_prompt,
                        const host_generator *generator) {
  size_t count = 2 * (size_t)program->model->projection_count;
  uint64_t *steps = host_allocate(program, count, sizeof(uint64_t), 1);
  if (!steps)
    return;
  for (size_t i = 0; i < count; ++i)
    steps[i] = program->counters[i] - after_prompt[i];
  host_print_counters(program, "prompt", after_prompt,
                      generator->prompt_tokens);
  host_print_counters(program, "generation", steps, generator->steps);
  free(steps);
}

static int generate(host_program *program, host_generator *generator,
                    const int32_t *tokens, size_t count) {
  size_t counters = 2 * (size_t)program->model->projection_count;
  uint64_t *after_prompt =
      host_allocate(program, counters, sizeof(uint64_t), 1);
  float *logits;
  if (!after_prompt)
    return EXIT_FAILED;
  if (host_generator_read(generator, tokens, count, &logits) != 0) {
    free(after_prompt);
    return EXIT_FAILED;
  }
  memcpy(after_prompt, program->counters, counters * sizeof(uint64_t));
  host_stop stop = host_generator_write(generator, logits, NULL);
  int status = exit_status(program, stop, generator);
  if (status != EXIT_FAILED)
    host_generator_footer(generator);
  if (program->options.stats)
    print_stats(program, after_prompt, generator);
  free(after_prompt);
  return status;
}

int host_run(host_program *program) {
  int32_t *tokens = NULL;
  size_t count = 0;
  host_session session = {0};
  host_generator generator = {0};
  int status = EXIT_FAILED;
  int has_prompt = read_prompt(program, &tokens, &count) == 0;
  host_interruptible = INTERRUPT_SOON;
  if (has_prompt &&
      host_session_open(program, (uint32_t)program->options.context,
                        &session) == 0 &&
      host_generator_open(&generator, program, session.session) == 0)
    status = generate(program, &generator, tokens, count);
  host_generator_close(&generator);
  host_session_close(&session);
  free(tokens);
  return status;
}
