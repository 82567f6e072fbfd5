/*===- ppl.c - perplexity ---------------------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "../host/kl.h"
#include "client.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Positions evaluated in one step; any number gives the same bits. */
#define SCORED_TOKENS 64u

typedef struct scoring {
  host_program *program;
  tern_engine *engine;
  tern_sequence *sequence;
  /* Of the request: the token behind it that is judged, too, or -1; whether it
   * is over, and how. */
  int32_t behind;
  int is_over;
  tern_finish finish;
  uint32_t context, first; /* of a window: tokens, and where scores begin */
  moments surprise;        /* negative log likelihoods of predicted tokens */
  uint64_t evaluated;      /* tokens that were read */
  kl_writer *writer;       /* keeps the logits, or NULL */
  kl_reader *reader;       /* compares them, or NULL */
} scoring;

static int score_position(scoring *s, const float *logits, int32_t token,
                          double logprob) {
  moments_add(&s->surprise, -logprob);
  if (s->writer)
    return kl_writer_add(s->writer, logits);
  return s->reader ? kl_reader_add(s->reader, logits, token) : 0;
}

/* The logits at the end judge the token that was not read. */
static int take_end(scoring *s, const tern_event *event) {
  s->is_over = 1;
  s->finish = (tern_finish)event->finish;
  if (event->finish == TERN_FINISH_FAILED)
    return host_fail(&s->program->error, "%s", event->error);
  if (event->finish == TERN_FINISH_CANCELLED || !event->logits)
    return 0;
  softmax all = softmax_of(event->logits, s->program->model->vocab_size);
  return score_position(s, event->logits, s->behind,
                        softmax_log(&all, event->logits[s->behind]));
}

static int on_event(void *data, const tern_event *event) {
  scoring *s = data;
  if (event->kind == TERN_EVENT_END)
    return take_end(s, event) != 0;
  return event->logits &&
         score_position(s, event->logits, event->token, event->logprob) != 0;
}

/* Reads tokens; with TERN_REQUEST_LOGITS all but the first are scored, and the
 * one behind them. */
static int read_tokens(scoring *s, const int32_t *tokens, uint32_t count,
                       uint32_t flags) {
  tern_request request;
  tern_request_init(&request);
  request.flags = flags;
  request.sequence = s->sequence;
  request.tokens = tokens;
  request.token_count = count;
  request.max_tokens = 0;
  request.on_event = on_event;
  request.data = s;
  s->behind = tokens[count];
  s->is_over = 0;
  int result = tern_engine_submit(s->engine, &request, NULL);
  while (result >= 0 && !s->is_over)
    result = tern_engine_step(s->engine);
  if (result < 0)
    return command_pass_on(s->program);
  s->evaluated += count;
  return s->finish == TERN_FINISH_LENGTH && !s->program->error.text[0] ? 0 : -1;
}

/* Scores tokens[i + 1] from the logits of tokens[i] for first <= i < n - 1. */
static int score_window(scoring *s, const int32_t *tokens) {
  uint32_t n = s->context, first = s->first;
  if (tern_sequence_cut(s->sequence, 0, NULL) != 0)
    return command_pass_on(s->program);
  if (first && read_tokens(s, tokens, first, 0) != 0)
    return -1;
  return read_tokens(s, tokens + first, n - 1 - first,
                     TERN_REQUEST_LOGITS | TERN_REQUEST_PROMPT_LOGPROBS);
}

static void progress(const scoring *s, uint64_t done, uint64_t all) {
  if (done == 0)
    host_progress(s->program, "0 of %llu windows", (unsigned long long)all);
  else
    host_progress(s->program, "%llu of %llu windows, perplexity %.4f",
                  (unsigned long long)done, (unsigned long long)all,
                  exp(moments_mean(&s->surprise)));
}

/* Windows of `context` tokens. By default each is bos and context - 1 tokens of
 * the text, all of which are predicted. llama.cpp sets one bos before the text,
 * overwrites the first token of each later window with it and scores the second
 * half. *windows is to be freed. */
static int cut_text(scoring *s, const int32_t *text, size_t tokens,
                    int32_t **windows, uint64_t *count) {
  const host_options *o = &s->program->options;
  uint32_t context = s->context;
  uint32_t stride = s->first ? context : context - 1;
  *count = (s->first ? tokens + 1 : tokens) / stride;
  if (o->chunks > 0 && (uint64_t)o->chunks < *count)
    *count = (uint64_t)o->chunks;
  if (*count == 0)
    return host_fail(&s->program->error,
                     "the text has %zu tokens, fewer than a window of %u",
                     tokens, stride);
  *windows = host_allocate(s->program, *count, context, sizeof(int32_t));
  if (!*windows)
    return -1;
  for (uint64_t k = 0; k < *count; ++k) {
    int32_t *window = *windows + k * context;
    window[0] = s->program->artifact.generation.bos_id;
    /* With one bos before the text, token i of it is at i + 1. */
    memcpy(window + 1, text + k * stride, (context - 1) * sizeof(int32_t));
  }
  return 0;
}

static int read_text(scoring *s, int32_t **windows, uint64_t *count) {
  host_program *program = s->program;
  char *text = NULL;
  int32_t *tokens = NULL;
  size_t bytes, n;
  int result = -1;
  /* The text is data: what looks like a control token in it is none. */
  if (host_read_file(program, program->options.file, &text, &bytes) == 0 &&
      command_tokenize(program, s->engine, text, bytes,
                       TERN_ENCODE_BARE | TERN_ENCODE_PLAIN, &tokens, &n) == 0)
    result = cut_text(s, tokens, n, windows, count);
  free(tokens);
  free(text);
  return result;
}

