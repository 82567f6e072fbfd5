//===- TernaryGroupsTest.cpp - Digits that are floats ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/TernaryGroups.h"

#include "Import/TinyGguf.h"
#include "tern/Packing/HalfFloat.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>

using namespace tern;

namespace {

constexpr int64_t rows = 3, columns = 384, width = 128;

/// Bits of a magnitude, as each word has them.
uint32_t wordOf(FloatWord word, float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return word == FloatWord::F16    ? floatToHalf(value)
         : word == FloatWord::BF16 ? bits >> 16
                                   : bits;
}

class TernaryGroups : public testing::TestWithParam<FloatWord> {
protected:
  FloatWord word = GetParam();
  size_t size = word == FloatWord::F32 ? 4 : 2;
  uint32_t sign = word == FloatWord::F32 ? 0x80000000u : 0x8000u;
  std::vector<int8_t> digits = std::vector<int8_t>(rows * columns);
  std::vector<float> scales = std::vector<float>(rows * columns / width);
  std::vector<uint32_t> words = std::vector<uint32_t>(rows * columns);
  std::vector<int8_t> read = std::vector<int8_t>(rows * columns, 9);
  std::vector<float> readScales = std::vector<float>(scales.size(), -1);
  int64_t inexact = 0;

  TernaryGroups() {
    for (size_t g = 0; g < scales.size(); ++g)
      scales[g] = 0.5f + 0.125f * static_cast<float>(g);
    for (size_t i = 0; i < digits.size(); ++i) {
      digits[i] = static_cast<int8_t>(static_cast<int>(i * 7 % 11 % 3) - 1);
      words[i] = digits[i] == 0 ? (i % 2 ? sign : 0) // both zeros
                                : wordOf(word, scales[i / width]) |
                                      (digits[i] < 0 ? sign : 0);
    }
  }

  GroupVerdict recover(bool withDigits = true) {
    std::string bytes(1, 'x'); // at an odd address
    for (uint32_t one : words)
      bytes += little(one, static_cast<int>(size));
    inexact = 0;
    return recoverGroups(
        word, reinterpret_cast<const uint8_t *>(bytes.data()) + 1, rows,
        columns, width, withDigits ? read.data() : nullptr, readScales.data(),
        inexact);
  }
};

std::string nameOf(const testing::TestParamInfo<FloatWord> &info) {
  return info.param == FloatWord::F16    ? "f16"
         : info.param == FloatWord::BF16 ? "bf16"
                                         : "f32";
}

} // namespace

INSTANTIATE_TEST_SUITE_P(Words, TernaryGroups,
                         testing::Values(FloatWord::F16, FloatWord::BF16,
                                         FloatWord::F32),
                         nameOf);

TEST_P(TernaryGroups, AreRecovered) {
  EXPECT_EQ(recover().problem, GroupVerdict::None);
  EXPECT_EQ(read, digits);
  EXPECT_EQ(readScales, scales);
  EXPECT_EQ(inexact, 0);
}

TEST_P(TernaryGroups, ScalesAlone) {
  EXPECT_EQ(recover(false).problem, GroupVerdict::None);
  EXPECT_EQ(readScales, scales);
}

TEST_P(TernaryGroups, ZerosHaveTheScale0) {
  std::fill_n(words.begin() + width, width, sign);
  std::fill_n(digits.begin() + width, width, int8_t(0));
  scales[1] = 0;
  EXPECT_EQ(recover().problem, GroupVerdict::None);
  EXPECT_EQ(read, digits);
  EXPECT_EQ(readScales, scales);
}

/// Subnormal numbers are magnitudes as others.
TEST_P(TernaryGroups, TheSmallestMagnitude) {
  for (int64_t i = 0; i < width; ++i)
    words[i] = digits[i] == 0 ? 0 : (digits[i] < 0 ? sign : 0) | 1;
  EXPECT_EQ(recover().problem, GroupVerdict::None);
  EXPECT_EQ(read, digits);
  EXPECT_GT(readScales[0], 0);
}

