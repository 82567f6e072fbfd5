//===- PoolTest.cpp - Threads that take work ------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/host.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>
#include <vector>

namespace {

/// When each task of a call began, and on which thread.
struct Counts {
  std::vector<std::atomic<int>> runs;
  std::vector<std::thread::id> threads;
  std::vector<int> turns;
  std::atomic<int> turn{0};
  bool isSlow = false;    ///< tasks take a while,
  std::thread::id fast{}; ///< but not those of this thread
  tern_pool *pool = nullptr;
  explicit Counts(size_t n) : runs(n), threads(n), turns(n) {}
};

void countTask(void *argument, uint32_t i) {
  auto *counts = static_cast<Counts *>(argument);
  ++counts->runs[i];
  counts->threads[i] = std::this_thread::get_id();
  counts->turns[i] = counts->turn++;
  if (counts->isSlow && counts->threads[i] != counts->fast)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

/// Of two threads: each took the tasks of its half from the front, in order,
/// and what it took of the other's from the back.
void expectStreams(const Counts &counts) {
  size_t n = counts.runs.size(), half = (n + 1) / 2;
  std::thread::id caller = std::this_thread::get_id();
  for (auto [begin, end] : {std::pair<size_t, size_t>(0, half), {half, n}}) {
    bool isOwner = true; // as far as the last task looked at
    for (size_t i = begin; i < end; ++i) {
      bool isOwn = (counts.threads[i] == caller) == (begin == 0);
      ASSERT_TRUE(isOwner || !isOwn) << i << " is not at the front";
      if (i != begin && isOwn == isOwner) {
        ASSERT_EQ(counts.turns[i - 1] < counts.turns[i], isOwn) << i;
      }
      isOwner = isOwn;
    }
  }
}

TEST(Pool, EveryTaskOnce) {
  for (unsigned threads : {1u, 2u, 3u, 7u, TERN_MAX_WORKERS}) {
    tern_pool *pool = tern_pool_create(threads);
    ASSERT_NE(pool, nullptr);
    EXPECT_EQ(tern_pool_threads(pool), threads);
    for (uint32_t round = 0; round < 300; ++round) {
      uint32_t count = round % 97;
      Counts counts(count);
      tern_pool_run(pool, countTask, &counts, count);
      for (uint32_t i = 0; i < count; ++i)
        ASSERT_EQ(counts.runs[i], 1);
      if (round % 100 == 50) // long enough for workers to fall asleep
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    tern_pool_destroy(pool);
  }
}

/// The invariant that weights are laid out for: a thread reads one stream.
TEST(Pool, EachThreadReadsAStream) {
  tern_pool *pool = tern_pool_create(2);
  for (uint32_t count : {2u, 3u, 8u, 13u, 40u, 1000u}) {
    Counts counts(count);
    counts.isSlow = count < 100; // so that the other has time to wake up
    tern_pool_run(pool, countTask, &counts, count);
    expectStreams(counts);
  }
  tern_pool_destroy(pool);
}

/// Threads that sleep are woken for their own tasks.
TEST(Pool, AllThreadsTakePart) {
  tern_pool *pool = tern_pool_create(4);
  std::set<std::thread::id> seen;
  // On a busy machine one of them may come late.
  for (int round = 0; round < 100 && seen.size() < 4; ++round) {
    Counts counts(16);
    counts.isSlow = true;
    tern_pool_run(pool, countTask, &counts, 16);
    seen.clear();
    for (size_t i = 0; i < 16; i += 4)
      seen.insert(counts.threads[i]);
  }
  EXPECT_EQ(seen.size(), 4u);
  tern_pool_destroy(pool);
}

/// A thread with a slow CPU holds up a task, not its share: the caller, fast
/// here, takes the others from the back.
TEST(Pool, FastThreadsTakeMore) {
  tern_pool *pool = tern_pool_create(2);
  Counts counts(40);
  counts.isSlow = true;
  counts.fast = std::this_thread::get_id();
  tern_pool_run(pool, countTask, &counts, 40);
  auto own = std::count(counts.threads.begin(), counts.threads.end(),
                        std::this_thread::get_id());
  EXPECT_GT(own, 30);
  EXPECT_LE(own, 40);
  EXPECT_EQ(counts.threads[19], std::this_thread::get_id());
  EXPECT_EQ(counts.threads[39], std::this_thread::get_id());
  expectStreams(counts);
  tern_pool_destroy(pool);
}

void addTask(void *argument, uint32_t i) {
  *static_cast<std::atomic<uint64_t> *>(argument) += i;
}

/// More tasks than ranges have numbers for.
TEST(Pool, ManyTasks) {
  tern_pool *pool = tern_pool_create(2);
  for (uint32_t count : {131069u, 131070u, 131071u, 300001u}) {
    std::atomic<uint64_t> sum{0};
    tern_pool_run(pool, addTask, &sum, count);
    EXPECT_EQ(sum, uint64_t(count) * (count - 1) / 2);
  }
  tern_pool_destroy(pool);
}

void sumTask(void *argument, uint32_t i) {
  static_cast<uint64_t *>(argument)[i] += i;
}

/// Plain memory written in one call is seen in the next, many times over, with
/// more threads than there are CPUs, maybe.
TEST(Pool, Stress) {
  for (unsigned threads : {2u, 5u}) {
    tern_pool *pool = tern_pool_create(threads);
    uint64_t sums[11] = {};
    const int rounds = 20000;
    for (int i = 0; i < rounds; ++i)
      tern_pool_run(pool, sumTask, sums, 11);
    for (uint32_t i = 0; i < 11; ++i)
      EXPECT_EQ(sums[i], uint64_t(i) * rounds);
    tern_pool_destroy(pool);
  }
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
