/*===- generate.c - tokens to text, as they come ----------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "defaults.h"
#include "pick.h"
#include "speak.h"
#include "stops.h"
#include "thinking.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int open_biases(host_generator *generator, host_program *program) {
  const host_list *list = &program->options.biases;
  uint32_t vocab_size = program->model->vocab_size;
  if (list->count == 0)
    return 0;
  generator->biases = host_allocate(program, (size_t)list->count,
                                    sizeof(*generator->biases), 1);
  if (!generator->biases)
    return -1;
  for (int64_t i = 0; i < list->count; ++i) {
    tern_logit_bias *bias = &generator->biases[i];
    if (host_parse_bias(list->at[i], bias, &program->error) != 0)
      return -1;
    if ((uint32_t)bias->token >= vocab_size)
      return host_fail(&program->error,
                       "--logit-bias %s: the model's tokens are 0 to %u",
                       list->at[i], vocab_size - 1);
  }
  generator->bias_count = (size_t)list->count;
  return 0;
}

int host_generator_open(host_generator *generator, host_program *program,
                        tern_session *session) {
  memset(generator, 0, sizeof(*generator));
  generator->program = program;
  generator->session = session;
  generator->pending = -1;
  tern_sampler_options options = host_default_sampler(program);
  if (host_status(program, tern_sampler_init(&generator->sampler, &options),
                  "sampling") != 0 ||
      host_default_rules(program, &generator->rules,
                         &generator->rules_memory) != 0 ||
      open_biases(generator, program) != 0)
    return -1;
  generator->stops = host_allocate(program, 1, sizeof(host_stops), 1);
  if (!generator->stops || host_stops_open(generator->stops, program) != 0)
    return -1;
  generator->candidates = host_allocate(program, program->model->vocab_size,
                                        sizeof(tern_candidate), 1);
  generator->held =
      host_allocate(program, tern_session_context(session), sizeof(int32_t), 1);
  if (!generator->candidates || !generator->held)
    return -1;
  if (host_may_choose(generator) &&
      !(generator->sparse = host_allocate_sparse(program)))
    return host_fail(&program->error, HOST_NO_MEMORY);
  if (!program->options.quiet)
    host_say_defaults(program);
  return 0;
}

void host_generator_close(host_generator *generator) {
  if (generator->stops)
    host_stops_close(generator->stops);
  free(generator->stops);
  free(generator->rules_memory);
  free(generator->biases);
  free(generator->ready.text.at);
  free(generator->ready.marks.at);
  free(generator->spoken.text.at);
  free(generator->spoken.marks.at);
  free(generator->shown.at);
  free(generator->candidates);
  free(generator->sparse);
  free(generator->logits);
  free(generator->held);
}

/* Notes what the session has got, where it has it. */
static void note(host_generator *generator, const int32_t *tokens,
                 size_t count) {
  uint32_t end = tern_session_position(generator->session);
  memcpy(generator->held + (end - count), tokens, count * sizeof(int32_t));
}

/* With all logits or hidden states, written to files; also when they are not
 * finite, which is when one wants to see them. */
static int read_full(host_generator *generator, const int32_t *tokens,
                     uint32_t count, float **logits) {
  host_program *program = generator->program;
  const tern_model *model = program->model;
  const host_options *o = &program->options;
  uint32_t wanted = o->logits_file ? count : 1;
  float *hidden = NULL;
  free(generator->logits);
  generator->logits =
      host_allocate(program, wanted, model->vocab_size, sizeof(float));
  if (o->hidden_file)
    hidden = host_allocate(program, (uint64_t)count * model->layer_count,
                           model->hidden_size, sizeof(float));
  uint64_t logits_shape[] = {count, model->vocab_size};
  uint64_t hidden_shape[] = {model->layer_count, count, model->hidden_size};
  int status = -1;
  if (generator->logits && (hidden || !o->hidden_file))
    status = host_eval_full(program, generator->session, tokens, count, wanted,
                            generator->logits, hidden, "prompt");
  int result = status < 0 ? -1 : 0;
  if (result == 0 && o->logits_file)
    result = host_write_npy(program, o->logits_file, generator->logits,
                            logits_shape, 2);
  if (result == 0 && hidden)
    result = host_write_npy(program, o->hidden_file, hidden, hidden_shape, 3);
  if (status != 0)
    result = -1;
  if (result == 0)
    *logits = generator->logits + (size_t)(wanted - 1) * model->vocab_size;
  free(hidden);
  return result;
}

static void accept(host_generator *generator, const int32_t *tokens,
                   size_t count) {
  note(generator, tokens, count);
  generator->prompt_tokens += count;
  for (size_t i = 0; i < count; ++i)
    tern_sampler_accept(&generator->sampler, tokens[i]);
}

