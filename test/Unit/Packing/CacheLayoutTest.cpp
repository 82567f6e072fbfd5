//===- CacheLayoutTest.cpp - Bytes of a KV cache --------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/CacheLayout.h"

#include "gtest/gtest.h"

#include <set>

using namespace tern;

namespace {

std::vector<CacheLayout> allLayouts() {
  std::vector<CacheLayout> all;
  for (int64_t dim : {2, 44, 64, 100, 128})
    for (int64_t bits : {3, 4, 8})
      for (int64_t bosBits : {3, 4, 8})
        all.push_back({2, 3, dim, bits, bosBits});
  return all;
}

TEST(CacheLayoutTest, ThreeBitsTakeThreeBits) {
  CacheLayout layout{30, 5, 128, 3, 3};
  // 64 tokens: 48 bytes of codes and a scale each, for keys and for values.
  EXPECT_EQ(layout.headBytes(), 64 * 2 * (48 + 2));
  EXPECT_EQ(layout.blockBytes(), 30 * 5 * 6400);
  EXPECT_EQ(layout.fixedBytes(), 64);
  EXPECT_EQ(layout.stateBytes(65), 64 + 2 * 30 * 5 * 6400);
}

TEST(CacheLayoutTest, SixteenBitsHaveNoScales) {
  CacheLayout layout{1, 1, 100, 16, 16};
  EXPECT_EQ(layout.headBytes(), 2 * 64 * 100 * 2);
  EXPECT_EQ(layout.keysOffset(), 0);
  EXPECT_EQ(layout.valuesOffset(), 64 * 100 * 2);
}

/// Every value has two bytes of its own inside of its part, and all are used.
TEST(CacheLayoutTest, HalvesFillTheirPart) {
  for (int64_t dim : {2, 44, 64, 100, 128}) {
    CacheLayout layout{2, 3, dim, 16, 16};
    SCOPED_TRACE(layout.str());
    std::set<int64_t> keys, values;
    for (int64_t token = 0; token < 64; ++token)
      for (int64_t i = 0; i < dim; ++i) {
        ASSERT_TRUE(keys.insert(layout.locateHalfKey(token, i)).second);
        ASSERT_TRUE(values.insert(layout.locateHalfValue(token, i)).second);
      }
    for (const std::set<int64_t> &places : {keys, values}) {
      EXPECT_EQ(*places.begin(), 0);
      EXPECT_EQ(*places.rbegin(), 64 * dim * 2 - 2);
    }
  }
}

TEST(CacheLayoutTest, HalvesLieInVectors) {
  CacheLayout layout{1, 1, 100, 16, 16};
  // Token 17 is 1 of group 1 of 16 tokens.
  EXPECT_EQ(layout.locateHalfKey(17, 45), 100 * 32 + 45 * 32 + 1 * 2);
  // Dimension 45 is 13 of group 2; the last group has four dimensions.
  EXPECT_EQ(layout.locateHalfValue(17, 45), 2 * 64 * 32 + 17 * 32 + 13 * 2);
  EXPECT_EQ(layout.locateHalfValue(17, 97), 6 * 64 * 32 + 17 * 8 + 1 * 2);
}

TEST(CacheLayoutTest, FirstRowsComeBeforeTheBlocks) {
  CacheLayout layout{2, 3, 100, 3, 4};
  // 100 codes take 128 bytes of a part, for keys and for values; then two
  // scales.
  EXPECT_EQ(layout.firstRowBytes(), 2 * 128 + 64);
  EXPECT_EQ(layout.firstRowOffset(1, 2), 64 + 5 * 320);
  EXPECT_EQ(layout.fixedBytes(), 64 + 6 * 320);
}

TEST(CacheLayoutTest, PartsAreAligned) {
  for (const CacheLayout &layout : allLayouts()) {
    SCOPED_TRACE(layout.str());
    for (int64_t offset :
         {layout.keyScalesOffset(), layout.valuesOffset(),
          layout.valueScalesOffset(), layout.headBytes(), layout.fixedBytes(),
          layout.firstRowBytes(), layout.firstScalesOffset()})
      EXPECT_EQ(offset % 64, 0);
  }
}

/// Every bit of every code has a place of its own inside of its part.
TEST(CacheLayoutTest, CodesDoNotOverlap) {
  for (const CacheLayout &layout : allLayouts()) {
    SCOPED_TRACE(layout.str());
    std::set<std::pair<int64_t, unsigned>> keys, values;
    for (size_t p = 0; p < layout.planes().size(); ++p)
      for (int64_t token = 0; token < 64; ++token)
        for (int64_t dim = 0; dim < layout.headDim; ++dim) {
          CacheBits key = layout.locateKey(p, token, dim);
          CacheBits value = layout.locateValue(p, token, dim);
          ASSERT_LT(key.byte, layout.keyScalesOffset());
          ASSERT_LT(value.byte,
                    layout.valueScalesOffset() - layout.valuesOffset());
          for (unsigned bit = 0; bit < layout.planes()[p].bits; ++bit) {
            ASSERT_LT(key.shift + bit, 8u);
            ASSERT_TRUE(keys.insert({key.byte, key.shift + bit}).second);
            ASSERT_TRUE(values.insert({value.byte, value.shift + bit}).second);
          }
        }
    EXPECT_EQ(int64_t(keys.size()), 64 * layout.headDim * layout.bits);
  }
}

/// Appending a token writes whole bytes of keys: no other token shares them.
TEST(CacheLayoutTest, AKeyByteHoldsOneToken) {
  for (const CacheLayout &layout : allLayouts()) {
    SCOPED_TRACE(layout.str());
    std::vector<int64_t> owner(layout.keyScalesOffset(), -1);
    for (size_t p = 0; p < layout.planes().size(); ++p)
      for (int64_t token = 0; token < 64; ++token)
        for (int64_t dim = 0; dim < layout.headDim; ++dim) {
          int64_t byte = layout.locateKey(p, token, dim).byte;
          ASSERT_TRUE(owner[byte] == -1 || owner[byte] == token);
          owner[byte] = token;
        }
  }
}

TEST(CacheLayoutTest, OneBitOfAHighPlane) {
  CacheLayout layout{1, 1, 64, 3, 3};
  // Token 17 = 1 of group 1; its 2 bit plane has 4 chunks of 16 dimensions, its
  // 1 bit plane 2 of 32. Dimension 45 is 13 = 4 * 3 + 1 of chunk 1.
  CacheBits high = layout.locateKey(1, 17, 45);
  EXPECT_EQ(high.byte, (4 + 2) * 64 + 4 * 64 + 64 + 4 * 1 + 1);
  EXPECT_EQ(high.shift, 3u);
  // Dimension 45 is 13 of group 2; token 17 is 1 of chunk 1 of 16 tokens.
  CacheBits low = layout.locateValue(0, 17, 45);
  EXPECT_EQ(low.byte, 2 * (4 + 2) * 64 + 64 + 4 * 13 + 1);
  EXPECT_EQ(low.shift, 0u);
}

TEST(CacheLayoutTest, EveryParameterChangesTheFingerprint) {
  std::set<uint64_t> seen;
  for (CacheLayout layout :
       {CacheLayout{5, 1, 64, 3, 4}, CacheLayout{6, 1, 64, 3, 4},
        CacheLayout{5, 2, 64, 3, 4}, CacheLayout{5, 1, 66, 3, 4},
        CacheLayout{5, 1, 64, 4, 4}, CacheLayout{5, 1, 64, 3, 3},
        CacheLayout{5, 1, 64, 16, 16}})
    EXPECT_TRUE(seen.insert(layout.fingerprint()).second);
}

} // namespace
