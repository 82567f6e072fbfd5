//===- RulesTest.cpp - Tokens that must not come, or must -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each rule against a slow form of it that follows the words of transformers'
// documentation: sets and lists of all runs instead of one walk.
//
//===----------------------------------------------------------------------===//

#include "tern/tern.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <vector>

namespace {

using Ids = std::vector<int32_t>;

tern_rules noRules() {
  tern_rules rules = {};
  rules.size = sizeof(rules);
  rules.repeat_penalty = 1;
  rules.forced_bos = -1;
  return rules;
}

tern_ids idsOf(const Ids &ids) { return {ids.data(), uint32_t(ids.size())}; }

struct Rules {
  float penalty = 1;
  uint32_t lastN = 0, ngram = 0, minLength = 0, minNew = 0;
  std::vector<Ids> badWords;
  Ids eos, forcedEos, suppress, beginSuppress;
  int32_t forcedBos = -1;
};

std::vector<float> bySlowWay(const Rules &r, const Ids &text, size_t prompt,
                             bool isLast, std::vector<float> logits) {
  auto ban = [&](int32_t id) {
    if (id >= 0 && size_t(id) < logits.size())
      logits[size_t(id)] = -INFINITY;
  };
  auto only = [&](const Ids &ids) {
    for (float &logit : logits)
      logit = -INFINITY;
    for (int32_t id : ids)
      if (size_t(id) < logits.size())
        logits[size_t(id)] = 0;
  };
  size_t last = r.lastN ? std::min<size_t>(r.lastN, text.size()) : text.size();
  for (int32_t id : std::set<int32_t>(text.end() - long(last), text.end()))
    logits[size_t(id)] = logits[size_t(id)] < 0
                             ? logits[size_t(id)] * r.penalty
                             : logits[size_t(id)] / r.penalty;
  if (r.ngram > 0) {
    std::set<Ids> seen;
    for (size_t i = 0; i + r.ngram <= text.size(); ++i)
      seen.emplace(text.begin() + long(i), text.begin() + long(i + r.ngram));
    for (int32_t id = 0; id < int32_t(logits.size()); ++id) {
      Ids next = text;
      next.push_back(id);
      if (next.size() >= r.ngram &&
          seen.count(Ids(next.end() - long(r.ngram), next.end())))
        ban(id);
    }
  }
  for (const Ids &word : r.badWords) {
    Ids before(word.begin(), word.end() - 1);
    if (word.size() == 1 ||
        (word.size() <= text.size() &&
         std::equal(before.rbegin(), before.rend(), text.rbegin())))
      ban(word.back());
  }
  if (text.size() < r.minLength || text.size() - prompt < r.minNew)
    for (int32_t id : r.eos)
      ban(id);
  if (r.forcedBos >= 0 && text.size() == 1)
    only({r.forcedBos});
  if (!r.forcedEos.empty() && isLast)
    only(r.forcedEos);
  for (int32_t id : r.suppress)
    ban(id);
  bool isFirst = prompt > 1 || r.forcedBos < 0 ? text.size() == prompt
                                               : text.size() == prompt + 1;
  if (isFirst)
    for (int32_t id : r.beginSuppress)
      ban(id);
  return logits;
}

std::vector<float> byTern(const Rules &r, const Ids &text, size_t prompt,
                          bool isLast, std::vector<float> logits) {
  tern_rules rules = noRules();
  rules.repeat_penalty = r.penalty;
  rules.repeat_last_n = r.lastN;
  rules.no_repeat_ngram = r.ngram;
  rules.min_length = r.minLength;
  rules.min_new_tokens = r.minNew;
  rules.forced_bos = r.forcedBos;
  Ids words;
  for (const Ids &word : r.badWords) {
    words.push_back(int32_t(word.size()));
    words.insert(words.end(), word.begin(), word.end());
  }
  rules.bad_words = idsOf(words);
  rules.eos = idsOf(r.eos);
  rules.forced_eos = idsOf(r.forcedEos);
  rules.suppress = idsOf(r.suppress);
  rules.begin_suppress = idsOf(r.beginSuppress);
  EXPECT_EQ(tern_rules_check(&rules), TERN_OK);
  std::vector<tern_candidate> room(logits.size(), {NAN, 123456});
  tern_rules_apply(&rules, text.data(), uint32_t(text.size()), uint32_t(prompt),
                   isLast, logits.data(), uint32_t(logits.size()), room.data());
  return logits;
}

TEST(Rules, AreThoseOfTheSlowWay) {
  std::mt19937 random(5);
  auto below = [&](uint32_t n) { return random() % n; };
  // Few tokens, so that runs come again.
  const uint32_t vocabulary = 6;
  auto list = [&](uint32_t most) {
    Ids ids(below(most + 1));
    for (int32_t &id : ids)
      id = int32_t(below(vocabulary + 2)); // some are outside
    return ids;
  };
  size_t changed = 0;
  for (int i = 0; i < 20000; ++i) {
    Rules r;
    if (below(2))
      r.penalty = below(2) ? 1.3f : 0.5f;
    r.lastN = below(2) * below(9);
    r.ngram = below(2) * below(5);
    r.minLength = below(2) * below(20);
    r.minNew = below(2) * below(8);
    r.forcedBos = below(4) ? -1 : int32_t(below(vocabulary));
    for (uint32_t n = below(4); n > 0; --n)
      if (Ids word = list(3); !word.empty())
        r.badWords.push_back(word);
    r.eos = list(2);
    r.forcedEos = below(3) ? Ids() : list(2);
    r.suppress = below(3) ? Ids() : list(2);
    r.beginSuppress = list(2);
    Ids text(1 + below(16));
    for (int32_t &id : text)
      id = int32_t(below(vocabulary));
    size_t prompt = 1 + below(uint32_t(text.size()));
    if (below(2))
      prompt = text.size();
    std::vector<float> logits(vocabulary);
    for (float &logit : logits)
      logit = float(int(below(41)) - 20) * 0.37f;
    bool isLast = below(4) == 0;
    std::vector<float> slow = bySlowWay(r, text, prompt, isLast, logits);
    ASSERT_EQ(byTern(r, text, prompt, isLast, logits), slow) << i;
    changed += slow != logits;
  }
  EXPECT_GT(changed, 15000u);
}

TEST(Rules, ARunLongerThanTheTextDoesNotCount) {
  Rules r;
  r.badWords = {{1, 2}};
  // As in transformers: the run has two tokens, and so has the text with it.
  EXPECT_EQ(byTern(r, {1}, 1, false, {0, 0, 0}), std::vector<float>(3, 0));
  EXPECT_EQ(byTern(r, {0, 1}, 1, false, {0, 0, 0})[2], -INFINITY);
}

TEST(Rules, SizesAreChecked) {
  tern_rules rules = noRules();
  EXPECT_EQ(tern_rules_check(&rules), TERN_OK);
  EXPECT_EQ(tern_rules_check(nullptr), TERN_BAD_ARGUMENT);
  rules.size = 3;
  EXPECT_EQ(tern_rules_check(&rules), TERN_BAD_ARGUMENT);
  for (float penalty : {0.0f, -1.0f, NAN, INFINITY}) {
    rules = noRules();
    rules.repeat_penalty = penalty;
    EXPECT_EQ(tern_rules_check(&rules), TERN_BAD_ARGUMENT) << penalty;
  }
  for (const Ids &words :
       {Ids{0}, Ids{-1, 5}, Ids{2, 5}, Ids{1}, Ids{1, 5, 1}, Ids{INT32_MAX, 1},
        Ids{INT32_MIN, 1}, Ids{1, 5, 0, 5}}) {
    rules = noRules();
    rules.bad_words = idsOf(words);
    EXPECT_EQ(tern_rules_check(&rules), TERN_BAD_ARGUMENT) << words[0];
  }
}

/// The first draw of this seed is 0, which falls on the first token of any
/// weight above 0.
TEST(Rules, WhatIsBannedIsNeverPicked) {
  tern_sampler_options o = {};
  o.size = sizeof(o);
  o.temperature = o.top_p = o.repeat_penalty = 1;
  o.seed = 5618432;
  for (uint32_t topK : {0u, 2u, 3u}) {
    o.top_k = topK;
    tern_sampler sampler;
    ASSERT_EQ(tern_sampler_init(&sampler, &o), TERN_OK);
    float logits[] = {-INFINITY, 3, -INFINITY};
    tern_candidate candidates[3];
    for (int i = 0; i < 5; ++i)
      EXPECT_EQ(tern_sampler_pick(&sampler, logits, 3, candidates), 1);
  }
}

} // namespace
