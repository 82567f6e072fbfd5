//===- HostTest.cpp - Threads, CPU features -------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/host.h"
#include "fake_model.h"

#include "gtest/gtest.h"

#include <atomic>
#include <string>
#include <thread>

namespace {

TEST(Cpu, Pick) {
  tern_model plain = tern_model_fake, fast = tern_model_fake,
             faster = tern_model_fake;
  fast.cpu_features = 1u << 6;              // avx2
  faster.cpu_features = 1u << 6 | 1u << 18; // and avx512vnni
  const tern_model *all[] = {&plain, &fast, &faster};
  tern_error error = {};
  EXPECT_EQ(tern_cpu_pick(all, 3, ~0ull, &error), &faster);
  EXPECT_EQ(tern_cpu_pick(all, 3, 1u << 6, &error), &fast);
  EXPECT_EQ(tern_cpu_pick(all, 3, 1u << 18, &error), &plain);
  EXPECT_STREQ(error.text, "");
  EXPECT_EQ(tern_cpu_pick(all + 2, 1, 1u << 6, &error), nullptr);
  EXPECT_EQ(std::string(error.text)
                .find("this program needs avx512vnni, which this CPU does not "
                      "have; compile with --cpu="),
            0u)
      << error.text;
  EXPECT_EQ(tern_cpu_pick(all + 1, 2, 0, &error), nullptr);
  EXPECT_NE(std::string(error.text).find("needs avx2, which"),
            std::string::npos)
      << error.text;
  plain.cpu_features = 1ull << 60; // of a later compiler
  EXPECT_EQ(tern_cpu_pick(all, 1, 0x3FFFFF, &error), nullptr);
  EXPECT_EQ(tern_cpu_pick(all, 0, 0, &error), nullptr);
}

#if defined(__x86_64__)
TEST(Cpu, AgreesWithTheCompiler) {
  // A second opinion on those features that the compiler's library can detect.
  uint64_t have = tern_cpu_features();
  __builtin_cpu_init();
  auto expect = [&](unsigned bit, bool wanted) {
    EXPECT_EQ((have >> bit & 1) != 0, wanted) << bit;
  };
  expect(0, __builtin_cpu_supports("sse3"));
  expect(1, __builtin_cpu_supports("ssse3"));
  expect(2, __builtin_cpu_supports("sse4.1"));
  expect(3, __builtin_cpu_supports("sse4.2"));
  expect(4, __builtin_cpu_supports("popcnt"));
  expect(5, __builtin_cpu_supports("avx"));
  expect(6, __builtin_cpu_supports("avx2"));
  expect(7, __builtin_cpu_supports("fma"));
  expect(8, __builtin_cpu_supports("bmi"));
  expect(9, __builtin_cpu_supports("bmi2"));
  expect(13, __builtin_cpu_supports("avx512f"));
  expect(14, __builtin_cpu_supports("avx512bw"));
  expect(15, __builtin_cpu_supports("avx512cd"));
  expect(16, __builtin_cpu_supports("avx512dq"));
  expect(17, __builtin_cpu_supports("avx512vl"));
  expect(18, __builtin_cpu_supports("avx512vnni"));
  expect(19, __builtin_cpu_supports("avx512vbmi"));
  // Every CPU with avx2 that was ever sold has these.
  if (have >> 6 & 1)
    for (unsigned bit : {10u, 11u, 12u})
      expect(bit, true);
}
#endif

struct Counts {
  std::vector<std::atomic<int>> runs;
  std::vector<std::thread::id> threads;
  tern_pool *pool;
  explicit Counts(size_t n) : runs(n), threads(n) {}
};

void countTask(void *argument, uint32_t i) {
  auto *counts = static_cast<Counts *>(argument);
  ++counts->runs[i];
  counts->threads[i] = std::this_thread::get_id();
}

TEST(Pool, EveryTaskOnceOnItsWorker) {
  for (unsigned threads : {1u, 2u, 3u, 7u, TERN_MAX_WORKERS}) {
    tern_pool *pool = tern_pool_create(threads);
    ASSERT_NE(pool, nullptr);
    EXPECT_EQ(tern_pool_threads(pool), threads);
    for (uint32_t round = 0; round < 300; ++round) {
      uint32_t count = round % 97;
      Counts counts(count);
      tern_pool_run(pool, countTask, &counts, count);
      for (uint32_t i = 0; i < count; ++i) {
        ASSERT_EQ(counts.runs[i], 1);
        if (count > 1) {
          ASSERT_EQ(counts.threads[i] == std::this_thread::get_id(),
                    i % threads == 0);
        }
        if (i >= threads) {
          ASSERT_EQ(counts.threads[i], counts.threads[i - threads]);
        }
      }
      if (round % 100 == 50) // long enough for workers to fall asleep
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    tern_pool_destroy(pool);
  }
}

void sumTask(void *argument, uint32_t i) {
  static_cast<uint64_t *>(argument)[i] += i;
}

/// Plain memory written in one call is seen in the next, a million times over.
TEST(Pool, Stress) {
  tern_pool *pool = tern_pool_create(5); // more than there are CPUs, maybe
  uint64_t sums[11] = {};
  const int rounds = 20000;
  for (int i = 0; i < rounds; ++i)
    tern_pool_run(pool, sumTask, sums, 11);
  for (uint32_t i = 0; i < 11; ++i)
    EXPECT_EQ(sums[i], uint64_t(i) * rounds);
  tern_pool_destroy(pool);
}

void nestedTask(void *argument, uint32_t i) {
  auto *counts = static_cast<Counts *>(argument);
  Counts inner(5);
  tern_pool_run(counts->pool, countTask, &inner, 5);
  for (auto &runs : inner.runs)
    EXPECT_EQ(runs, 1);
  ++counts->runs[i];
}

TEST(Pool, NestedAndConcurrentCalls) {
  tern_pool *pool = tern_pool_create(3);
  auto work = [&] {
    for (int round = 0; round < 200; ++round) {
      Counts counts(9);
      counts.pool = pool;
      tern_pool_run(pool, nestedTask, &counts, 9);
      for (auto &runs : counts.runs)
        EXPECT_EQ(runs, 1);
    }
  };
  std::thread other(work);
  work();
  other.join();
  tern_pool_destroy(pool);
}

TEST(Pool, DefaultsAndBounds) {
  EXPECT_GE(tern_cpu_count(), 1u);
  tern_pool *pool = tern_pool_create(0);
  EXPECT_EQ(tern_pool_threads(pool),
            std::min(tern_cpu_count(), TERN_MAX_WORKERS));
  tern_pool_destroy(pool);
  pool = tern_pool_create(1000);
  EXPECT_EQ(tern_pool_threads(pool), TERN_MAX_WORKERS);
  tern_pool_destroy(pool);
  tern_pool_destroy(nullptr);
}

} // namespace
