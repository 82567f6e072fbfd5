/*===- pick.c - the next token ----------------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "pick.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

static int has_rules(const tern_rules *rules) {
  return rules->repeat_penalty != 1.0f || rules->no_repeat_ngram ||
         rules->bad_words.count || rules->min_length || rules->min_new_tokens ||
         rules->forced_bos >= 0 || rules->forced_eos.count ||
         rules->suppress.count || rules->begin_suppress.count;
}

int host_picks_best(const host_generator *generator) {
  const tern_sampler_options *sampling = &generator->sampler.options;
  return sampling->temperature == 0.0f && sampling->repeat_penalty == 1.0f &&
         generator->program->options.presence_penalty == 0.0 &&
         generator->program->options.frequency_penalty == 0.0 &&
         generator->bias_count == 0 && !has_rules(&generator->rules);
}

/* True if no rule and no penalty makes a logit larger. */
static int only_lowers(const host_generator *generator) {
  const tern_rules *rules = &generator->rules;
  const host_options *o = &generator->program->options;
  return rules->repeat_penalty >= 1.0f && rules->forced_bos < 0 &&
         rules->forced_eos.count == 0 && o->presence_penalty >= 0.0 &&
         o->frequency_penalty >= 0.0;
}

int host_may_choose(const host_generator *generator) {
  const tern_model *model = generator->program->model;
  const tern_sampler_options *o = &generator->sampler.options;
  int has_top_k = o->top_k > 0 && o->top_k < model->vocab_size;
  int needs_sum = o->temperature > 0.0f && !has_top_k &&
                  (o->top_p < 1.0f || o->min_p == 0.0f);
  return model->device && !needs_sum && only_lowers(generator);
}

/* --presence-penalty and --frequency-penalty: two subtractions for each token
 * that stands behind the prompt. The candidates count how often, and which have
 * still to be done. */
static void weaken_repeated(host_generator *generator, uint32_t prompt,
                            uint32_t end, float *logits) {
  const host_options *o = &generator->program->options;
  float presence = (float)o->presence_penalty;
  float frequency = (float)o->frequency_penalty;
  const int32_t *held = generator->held;
  tern_candidate *notes = generator->candidates;
  if (presence == 0.0f && frequency == 0.0f)
    return;
  for (uint32_t i = prompt; i < end; ++i)
    notes[held[i]].token = 0;
  for (uint32_t i = prompt; i < end; ++i)
    ++notes[held[i]].token;
  for (uint32_t i = prompt; i < end; ++i) {
    float times = (float)notes[held[i]].token;
    if (times == 0.0f)
      continue;
    notes[held[i]].token = 0;
    logits[held[i]] -= presence;
    logits[held[i]] -= frequency * times;
  }
}

static void add_biases(const host_generator *generator, float *logits) {
  for (size_t i = 0; i < generator->bias_count; ++i)
    logits[generator->biases[i].token] += generator->biases[i].value;
}

static int is_allowed(const uint32_t *allowed, uint32_t token) {
  return (allowed[token / 32] >> token % 32 & 1) != 0;
}

static void forbid_others(const uint32_t *allowed, uint32_t vocab_size,
                          float *logits) {
  for (uint32_t i = 0; i < vocab_size; ++i)
    if (!is_allowed(allowed, i))
      logits[i] = -INFINITY;
}

/* Of the token behind `end` others; but for the grammar. */
static void apply(host_generator *generator, uint32_t prompt, uint32_t end,
                  int is_last, float *logits) {
  tern_rules_apply(&generator->rules, generator->held, end, prompt, is_last,
                   logits, generator->program->model->vocab_size,
                   generator->candidates);
  weaken_repeated(generator, prompt, end, logits);
  add_biases(generator, logits);
}

int32_t host_pick(host_generator *generator, uint32_t prompt, int is_last,
                  float *logits) {
  host_program *program = generator->program;
  uint32_t vocab_size = program->model->vocab_size;
  apply(generator, prompt, tern_session_position(generator->session), is_last,
        logits);
  if (generator->allowed)
    forbid_others(generator->allowed, vocab_size, logits);
  int32_t token = tern_sampler_pick(&generator->sampler, logits, vocab_size,
                                    generator->candidates);
  if (!(logits[token] < -FLT_MAX))
    return token;
  host_fail(&program->error,
            generator->allowed
                ? "the grammar and the model's generation_config.json leave no "
                  "token here"
                : "the model's generation_config.json forbids every token "
                  "here");
  return -1;
}

/* How much larger a bias makes the logit of a token that is no candidate. */
static float largest_bias(const host_generator *generator) {
  float largest = 0.0f;
  for (size_t i = 0; i < generator->bias_count; ++i)
    if (generator->biases[i].value > largest)
      largest = generator->biases[i].value;
  return largest;
}

/* The logits of others are -infinity before, behind and meanwhile: all other
 * changes only lower. */
int32_t host_choose(host_generator *generator, uint32_t prompt, uint32_t end,
                    int is_last, tern_candidate *candidates, uint32_t count,
                    float bound) {
  float *logits = generator->sparse;
  for (uint32_t i = 0; i < count; ++i)
    logits[candidates[i].token] = candidates[i].weight;
  apply(generator, prompt, end, is_last, logits);
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t token = (uint32_t)candidates[i].token;
    candidates[i].weight = logits[token];
    if (generator->allowed && !is_allowed(generator->allowed, token))
      candidates[i].weight = -INFINITY;
    logits[token] = -INFINITY;
  }
  return tern_sampler_choose(&generator->sampler, candidates, count,
                             generator->program->model->vocab_size,
                             bound + largest_bias(generator));
}

float *host_allocate_sparse(const host_program *program) {
  uint32_t vocab_size = program->model->vocab_size;
  float *logits = malloc(vocab_size * sizeof(float));
  for (uint32_t i = 0; logits && i < vocab_size; ++i)
    logits[i] = -INFINITY;
  return logits;
}