/* Tokens of one call, and those of the first when a person watches. */
#define PIECE_TOKENS 512u
#define FIRST_PIECE_TOKENS 32u
#define WATCHED_NANOSECONDS 400000000

/* In pieces, which is the same to the bit: an interrupt leaves those that are
 * done, and on a terminal they show how far it is. */
static int read_pieces(host_generator *generator, const int32_t *tokens,
                       size_t count, float **logits) {
  host_program *program = generator->program;
  int is_watched = host_shows_progress(program);
  size_t piece = is_watched ? FIRST_PIECE_TOKENS : PIECE_TOKENS;
  int64_t start = host_now(), before = start;
  for (size_t at = 0; at < count;) {
    size_t n = count - at < piece ? count - at : piece;
    if (host_eval(program, generator->session, tokens + at, (uint32_t)n,
                  at + n == count ? logits : NULL, "prompt") != 0)
      return -1;
    accept(generator, tokens + at, n);
    at += n;
    if (!is_watched)
      continue;
    int64_t now = host_now();
    if (now - before < WATCHED_NANOSECONDS / 2 && piece < PIECE_TOKENS)
      piece *= 2;
    else if (now - before > WATCHED_NANOSECONDS && piece > FIRST_PIECE_TOKENS)
      piece /= 2;
    if (now - start > WATCHED_NANOSECONDS && at < count)
      host_progress(program, "prompt: %zu of %zu tokens, %.1f tokens/s", at,
                    count, (double)at * 1e9 / (double)(now - start));
    before = now;
  }
  host_progress_end(program);
  return 0;
}

int host_generator_read(host_generator *generator, const int32_t *tokens,
                        size_t count, float **logits) {
  host_program *program = generator->program;
  uint32_t room = tern_session_context(generator->session) -
                  tern_session_position(generator->session);
  int32_t pending = generator->pending;
  generator->pending = -1;
  if (count == 0)
    return host_fail(&program->error, "the text is empty");
  if (count + (pending >= 0) > room)
    return host_fail(&program->error,
                     "the text has %zu tokens, but the context of %u has room "
                     "for %u",
                     count, tern_session_context(generator->session), room);
  int64_t start = host_now();
  int result = 0;
  if (pending >= 0)
    result =
        host_eval(program, generator->session, &pending, 1, NULL, "evaluation");
  if (result != 0)
    return result;
  if (pending >= 0)
    note(generator, &pending, 1);
  if (program->options.logits_file || program->options.hidden_file) {
    result = read_full(generator, tokens, (uint32_t)count, logits);
    if (result == 0)
      accept(generator, tokens, count);
  } else {
    result = read_pieces(generator, tokens, count, logits);
  }
  generator->prompt_time += host_now() - start;
  return result;
}

int host_generator_follow(host_generator *generator, const int32_t *tokens,
                          size_t count, size_t *reused, float **logits) {
  size_t held = tern_session_position(generator->session), at = 0;
  /* The last token is computed in any case: its logits are wanted. */
  while (at + 1 < count && at < held && tokens[at] == generator->held[at])
    ++at;
  if (reused)
    *reused = at;
  if (host_status(generator->program,
                  tern_session_rewind(generator->session, (uint32_t)at),
                  "session") != 0)
    return -1;
  generator->pending = -1;
  /* As if all of it had been read at once. */
  generator->sampler.recent_count = 0;
  for (size_t i = 0; i < at; ++i)
    tern_sampler_accept(&generator->sampler, tokens[i]);
  return host_generator_read(generator, tokens + at, count - at, logits);
}

static void show(host_generator *generator, const host_copy *text) {
  host_program *program = generator->program;
  host_thinking *thinking = generator->thinking;
  host_text *shown = &generator->shown;
  if (!thinking) {
    fwrite(text->text.at, 1, text->text.bytes, stdout);
    return;
  }
  shown->bytes = 0;
  host_thinking_push(thinking, program, text->text.at, text->marks.at,
                     text->text.bytes, shown);
  if (thinking->hides && thinking->is_inside)
    host_progress(
        program, "thinking, %llu tokens",
        (unsigned long long)(generator->generated - generator->earlier));
  if (shown->bytes)
    host_progress_end(program);
  fwrite(shown->at, 1, shown->bytes, stdout);
}

/* Prints text, unless ids are printed instead. */
static void print_copy(host_generator *generator, const host_copy *text) {
  if (generator->program->options.print_ids)
    return;
  show(generator, text);
  if (generator->copy)
    host_copy_append(generator->program, generator->copy, text->text.at,
                     text->marks.at, text->text.bytes);
}

/* Text goes to stdout as soon as it can be no part of a stop string. 1 when one
 * has come, 0, or -1. */
