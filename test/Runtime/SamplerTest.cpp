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

/// As everywhere, of equal ones the lowest index is the first.
TEST(Sampler, TopKOfEqualOnes) {
  tern_sampler_options o = options(1);
  o.top_k = 3;
  expectShares(shares(o, std::vector<float>(9, 2.0f)),
               {1, 1, 1, 0, 0, 0, 0, 0, 0});
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

/// The largest `each` of each of `parts` parts, as a device gives them, and
/// what no other logit is above.
std::vector<tern_candidate> findCandidates(const std::vector<float> &logits,
                                           size_t parts, size_t each,
                                           float &bound) {
  std::vector<tern_candidate> all, some;
  for (size_t i = 0; i < logits.size(); ++i)
    all.push_back({logits[i], int32_t(i)});
  std::stable_sort(
      all.begin(), all.end(),
      [](tern_candidate a, tern_candidate b) { return a.weight > b.weight; });
  std::vector<size_t> counts(parts);
  bound = -INFINITY;
  for (tern_candidate c : all) {
    if (++counts[size_t(c.token) % parts] <= each)
      some.push_back(c);
    else
      bound = std::max(bound, c.weight);
  }
  return some;
}

struct Sampling {
  float temperature;
  uint32_t top_k;
  float top_p, min_p;
};

/// True if candidates gave a token, which is that of all logits; otherwise
/// nothing has been drawn.
bool choosesAsAllDo(const Sampling &s, std::vector<float> logits, uint64_t seed,
                    std::mt19937 &random) {
  tern_sampler_options o = options(s.temperature);
  o.top_k = s.top_k, o.top_p = s.top_p, o.min_p = s.min_p, o.seed = seed;
  tern_sampler one, other;
  EXPECT_EQ(tern_sampler_init(&one, &o), TERN_OK);
  other = one;
  float bound;
  std::vector<tern_candidate> some = findCandidates(logits, 16, 4, bound);
  std::shuffle(some.begin(), some.end(), random);
  uint32_t size = uint32_t(logits.size());
  int32_t token = tern_sampler_choose(&one, some.data(), uint32_t(some.size()),
                                      size, bound);
  if (token < 0) {
    EXPECT_EQ(one.random, other.random);
    return false;
  }
  std::vector<tern_candidate> room(size);
  EXPECT_EQ(token, tern_sampler_pick(&other, logits.data(), size, room.data()));
  EXPECT_EQ(one.random, other.random);
  return true;
}

TEST(Sampler, CandidatesGiveTheTokenOfAllLogits) {
  const Sampling settings[] = {
      {0, 0, 1, 0},         {0.8f, 8, 1, 0},      {0.8f, 8, 0.9f, 0},
      {1.5f, 20, 0.7f, 0},  {0.7f, 30, 1, 0.1f},  {0.7f, 0, 1, 0.05f},
      {3, 12, 0.95f, 0.2f}, {0.001f, 5, 0.9f, 0}, {1e6f, 10, 1, 0}};
  std::mt19937 random(3);
  for (const Sampling &s : settings) {
    int chosen = 0;
    for (uint64_t seed = 0; seed < 300; ++seed) {
      std::vector<float> logits(400);
      std::normal_distribution<float> normal(0, 1 + float(seed % 5));
      for (float &x : logits) {
        x = normal(random);
        // Many that are equal.
        if (seed % 3 == 0)
          x = std::round(x * 2) / 2;
        if (seed % 7 == 0 && x > 1)
          x = -INFINITY;
      }
      chosen += choosesAsAllDo(s, logits, seed, random);
    }
    EXPECT_GE(chosen, s.temperature > 1000 ? 0 : 20) << s.top_k << s.min_p;
  }
}

TEST(Sampler, CandidatesThatDoNotSufficeAreNoticed) {
  std::mt19937 random(4);
  std::vector<float> logits(400);
  for (size_t i = 0; i < logits.size(); ++i)
    logits[i] = float(i % 100) / 50;
  // Shares of all, and any of all; more than there are; and equal ones.
  EXPECT_FALSE(choosesAsAllDo({0.8f, 0, 0.9f, 0}, logits, 1, random));
  EXPECT_FALSE(choosesAsAllDo({0.8f, 0, 1, 0}, logits, 1, random));
  EXPECT_FALSE(choosesAsAllDo({0.8f, 80, 1, 0}, logits, 1, random));
  EXPECT_FALSE(choosesAsAllDo({0.8f, 0, 1, 0.2f}, logits, 1, random));
  EXPECT_TRUE(choosesAsAllDo({0.8f, 3, 1, 0}, logits, 1, random));
  std::vector<float> same(400, 2.5f);
  EXPECT_FALSE(choosesAsAllDo({0, 0, 1, 0}, same, 1, random));
  EXPECT_FALSE(choosesAsAllDo({0.8f, 3, 1, 0}, same, 1, random));
  // Below -87 all weights are the same, so what is larger does not come first.
  std::vector<float> far(400, -1000);
  far[7] = 0;
  for (size_t i = 100; i < 130; ++i)
    far[i] = -900;
  EXPECT_TRUE(choosesAsAllDo({1, 1, 1, 0}, far, 1, random));
  EXPECT_FALSE(choosesAsAllDo({1, 3, 1, 0}, far, 1, random));
}

TEST(Status, EveryOneHasASentence) {
  for (int i = 0; i <= TERN_NOT_FINITE; ++i)
    for (int j = 0; j < i; ++j)
      EXPECT_STRNE(tern_status_text(tern_status(i)),
                   tern_status_text(tern_status(j)));
  EXPECT_NE(tern_status_text(tern_status(99)), nullptr);
}

} // namespace
