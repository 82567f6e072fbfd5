/*===- kl_report.c - how far two models are apart ---------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "kl.h"

#include <math.h>
#include <stdlib.h>

void moments_add(moments *m, double value) {
  double before = value - m->running;
  ++m->count;
  m->sum += value;
  m->running += before / (double)m->count;
  m->squares += before * (value - m->running);
}

double moments_mean(const moments *m) { return m->sum / (double)m->count; }

double moments_error(const moments *m) {
  double n = (double)m->count;
  return m->count < 2 ? 0 : sqrt(m->squares / n / (n - 1));
}

softmax softmax_of(const float *logits, uint32_t count) {
  softmax s = {(double)logits[0], 0};
  double sum = 0;
  for (uint32_t i = 1; i < count; ++i)
    if ((double)logits[i] > s.maximum)
      s.maximum = (double)logits[i];
  for (uint32_t i = 0; i < count; ++i)
    sum += exp((double)logits[i] - s.maximum);
  s.log_sum = log(sum);
  return s;
}

double softmax_log(const softmax *s, float logit) {
  return ((double)logit - s->maximum) - s->log_sum;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Of sorted values; between two of them in proportion. */
static double percentile(const double *sorted, uint64_t count, double share) {
  double place = share * (double)(count - 1);
  uint64_t below = (uint64_t)place;
  if (below + 1 >= count)
    return sorted[count - 1];
  double part = place - (double)below;
  return sorted[below] + part * (sorted[below + 1] - sorted[below]);
}

static const struct {
  const char *name, *key;
  double share;
} percentiles[] = {
    {"maximum", "max", 1},   {"99.9 %", "p99_9", 0.999}, {"99 %", "p99", 0.99},
    {"95 %", "p95", 0.95},   {"90 %", "p90", 0.9},       {"median", "p50", 0.5},
    {"10 %", "p10", 0.1},    {"5 %", "p5", 0.05},        {"1 %", "p1", 0.01},
    {"minimum", "min", 0.0},
};
#define PERCENTILES (sizeof(percentiles) / sizeof(percentiles[0]))

/* Correlation of the two models' surprises, from the spread of their
 * difference. */
static double correlation(const kl_reader *r) {
  double product = r->surprise.squares * r->base_surprise.squares;
  double both =
      r->surprise.squares + r->base_surprise.squares - r->ratio.squares;
  return product > 0 ? both / 2 / sqrt(product) : 1;
}

static void print_text(const kl_reader *r, double top, double top_error) {
  double ratio = exp(moments_mean(&r->ratio));
  double perplexity = exp(moments_mean(&r->surprise)),
         base = exp(moments_mean(&r->base_surprise));
  uint64_t n = r->divergence.count;
  printf("perplexity %.17g tokens %llu error %.6g\n", perplexity,
         (unsigned long long)n, perplexity * moments_error(&r->surprise));
  printf("of the base %.17g error %.6g\n", base,
         base * moments_error(&r->base_surprise));
  printf("ratio %.17g error %.6g, correlation of logarithms %.6g\n", ratio,
         ratio * moments_error(&r->ratio), correlation(r));
  printf("KL divergence %.17g error %.6g\n", moments_mean(&r->divergence),
         moments_error(&r->divergence));
  for (size_t i = 0; i < PERCENTILES; ++i)
    printf("  %-8s %.6g\n", percentiles[i].name,
           percentile(r->divergences, n, percentiles[i].share));
  printf(
      "change of the right token's probability %.6g error %.6g, root of mean "
      "square %.6g\n",
      moments_mean(&r->probability), moments_error(&r->probability),
      sqrt(r->squares / (double)n));
  printf("same likeliest token %.4f %% error %.4f\n", 100 * top,
         100 * top_error);
}

static void print_json(const kl_reader *r, double top, double top_error,
                       uint32_t context) {
  double ratio = exp(moments_mean(&r->ratio));
  double perplexity = exp(moments_mean(&r->surprise)),
         base = exp(moments_mean(&r->base_surprise));
  uint64_t n = r->divergence.count;
  printf("{\"perplexity\": %.17g, \"perplexity_error\": %.17g, \"tokens\": "
         "%llu, \"mean_nll\": %.17g, \"context\": %u, \"base_perplexity\": "
         "%.17g, \"base_perplexity_error\": %.17g, \"ratio\": %.17g, "
         "\"ratio_error\": %.17g, \"correlation\": %.17g, \"kl\": %.17g, "
         "\"kl_error\": %.17g, ",
         perplexity, perplexity * moments_error(&r->surprise),
         (unsigned long long)n, moments_mean(&r->surprise), context, base,
         base * moments_error(&r->base_surprise), ratio,
         ratio * moments_error(&r->ratio), correlation(r),
         moments_mean(&r->divergence), moments_error(&r->divergence));
  for (size_t i = 0; i < PERCENTILES; ++i)
    printf("\"kl_%s\": %.17g, ", percentiles[i].key,
           percentile(r->divergences, n, percentiles[i].share));
  printf("\"probability_change\": %.17g, \"probability_change_error\": %.17g, "
         "\"probability_change_rms\": %.17g, \"same_top\": %.17g, "
         "\"same_top_error\": %.17g}\n",
         moments_mean(&r->probability), moments_error(&r->probability),
         sqrt(r->squares / (double)n), top, top_error);
}

void kl_reader_print(kl_reader *r) {
  uint64_t n = r->divergence.count;
  double top = (double)r->same_top / (double)n;
  double top_error = n > 1 ? sqrt(top * (1 - top) / (double)(n - 1)) : 0;
  qsort(r->divergences, n, sizeof(double), ascending);
  if (r->program->options.json)
    print_json(r, top, top_error, r->header.context);
  else
    print_text(r, top, top_error);
}
