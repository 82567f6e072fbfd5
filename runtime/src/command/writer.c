/*===- writer.c - answers on standard output --------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "writer.h"

#include "../host/defaults.h"

#include <stdlib.h>
#include <string.h>

/*--- Opening ---------------------------------------------------------------*/

static int set_biases(command_writer *writer) {
  host_program *program = writer->program;
  const host_list *list = &program->options.biases;
  uint32_t vocab_size = program->model->vocab_size;
  writer->biases =
      host_allocate(program, (size_t)list->count, sizeof(*writer->biases), 1);
  if (!writer->biases)
    return -1;
  for (int64_t i = 0; i < list->count; ++i) {
    tern_logit_bias *bias = &writer->biases[i];
    if (host_parse_bias(list->at[i], bias, &program->error) != 0)
      return -1;
    if ((uint32_t)bias->token >= vocab_size)
      return host_fail(&program->error,
                       "--logit-bias %s: the model's tokens are 0 to %u",
                       list->at[i], vocab_size - 1);
  }
  writer->request.biases = writer->biases;
  writer->request.bias_count = (size_t)list->count;
  return 0;
}

static int set_stops(command_writer *writer) {
  host_program *program = writer->program;
  const host_list *list = &program->options.stops;
  for (int64_t i = 0; i < list->count; ++i) {
    size_t bytes = strlen(list->at[i]);
    if (bytes == 0 || bytes > TERN_MAX_STOP_BYTES)
      return host_fail(&program->error,
                       "a stop string has 1 to %u bytes, but this one has %zu",
                       TERN_MAX_STOP_BYTES, bytes);
  }
  writer->request.stops = list->at;
  writer->request.stop_count = (size_t)list->count;
  return 0;
}

static int on_event(void *data, const tern_event *event);

static int set_request(command_writer *writer) {
  const host_options *o = &writer->program->options;
  tern_request *r = &writer->request;
  tern_request_init(r);
  r->sequence = writer->sequence;
  r->temperature = o->temperature;
  r->top_p = o->top_p;
  r->min_p = o->min_p;
  r->top_k = o->top_k;
  r->repeat_penalty = o->repeat_penalty;
  r->repeat_last_n = o->repeat_last_n == -1            ? INT64_MAX
                     : o->repeat_last_n == UNSET_LIMIT ? -1
                                                       : o->repeat_last_n;
  r->presence_penalty = o->presence_penalty;
  r->frequency_penalty = o->frequency_penalty;
  r->seed = o->seed;
  r->max_tokens = o->limit == UNSET_LIMIT ? -1
                  : o->limit < 0          ? INT64_MAX
                                          : o->limit;
  r->flags = TERN_REQUEST_SAME_SEED;
  if (o->ignore_eos)
    r->flags |= TERN_REQUEST_IGNORE_END;
  r->on_event = on_event;
  r->data = writer;
  return set_stops(writer) == 0 && set_biases(writer) == 0 ? 0 : -1;
}

int command_writer_open(command_writer *writer, host_program *program,
                        tern_engine *engine) {
  tern_engine_info info = {.size = sizeof(info)};
  memset(writer, 0, sizeof(*writer));
  writer->program = program;
  writer->engine = engine;
  tern_engine_describe(engine, &info);
  writer->context = info.context;
  writer->sequence = tern_sequence_create(engine);
  if (!writer->sequence)
    return command_pass_on(program);
  if (set_request(writer) != 0 ||
      command_form_open(&writer->form, program) != 0)
    return -1;
  if (!program->options.quiet)
    host_say_defaults(program);
  return 0;
}

void command_writer_close(command_writer *writer) {
  tern_sequence_destroy(writer->sequence);
  command_form_close(&writer->form);
  prompt_files_close(&writer->files);
  free(writer->biases);
  free(writer->shown.at);
  free(writer->after_prompt);
}

/*--- One request -----------------------------------------------------------*/

static int on_event(void *data, const tern_event *event) {
  command_writer *writer = data;
  int failed = prompt_files_take(&writer->files, event) != 0;
  int is_none = event->finish == TERN_FINISH_FAILED ||
                event->finish == TERN_FINISH_CANCELLED;
  if (event->kind == TERN_EVENT_END) {
    writer->is_over = 1;
    writer->finish = (tern_finish)event->finish;
    if (event->finish == TERN_FINISH_FAILED)
      host_fail(&writer->program->error, "%s", event->error);
  }
  if (event->kind == TERN_EVENT_PROMPT || event->kind == TERN_EVENT_HIDDEN ||
      failed || (is_none && !writer->has_begun))
    return failed;
  if (!writer->has_begun) {
    writer->prompt_tokens += event->prompt_tokens - event->reused_tokens;
    writer->filled = event->prompt_tokens;
  }
  if (writer->is_part)
    return 0;
  if (!writer->has_begun)
    command_show_opening(writer);
  writer->has_begun = 1;
  command_show_event(writer, event);
  return 0;
}

/* Nanoseconds in which the model ran: picks and text are beside it. */
static uint64_t count_time(const command_writer *writer) {
  tern_engine_counts counts = {.size = sizeof(counts)};
  tern_engine_count(writer->engine, &counts);
  return counts.step_ns;
}

