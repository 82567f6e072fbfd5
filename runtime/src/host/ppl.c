/*===- ppl.c - perplexity ---------------------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "kl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Positions evaluated in one call; any number gives the same bits. */
#define CALL_TOKENS 64u

typedef struct scoring {
  host_program *program;
  tern_session *session;
  float *logits;
  uint32_t context, first; /* of a window: tokens, and where scores begin */
  moments surprise;        /* negative log likelihoods of predicted tokens */
  uint64_t evaluated;      /* tokens that were read */
  kl_writer *writer;       /* keeps the logits, or NULL */
  kl_reader *reader;       /* compares them, or NULL */
} scoring;

static int score_position(scoring *s, const float *logits, int32_t token) {
  softmax all = softmax_of(logits, s->program->model->vocab_size);
  moments_add(&s->surprise, -softmax_log(&all, logits[token]));
  if (s->writer)
    return kl_writer_add(s->writer, logits);
  return s->reader ? kl_reader_add(s->reader, logits, token) : 0;
}

/* Scores tokens[i + 1] from the logits of tokens[i] for first <= i < n - 1. */
static int score_window(scoring *s, const int32_t *tokens) {
  uint32_t n = s->context, first = s->first;
  uint32_t vocab = s->program->model->vocab_size;
  tern_session_rewind(s->session, 0);
  for (uint32_t at = 0; at < n - 1;) {
    uint32_t m = n - 1 - at < CALL_TOKENS ? n - 1 - at : CALL_TOKENS;
    uint32_t wanted = at + m <= first ? 0 : at >= first ? m : at + m - first;
    if (host_eval_full(s->program, s->session, tokens + at, m, wanted,
                       s->logits, NULL, "evaluation") != 0)
      return -1;
    at += m;
    s->evaluated += m;
    for (uint32_t i = 0; i < wanted; ++i)
      if (score_position(s, s->logits + (size_t)i * vocab,
                         tokens[at - wanted + i + 1]) != 0)
        return -1;
  }
  return 0;
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
      host_encode(program, text, NULL, bytes,
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

static int score(scoring *s) {
  host_program *program = s->program;
  host_session session = {0};
  int result = -1;
  s->logits = host_allocate(program, program->model->vocab_size, CALL_TOKENS,
                            sizeof(float));
  if (s->logits && host_session_open(program, s->context, &session) == 0) {
    s->session = session.session;
    result = s->reader ? compare(s) : score_text(s);
    if (result == 0 && program->options.stats)
      host_print_counters(program, "all windows", program->counters,
                          s->evaluated);
  }
  host_session_close(&session);
  free(s->logits);
  return result;
}

int host_ppl(host_program *program) {
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
