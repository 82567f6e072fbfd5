//===- FamilySpeedsTest.cpp - Numbers that follow from times --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Tuning/FamilySpeeds.h"

#include "gtest/gtest.h"

using namespace tern;

namespace {

/// Of a small product of 100 bytes, and one ten times as large from memory.
EntryTimes makeTimes(double slots, double before, double cached,
                     double streamed) {
  EntryTimes times{};
  times.cost.slots = slots;
  times.cost.before = before;
  times.cached.seconds = cached;
  times.cached.products = 400;
  times.streamed.seconds = streamed;
  times.streamed.bytes = 1000;
  times.timesLarger = 10;
  return times;
}

TEST(FamilySpeeds, OfTheFirstEntryAreThoseOfTheTable) {
  EntryTimes first = makeTimes(1000, 50, 2, 30);
  KernelSpeed table{/*stall=*/1.5, /*reach=*/0.9};
  EntrySpeed speed = fitEntry({}, first, first, table);
  EXPECT_DOUBLE_EQ(speed.measured.stall, 1.5);
  EXPECT_DOUBLE_EQ(speed.measured.reach, 0.9);
  EXPECT_TRUE(speed.isReachKnown);
}

TEST(FamilySpeeds, AreNextToTheFirstEntry) {
  // 500 slots a second.
  EntryTimes first = makeTimes(900, 100, 2, 40);
  // 1500 slots long, 300 of them before the loops.
  EntrySpeed speed =
      fitEntry({}, makeTimes(800, 300, 3, 50), first, KernelSpeed());
  EXPECT_DOUBLE_EQ(speed.measured.stall, 1.5);
  EXPECT_DOUBLE_EQ(speed.measured.reach, 0.8);
  EXPECT_DOUBLE_EQ(speed.bytes, 20);
  EXPECT_TRUE(speed.isReachKnown);
}

/// A kernel that takes as long with a weight in a cache says nothing of memory.
TEST(FamilySpeeds, HaveNoReachWithoutAStream) {
  EntryTimes first = makeTimes(900, 100, 2, 40);
  EXPECT_FALSE(fitEntry({}, makeTimes(800, 300, 5, 50), first, KernelSpeed())
                   .isReachKnown);
}

} // namespace