static int print_text(host_generator *generator, int32_t token) {
  host_copy *spoken = &generator->spoken;
  spoken->text.bytes = spoken->marks.bytes = 0;
  int result =
      host_speak(generator, token, generator->thinking != NULL, spoken);
  if (result >= 0)
    print_copy(generator, spoken);
  return result;
}

/* 1 when the text is at its end, 0, or -1. */
static int print_token(host_generator *generator, int32_t token) {
  host_program *program = generator->program;
  int result = 0;
  if (program->options.print_ids || !program->has_tokenizer)
    printf("%s%d", generator->generated > 1 ? "," : "", token);
  if (program->has_tokenizer)
    result = print_text(generator, token);
  fflush(stdout);
  return result;
}

/* Of the token behind one that is evaluated. */
typedef struct next_token {
  host_generator *generator;
  uint32_t prompt, end;
  int is_last;
} next_token;

static int32_t choose(void *data, tern_candidate *candidates, uint32_t count,
                      float bound) {
  const next_token *next = data;
  return host_choose(next->generator, next->prompt, next->end, next->is_last,
                     candidates, count, bound);
}

/* *best is the token behind it, or -1 and the logits are there. */
static int evaluate(host_generator *generator, int32_t token, next_token *next,
                    int32_t *best, float **logits) {
  host_program *program = generator->program;
  tern_session *session = generator->session;
  tern_choice choice = {choose, next};
  next->end = tern_session_position(session) + 1;
  next->is_last |= next->end == tern_session_context(session);
  generator->held[next->end - 1] = token;
  *best = -1;
  if (host_picks_best(generator))
    return host_best(program, session, &token, 1, best, "evaluation");
  if (generator->sparse)
    return host_eval_choice(program, session, &token, 1, &choice, best, logits,
                            "evaluation");
  return host_eval(program, session, &token, 1, logits, "evaluation");
}

static host_stop write_tokens(host_generator *generator, float *logits) {
  host_program *program = generator->program;
  tern_session *session = generator->session;
  uint32_t prompt = tern_session_position(session);
  int64_t limit;
  int32_t best = -1;
  if (host_default_limit(program, prompt, &limit) != 0)
    return STOP_FAILED;
  for (int64_t done = 0; limit < 0 || done < limit; ++done) {
    if (host_interrupted)
      return STOP_INTERRUPTED;
    int is_full =
        tern_session_position(session) == tern_session_context(session);
    int is_last = is_full || done + 1 == limit;
    int32_t token =
        best >= 0 ? best : host_pick(generator, prompt, is_last, logits);
    if (token < 0)
      return STOP_FAILED;
    if (host_is_end(generator, token))
      return STOP_END;
    tern_sampler_accept(&generator->sampler, token);
    ++generator->generated;
    int has_ended = print_token(generator, token);
    generator->pending = token;
    if (has_ended)
      return has_ended < 0 ? STOP_FAILED : STOP_END;
    if (done + 1 == limit)
      break;
    if (is_full)
      return STOP_FULL;
    int64_t start = host_now();
    next_token next = {generator, prompt, 0, done + 2 == limit};
    if (evaluate(generator, token, &next, &best, &logits) != 0)
      return host_interrupted ? STOP_INTERRUPTED : STOP_FAILED;
    generator->pending = -1;
    generator->step_time += host_now() - start;
    ++generator->steps;
  }
  return STOP_LIMIT;
}

/* The end of an answer: all that was held back. */
static void print_rest(host_generator *generator) {
  host_program *program = generator->program;
  host_copy *spoken = &generator->spoken;
  host_text *shown = &generator->shown;
  spoken->text.bytes = spoken->marks.bytes = 0;
  if (host_speak_rest(generator, spoken) == 0)
    print_copy(generator, spoken);
  host_progress_end(program);
  shown->bytes = 0;
  if (generator->thinking &&
      host_thinking_flush(generator->thinking, program, shown) == 0)
    fwrite(shown->at, 1, shown->bytes, stdout);
}

host_stop host_generator_write(host_generator *generator, float *logits,
                               const host_copy *opening) {
  host_program *program = generator->program;
  host_stops_reset(generator->stops);
  generator->mark = TERN_MARK_WRITTEN;
  memset(&generator->utf8, 0, sizeof(generator->utf8));
  host_interrupt_writes("\n");
  generator->earlier = generator->generated;
  if (generator->thinking)
    host_thinking_begin(generator->thinking);
  if (opening)
    print_copy(generator, opening);
  host_stop stop = write_tokens(generator, logits);
  print_rest(generator);
  fputc('\n', stdout);
  int is_written = fflush(stdout) == 0 && !ferror(stdout);
  host_interrupt_writes(NULL);
  if (!is_written) {
    host_fail(&program->error, "cannot write to standard output");
    return STOP_FAILED;
  }
  return stop;
}
