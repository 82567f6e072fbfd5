//===- WeightCopiesTest.cpp - Weights that no cache holds -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Tuning/WeightCopies.h"

#include "gtest/gtest.h"

#include <set>
#include <vector>

using namespace tern;

namespace {

constexpr uint64_t mega = uint64_t(1) << 20, giga = 1024 * mega;

TEST(WeightCopies, AreMoreThanCachesHold) {
  EXPECT_EQ(getCopySize(34 * mega, 64 * giga, 4).bytes, 256 * mega);
  EXPECT_EQ(getCopySize(384 * mega, 64 * giga, 4).bytes, 1536 * mega);
  EXPECT_EQ(getCopySize(0, 64 * giga, 4).bytes, 256 * mega);
  EXPECT_FALSE(getCopySize(384 * mega, 64 * giga, 4).isLimited);
}

/// All layouts together have a quarter of it.
TEST(WeightCopies, AreLimitedByMemory) {
  CopySize size = getCopySize(384 * mega, 16 * giga, 4);
  EXPECT_EQ(size.bytes, giga);
  EXPECT_EQ(size.cacheBytes, 384 * mega);
  EXPECT_TRUE(size.isLimited);
  EXPECT_EQ(getCopySize(384 * mega, 16 * giga, 2).bytes, 1536 * mega);
  EXPECT_EQ(getCopySize(34 * mega, 0, 1).bytes, 0u);
}

TEST(WeightCopies, AreReadInTurns) {
  std::vector<uint8_t> weight(10000);
  for (size_t i = 0; i < weight.size(); ++i)
    weight[i] = uint8_t(i * 7);
  WeightCopies copies(weight, 50000);
  ASSERT_TRUE(copies.hasMemory());
  copies.fill();
  EXPECT_EQ(copies.size(), 4u); // of three pages each
  std::vector<const uint8_t *> read;
  for (int i = 0; i < 8; ++i) {
    read.push_back(copies.next());
    EXPECT_EQ(std::vector<uint8_t>(read.back(), read.back() + weight.size()),
              weight);
  }
  EXPECT_EQ(std::set<const uint8_t *>(read.begin(), read.end()).size(), 4u);
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(read[i], read[i + 4]);
}

TEST(WeightCopies, AreOneOfAWeightThatIsLarger) {
  std::vector<uint8_t> weight(100000, 3);
  WeightCopies copies(weight, 50000);
  ASSERT_TRUE(copies.hasMemory());
  copies.fill();
  EXPECT_EQ(copies.size(), 1u);
  EXPECT_EQ(copies.next(), copies.next());
}

} // namespace
