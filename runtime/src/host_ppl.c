/*===- host_ppl.c - perplexity ----------------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "host.h"

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
  double sum;         /* of negative log likelihoods */
  uint64_t tokens;    /* that were predicted */
  uint64_t evaluated; /* and read */
} scoring;

/* -log softmax(logits)[token], in double. */
static double surprise(const float *logits, uint32_t count, int32_t token) {
  double maximum = (double)logits[0], sum = 0;
  for (uint32_t i = 1; i < count; ++i)
    if ((double)logits[i] > maximum)
      maximum = (double)logits[i];
  for (uint32_t i = 0; i < count; ++i)
    sum += exp((double)logits[i] - maximum);
  return log(sum) - ((double)logits[token] - maximum);
}

/* Scores tokens[i + 1] from the logits of tokens[i] for first <= i < n - 1. */
static int score_window(scoring *s, const int32_t *tokens, uint32_t n,
                        uint32_t first) {
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
    for (uint32_t i = 0; i < wanted; ++i, ++s->tokens)
      s->sum += surprise(s->logits + (size_t)i * vocab, vocab,
                         tokens[at - wanted + i + 1]);
  }
  return 0;
}

static void progress(const scoring *s, uint64_t done, uint64_t all) {
  if (done == 0)
    host_progress(s->program, "0 of %llu windows", (unsigned long long)all);
  else
    host_progress(s->program, "%llu of %llu windows, perplexity %.4f",
                  (unsigned long long)done, (unsigned long long)all,
                  exp(s->sum / (double)s->tokens));
}

/* Windows of `context` tokens. By default each is bos and context - 1 tokens of
 * the text, all of which are predicted. llama.cpp sets one bos before the text,
 * overwrites the first token of each later window with it and scores the second
 * half. */
static int score_text(scoring *s, const int32_t *text, size_t count,
                      uint32_t context) {
  const host_options *o = &s->program->options;
  uint32_t stride = o->second_half ? context : context - 1;
  int32_t bos = s->program->artifact.generation.bos_id;
  uint64_t all = (o->second_half ? count + 1 : count) / stride;
  int32_t *window = host_allocate(s->program, context, sizeof(int32_t), 1);
  if (!window)
    return -1;
  if (o->chunks > 0 && (uint64_t)o->chunks < all)
    all = (uint64_t)o->chunks;
  window[0] = bos;
  int result = 0;
  if (all == 0)
    result = host_fail(&s->program->error,
                       "the text has %zu tokens, fewer than a window of %u",
                       count, stride);
  for (uint64_t k = 0; k < all && result == 0; ++k) {
    /* With one bos before the text, token i of it is at i + 1. */
    memcpy(window + 1, text + k * stride, (context - 1) * sizeof(int32_t));
    progress(s, k, all);
    result = score_window(s, window, context, o->second_half ? context / 2 : 0);
  }
  host_progress_end(s->program);
  free(window);
  return result;
}

static void print_result(const scoring *s, uint32_t context) {
  double mean = s->sum / (double)s->tokens;
  if (s->program->options.json)
    printf("{\"perplexity\": %.17g, \"tokens\": %llu, \"mean_nll\": %.17g, "
           "\"context\": %u}\n",
           exp(mean), (unsigned long long)s->tokens, mean, context);
  else
    printf("perplexity %.17g tokens %llu\n", exp(mean),
           (unsigned long long)s->tokens);
}

static int score_file(scoring *s, uint32_t context) {
  host_program *program = s->program;
  char *text = NULL;
  int32_t *tokens = NULL;
  size_t bytes, count;
  int result = -1;
  /* The text is data: what looks like a control token in it is none. */
  if (host_read_file(program, program->options.file, &text, &bytes) == 0 &&
      host_encode(program, text, NULL, bytes,
                  TERN_ENCODE_BARE | TERN_ENCODE_PLAIN, &tokens, &count) == 0) {
    host_interruptible = INTERRUPT_SOON;
    result = score_text(s, tokens, count, context);
  }
  free(tokens);
  free(text);
  return result;
}

int host_ppl(host_program *program) {
  host_session session = {0};
  scoring s = {0};
  int status = EXIT_FAILED;
  uint32_t context = (uint32_t)program->options.context;
  if (context == 0)
    context =
        program->model->max_context < 512 ? program->model->max_context : 512;
  if (program->artifact.generation.bos_id < 0 || context < 2) {
    host_fail(&program->error,
              context < 2 ? "ppl needs a context of at least 2 tokens"
                          : "the model has no bos token to begin windows with");
    return EXIT_FAILED;
  }
  s.program = program;
  s.logits = host_allocate(program, program->model->vocab_size, CALL_TOKENS,
                           sizeof(float));
  if (s.logits && host_session_open(program, context, &session) == 0) {
    s.session = session.session;
    if (score_file(&s, context) == 0) {
      print_result(&s, context);
      if (program->options.stats)
        host_print_counters(program, "all windows", program->counters,
                            s.evaluated);
      status = EXIT_OK;
    }
  }
  host_session_close(&session);
  free(s.logits);
  return status;
}