static int step(command_writer *writer) {
  int had_begun = writer->has_begun;
  if (tern_engine_step(writer->engine) < 0)
    return command_pass_on(writer->program);
  uint64_t counted = count_time(writer), spent = counted - writer->counted;
  writer->counted = counted;
  if (!had_begun) {
    writer->prompt_time += spent;
  } else if (writer->finish != TERN_FINISH_CANCELLED &&
             writer->finish != TERN_FINISH_FAILED) {
    writer->step_time += spent;
    ++writer->steps;
    ++writer->filled;
  }
  if (had_begun || !writer->has_begun || !writer->program->options.stats)
    return 0;
  return command_count_weights(writer->program, writer->engine,
                               &writer->after_prompt, &writer->weight_count);
}

static command_stop stop_of(const command_writer *writer) {
  if (writer->program->error.text[0])
    return STOP_FAILED;
  switch (writer->finish) {
  case TERN_FINISH_STOP:
    return STOP_END;
  case TERN_FINISH_LENGTH:
    return STOP_LIMIT;
  case TERN_FINISH_CONTEXT:
    return STOP_FULL;
  case TERN_FINISH_CANCELLED:
    return STOP_INTERRUPTED;
  default:
    return STOP_FAILED;
  }
}

static int set_grammar(const command_writer *writer, tern_request *request) {
  enum tern_thought thought = writer->opening     ? TERN_THOUGHT_OPENED
                              : writer->may_think ? TERN_THOUGHT_ALLOWED
                                                  : TERN_THOUGHT_NONE;
  request->grammar =
      command_form_grammar(&writer->form, writer->program, thought);
  return request->grammar || !writer->form.text ? 0 : -1;
}

/* `is_part`: more of the prompt follows. */
static command_stop run_request(command_writer *writer, const int32_t *tokens,
                                size_t count, int is_part) {
  tern_request request = writer->request;
  request.tokens = tokens;
  request.token_count = count;
  if (is_part)
    request.max_tokens = 0;
  else if ((prompt_files_are_wanted(writer->program) &&
            prompt_files_open(&writer->files, writer->program, count,
                              &request) != 0) ||
           set_grammar(writer, &request) != 0)
    return STOP_FAILED;
  writer->is_part = is_part;
  writer->has_begun = writer->is_over = 0;
  writer->finish = TERN_FINISH_NONE;
  int result = tern_engine_submit(writer->engine, &request, NULL);
  command_form_release(request.grammar);
  if (result != 0) {
    command_pass_on(writer->program);
    return STOP_FAILED;
  }
  while (!writer->is_over)
    if (step(writer) != 0)
      return STOP_FAILED;
  return stop_of(writer);
}

/*--- Prompts ---------------------------------------------------------------*/

/* Of the first request when a person watches, and how often one wants to see
 * how far it is. */
#define FIRST_PART_TOKENS 32u
#define WATCHED_NANOSECONDS 400000000

/* All but the end of a prompt, in parts, which is the same to the bit; *at is
 * how much was read. */
static command_stop read_watched(command_writer *writer, const int32_t *tokens,
                                 size_t count, size_t *at) {
  size_t part = FIRST_PART_TOKENS;
  int64_t start = host_now(), before = start;
  while (count - *at > part) {
    command_stop stop = run_request(writer, tokens + *at, part, 1);
    if (stop != STOP_LIMIT)
      return stop;
    *at += part;
    int64_t now = host_now();
    if (now - before < WATCHED_NANOSECONDS / 2 && part < STEP_TOKENS)
      part *= 2;
    else if (now - before > WATCHED_NANOSECONDS && part > FIRST_PART_TOKENS)
      part /= 2;
    if (now - start > WATCHED_NANOSECONDS)
      host_progress(writer->program, "prompt: %zu of %zu tokens, %.1f tokens/s",
                    *at, count, (double)*at * 1e9 / (double)(now - start));
    before = now;
  }
  return STOP_LIMIT;
}

static int check_prompt(const command_writer *writer, size_t count) {
  host_program *program = writer->program;
  size_t held;
  if (tern_sequence_tokens(writer->sequence, NULL, 0, &held) != 0)
    return command_pass_on(program);
  if (count == 0)
    return host_fail(&program->error, "the text is empty");
  if (count > writer->context - held)
    return host_fail(&program->error,
                     "the text has %zu tokens, but the context of %u has room "
                     "for %zu",
                     count, writer->context, writer->context - held);
  return 0;
}

command_stop command_write(command_writer *writer, const int32_t *tokens,
                           size_t count, const host_copy *opening) {
  host_program *program = writer->program;
  size_t at = 0;
  writer->has_begun = 0;
  if (check_prompt(writer, count) != 0)
    return STOP_FAILED;
  writer->opening = opening;
  command_stop stop = STOP_LIMIT;
  if (host_shows_progress(program) && !prompt_files_are_wanted(program))
    stop = read_watched(writer, tokens, count, &at);
  if (stop == STOP_LIMIT)
    stop = run_request(writer, tokens + at, count - at, 0);
  host_progress_end(program);
  if (writer->has_begun && command_show_end(writer) != 0)
    return STOP_FAILED;
  return stop;
}
