//===- EngineBatchTest.cpp - Many requests at once ------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EngineTesting.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

using namespace tern_test;

namespace {

bool isSame(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}
bool isSame(const std::pair<int32_t, double> &a,
            const std::pair<int32_t, double> &b) {
  return a.first == b.first && isSame(a.second, b.second);
}
template <typename T>
void expectSameNumbers(const std::vector<T> &a, const std::vector<T> &b) {
  EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end(),
                         [](const T &x, const T &y) { return isSame(x, y); }));
}

void expectSame(const Answer &got, const Answer &alone) {
  EXPECT_EQ(got.tokens, alone.tokens);
  EXPECT_EQ(got.logprobs, alone.logprobs);
  expectSameNumbers(got.top, alone.top);
  EXPECT_EQ(got.text, alone.text);
  EXPECT_EQ(got.finish, alone.finish);
  EXPECT_EQ(got.hidden, alone.hidden);
  expectSameNumbers(got.logits, alone.logits);
  EXPECT_EQ(got.prompted, alone.prompted);
  expectSameNumbers(got.promptLogprobs, alone.promptLogprobs);
}

/// One after the other, on an engine that remembers nothing.
std::vector<Answer> answersAlone(tern_engine *engine,
                                 std::vector<Request> &requests) {
  std::vector<Answer> answers(requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    requests[i].submit(engine, answers[i]);
    finishAll(engine);
  }
  return answers;
}

/// The promise: random arrivals, lengths, seeds and cancels change no bit.
TEST_F(Engine, AnswersDoNotDependOnOthers) {
  for (uint32_t seed = 0; seed < 6; ++seed) {
    RandomRequests random(seed);
    std::vector<Request> requests;
    for (int i = 0; i < 60; ++i)
      requests.push_back(random.next());
    tern_engine_options o = options();
    o.max_sequences = 1;
    o.kept_bytes = 0;
    o.step_tokens = 1000;
    std::vector<Answer> alone = answersAlone(open(o).get(), requests);

    o.max_sequences = 1 + random.below(9);
    o.step_tokens = 1 + random.below(40);
    o.kept_bytes = random.below(3) * 2000;
    o.threads = 1 + random.below(3);
    auto engine = open(o);
    std::vector<Answer> got(requests.size());
    for (size_t i = 0; i < requests.size(); ++i) {
      if (random.below(6) == 0)
        got[i].cancelAfter = 1 + random.below(5);
      uint64_t id = requests[i].submit(engine.get(), got[i]);
      for (uint32_t steps = random.below(5); steps > 0; --steps)
        tern_engine_step(engine.get());
      if (random.below(20) == 0)
        tern_engine_cancel(engine.get(), id);
    }
    finishAll(engine.get());
    for (size_t i = 0; i < requests.size(); ++i) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << " request " << i);
      ASSERT_EQ(got[i].ends, 1u);
      if (got[i].finish != TERN_FINISH_CANCELLED) {
        expectSame(got[i], alone[i]);
        continue;
      }
      ASSERT_LE(got[i].tokens.size(), alone[i].tokens.size());
      alone[i].tokens.resize(got[i].tokens.size());
      EXPECT_EQ(got[i].tokens, alone[i].tokens);
    }
  }
}

TEST_F(Engine, AStepIsBoundedAndNobodyWaits) {
  tern_engine_options o = options();
  o.max_sequences = 4;
  o.step_tokens = 8;
  o.kept_bytes = 0;
  auto engine = open(o);
  Request talker, reader;
  talker.tokens = {1};
  talker.fields.max_tokens = 30;
  talker.fields.flags = TERN_REQUEST_IGNORE_END;
  Answer talk, reads[2];
  talker.submit(engine.get(), talk);
  tern_engine_step(engine.get());
  for (int i = 0; i < 50; ++i)
    reader.tokens.push_back(i + 2);
  reader.fields.max_tokens = 1;
  reader.submit(engine.get(), reads[0]);
  reader.tokens = {900, 901, 902}; // does not wait for the long one either
  reader.submit(engine.get(), reads[1]);
  uint64_t before = 1;
  for (size_t step = 1; step < 8; ++step) {
    tern_engine_step(engine.get());
    EXPECT_EQ(talk.tokens.size(), step + 1); // a token in each step
    tern_engine_counts counts = {};
    counts.size = sizeof(counts);
    tern_engine_count(engine.get(), &counts);
    EXPECT_LE(counts.prompt_tokens - before, 7u); // 8, of which talk has one
    before = counts.prompt_tokens;
    if (step >= 2) {
      EXPECT_EQ(reads[1].ends, 1u);
    }
  }
  EXPECT_EQ(reads[0].ends, 0u); // 50 tokens are not read in 7 steps of 7
  finishAll(engine.get());
  EXPECT_EQ(reads[0].ends, 1u);
}

