/*===- rules.c - tokens that must not come, or must, at a place -------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * The order is that of transformers' logits processors;
 *docs/checkpoint-files.md says which field is which rule.
 */
#include "tern/tern.h"

#include "memory.h"

static float minus_infinity(void) {
  const uint32_t bits = 0xFF800000u;
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

static void ban(float *logits, uint32_t vocab_size, int32_t id) {
  if (id >= 0 && (uint32_t)id < vocab_size)
    logits[id] = minus_infinity();
}

static void ban_all(float *logits, uint32_t vocab_size, tern_ids ids) {
  for (uint32_t i = 0; i < ids.count; ++i)
    ban(logits, vocab_size, ids.at[i]);
}

/* Only these may come. */
static void force(float *logits, uint32_t vocab_size, tern_ids ids) {
  for (uint32_t i = 0; i < vocab_size; ++i)
    logits[i] = minus_infinity();
  for (uint32_t i = 0; i < ids.count; ++i)
    if (ids.at[i] >= 0 && (uint32_t)ids.at[i] < vocab_size)
      logits[ids.at[i]] = 0.0f;
}

static int are_equal(const int32_t *a, const int32_t *b, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i)
    if (a[i] != b[i])
      return 0;
  return 1;
}

/* Each token of the text once, however often it comes: `room` notes which have
 * still to be done. */
static void penalize(float penalty, const int32_t *text, uint32_t count,
                     float *logits, uint32_t vocab_size, tern_candidate *room) {
  for (uint32_t i = 0; i < count; ++i)
    if (text[i] >= 0 && (uint32_t)text[i] < vocab_size)
      room[text[i]].token = 1;
  for (uint32_t i = 0; i < count; ++i) {
    int32_t id = text[i];
    if (id < 0 || (uint32_t)id >= vocab_size || !room[id].token)
      continue;
    room[id].token = 0;
    logits[id] =
        logits[id] < 0.0f ? logits[id] * penalty : logits[id] / penalty;
  }
}

static void ban_repeats(uint32_t size, const int32_t *text, uint32_t count,
                        float *logits, uint32_t vocab_size) {
  if (size == 0 || size - 1 > count)
    return;
  const int32_t *end = text + (count - (size - 1));
  for (uint32_t i = 0; i < count && size <= count - i; ++i)
    if (are_equal(text + i, end, size - 1))
      ban(logits, vocab_size, text[i + size - 1]);
}

/* The last token of each run whose others end the text. A run that is longer
 * than the text does not count. */
static void ban_bad_words(tern_ids runs, const int32_t *text, uint32_t count,
                          float *logits, uint32_t vocab_size) {
  for (uint32_t at = 0; at < runs.count; at += 1 + (uint32_t)runs.at[at]) {
    uint32_t size = (uint32_t)runs.at[at];
    const int32_t *run = runs.at + at + 1;
    if (size == 1 || (size <= count &&
                      are_equal(text + (count - (size - 1)), run, size - 1)))
      ban(logits, vocab_size, run[size - 1]);
  }
}

tern_status tern_rules_check(const tern_rules *rules) {
  /* Written so that NaN is refused. */
  if (!rules || rules->size < sizeof(*rules) ||
      !(rules->repeat_penalty > 0.0f && rules->repeat_penalty <= 1e6f))
    return TERN_BAD_ARGUMENT;
  tern_ids runs = rules->bad_words;
  for (uint32_t at = 0; at < runs.count; at += 1 + (uint32_t)runs.at[at])
    if (runs.at[at] < 1 || (uint32_t)runs.at[at] >= runs.count - at)
      return TERN_BAD_ARGUMENT;
  return TERN_OK;
}

void tern_rules_apply(const tern_rules *rules, const int32_t *text,
                      uint32_t count, uint32_t prompt, int is_last,
                      float *logits, uint32_t vocab_size,
                      tern_candidate *room) {
  uint32_t last = rules->repeat_last_n;
  last = last && last < count ? last : count;
  if (rules->repeat_penalty != 1.0f && room)
    penalize(rules->repeat_penalty, text + (count - last), last, logits,
             vocab_size, room);
  ban_repeats(rules->no_repeat_ngram, text, count, logits, vocab_size);
  ban_bad_words(rules->bad_words, text, count, logits, vocab_size);
  if (count < rules->min_length || count - prompt < rules->min_new_tokens)
    ban_all(logits, vocab_size, rules->eos);
  if (rules->forced_bos >= 0 && count == 1) {
    tern_ids one = {&rules->forced_bos, 1};
    force(logits, vocab_size, one);
  }
  if (rules->forced_eos.count && is_last)
    force(logits, vocab_size, rules->forced_eos);
  ban_all(logits, vocab_size, rules->suppress);
  /* A forced token is not the first that is chosen. */
  uint32_t first = prompt + (prompt <= 1 && rules->forced_bos >= 0);
  if (count == first)
    ban_all(logits, vocab_size, rules->begin_suppress);
}
