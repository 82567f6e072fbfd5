//===- SamplerTest.cpp - From logits to tokens ----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/tern.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace {

tern_sampler_options options(float temperature) {
  tern_sampler_options o = {};
  o.size = sizeof(o);
  o.temperature = temperature;
  o.top_p = 1;
  o.repeat_penalty = 1;
  return o;
}

TEST(Sampler, GreedyTakesTheLowestIndex) {
  tern_sampler sampler;
  tern_sampler_options o = options(0);
  ASSERT_EQ(tern_sampler_init(&sampler, &o), TERN_OK);
  float logits[] = {NAN, -1, 5, 3, 5, NAN};
  EXPECT_EQ(tern_sampler_pick(&sampler, logits, 6, nullptr), 2);
  float negative[] = {-INFINITY, -INFINITY, -3, -INFINITY};
  EXPECT_EQ(tern_sampler_pick(&sampler, negative, 4, nullptr), 2);
  float none[] = {NAN, NAN};
  int32_t token = tern_sampler_pick(&sampler, none, 2, nullptr);
  EXPECT_TRUE(token == 0 || token == 1);
}

/// Shares of 200,000 draws.
std::vector<double> shares(const tern_sampler_options &o,
                           std::vector<float> logits) {
  tern_sampler sampler;
  EXPECT_EQ(tern_sampler_init(&sampler, &o), TERN_OK);
  std::vector<double> counts(logits.size());
  std::vector<tern_candidate> candidates(logits.size());
  const int draws = 200000;
  for (int i = 0; i < draws; ++i) {
    int32_t token = tern_sampler_pick(
        &sampler, logits.data(), uint32_t(logits.size()), candidates.data());
    EXPECT_TRUE(token >= 0 && size_t(token) < logits.size());
    counts[size_t(token)] += 1.0 / draws;
  }
  return counts;
}

void expectShares(const std::vector<double> &found,
                  std::vector<double> wanted) {
  double sum = 0;
  for (double w : wanted)
    sum += w;
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_NEAR(found[i], wanted[i] / sum, 0.005) << i;
    if (wanted[i] == 0) {
      EXPECT_EQ(found[i], 0) << i;
    }
  }
}

TEST(Sampler, Distributions) {
  // Shares 0.1, 0.4, 0.2, 0.3 in no order.
  std::vector<float> logits = {std::log(1.0f), std::log(4.0f), std::log(2.0f),
                               std::log(3.0f)};
  tern_sampler_options o = options(1);
  o.seed = 42;
  expectShares(shares(o, logits), {1, 4, 2, 3});
  o.temperature = 0.5f;
  expectShares(shares(o, logits), {1, 16, 4, 9});
  o = options(1);
  o.top_k = 2;
  expectShares(shares(o, logits), {0, 4, 0, 3});
  o = options(1);
  o.top_p = 0.65f; // 0.4 is too little, 0.4 + 0.3 is enough
  expectShares(shares(o, logits), {0, 4, 0, 3});
  o.top_p = 0.75f;
  expectShares(shares(o, logits), {0, 4, 2, 3});
  o = options(1);
  o.min_p = 0.45f; // of 0.4
  expectShares(shares(o, logits), {0, 4, 2, 3});
  o = options(1);
  o.top_k = 3;
  o.top_p = 0.75f; // 4/9 + 3/9 of what top_k left is enough
  expectShares(shares(o, logits), {0, 4, 0, 3});
  o = options(1);
  o.top_p = 1e-6f; // always keeps one
  expectShares(shares(o, logits), {0, 1, 0, 0});
}

TEST(Sampler, Penalty) {
  tern_sampler sampler;
  tern_sampler_options o = options(0);
  o.repeat_penalty = 2;
  ASSERT_EQ(tern_sampler_init(&sampler, &o), TERN_OK);
  for (int32_t token : {0, 0, 1, -5, 99})
    tern_sampler_accept(&sampler, token);
  float logits[] = {3, -1, 2, -1.5f};
  EXPECT_EQ(tern_sampler_pick(&sampler, logits, 4, nullptr), 2);
  EXPECT_EQ(logits[0], 1.5f); // once, although it came twice
  EXPECT_EQ(logits[1], -2.0f);
  for (uint32_t i = 0; i < TERN_SAMPLER_WINDOW; ++i)
    tern_sampler_accept(&sampler, 3);
  float again[] = {3, -1, 2, -1.5f};
  EXPECT_EQ(tern_sampler_pick(&sampler, again, 4, nullptr), 0);
  EXPECT_EQ(again[0], 3.0f); // out of the window
  EXPECT_EQ(again[3], -3.0f);
}

