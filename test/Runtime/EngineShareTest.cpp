//===- EngineShareTest.cpp - Beginnings that are there once ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EngineTesting.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace tern_test;

namespace {

/// States of two pages for each block of four tokens, and a piece more.
class Sharing : public Engine {
protected:
  void SetUp() override {
    small = fake_block_bytes;
    fake_block_bytes = 2 * 4096 + 128;
    model.state_block_bytes = fake_block_bytes;
    kind = model.kinds[0];
    kind.state_block_bytes = fake_block_bytes;
    model.kinds = &kind;
  }
  void TearDown() override { fake_block_bytes = small; }

  static tern_engine_counts countsOf(const EnginePointer &engine) {
    tern_engine_counts counts = {};
    counts.size = sizeof(counts);
    tern_engine_count(engine.get(), &counts);
    return counts;
  }
  Answer ask(const EnginePointer &engine, std::vector<int32_t> tokens,
             int64_t most = 6) {
    Answer answer;
    Request r;
    r.tokens = std::move(tokens);
    r.fields.max_tokens = most;
    r.fields.temperature = 0;
    r.fields.flags = TERN_REQUEST_IGNORE_END;
    r.submit(engine.get(), answer);
    finishAll(engine.get());
    EXPECT_EQ(answer.tokens, greedy(r.tokens, size_t(most)));
    return answer;
  }

