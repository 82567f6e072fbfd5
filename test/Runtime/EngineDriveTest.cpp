//===- EngineDriveTest.cpp - A thread that steps, and files that change ---===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EngineTesting.h"

extern "C" {
#include "engine/turns.h"
}

#include <atomic>
#include <cstring>
#include <thread>
#include <unistd.h>

using namespace tern_test;

namespace {

tern_engine_counts countsOf(tern_engine *engine) {
  tern_engine_counts counts = {};
  counts.size = sizeof(counts);
  tern_engine_count(engine, &counts);
  return counts;
}

/// A program that was compiled with an older header, and one with a newer one.
TEST_F(Engine, StructsMayGrow) {
  auto engine = open();
  Answer answer;
  Request r;
  const size_t older = offsetof(tern_request, frequency_penalty);
  memset(&r.fields, 0x5a, sizeof(r.fields));
  tern_request_init_sized(&r.fields, older);
  EXPECT_EQ(r.fields.size, older);
  const char *bytes = reinterpret_cast<const char *>(&r.fields);
  EXPECT_EQ(std::string(bytes + older, sizeof(r.fields) - older),
            std::string(sizeof(r.fields) - older, 0x5a));
  r.tokens = {1, 2};
  r.fields.temperature = 0;
  r.fields.max_tokens = 3;
  r.fields.flags = TERN_REQUEST_IGNORE_END;
  r.submit(engine.get(), answer);
  finishAll(engine.get());
  EXPECT_EQ(answer.tokens, greedy({1, 2}, 3));

  std::vector<uint64_t> room(sizeof(tern_request) / 8 + 1, ~uint64_t(0));
  auto *newer = reinterpret_cast<tern_request *>(room.data());
  tern_request_init_sized(newer, room.size() * 8);
  EXPECT_EQ(room.back(), 0u);
  EXPECT_EQ(tern_engine_submit(engine.get(), newer, nullptr),
            TERN_ENGINE_INVALID);
}

TEST_F(Engine, AThreadOfItsOwnSteps) {
  auto engine = open();
  ASSERT_EQ(tern_engine_start(engine.get()), 0);
  EXPECT_EQ(tern_engine_start(engine.get()), TERN_ENGINE_INVALID);
  std::vector<std::thread> clients;
  std::vector<Answer> answers(12);
  for (int t = 0; t < 4; ++t)
    clients.emplace_back([&, t] {
      for (int i = 0; i < 3; ++i) {
        Request r;
        r.tokens = {t + 1, 2};
        r.fields.max_tokens = 20;
        r.fields.temperature = 0;
        r.fields.flags = TERN_REQUEST_IGNORE_END;
        r.submit(engine.get(), answers[size_t(3 * t + i)]);
        // A sequence gets its turn between two steps.
        tern_sequence_destroy(tern_sequence_create(engine.get()));
      }
    });
  for (std::thread &client : clients)
    client.join();
  EXPECT_EQ(tern_engine_stop(engine.get(), -1), 0);
  for (size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i].ends, 1u);
    EXPECT_EQ(answers[i].tokens, greedy({int32_t(i / 3 + 1), 2}, 20));
  }
  EXPECT_EQ(countsOf(engine.get()).finished, 12u);
  EXPECT_EQ(tern_engine_stop(engine.get(), 0), TERN_ENGINE_INVALID);
}

/// Who has a turn and asks for the next one stands behind all who have asked.
TEST(Turns, AreGivenInTheOrderOfAsking) {
  engine_turns turns;
  ASSERT_EQ(engine_turns_open(&turns), 0);
  std::vector<uint64_t> order; // by who has the turn
  std::vector<std::thread> others;
  engine_turns_take(&turns);
  for (uint64_t i = 1; i < 4; ++i) {
    others.emplace_back([&, i] {
      engine_turns_take(&turns);
      order.push_back(i);
      engine_turns_give(&turns);
    });
    for (uint64_t asked = 0; asked <= i; std::this_thread::yield()) {
      pthread_mutex_lock(&turns.mutex);
      asked = turns.next;
      pthread_mutex_unlock(&turns.mutex);
    }
  }
  engine_turns_take(&turns); // it has it already
  engine_turns_give(&turns);
  engine_turns_give(&turns);
  engine_turns_take(&turns);
  order.push_back(4);
  engine_turns_give(&turns);
  for (std::thread &other : others)
    other.join();
  EXPECT_EQ(order, (std::vector<uint64_t>{1, 2, 3, 4}));
  engine_turns_close(&turns);
}