/// A step is not much longer for who answers, unless more wait for what is
/// read.
TEST_F(Engine, ReadersHoldNobodyUpForLong) {
  tern_engine_options o = options();
  o.max_sequences = 8;
  o.step_tokens = 128;
  o.kept_bytes = 0;
  auto engine = open(o);
  auto readInAStep = [&] {
    tern_engine_counts before = {}, after = {};
    before.size = after.size = sizeof(after);
    tern_engine_count(engine.get(), &before);
    tern_engine_step(engine.get());
    tern_engine_count(engine.get(), &after);
    return after.prompt_tokens - before.prompt_tokens;
  };
  Request talker, reader;
  talker.tokens = {1};
  talker.fields.max_tokens = 30;
  talker.fields.flags = TERN_REQUEST_IGNORE_END;
  Answer talk, reads[4];
  talker.submit(engine.get(), talk);
  EXPECT_EQ(readInAStep(), 1u);
  reader.fields.max_tokens = 1;
  reader.tokens.assign(50, 2);
  reader.submit(engine.get(), reads[0]);
  EXPECT_EQ(readInAStep(), 18u);
  for (int i = 1; i < 4; ++i) {
    reader.tokens.assign(50, i + 2);
    reader.submit(engine.get(), reads[i]);
  }
  EXPECT_EQ(readInAStep(), 45u);
  finishAll(engine.get());
  reader.submit(engine.get(), reads[0] = Answer());
  EXPECT_EQ(readInAStep(), 50u); // nobody answers
  finishAll(engine.get());
}

TEST_F(Engine, LimitsAreSentences) {
  tern_engine_options o = options();
  o.max_sequences = 3; // of which the states allow two
  o.max_waiting = 1;
  // Two of the fake model's largest states.
  o.state_bytes = 2 * tern_model_state_bytes(&tern_model_fake, 30);
  auto engine = open(o);
  Request r;
  r.tokens = {1, 2};
  r.fields.max_tokens = 28;
  Answer answers[6];
  uint64_t id;
  for (int i = 0; i < 4; ++i)
    r.submit(engine.get(), answers[i]);
  EXPECT_EQ(r.trySubmit(engine.get(), answers[4], id), TERN_ENGINE_BUSY);
  EXPECT_NE(std::string(tern_engine_error())
                .find("0 requests run and 4 wait already"),
            std::string::npos)
      << tern_engine_error();
  tern_engine_step(engine.get());
  r.tokens.resize(60);
  r.fields.max_tokens = 4;
  EXPECT_EQ(r.trySubmit(engine.get(), answers[4], id), TERN_ENGINE_BUSY);
  tern_engine_counts counts = {};
  counts.size = sizeof(counts);
  tern_engine_count(engine.get(), &counts);
  EXPECT_EQ(counts.running, 2u);
  EXPECT_EQ(counts.waiting, 2u);
  EXPECT_EQ(counts.running_bytes, o.state_bytes);
  finishAll(engine.get());
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(answers[i].tokens, greedy({1, 2}, 28));

  o.state_bytes = 0;
  o.state_tokens = 59; // two of 30 are too many at once
  o.max_waiting = 9;
  auto few = open(o);
  EXPECT_EQ(r.trySubmit(few.get(), answers[4], id), TERN_ENGINE_INVALID);
  r.tokens = {1, 2};
  r.fields.max_tokens = 28;
  for (int i = 0; i < 3; ++i)
    r.submit(few.get(), answers[i] = {});
  tern_engine_step(few.get());
  tern_engine_count(few.get(), &counts);
  EXPECT_EQ(counts.running, 1u);
  EXPECT_EQ(counts.running_tokens, 30u);
  finishAll(few.get());
  r.tokens.resize(60);
  r.fields.max_tokens = 4;

  o = options();
  o.state_bytes = tern_model_state_bytes(&tern_model_fake, 30);
  auto small = open(o);
  EXPECT_EQ(r.trySubmit(small.get(), answers[5], id), TERN_ENGINE_INVALID);
  EXPECT_NE(std::string(tern_engine_error()).find("up to 64 tokens needs"),
            std::string::npos)
      << tern_engine_error();
}