static int score_windows(scoring *s, const int32_t *windows, uint64_t count) {
  int result = 0;
  host_interruptible = INTERRUPT_SOON;
  for (uint64_t k = 0; k < count && result == 0; ++k) {
    progress(s, k, count);
    result = score_window(s, windows + k * s->context);
  }
  host_progress_end(s->program);
  return result;
}

static void print_result(const scoring *s) {
  double mean = moments_mean(&s->surprise);
  double error = exp(mean) * moments_error(&s->surprise);
  if (s->program->options.json)
    printf("{\"perplexity\": %.17g, \"perplexity_error\": %.17g, \"tokens\": "
           "%llu, \"mean_nll\": %.17g, \"context\": %u}\n",
           exp(mean), error, (unsigned long long)s->surprise.count, mean,
           s->context);
  else
    printf("perplexity %.17g tokens %llu error %.6g\n", exp(mean),
           (unsigned long long)s->surprise.count, error);
  fflush(stdout);
}

/* The perplexity; --kl-base keeps the logits. */
static int score_text(scoring *s) {
  int32_t *windows = NULL;
  uint64_t count;
  kl_writer writer = {0};
  int result = read_text(s, &windows, &count);
  if (result == 0 && s->program->options.kl_base) {
    kl_header header = {
        KL_MAGIC, s->program->model->vocab_size, s->context, s->first, 0,
        count,    kl_tokenizer(s->program)};
    s->writer = &writer;
    result = kl_writer_open(&writer, s->program, &header, windows);
  }
  if (result == 0)
    result = score_windows(s, windows, count);
  if (result == 0 && s->writer)
    result = kl_writer_commit(&writer);
  kl_writer_close(&writer);
  if (result == 0)
    print_result(s);
  free(windows);
  return result;
}

/* With -f, the text must be the one that the logits are of. */
static int check_text(scoring *s, uint64_t *count) {
  const kl_reader *reader = s->reader;
  int32_t *windows = NULL;
  uint64_t in_text = *count;
  int result = 0;
  if (s->program->options.file)
    result = read_text(s, &windows, &in_text);
  if (result == 0 &&
      (in_text < *count ||
       (windows && memcmp(windows, reader->windows,
                          *count * s->context * sizeof(int32_t)) != 0)))
    result = host_fail(&s->program->error,
                       "%s: holds the logits of another text than %s",
                       s->program->options.kl_base, s->program->options.file);
  free(windows);
  return result;
}

static int compare(scoring *s) {
  uint64_t count = s->reader->header.windows;
  const host_options *o = &s->program->options;
  if (o->chunks > 0 && (uint64_t)o->chunks < count)
    count = (uint64_t)o->chunks;
  if (check_text(s, &count) != 0 ||
      score_windows(s, s->reader->windows, count) != 0)
    return -1;
  kl_reader_print(s->reader);
  return 0;
}

/* The windows that the file has, or those that flags ask for. */
static int choose_windows(scoring *s) {
  const host_options *o = &s->program->options;
  uint32_t most = s->program->model->max_context;
  s->context = (uint32_t)o->context;
  if (s->context == 0)
    s->context = s->reader    ? s->reader->header.context
                 : most < 512 ? most
                              : 512;
  s->first = s->reader        ? s->reader->header.first
             : o->second_half ? s->context / 2
                              : 0;
  if (s->context < (s->first ? 3u : 2u))
    return host_fail(&s->program->error,
                     "ppl needs a context of at least %u tokens",
                     s->first ? 3u : 2u);
  if (s->reader && (s->context != s->reader->header.context ||
                    (o->second_half && s->first != s->context / 2)))
    return host_fail(&s->program->error,
                     "%s: has windows of %u tokens that are scored from "
                     "position %u on; leave -c and --second-half out",
                     o->kl_base, s->reader->header.context, s->first);
  return 0;
}

static int print_stats(const scoring *s) {
  tern_weight_count *counts;
  size_t count;
  if (command_count_weights(s->program, s->engine, &counts, &count) != 0)
    return -1;
  command_print_weights("all windows", counts, NULL, count, s->evaluated);
  free(counts);
  return 0;
}

static int score(scoring *s) {
  host_program *program = s->program;
  int result = -1;
  s->engine = command_open_engine(program, s->context, SCORED_TOKENS);
  s->sequence = s->engine ? tern_sequence_create(s->engine) : NULL;
  if (s->sequence)
    result = s->reader ? compare(s) : score_text(s);
  else if (s->engine)
    command_pass_on(program);
  if (result == 0 && program->options.stats)
    result = print_stats(s);
  tern_engine_close(s->engine);
  return result;
}

int command_ppl(host_program *program) {
  kl_reader reader = {0};
  scoring s = {0};
  int result = -1;
  s.program = program;
  if (program->artifact.generation.bos_id < 0)
    host_fail(&program->error,
              "the model has no bos token to begin windows with");
  else if (!program->options.kl || kl_reader_open(&reader, program) == 0) {
    if (program->options.kl)
      s.reader = &reader;
    if (choose_windows(&s) == 0)
      result = score(&s);
  }
  kl_reader_close(&reader);
  return result == 0 ? EXIT_OK : EXIT_FAILED;
}
