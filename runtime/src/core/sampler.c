/*===- sampler.c - from logits to a token ----------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Deterministic: an own generator, an own exp, and sums in a fixed order. To be
 * compiled without contraction of a * b + c.
 */
#include "tern/tern.h"

#include "maximum.h"
#include "memory.h"

#define UNBOUNDED 3.0e38f
#define LEAST_FINITE (-3.402823466e38f)

float tern_exp(float x) {
  /* NaN fails both comparisons the right way round and becomes -87. */
  if (!(x > -87.0f))
    x = -87.0f;
  if (x > 87.0f)
    x = 87.0f;
  /* Adding 1.5 * 2^23 leaves no fraction bits: rounds to even. */
  const float shift = 12582912.0f;
  float k = (x * 1.44269504088896341f + shift) - shift;
  float r = (x - k * 0.693359375f) - k * -2.12194440e-4f;
  float y = 1.9875691500e-4f * r + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  y = (y * (r * r) + r) + 1.0f;
  uint32_t bits = (uint32_t)((int32_t)k + 127) << 23;
  float power;
  memcpy(&power, &bits, sizeof(power));
  return y * power;
}

/* SplitMix64: passes the usual batteries and has no bad seed. */
static uint64_t next_random(uint64_t *state) {
  uint64_t z = (*state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

tern_status tern_sampler_init(tern_sampler *sampler,
                              const tern_sampler_options *options) {
  if (!sampler || !options || options->size < sizeof(*options))
    return TERN_BAD_ARGUMENT;
  /* Written so that NaN is refused. */
  if (!(options->temperature >= 0.0f && options->temperature <= 1e6f) ||
      !(options->top_p > 0.0f && options->top_p <= 1.0f) ||
      !(options->min_p >= 0.0f && options->min_p <= 1.0f) ||
      !(options->repeat_penalty > 0.0f && options->repeat_penalty <= 1e6f))
    return TERN_BAD_ARGUMENT;
  memset(sampler, 0, sizeof(*sampler));
  sampler->options = *options;
  sampler->random = options->seed;
  return TERN_OK;
}

void tern_sampler_accept(tern_sampler *sampler, int32_t token) {
  if (!sampler)
    return;
  sampler->recent[sampler->recent_count % TERN_SAMPLER_WINDOW] = token;
  ++sampler->recent_count;
  /* Stays a number of the same remainder, not less than the window. */
  if (sampler->recent_count == UINT32_MAX)
    sampler->recent_count = 2 * TERN_SAMPLER_WINDOW - 1;
}

/* Each token of the window once, however often it comes. */
static void penalize(const tern_sampler *sampler, float *logits,
                     uint32_t vocab_size) {
  float penalty = sampler->options.repeat_penalty;
  uint32_t count = sampler->recent_count < TERN_SAMPLER_WINDOW
                       ? sampler->recent_count
                       : TERN_SAMPLER_WINDOW;
  for (uint32_t i = 0; i < count; ++i) {
    int32_t token = sampler->recent[i];
    uint32_t before = 0;
    while (sampler->recent[before] != token)
      ++before;
    if (before != i || token < 0 || (uint32_t)token >= vocab_size)
      continue;
    float logit = logits[token];
    logits[token] = logit > 0.0f ? logit / penalty : logit * penalty;
  }
}

/* Who comes first has the larger one: weights are not negative, so their bits
 * are in their order, and of equal ones the lower token is first. A number, as
 * branches on both would be guessed wrong half of the time. */
static uint64_t rank_of(tern_candidate candidate) {
  uint32_t bits;
  memcpy(&bits, &candidate.weight, sizeof(bits));
  return (uint64_t)bits << 32 | ~(uint32_t)candidate.token;
}

static void sift_down(tern_candidate *heap, uint32_t count, uint32_t at) {
  tern_candidate moved = heap[at];
  uint64_t rank = rank_of(moved);
  for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count)
      child += rank_of(heap[child + 1]) > rank_of(heap[child]);
    if (rank_of(heap[child]) < rank)
      break;
    heap[at] = heap[child];
  }
  heap[at] = moved;
}

/* Moves the first `wanted` candidates in order to the end of the array, the
 * first one last, and returns how many: fewer when their sum reaches `enough`
 * or the next one is below `least`. Does not sort what it does not take. */
static uint32_t take_best(tern_candidate *heap, uint32_t count, uint32_t wanted,
                          float enough, float least) {
  for (uint32_t i = count / 2; i-- > 0;)
    sift_down(heap, count, i);
  float sum = 0.0f;
  uint32_t taken = 0;
  while (taken < wanted && taken < count && sum < enough &&
         (taken == 0 || heap[0].weight >= least)) {
    uint32_t last = count - taken - 1;
    tern_candidate best = heap[0];
    heap[0] = heap[last];
    heap[last] = best;
    sift_down(heap, last, 0);
    sum += best.weight;
    ++taken;
  }
  return taken;
}

static float sum_of(const tern_candidate *kept, uint32_t n) {
  float total = 0.0f;
  for (uint32_t i = 0; i < n; ++i)
    total += kept[-(ptrdiff_t)i].weight;
  return total;
}

/* Those of the `n` that top_k has left that top_p leaves, which counts shares
 * of these. Kept are kept[0], [-1], [-2], ...: what take_best leaves. */
