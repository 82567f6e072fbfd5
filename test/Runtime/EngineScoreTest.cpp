//===- EngineScoreTest.cpp - Logits, and what a prompt is worth -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EngineTesting.h"

using namespace tern_test;

namespace {

/// The model's logits behind each of the tokens.
std::vector<float> logitsBehind(const std::vector<int32_t> &tokens,
                                size_t first = 0) {
  std::vector<float> all;
  uint32_t hash = FAKE_START;
  for (size_t i = 0; i < tokens.size(); ++i) {
    hash = fake_hash(hash, tokens[i]);
    for (uint32_t v = 0; i >= first && v < FAKE_VOCAB; ++v)
      all.push_back(fake_logit(hash, v));
  }
  return all;
}

class Scores : public Engine {
protected:
  void SetUp() override {
    for (int i = 0; i < 40; ++i)
      r.tokens.push_back(i * 7 % 1000);
    r.fields.max_tokens = 0;
    r.fields.flags = TERN_REQUEST_PROMPT_LOGPROBS | TERN_REQUEST_LOGITS;
    r.fields.top = 3;
  }

  Request r;
  Answer answer;
};

TEST_F(Scores, AllLogitsOfAPrompt) {
  for (uint32_t stepTokens : {2, 7, 1000}) {
    tern_engine_options o = options();
    o.max_sequences = 1;
    o.step_tokens = stepTokens;
    auto engine = open(o);
    for (int again = 0; again < 2; ++again) {
      answer = {};
      r.submit(engine.get(), answer);
      finishAll(engine.get());
      EXPECT_EQ(answer.prompted, r.tokens);
      EXPECT_EQ(answer.logits, logitsBehind(r.tokens));
      EXPECT_EQ(answer.top.size(), 3 * (r.tokens.size() - 1));
      EXPECT_EQ(answer.finish, uint32_t(TERN_FINISH_LENGTH));
      EXPECT_EQ(answer.reused, 0u); // though the state is kept
    }
  }
}

/// A text is worth the same whether the model has written or reads it.
TEST_F(Scores, PromptsAreWorthWhatAnswersAre) {
  auto engine = open();
  Answer written;
  r.tokens = {1, 2};
  r.fields.max_tokens = 30;
  r.fields.temperature = 1;
  r.fields.seed = 4;
  r.fields.flags = TERN_REQUEST_LOGPROBS | TERN_REQUEST_IGNORE_END;
  r.submit(engine.get(), written);
  finishAll(engine.get());
  ASSERT_EQ(written.tokens.size(), 30u);
  r.tokens.insert(r.tokens.end(), written.tokens.begin(), written.tokens.end());
  r.fields.max_tokens = 0;
  r.fields.flags = TERN_REQUEST_PROMPT_LOGPROBS;
  r.submit(engine.get(), answer);
  finishAll(engine.get());
  ASSERT_EQ(answer.promptLogprobs.size(), 32u);
  EXPECT_EQ(answer.promptLogprobs[0], 0);
  EXPECT_EQ(std::vector<double>(answer.promptLogprobs.begin() + 2,
                                answer.promptLogprobs.end()),
            written.logprobs);
  EXPECT_TRUE(answer.logits.empty());
}

/// Behind a sequence whose last token has no state yet, all are judged.
TEST_F(Scores, OfAPromptThatGoesOn) {
  auto engine = open();
  tern_sequence *sequence = tern_sequence_create(engine.get());
  Request first;
  Answer ignored;
  first.tokens = {5, 6};
  first.fields.max_tokens = 3;
  first.fields.flags = TERN_REQUEST_IGNORE_END;
  first.fields.sequence = r.fields.sequence = sequence;
  first.submit(engine.get(), ignored);
  finishAll(engine.get());
  r.submit(engine.get(), answer);
  finishAll(engine.get());
  EXPECT_EQ(answer.prompted, r.tokens);
  std::vector<int32_t> all = {5, 6};
  all.insert(all.end(), ignored.tokens.begin(), ignored.tokens.end());
  size_t held = all.size();
  all.insert(all.end(), r.tokens.begin(), r.tokens.end());
  EXPECT_EQ(answer.logits, logitsBehind(all, held - 1));
  EXPECT_NE(answer.promptLogprobs[0], 0);
  EXPECT_EQ(tern_sequence_destroy(sequence), 0);
}

TEST_F(Scores, LogitsOfAnswersAreTheModels) {
  auto engine = open();
  r.tokens = {1, 2, 3};
  r.fields.flags = TERN_REQUEST_LOGITS | TERN_REQUEST_IGNORE_END;
  r.fields.temperature = 0;
  r.fields.repeat_penalty = 1.5; // changes what is picked from
  r.fields.max_tokens = 4;
  r.submit(engine.get(), answer);
  finishAll(engine.get());
  std::vector<int32_t> all = r.tokens;
  all.insert(all.end(), answer.tokens.begin(), answer.tokens.end() - 1);
  EXPECT_EQ(answer.logits, logitsBehind(all, 2));
  EXPECT_TRUE(answer.prompted.empty());
}

TEST_F(Scores, EndWhenTheCallerHasHadEnough) {
  tern_engine_options o = options();
  o.max_sequences = 1;
  o.step_tokens = 8;
  auto engine = open(o);
  answer.cancelAfter = 11;
  r.submit(engine.get(), answer);
  finishAll(engine.get());
  EXPECT_EQ(answer.prompted.size(), 11u);
  EXPECT_EQ(answer.finish, uint32_t(TERN_FINISH_CANCELLED));
}

} // namespace