/// Whoever else waits for work, the engine's thread hears of it.
TEST_F(Engine, AllWhoWaitHearOfARequest) {
  auto engine = open();
  std::vector<std::thread> others;
  for (int i = 0; i < 3; ++i)
    others.emplace_back([&] { tern_engine_wait(engine.get(), 3000); });
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  ASSERT_EQ(tern_engine_start(engine.get()), 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  Answer answer;
  Request r;
  r.tokens = {1, 2};
  r.fields.max_tokens = 2;
  r.submit(engine.get(), answer);
  for (int i = 0; i < 400 && countsOf(engine.get()).finished == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(countsOf(engine.get()).finished, 1u);
  for (std::thread &other : others)
    other.join();
}

/// Asks again whenever it has its answer, up to a hundred times.
struct Again {
  explicit Again(tern_engine *engine) : engine(engine) {
    tern_request_init(&request);
    request.tokens = &token;
    request.token_count = 1;
    request.max_tokens = 2;
    request.flags = TERN_REQUEST_IGNORE_END;
    request.on_event = onEvent;
    request.data = this;
    EXPECT_EQ(tern_engine_submit(engine, &request, nullptr), 0);
  }
  static int onEvent(void *data, const tern_event *event) {
    auto *again = static_cast<Again *>(data);
    if (event->kind != TERN_EVENT_END || ++again->count == 100)
      return 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    again->last = tern_engine_submit(again->engine, &again->request, nullptr);
    return 0;
  }

  tern_engine *engine;
  tern_request request;
  const int32_t token = 1;
  std::atomic<int> count{0}, last{0};
};

/// Who asks again at the end of an answer does not keep an engine open.
TEST_F(Engine, ClosingTakesNoRequests) {
  auto engine = open();
  Again again(engine.get());
  engine.reset();
  EXPECT_EQ(again.count, 1);
  EXPECT_EQ(again.last, TERN_ENGINE_BUSY);
}

/// Nor does it keep one from stopping.
TEST_F(Engine, StoppingTakesNoRequests) {
  auto engine = open();
  Again again(engine.get());
  ASSERT_EQ(tern_engine_start(engine.get()), 0);
  ASSERT_EQ(tern_engine_stop(engine.get(), -1), 0);
  EXPECT_LT(again.count, 100);
  EXPECT_EQ(again.last, TERN_ENGINE_BUSY);
}

/// Two that stop it wait for the same end.
TEST_F(Engine, TwoMayStopIt) {
  for (int i = 0; i < 20; ++i) {
    auto engine = open();
    ASSERT_EQ(tern_engine_start(engine.get()), 0);
    Answer answer;
    Request r;
    r.tokens = {1, 2};
    r.fields.max_tokens = 50;
    r.fields.flags = TERN_REQUEST_IGNORE_END;
    r.submit(engine.get(), answer);
    std::thread other([&] { tern_engine_stop(engine.get(), -1); });
    tern_engine_stop(engine.get(), -1);
    EXPECT_EQ(answer.ends, 1u);
    other.join();
    EXPECT_EQ(tern_engine_start(engine.get()), 0);
  }
}

/// A request that would go on is cancelled when its time is over; new ones are
/// refused until the engine is started again.
TEST_F(Engine, StoppingIsGraceful) {
  struct Endless {
    tern_engine *engine;
    std::atomic<uint32_t> tokens{0}, finish{TERN_FINISH_NONE};
    static int onEvent(void *data, const tern_event *event) {
      auto *endless = static_cast<Endless *>(data);
      EXPECT_EQ(tern_engine_stop(endless->engine, 0), TERN_ENGINE_INVALID);
      endless->tokens += event->kind == TERN_EVENT_TOKEN;
      endless->finish = event->finish;
      std::this_thread::sleep_for(std::chrono::milliseconds(4));
      return 0;
    }
  } endless;
  auto engine = open();
  endless.engine = engine.get();
  ASSERT_EQ(tern_engine_start(engine.get()), 0);
  const int32_t token = 1;
  tern_request r;
  tern_request_init(&r);
  r.tokens = &token;
  r.token_count = 1;
  r.max_tokens = 60;
  r.flags = TERN_REQUEST_IGNORE_END;
  r.on_event = Endless::onEvent;
  r.data = &endless;
  ASSERT_EQ(tern_engine_submit(engine.get(), &r, nullptr), 0);
  while (endless.tokens == 0)
    std::this_thread::yield();
  tern_engine_drain(engine.get());
  EXPECT_EQ(tern_engine_submit(engine.get(), &r, nullptr), TERN_ENGINE_BUSY);
  EXPECT_NE(std::string(tern_engine_error()).find("about to stop"),
            std::string::npos);
  EXPECT_EQ(tern_engine_stop(engine.get(), 20), 0);
  EXPECT_EQ(endless.finish, uint32_t(TERN_FINISH_CANCELLED));
  EXPECT_GE(endless.tokens, 3u); // it had its time
  EXPECT_LT(endless.tokens, 60u);
  tern_engine_counts counts = countsOf(engine.get());
  EXPECT_EQ(counts.cancelled, 1u);
  EXPECT_EQ(counts.refused, 1u);

  ASSERT_EQ(tern_engine_start(engine.get()), 0);
  Request next;
  Answer answer;
  next.tokens = {1, 2};
  next.fields.max_tokens = 5;
  next.submit(engine.get(), answer);
  // Closing stops, too.
}

TEST_F(Engine, TimesAreOfTheRequest) {
  struct Times {
    uint64_t queued = 0, first = 0, total = 0;
    static int onEvent(void *data, const tern_event *event) {
      auto *times = static_cast<Times *>(data);
      EXPECT_GE(event->total_ns, event->first_token_ns);
      EXPECT_GE(event->total_ns, times->total);
      *times = {event->queued_ns, event->first_token_ns, event->total_ns};
      return 0;
    }
  } times;
  auto engine = open();
  const int32_t token = 1;
  tern_request r;
  tern_request_init(&r);
  r.tokens = &token;
  r.token_count = 1;
  r.max_tokens = 3;
  r.on_event = Times::onEvent;
  r.data = &times;
  ASSERT_EQ(tern_engine_submit(engine.get(), &r, nullptr), 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  finishAll(engine.get());
  EXPECT_GE(times.queued, 2000000u);
  EXPECT_GT(times.first, times.queued);
  EXPECT_GT(times.total, times.first);
}

TEST_F(Engine, AChangedFileIsNoticed) {
  std::string path = temporaryPath("watched.weights");
  std::vector<uint8_t> bytes = readBytes(weights);
  auto expectSentence = [](tern_engine *engine, const char *sentence) {
    EXPECT_EQ(tern_engine_check(engine), TERN_ENGINE_FAILED);
    EXPECT_NE(std::string(tern_engine_error()).find(sentence),
              std::string::npos)
        << tern_engine_error();
  };
  Request r;
  r.tokens = {1, 2};
  r.fields.max_tokens = 4;
  tern_engine_options o = options();
  o.weights = path.c_str();

  writeFile(path, bytes);
  auto replaced = open(o);
  EXPECT_EQ(tern_engine_check(replaced.get()), 0);
  std::string other = temporaryPath("other.weights");
  writeFile(other, bytes);
  ASSERT_EQ(std::rename(other.c_str(), path.c_str()), 0);
  expectSentence(replaced.get(), "was replaced by another file");
  Answer on;
  r.submit(replaced.get(), on);
  finishAll(replaced.get());
  EXPECT_EQ(on.finish, uint32_t(TERN_FINISH_LENGTH));

  auto cut = open(o);
  Answer before, after;
  r.submit(cut.get(), before);
  finishAll(cut.get());
  EXPECT_EQ(before.tokens, on.tokens);
  ASSERT_EQ(truncate(path.c_str(), 100), 0);
  expectSentence(cut.get(), "was written to");
  r.submit(cut.get(), after);
  finishAll(cut.get());
  EXPECT_EQ(after.finish, uint32_t(TERN_FINISH_FAILED));
  EXPECT_NE(after.error.find("became shorter while it was used"),
            std::string::npos)
      << after.error;
  std::remove(path.c_str());
  expectSentence(cut.get(), "is not there any more");
}

} // namespace
