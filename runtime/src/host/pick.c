/*===- pick.c - the next token ----------------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "pick.h"

#include <float.h>
#include <math.h>

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

/* --presence-penalty and --frequency-penalty: two subtractions for each token
 * that stands behind the prompt. The candidates count how often, and which have
 * still to be done. */
static void weaken_repeated(host_generator *generator, uint32_t prompt,
                            float *logits) {
  const host_options *o = &generator->program->options;
  float presence = (float)o->presence_penalty;
  float frequency = (float)o->frequency_penalty;
  uint32_t end = tern_session_position(generator->session);
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

static void forbid_others(const uint32_t *allowed, uint32_t vocab_size,
                          float *logits) {
  for (uint32_t i = 0; i < vocab_size; ++i)
    if (!(allowed[i / 32] >> i % 32 & 1))
      logits[i] = -INFINITY;
}

int32_t host_pick(host_generator *generator, uint32_t prompt, int is_last,
                  float *logits) {
  host_program *program = generator->program;
  uint32_t vocab_size = program->model->vocab_size;
  tern_rules_apply(&generator->rules, generator->held,
                   tern_session_position(generator->session), prompt, is_last,
                   logits, vocab_size, generator->candidates);
  weaken_repeated(generator, prompt, logits);
  add_biases(generator, logits);
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