  uint32_t small = 0;
  tern_model model = tern_model_fake;
  tern_kind kind;
};

std::vector<int32_t> numbers(int32_t from, int32_t count) {
  std::vector<int32_t> tokens;
  for (int32_t i = 0; i < count; ++i)
    tokens.push_back(from + i);
  return tokens;
}

std::vector<int32_t> operator+(std::vector<int32_t> a,
                               const std::vector<int32_t> &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST_F(Sharing, ASystemPromptIsThereOnce) {
  auto engine = open(options(), &model);
  const auto system = numbers(1, 40);
  ask(engine, system + numbers(500, 9));
  EXPECT_EQ(countsOf(engine).shared_bytes, 0u); // nobody shares it yet
  EXPECT_EQ(ask(engine, system + numbers(600, 5)).reused, 40u);
  uint64_t once = countsOf(engine).shared_bytes;
  EXPECT_GE(once, 10 * fake_block_bytes - 2 * 4096); // whole pages
  EXPECT_LE(once, 10 * fake_block_bytes);
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(ask(engine, system + numbers(700 + 9 * i, 5)).reused, 40u);
  tern_engine_counts counts = countsOf(engine);
  EXPECT_EQ(counts.shared_bytes, once);
  EXPECT_EQ(counts.kept, 10u);
  // Each of the ten has three blocks and what is behind the last whole page.
  EXPECT_LT(counts.kept_bytes, once + 10 * (4 * fake_block_bytes + 3 * 4096));
}

/// A part behind a part, taken by a third one in the middle of the second.
TEST_F(Sharing, PartsLieBehindEachOther) {
  auto engine = open(options(), &model);
  const auto a = numbers(1, 16), b = numbers(200, 16), c = numbers(300, 4);
  ask(engine, a + b + c);
  ask(engine, a + numbers(400, 12));
  uint64_t first = countsOf(engine).shared_bytes;
  ask(engine, a + b + numbers(500, 8));
  uint64_t both = countsOf(engine).shared_bytes;
  EXPECT_GT(both, first + 15 * fake_block_bytes / 4);
  EXPECT_LT(both, first + 17 * fake_block_bytes / 4);
  EXPECT_EQ(ask(engine, a + numbers(200, 8) + c).reused, 24u);
  EXPECT_EQ(countsOf(engine).shared_bytes, both);
  EXPECT_EQ(ask(engine, a + b + c + numbers(900, 3)).reused, 36u);
}

/// A state that is taken goes back into a block that others share.
TEST_F(Sharing, WhatIsWrittenOverIsNobodyElses) {
  auto engine = open(options(), &model);
  const auto a = numbers(1, 20), c = numbers(1, 18) + numbers(300, 2);
  ask(engine, a + numbers(100, 4));
  ask(engine, a + numbers(200, 1), 1); // shares five blocks with it
  EXPECT_EQ(countsOf(engine).kept, 2u);
  EXPECT_EQ(ask(engine, c + numbers(400, 6)).reused, 18u);
  EXPECT_EQ(countsOf(engine).kept, 2u); // took the second one's state
  EXPECT_EQ(ask(engine, a + numbers(500, 6)).reused, 20u);
  EXPECT_EQ(ask(engine, c + numbers(600, 6)).reused, 20u);
  EXPECT_EQ(ask(engine, c + numbers(700, 1)).reused, 20u);
  EXPECT_EQ(ask(engine, a + numbers(800, 1)).reused, 20u);
}

/// Who writes over shared pages has its own from then on.
TEST_F(Sharing, ForksDoNotSeeEachOther) {
  auto engine = open(options(), &model);
  tern_sequence *one = tern_sequence_create(engine.get());
  auto goOn = [&](tern_sequence *sequence, std::vector<int32_t> tokens) {
    Answer answer;
    Request r;
    r.tokens = std::move(tokens);
    r.fields.sequence = sequence;
    r.fields.max_tokens = 3;
    r.fields.temperature = 0;
    r.fields.flags = TERN_REQUEST_IGNORE_END;
    r.submit(engine.get(), answer);
    finishAll(engine.get());
    return answer.tokens;
  };
  auto text = numbers(1, 18);
  text = text + goOn(one, text);
  tern_sequence *two = tern_sequence_fork(one);
  ASSERT_TRUE(two) << tern_engine_error();
  tern_engine_step(engine.get());
  EXPECT_GT(countsOf(engine).shared_bytes, 0u);
  EXPECT_EQ(goOn(one, numbers(50, 9)), greedy(text + numbers(50, 9), 3));
  EXPECT_EQ(goOn(two, numbers(70, 5)), greedy(text + numbers(70, 5), 3));
  EXPECT_EQ(tern_sequence_destroy(one), 0);
  EXPECT_EQ(goOn(two, numbers(80, 2)),
            greedy(text + numbers(70, 5) + greedy(text + numbers(70, 5), 3) +
                       numbers(80, 2),
                   3));
  EXPECT_EQ(tern_sequence_destroy(two), 0);
  tern_engine_step(engine.get());
  EXPECT_EQ(countsOf(engine).shared_bytes, 0u);
}

/// A child of fork has the same pages, and must not free them.
TEST_F(Sharing, AChildLeavesTheEngineAlone) {
  auto engine = open(options(), &model);
  const auto system = numbers(1, 40);
  ask(engine, system + numbers(500, 9));
  ask(engine, system + numbers(600, 5));
  tern_sequence *sequence = tern_sequence_create(engine.get());
  pid_t child = fork();
  if (child == 0) {
    Answer answer;
    Request r;
    r.tokens = system;
    uint64_t id = 0;
    bool isRefused =
        r.trySubmit(engine.get(), answer, id) == TERN_ENGINE_INVALID &&
        tern_engine_step(engine.get()) == TERN_ENGINE_INVALID &&
        tern_engine_start(engine.get()) == TERN_ENGINE_INVALID &&
        tern_sequence_destroy(sequence) == TERN_ENGINE_INVALID &&
        !tern_sequence_create(engine.get());
    tern_engine_close(engine.release());
    _exit(isRefused ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(ask(engine, system + numbers(700, 5)).reused, 40u);
}

/// Beyond this limit the system ends who writes.
TEST_F(Sharing, ALimitOfFilesMeansCopies) {
  auto engine = open(options(), &model);
  rlimit before = {}, low = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  low = before;
  low.rlim_cur = 8 * 4096;
  const auto system = numbers(1, 40);
  ask(engine, system + numbers(500, 9));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &low), 0);
  EXPECT_EQ(ask(engine, system + numbers(600, 5)).reused, 40u);
  uint64_t shared = countsOf(engine).shared_bytes;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(shared, 0u);
}

/// A fork of a private text is one, too.
TEST_F(Sharing, ForksOfPrivateSequencesArePrivate) {
  auto engine = open(options(), &model);
  tern_sequence *one = tern_sequence_create(engine.get());
  const auto text = numbers(1, 40);
  Answer answer;
  Request r;
  r.tokens = text;
  r.fields.sequence = one;
  r.fields.max_tokens = 1;
  r.fields.flags = TERN_REQUEST_PRIVATE;
  r.submit(engine.get(), answer);
  finishAll(engine.get());
  ASSERT_TRUE(tern_sequence_fork(one));
  EXPECT_EQ(ask(engine, text + numbers(500, 9)).reused, 0u);
}

/// Random crowds, with little room for what is kept.
TEST_F(Sharing, AnswersDoNotDependOnOthers) {
  for (uint32_t seed = 0; seed < 8; ++seed) {
    RandomRequests random(seed);
    tern_engine_options o = options();
    o.max_sequences = 2 + random.below(6);
    o.step_tokens = 8 + random.below(40);
    o.kept_bytes = random.below(4) * 200000;
    auto engine = open(o, &model);
    std::vector<Request> requests;
    std::vector<Answer> got(60);
    for (Answer &answer : got) {
      requests.push_back(random.next());
      requests.back().fields.temperature = 0;
      requests.back().fields.repeat_penalty = -1;
      requests.back().fields.presence_penalty = 0;
      requests.back().fields.frequency_penalty = 0;
      requests.back().biases.clear();
      requests.back().fields.flags &= TERN_REQUEST_PRIVATE;
      requests.back().fields.flags |= TERN_REQUEST_IGNORE_END;
      requests.back().stops.clear();
      requests.back().submit(engine.get(), answer);
      for (uint32_t steps = random.below(5); steps > 0; --steps)
        tern_engine_step(engine.get());
    }
    finishAll(engine.get());
    for (size_t i = 0; i < got.size(); ++i)
      EXPECT_EQ(got[i].tokens, greedy(requests[i].tokens, got[i].tokens.size()))
          << "seed " << seed << " request " << i;
  }
}

} // namespace