/// A model that loses its numbers after some texts.
bool isPoisoned(float logit) { return logit > 7.0f; }
std::atomic<int> bests;

void poisonedHead(const tern_env *env, const void *weights, void *scratch,
                  const tern_rows *rows, size_t layer) {
  int kind = rows->count == 1                 ? TERN_ONE
             : rows->count <= TERN_FEW_TOKENS ? TERN_FEW
                                              : TERN_MANY;
  tern_model_fake.head[kind](env, weights, scratch, rows, layer);
  for (size_t r = 0; r < rows->count; ++r)
    if (isPoisoned(rows->logits[r][0]))
      rows->logits[r][500] = NAN;
}

/// Knows the best token without leaving logits.
void poisonedBest(const tern_env *env, const void *weights, void *scratch,
                  const tern_rows *rows, size_t) {
  std::vector<float> logits(FAKE_VOCAB);
  float *row = logits.data();
  tern_rows own = *rows;
  own.logits = &row;
  own.count = 1;
  for (size_t r = 0; r < rows->count; ++r) {
    own.input = rows->input + r * tern_model_fake.hidden_size;
    tern_model_fake.head[TERN_ONE](env, weights, scratch, &own, 0);
    rows->best[r] =
        isPoisoned(row[0])
            ? -1
            : int32_t(std::max_element(row, row + FAKE_VOCAB) - row);
    ++bests;
  }
}

TEST_F(Engine, NumbersThatAreNotFiniteHarmTheirOwnRequest) {
  tern_model model = tern_model_fake;
  for (auto &head : model.head)
    head = poisonedHead;
  std::fill(std::begin(model.best), std::end(model.best), poisonedBest);
  tern_engine_options o = options();
  o.kept_bytes = 0;
  bests = 0;
  RandomRequests random(3);
  std::vector<Request> requests;
  for (int i = 0; i < 60; ++i) {
    requests.push_back(random.next());
    requests.back().fields.max_tokens = 10;
    if (i % 2) { // without rules, so that the model finds the best one
      tern_request_init(&requests.back().fields);
      requests.back().fields.max_tokens = 10;
    }
  }
  std::vector<Answer> alone = answersAlone(open(o, &model).get(), requests);
  EXPECT_GT(bests, 0);
  auto engine = open(o, &model);
  std::vector<Answer> got(requests.size());
  for (size_t i = 0; i < requests.size(); ++i)
    requests[i].submit(engine.get(), got[i]);
  finishAll(engine.get());
  size_t failed = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    SCOPED_TRACE(i);
    expectSame(got[i], alone[i]);
    EXPECT_EQ(got[i].error, alone[i].error);
    failed += got[i].finish == TERN_FINISH_FAILED;
  }
  EXPECT_GT(failed, 10u);
  EXPECT_LT(failed, 60u);
}

