//===- EngineCommandTest.cpp - What commands want of an engine ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EngineTesting.h"

using namespace tern_test;

namespace {

class EngineCommand : public Engine {
protected:
  static Answer answer(tern_engine *engine, Request r) {
    Answer answer;
    r.submit(engine, answer);
    finishAll(engine);
    return answer;
  }
  static Request on(tern_sequence *sequence, std::vector<int32_t> tokens,
                    int64_t count) {
    Request r;
    r.tokens = std::move(tokens);
    r.fields.sequence = sequence;
    r.fields.max_tokens = count;
    r.fields.flags = TERN_REQUEST_IGNORE_END;
    return r;
  }
};

std::vector<int32_t> rising(int32_t first, int32_t count) {
  std::vector<int32_t> tokens;
  for (int32_t i = 0; i < count; ++i)
    tokens.push_back(first + i);
  return tokens;
}

//===----------------------------------------------------------------------===//
// Cutting a sequence
//===----------------------------------------------------------------------===//

TEST_F(EngineCommand, SequencesAreCut) {
  auto engine = open();
  tern_sequence *sequence = tern_sequence_create(engine.get());
  answer(engine.get(), on(sequence, rising(4, 20), 5));
  for (int32_t left : {24, 22, 20, 9, 1, 0}) {
    SCOPED_TRACE(left);
    size_t got = 99;
    // All of it, as the last token of the answer is one that was not read yet.
    ASSERT_EQ(tern_sequence_cut(sequence, size_t(left), &got), 0);
    EXPECT_EQ(got, size_t(left));
    std::vector<int32_t> text(64);
    size_t count = 0;
    ASSERT_EQ(tern_sequence_tokens(sequence, text.data(), 64, &count), 0);
    ASSERT_EQ(count, size_t(left));
    text.resize(count);
    tern_sequence *fork = tern_sequence_fork(sequence);
    text.push_back(77);
    Answer next = answer(engine.get(), on(fork, {77}, 3));
    EXPECT_EQ(next.tokens, greedy(text, 3));
    EXPECT_EQ(next.reused, uint32_t(left));
    tern_sequence_destroy(fork);
  }
  size_t got = 99;
  EXPECT_EQ(tern_sequence_cut(sequence, 12, &got), 0);
  EXPECT_EQ(got, 0u); // more than there is changes nothing
}

/// Others keep what they have of it.
TEST_F(EngineCommand, CuttingLeavesSharedBeginnings) {
  auto engine = open();
  tern_sequence *one = tern_sequence_create(engine.get());
  std::vector<int32_t> text = rising(4, 40);
  answer(engine.get(), on(one, text, 0));
  tern_sequence *two = tern_sequence_fork(one);
  ASSERT_EQ(tern_sequence_cut(one, 3, nullptr), 0);
  std::vector<int32_t> other = rising(4, 3);
  for (int32_t token : rising(500, 30))
    other.push_back(token);
  EXPECT_EQ(answer(engine.get(), on(one, rising(500, 30), 2)).tokens,
            greedy(other, 2));
  text.push_back(9);
  EXPECT_EQ(answer(engine.get(), on(two, {9}, 3)).tokens, greedy(text, 3));
}

TEST_F(EngineCommand, RecurrentStatesAreCutToNothing) {
  tern_model model = tern_model_fake;
  model.is_recurrent = 1;
  auto engine = open(options(), &model);
  tern_sequence *sequence = tern_sequence_create(engine.get());
  answer(engine.get(), on(sequence, rising(4, 6), 3));
  size_t left = 99;
  // The answer's last token was not read yet, so it can be forgotten.
  ASSERT_EQ(tern_sequence_cut(sequence, 8, &left), 0);
  EXPECT_EQ(left, 8u);
  ASSERT_EQ(tern_sequence_cut(sequence, 7, &left), 0);
  EXPECT_EQ(left, 0u);
  EXPECT_EQ(answer(engine.get(), on(sequence, {5, 6}, 3)).tokens,
            greedy({5, 6}, 3));
}

TEST_F(EngineCommand, SequencesInUseAreNotCut) {
  auto engine = open();
  tern_sequence *sequence = tern_sequence_create(engine.get());
  Request r = on(sequence, rising(4, 6), 3);
  Answer result;
  r.submit(engine.get(), result);
  EXPECT_EQ(tern_sequence_cut(sequence, 0, nullptr), TERN_ENGINE_INVALID);
  finishAll(engine.get());
}

//===----------------------------------------------------------------------===//
// Leaving a step
//===----------------------------------------------------------------------===//

int interrupt;

/// Sets it in the middle of a step, after so many portions of work.
int portionsUntilInterrupt;

void runPortion(const tern_env *env) {
  if (--portionsUntilInterrupt == 0)
    __atomic_store_n(&interrupt, 1, __ATOMIC_SEQ_CST);
  env->parallel(env->host, [](void *, uint32_t) {}, nullptr, 1);
  EXPECT_FALSE(__atomic_load_n(&interrupt, __ATOMIC_SEQ_CST));
}

void embedInPortions(const tern_env *env, const void *weights, void *scratch,
                     const tern_rows *rows, size_t layer) {
  runPortion(env);
  tern_model_fake.embed[rows->count == 1                 ? TERN_ONE
                        : rows->count <= TERN_FEW_TOKENS ? TERN_FEW
                                                         : TERN_MANY](
      env, weights, scratch, rows, layer);
  runPortion(env);
}

TEST_F(EngineCommand, StepsAreLeft) {
  tern_model model = tern_model_fake;
  for (auto &embed : model.embed)
    embed = embedInPortions;
  tern_engine_options o = options();
  o.interrupt = &interrupt;
  for (int when : {1, 2, 3, 4, 5, 6}) {
    SCOPED_TRACE(when);
    auto engine = open(o, &model);
    tern_sequence *sequence = tern_sequence_create(engine.get());
    portionsUntilInterrupt = -1;
    answer(engine.get(), on(sequence, rising(4, 9), 2));
    portionsUntilInterrupt = when;
    Request r = on(sequence, rising(30, 20), 4), other;
    other.tokens = rising(100, 5);
    other.fields.max_tokens = 3;
    Answer left, second;
    r.submit(engine.get(), left);
    other.submit(engine.get(), second);
    finishAll(engine.get());
    EXPECT_EQ(left.finish, uint32_t(TERN_FINISH_CANCELLED));
    EXPECT_EQ(left.ends, 1u);
    EXPECT_EQ(second.ends, 1u);
    // As long as it is set nothing runs.
    EXPECT_EQ(answer(engine.get(), other).finish,
              uint32_t(TERN_FINISH_CANCELLED));
    interrupt = 0;
    // All that was read stays, and the rest can be read.
    std::vector<int32_t> text(64);
    size_t count = 0;
    ASSERT_EQ(tern_sequence_tokens(sequence, text.data(), 64, &count), 0);
    text.resize(count);
    text.push_back(9);
    EXPECT_EQ(answer(engine.get(), on(sequence, {9}, 3)).tokens,
              greedy(text, 3));
    EXPECT_EQ(answer(engine.get(), other).tokens, greedy(other.tokens, 3));
  }
}

//===----------------------------------------------------------------------===//
// Answers of one seed
//===----------------------------------------------------------------------===//

TEST_F(EngineCommand, AnswersGoOnWithTheSeed) {
  auto engine = open();
  auto sampled = [&](tern_sequence *sequence, std::vector<int32_t> tokens,
                     int64_t count, uint32_t flags) {
    Request r = on(sequence, std::move(tokens), count);
    r.fields.temperature = 1;
    r.fields.top_k = 0;
    r.fields.seed = 7;
    r.fields.flags |= flags;
    return answer(engine.get(), r).tokens;
  };
  tern_sequence *whole = tern_sequence_create(engine.get());
  std::vector<int32_t> text = {4, 5, 6};
  std::vector<int32_t> all = sampled(whole, text, 12, 0);
  for (uint32_t flags : {0u, uint32_t(TERN_REQUEST_SAME_SEED)}) {
    tern_sequence *sequence = tern_sequence_create(engine.get());
    std::vector<int32_t> parts = sampled(sequence, text, 5, flags);
    // A request without an answer draws nothing.
    sampled(sequence, {}, 0, flags);
    size_t count;
    tern_sequence_tokens(sequence, nullptr, 0, &count);
    tern_sequence *fork = tern_sequence_fork(sequence);
    tern_sequence_cut(fork, count - 1, nullptr);
    std::vector<int32_t> rest = sampled(fork, {parts.back()}, 7, flags);
    parts.insert(parts.end(), rest.begin(), rest.end());
    EXPECT_EQ(parts == all, flags != 0);
  }
}

//===----------------------------------------------------------------------===//
// Numbers of prompts
//===----------------------------------------------------------------------===//

struct States {
  Answer answer;
  std::vector<int32_t> tokens;
  std::vector<float> values;
};

int listenToStates(void *data, const tern_event *event) {
  auto *states = static_cast<States *>(data);
  if (event->kind != TERN_EVENT_HIDDEN)
    return listen(&states->answer, event);
  EXPECT_TRUE(states->answer.tokens.empty());
  states->tokens.push_back(event->token);
  states->values.insert(states->values.end(), event->hidden,
                        event->hidden + FAKE_LAYERS * FAKE_HIDDEN);
  return 0;
}

TEST_F(EngineCommand, HiddenStatesOfAllTokens) {
  std::vector<int32_t> text = rising(4, 30);
  std::vector<float> expected;
  uint32_t hash = FAKE_START;
  for (int32_t token : text) {
    hash = fake_hash(hash, token);
    for (uint32_t layer = 0; layer < FAKE_LAYERS; ++layer)
      for (uint32_t h = 0; h < FAKE_HIDDEN; ++h)
        expected.push_back(fake_hidden(hash, layer, h));
  }
  for (uint32_t step : {1u, 7u, 128u}) {
    tern_engine_options o = options();
    o.max_sequences = 1;
    o.step_tokens = step;
    auto engine = open(o);
    Answer before; // of which nothing is taken
    Request same;
    same.tokens = text;
    same.fields.max_tokens = 1;
    same.submit(engine.get(), before);
    finishAll(engine.get());
    States states;
    Request r;
    r.tokens = text;
    r.fields.max_tokens = 3;
    r.fields.tokens = r.tokens.data();
    r.fields.token_count = r.tokens.size();
    r.fields.flags = TERN_REQUEST_PROMPT_HIDDEN | TERN_REQUEST_LOGITS |
                     TERN_REQUEST_PROMPT_LOGPROBS;
    r.fields.on_event = listenToStates;
    r.fields.data = &states;
    ASSERT_EQ(tern_engine_submit(engine.get(), &r.fields, nullptr), 0);
    finishAll(engine.get());
    EXPECT_EQ(states.tokens, text);
    EXPECT_EQ(states.values, expected);
    EXPECT_EQ(states.answer.tokens, greedy(text, 3));
    r.fields.flags |= TERN_REQUEST_HIDDEN;
    EXPECT_EQ(tern_engine_submit(engine.get(), &r.fields, nullptr),
              TERN_ENGINE_INVALID);
  }
}

/// An end token is no token of the answer, but what it was picked by is told.
TEST_F(EngineCommand, LogitsOfAnEndToken) {
  auto engine = open();
  for (int32_t first = 0; first < 400; ++first) {
    Request r;
    r.tokens = {first};
    r.fields.temperature = 1e6; // any token, soon the end
    r.fields.seed = first;
    r.fields.max_tokens = 1;
    r.fields.flags = TERN_REQUEST_LOGITS;
    Answer got = answer(engine.get(), r);
    ASSERT_EQ(got.logits.size(), size_t(FAKE_VOCAB)) << first;
    EXPECT_EQ(got.logits[3], fake_logit(hashOf({first}), 3));
  }
}

/// Weights that steps have read.
TEST_F(EngineCommand, WeightsAreCounted) {
  auto engine = open();
  tern_weight_count counts[8] = {};
  size_t count = 0, last = 0;
  ASSERT_EQ(tern_engine_count_weights(engine.get(), counts, 8, &count), 0);
  ASSERT_GT(count, 0u);
  for (size_t p = 0; p < count; ++p) {
    EXPECT_STREQ(counts[p].name, tern_model_fake.projection_names[p]);
    EXPECT_EQ(counts[p].held_bytes, 0u);
  }
  uint64_t before = 0;
  for (int64_t n : {1, 4}) {
    Request r;
    r.tokens = rising(int32_t(9 * n), 6);
    r.fields.max_tokens = n;
    r.fields.flags = TERN_REQUEST_IGNORE_END;
    answer(engine.get(), r);
    ASSERT_EQ(tern_engine_count_weights(engine.get(), counts, 8, &last), 0);
    EXPECT_EQ(last, count);
    EXPECT_GT(counts[0].held_bytes, before);
    EXPECT_LE(counts[0].read_bytes, counts[0].held_bytes);
    before = counts[0].held_bytes;
  }
}

} // namespace