TEST_P(TernaryGroups, TwoMagnitudesAreRefused) {
  for (int64_t at : {0, 127, 128, int(columns + 2 * width), 1151}) {
    uint32_t kept = words[at];
    words[at] = wordOf(word, 7);
    GroupVerdict verdict = recover();
    EXPECT_EQ(verdict.problem, GroupVerdict::NotTernary) << at;
    EXPECT_EQ(verdict.row, at / columns);
    EXPECT_EQ(verdict.column, at % columns / width * width);
    EXPECT_EQ(verdict.first, scales[at / width]);
    EXPECT_EQ(verdict.second, 7);
    words[at] = kept;
  }
}

TEST_P(TernaryGroups, NumbersAreFinite) {
  for (float bad : {INFINITY, NAN}) {
    words[500] = wordOf(word, bad) | sign;
    GroupVerdict verdict = recover();
    EXPECT_EQ(verdict.problem, GroupVerdict::NotFinite);
    EXPECT_EQ(verdict.row, 1);
    EXPECT_EQ(verdict.column, 0);
    EXPECT_FALSE(std::isfinite(verdict.first));
  }
}

/// In float16 alone: of two neighbours the more frequent one counts, of equally
/// many the larger one.
TEST_P(TernaryGroups, NeighboursAreOneMagnitude) {
  int64_t all = width - std::count(digits.begin(), digits.begin() + width, 0);
  for (int64_t larger : {int64_t(1), all / 2, all - all / 2, all - 1}) {
    uint32_t magnitude = wordOf(word, scales[0]);
    int64_t seen = 0;
    for (int64_t i = 0; i < width; ++i)
      if (digits[i] != 0)
        words[i] = (digits[i] < 0 ? sign : 0) |
                   (magnitude + (seen++ < larger ? 1 : 0));
    GroupVerdict verdict = recover();
    if (word != FloatWord::F16) {
      EXPECT_EQ(verdict.problem, GroupVerdict::NotTernary);
      continue;
    }
    EXPECT_EQ(verdict.problem, GroupVerdict::None);
    EXPECT_EQ(read, digits);
    EXPECT_EQ(inexact, 1);
    EXPECT_EQ(readScales[0], halfToFloat(static_cast<uint16_t>(
                                 magnitude + (2 * larger >= all ? 1 : 0))))
        << larger << " of " << all;
  }
}

TEST_P(TernaryGroups, OneStepMoreIsTooFar) {
  words[0] = wordOf(word, scales[0]) + 2;
  words[1] = wordOf(word, scales[0]);
  EXPECT_EQ(recover().problem, GroupVerdict::NotTernary);
}

/// Wider than what is read at a time.
TEST(TernaryGroups, GroupsAreAsWideAsAsked) {
  std::string bytes;
  for (int i = 0; i < 1200; ++i)
    bytes += little(floatToHalf(i % 3 == 0 ? 0.0f : i < 600 ? -2.0f : 3.0f), 2);
  std::vector<int8_t> digits(1200);
  float scales[2];
  int64_t inexact = 0;
  GroupVerdict verdict = recoverGroups(
      FloatWord::F16, reinterpret_cast<const uint8_t *>(bytes.data()), 1, 1200,
      600, digits.data(), scales, inexact);
  EXPECT_EQ(verdict.problem, GroupVerdict::None);
  EXPECT_EQ(scales[0], 2);
  EXPECT_EQ(scales[1], 3);
  EXPECT_EQ(digits[599], -1);
  EXPECT_EQ(digits[600], 0);
  EXPECT_EQ(digits[1199], 1);
  // Each part has one magnitude, the whole has two.
  verdict = recoverGroups(
      FloatWord::F16, reinterpret_cast<const uint8_t *>(bytes.data()) + 2 * 88,
      1, 1024, 1024, digits.data(), scales, inexact);
  EXPECT_EQ(verdict.problem, GroupVerdict::NotTernary);
}