/// As under a server: clients come and go in threads of their own.
TEST_F(Engine, ThreadsSubmitAndCancel) {
  tern_engine_options o = options();
  o.max_sequences = 5;
  auto engine = open(o);
  std::atomic<int> clients{4};
  std::vector<std::thread> threads;
  std::vector<std::vector<Request>> requests(4);
  std::vector<std::vector<Answer>> got(4);
  for (uint32_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      RandomRequests random(100 + t);
      got[t].resize(25);
      for (Answer &answer : got[t]) {
        requests[t].push_back(random.next());
        uint64_t id = requests[t].back().submit(engine.get(), answer);
        if (random.below(5) == 0)
          tern_engine_cancel(engine.get(), id);
        size_t count;
        tern_engine_tokenize(engine.get(), "to be", 5, 0, nullptr, 0, &count);
      }
      --clients;
    });
  while (clients || tern_engine_wait(engine.get(), 0))
    if (tern_engine_wait(engine.get(), 1))
      tern_engine_step(engine.get());
  for (std::thread &thread : threads)
    thread.join();
  o.max_sequences = 1;
  o.kept_bytes = 0;
  auto single = open(o);
  for (size_t t = 0; t < 4; ++t) {
    std::vector<Answer> alone = answersAlone(single.get(), requests[t]);
    for (size_t i = 0; i < alone.size(); ++i) {
      ASSERT_EQ(got[t][i].ends, 1u);
      if (got[t][i].finish != TERN_FINISH_CANCELLED)
        expectSame(got[t][i], alone[i]);
    }
  }
}

TEST_F(Engine, CancelledRequestsEndWithinAToken) {
  tern_engine_options o = options();
  o.max_sequences = 2;
  auto engine = open(o);
  Request r;
  r.tokens = {1, 2};
  r.fields.max_tokens = 40;
  Answer byCallback, byNumber, waiting;
  byCallback.cancelAfter = 3;
  r.submit(engine.get(), byCallback);
  uint64_t running = r.submit(engine.get(), byNumber);
  uint64_t behind = r.submit(engine.get(), waiting);
  for (int step = 0; step < 6; ++step)
    tern_engine_step(engine.get());
  EXPECT_EQ(byCallback.finish, uint32_t(TERN_FINISH_CANCELLED));
  EXPECT_EQ(byCallback.tokens.size(), 3u);
  size_t count = byNumber.tokens.size();
  EXPECT_EQ(byNumber.ends, 0u);
  tern_engine_cancel(engine.get(), running);
  tern_engine_cancel(engine.get(), behind);
  tern_engine_cancel(engine.get(), 12345); // nobody
  EXPECT_EQ(tern_engine_step(engine.get()), 0);
  EXPECT_EQ(byNumber.finish, uint32_t(TERN_FINISH_CANCELLED));
  EXPECT_EQ(byNumber.tokens.size(), count);
  EXPECT_EQ(waiting.finish, uint32_t(TERN_FINISH_CANCELLED));
}

TEST_F(Engine, ClosingEndsAll) {
  tern_engine_options o = options();
  o.max_sequences = 2;
  Answer answers[4];
  {
    auto engine = open(o);
    Request r;
    r.tokens = {1, 2};
    for (Answer &answer : answers)
      r.submit(engine.get(), answer);
    tern_engine_step(engine.get());
  }
  for (const Answer &answer : answers) {
    EXPECT_EQ(answer.ends, 1u);
    EXPECT_EQ(answer.finish, uint32_t(TERN_FINISH_CANCELLED));
  }
}

/// A callback may submit and cancel; it may not step.
TEST_F(Engine, CallbacksMaySubmit) {
  auto engine = open();
  struct Chain {
    tern_engine *engine;
    Answer answer;
    int left = 3;
    static int next(void *data, const tern_event *event) {
      auto *chain = static_cast<Chain *>(data);
      EXPECT_EQ(tern_engine_step(chain->engine), TERN_ENGINE_INVALID);
      if (event->kind == TERN_EVENT_END && chain->left-- > 0)
        submit(chain);
      return 0;
    }
    static void submit(Chain *chain) {
      const int32_t token = 3;
      tern_request r;
      tern_request_init(&r);
      r.tokens = &token;
      r.token_count = 1;
      r.max_tokens = 2;
      r.on_event = next;
      r.data = chain;
      EXPECT_EQ(tern_engine_submit(chain->engine, &r, nullptr), 0);
    }
  } chain{engine.get(), {}};
  Chain::submit(&chain);
  finishAll(engine.get());
  EXPECT_EQ(chain.left, -1);
}

} // namespace