static uint32_t keep_share(const tern_sampler_options *options,
                           const tern_candidate *kept, uint32_t n) {
  float enough = options->top_p * sum_of(kept, n), sum = 0.0f;
  for (uint32_t i = 0; options->top_p < 1.0f && i < n; ++i) {
    sum += kept[-(ptrdiff_t)i].weight;
    if (sum >= enough)
      n = i + 1;
  }
  return n;
}

/* The largest weight is exp(0) = 1, so min_p is a bound on weights. */
static uint32_t keep_likely(const tern_sampler_options *options,
                            const tern_candidate *kept, uint32_t n) {
  while (n > 1 && kept[-(ptrdiff_t)(n - 1)].weight < options->min_p)
    --n;
  return n;
}

/* Narrows `count` candidates down as the options say. */
static uint32_t narrow(const tern_sampler_options *options, tern_candidate *all,
                       uint32_t count, float total) {
  const tern_candidate *kept = all + count - 1;
  uint32_t n;
  if (options->top_k > 0 && options->top_k < count) {
    n = take_best(all, count, options->top_k, UNBOUNDED, 0.0f);
    n = keep_share(options, kept, n);
  } else {
    float enough = options->top_p < 1.0f ? options->top_p * total : UNBOUNDED;
    n = take_best(all, count, count, enough, options->min_p);
  }
  return keep_likely(options, kept, n);
}

/* tern_exp has no 0, and a draw of 0 would pick the first token. */
static float weight_of(float logit, float maximum, float temperature) {
  return logit < LEAST_FINITE ? 0.0f
                              : tern_exp((logit - maximum) / temperature);
}

/* 24 bits: every value is a binary32 below 1. */
static float next_draw(tern_sampler *sampler) {
  return (float)(uint32_t)(next_random(&sampler->random) >> 40) *
         (1.0f / 16777216.0f);
}

static int32_t draw_of(const tern_candidate *kept, uint32_t n, float draw) {
  float rest = draw * sum_of(kept, n);
  for (uint32_t i = 0; i < n; ++i) {
    rest -= kept[-(ptrdiff_t)i].weight;
    if (rest < 0.0f)
      return kept[-(ptrdiff_t)i].token;
  }
  return kept[0].token;
}

int32_t tern_sampler_pick(tern_sampler *sampler, float *logits,
                          uint32_t vocab_size, tern_candidate *candidates) {
  if (!sampler || !logits || vocab_size == 0)
    return -1;
  const tern_sampler_options *options = &sampler->options;
  if (options->repeat_penalty != 1.0f)
    penalize(sampler, logits, vocab_size);
  uint32_t best = index_of_maximum(logits, vocab_size);
  if (options->temperature == 0.0f)
    return (int32_t)best;
  if (!candidates)
    return -1;

  float maximum = logits[best];
  /* Apart from the sum, whose order is fixed: several at a time. */
  for (uint32_t i = 0; i < vocab_size; ++i) {
    candidates[i].weight = weight_of(logits[i], maximum, options->temperature);
    candidates[i].token = (int32_t)i;
  }
  float total = 0.0f;
  for (uint32_t i = 0; i < vocab_size; ++i)
    total += candidates[i].weight;
  float draw = next_draw(sampler);
  if (options->top_k == 0 && options->top_p == 1.0f && options->min_p == 0.0f) {
    float rest = draw * total;
    for (uint32_t i = 0; i < vocab_size; ++i) {
      rest -= candidates[i].weight;
      if (rest < 0.0f)
        return candidates[i].token;
    }
    return (int32_t)best;
  }
  uint32_t n = narrow(options, candidates, vocab_size, total);
  return draw_of(candidates + vocab_size - 1, n, draw);
}

/*--- From some of the logits -----------------------------------------------*/

/* Twice what two weights may be off by, relative to them: a logit that is not
 * larger has a weight that is not larger than this times that of the other. */
#define SLACK 1.0000153f /* 1 + 2^-16 */

int32_t tern_sampler_choose(tern_sampler *sampler, tern_candidate *candidates,
                            uint32_t count, uint32_t vocab_size, float bound) {
  if (!sampler || !candidates || count == 0)
    return -1;
  const tern_sampler_options *options = &sampler->options;
  uint32_t best = 0;
  for (uint32_t i = 1; i < count; ++i)
    if (candidates[i].weight > candidates[best].weight ||
        (candidates[i].weight == candidates[best].weight &&
         candidates[i].token < candidates[best].token))
      best = i;
  float maximum = candidates[best].weight;
  /* An equal one of the others may have a lower index. */
  if (!(maximum > bound) || options->repeat_penalty != 1.0f)
    return -1;
  if (options->temperature == 0.0f)
    return candidates[best].token;

  int has_top_k = options->top_k > 0 && options->top_k < vocab_size;
  if (has_top_k ? options->top_k > count
                : options->top_p < 1.0f || options->min_p == 0.0f)
    return -1;
  float others = SLACK * weight_of(bound, maximum, options->temperature);
  for (uint32_t i = 0; i < count; ++i)
    candidates[i].weight =
        weight_of(candidates[i].weight, maximum, options->temperature);
  const tern_candidate *kept = candidates + count - 1;
  uint32_t n = take_best(candidates, count, has_top_k ? options->top_k : count,
                         UNBOUNDED, has_top_k ? 0.0f : options->min_p);
  float least = has_top_k ? kept[-(ptrdiff_t)(n - 1)].weight : options->min_p;
  if (!(least > others))
    return -1;
  if (has_top_k)
    n = keep_share(options, kept, n);
  n = keep_likely(options, kept, n);
  return draw_of(kept, n, next_draw(sampler));
}
