/*===- defaults.c - how the model asks to be run ---------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "defaults.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t seed_of(const host_options *options) {
  struct timespec t;
  if (options->seed >= 0)
    return (uint64_t)options->seed;
  clock_gettime(CLOCK_REALTIME, &t);
  return (uint64_t)t.tv_sec * 1000000007u + (uint64_t)t.tv_nsec;
}

tern_sampler_options host_default_sampler(const host_program *program) {
  const host_options *o = &program->options;
  const tern_generation *g = &program->artifact.generation;
  tern_sampler_options s;
  memset(&s, 0, sizeof(s));
  s.size = sizeof(s);
  s.temperature = g->do_sample ? g->temperature : 0.0f;
  if (o->temperature >= 0)
    s.temperature = (float)o->temperature;
  s.top_k = o->top_k >= 0 ? (uint32_t)o->top_k : g->top_k;
  s.top_p = o->top_p >= 0 ? (float)o->top_p : g->top_p;
  s.min_p = o->min_p >= 0 ? (float)o->min_p : g->min_p;
  s.repeat_penalty = 1.0f; /* is one of the rules */
  s.seed = seed_of(o);
  return s;
}

/* Takes the next `count` ids. */
static tern_ids take(const int32_t **at, uint32_t count) {
  tern_ids ids = {*at, count};
  if (count) /* there may be no array */
    *at += count;
  return ids;
}

int host_default_rules(host_program *program, tern_rules *rules,
                       void **memory) {
  const tern_generation *g = &program->artifact.generation;
  size_t count = (size_t)g->bad_words_count + g->forced_eos_count +
                 g->suppress_count + g->begin_suppress_count;
  int32_t *ids = NULL;
  memset(rules, 0, sizeof(*rules));
  *memory = NULL;
  if (count) {
    *memory = ids = host_allocate(program, count, sizeof(int32_t), 1);
    if (!ids)
      return -1;
    memcpy(ids, program->artifact.ids, count * sizeof(int32_t));
  }
  const int32_t *at = ids;
  rules->size = sizeof(*rules);
  rules->bad_words = take(&at, g->bad_words_count);
  rules->forced_eos = take(&at, g->forced_eos_count);
  rules->suppress = take(&at, g->suppress_count);
  rules->begin_suppress = take(&at, g->begin_suppress_count);
  const host_options *o = &program->options;
  rules->repeat_penalty = g->repeat_penalty;
  rules->repeat_last_n = g->repeat_last_n;
  if (o->repeat_penalty >= 0) {
    rules->repeat_penalty = (float)o->repeat_penalty;
    rules->repeat_last_n = TERN_SAMPLER_WINDOW;
  }
  if (o->repeat_last_n == 0)
    rules->repeat_penalty = 1.0f;
  else if (o->repeat_last_n != UNSET_LIMIT)
    rules->repeat_last_n =
        o->repeat_last_n < 0 ? 0 : (uint32_t)o->repeat_last_n;
  rules->no_repeat_ngram = g->no_repeat_ngram;
  rules->min_length = g->min_length;
  rules->min_new_tokens = g->min_new_tokens;
  rules->eos.at = g->eos_ids;
  rules->eos.count = g->eos_count;
  rules->forced_bos = g->forced_bos_id;
  if (tern_rules_check(rules) == TERN_OK)
    return 0;
  return host_fail(&program->error,
                   "the rules of the model's generation section are damaged");
}

int host_default_limit(host_program *program, size_t prompt, int64_t *limit) {
  const tern_generation *g = &program->artifact.generation;
  *limit = program->options.limit;
  if (*limit != UNSET_LIMIT)
    return 0;
  *limit = g->max_new_tokens;
  if (g->max_new_tokens >= 0 || g->max_length < 0)
    return 0;
  *limit = g->max_length - (int64_t)prompt;
  if (*limit > 0)
    return 0;
  return host_fail(&program->error,
                   "the text has %zu tokens and the model's "
                   "generation_config.json allows %d with the answer "
                   "(max_length); -n N says how many may follow",
                   prompt, g->max_length);
}

/*--- What is said ----------------------------------------------------------*/

typedef struct sentence {
  char text[512];
  size_t bytes;
} sentence;

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
add(sentence *s, const char *format, ...) {
  va_list arguments;
  size_t room = sizeof(s->text) - s->bytes;
  va_start(arguments, format);
  int n = snprintf(s->text + s->bytes, room, "%s", s->bytes ? ", " : "");
  s->bytes += (size_t)n < room ? (size_t)n : room - 1;
  room = sizeof(s->text) - s->bytes;
  n = vsnprintf(s->text + s->bytes, room, format, arguments);
  s->bytes += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
  va_end(arguments);
}

static void add_sampling(sentence *s, const host_options *o,
                         const tern_generation *g) {
  int samples = o->temperature >= 0 ? o->temperature > 0
                                    : g->do_sample && g->temperature > 0;
  if (samples && o->temperature < 0)
    add(s, "temperature %g", (double)g->temperature);
  if (samples && o->top_k < 0 && g->top_k)
    add(s, "top-k %u", g->top_k);
  if (samples && o->top_p < 0 && g->top_p < 1)
    add(s, "top-p %g", (double)g->top_p);
  if (samples && o->min_p < 0 && g->min_p > 0)
    add(s, "min-p %g", (double)g->min_p);
  if (o->repeat_penalty < 0 && o->repeat_last_n != 0 && g->repeat_penalty != 1)
    add(s, "repetition penalty %g", (double)g->repeat_penalty);
}

static void add_lengths(sentence *s, const host_options *o,
                        const tern_generation *g) {
  if (o->limit == UNSET_LIMIT && g->max_new_tokens >= 0)
    add(s, "at most %d tokens", g->max_new_tokens);
  else if (o->limit == UNSET_LIMIT && g->max_length >= 0)
    add(s, "at most %d tokens with the text before", g->max_length);
  if (g->min_new_tokens)
    add(s, "at least %u tokens", g->min_new_tokens);
  if (g->min_length)
    add(s, "at least %u tokens with the text before", g->min_length);
}

void host_say_defaults(const host_program *program) {
  const host_options *o = &program->options;
  const tern_generation *g = &program->artifact.generation;
  sentence s = {{0}, 0};
  add_sampling(&s, o, g);
  add_lengths(&s, o, g);
  if (g->no_repeat_ngram)
    add(&s, "no %u tokens twice", g->no_repeat_ngram);
  if (g->bad_words_count + g->suppress_count + g->begin_suppress_count)
    add(&s, "forbidden tokens");
  if (g->forced_bos_id >= 0 || g->forced_eos_count)
    add(&s, "forced tokens");
  if (g->stop_count && !o->ignore_eos && program->has_tokenizer)
    add(&s, "%u stop string%s", g->stop_count, g->stop_count > 1 ? "s" : "");
  if (s.bytes)
    fprintf(stderr, "%s: as the model asks: %s\n", program->name, s.text);
}