TEST(Sampler, SameSeedSameTokens) {
  // Fixed values: another machine, compiler or version must pick the same.
  std::vector<float> logits(50);
  for (size_t i = 0; i < 50; ++i)
    logits[i] = float((i * 37) % 50) * 0.1f;
  std::vector<tern_candidate> candidates(50);
  tern_sampler sampler;
  tern_sampler_options o = options(0.8f);
  o.seed = 7;
  o.top_k = 40;
  o.top_p = 0.9f;
  ASSERT_EQ(tern_sampler_init(&sampler, &o), TERN_OK);
  std::vector<int32_t> picked;
  for (int i = 0; i < 12; ++i)
    picked.push_back(
        tern_sampler_pick(&sampler, logits.data(), 50, candidates.data()));
  EXPECT_EQ(picked, (std::vector<int32_t>{8, 27, 28, 12, 35, 31, 35, 31, 4, 8,
                                          27, 32}));
}

TEST(Sampler, TopPOverALargeVocabulary) {
  // The kept set, computed by sorting all of it.
  std::mt19937 random(3);
  std::vector<float> logits(5000);
  for (float &logit : logits)
    logit = float(random() % 1000) * 0.01f; // with ties
  std::vector<int32_t> order(5000);
  for (int32_t i = 0; i < 5000; ++i)
    order[size_t(i)] = i;
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    float left = logits[size_t(a)], right = logits[size_t(b)];
    return left > right || (left == right && a < b);
  });
  tern_sampler sampler;
  tern_sampler_options o = options(1);
  o.top_k = 37;
  ASSERT_EQ(tern_sampler_init(&sampler, &o), TERN_OK);
  std::vector<tern_candidate> candidates(5000);
  std::vector<int> seen(5000);
  for (int i = 0; i < 3000; ++i)
    ++seen[size_t(
        tern_sampler_pick(&sampler, logits.data(), 5000, candidates.data()))];
  for (size_t i = 0; i < 5000; ++i)
    EXPECT_EQ(seen[size_t(order[i])] > 0, i < 37) << i;
}

TEST(Sampler, OptionsOutOfRange) {
  tern_sampler sampler;
  auto refused = [&](tern_sampler_options o) {
    EXPECT_EQ(tern_sampler_init(&sampler, &o), TERN_BAD_ARGUMENT);
  };
  refused(options(-1));
  refused(options(NAN));
  refused(options(INFINITY));
  tern_sampler_options o = options(1);
  o.top_p = 0;
  refused(o);
  o = options(1);
  o.min_p = 1.5f;
  refused(o);
  o = options(1);
  o.repeat_penalty = 0;
  refused(o);
}

/// numerics.md 0, once more and in other words.
TEST(Exp, IsTheDefinition) {
  auto definition = [](float x) {
    volatile float r, y, k;
    x = std::fmin(std::fmax(x, -87.0f), 87.0f);
    volatile float scaled = x * 1.44269504088896341f;
    k = std::nearbyintf(scaled);
    volatile float a = k * 0.693359375f, b = k * -2.12194440e-4f;
    r = x - a;
    r = r - b;
    y = 1.9875691500e-4f;
    for (float c : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f,
                    1.6666665459e-1f, 5.0000001201e-1f}) {
      y = y * r;
      y = y + c;
    }
    volatile float square = r * r;
    y = y * square;
    y = y + r;
    y = y + 1.0f;
    return std::ldexp(float(y), int(k));
  };
  std::mt19937 random(9);
  for (int i = 0; i < 200000; ++i) {
    float x = float(int32_t(random())) * (100.0f / 2147483648.0f);
    float result = tern_exp(x);
    ASSERT_EQ(result, definition(x)) << x;
    if (std::fabs(x) < 87) {
      ASSERT_NEAR(result / std::exp(double(x)), 1, 2e-7) << x;
    }
  }
  EXPECT_EQ(tern_exp(0), 1.0f);
  EXPECT_EQ(tern_exp(-INFINITY), tern_exp(-87));
  EXPECT_EQ(tern_exp(NAN), tern_exp(-87));
}

TEST(Status, EveryOneHasASentence) {
  for (int i = 0; i <= TERN_NOT_FINITE; ++i)
    for (int j = 0; j < i; ++j)
      EXPECT_STRNE(tern_status_text(tern_status(i)),
                   tern_status_text(tern_status(j)));
  EXPECT_NE(tern_status_text(tern_status(99)), nullptr);
}

} // namespace
