//===- GgufCodecsTest.cpp - Encodings of GGUF and back --------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GgufEncoders.h"

#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace tern;

namespace {

constexpr int64_t rows = 6, columns = 512;

const uint8_t *data(const std::string &bytes) {
  return reinterpret_cast<const uint8_t *>(bytes.data());
}

std::vector<int8_t> randomDigits() {
  std::mt19937 random(7);
  std::vector<int8_t> digits(rows * columns);
  for (int8_t &digit : digits)
    digit = static_cast<int8_t>(static_cast<int>(random() % 3) - 1);
  return digits;
}

std::vector<GgufEncoding> ternaryEncodings() {
  std::vector<GgufEncoding> result;
  for (const GgufEncoding &encoding : allGgufEncodings())
    if (encoding.isTernary)
      result.push_back(encoding);
  return result;
}

class TernaryCodec : public testing::TestWithParam<GgufEncoding> {
protected:
  const GgufEncoding &encoding = GetParam();
  std::vector<int8_t> digits = randomDigits();
  std::vector<int8_t> read = std::vector<int8_t>(rows * columns, 9);
  float alpha = -1;

  std::string encoded(float scale = 0.75f) const {
    return encodeMatrix(encoding, digits, columns, scale);
  }
  GgufVerdict decode(const std::string &bytes) {
    EXPECT_EQ(ggufBytes(encoding, columns, rows), bytes.size());
    return decodeDigits(encoding, data(bytes), rows, columns, read.data(),
                        alpha);
  }
  /// Encoded with another scale from the given row on.
  std::string encodedWithTwoScales(int64_t row, float first, float second) {
    std::string one = encoded(first), two = encoded(second);
    size_t at = static_cast<size_t>(row) * *ggufBytes(encoding, columns, 1);
    return one.substr(0, at) + two.substr(at);
  }
  bool hasManyScales() const { return encoding.suffix == 0; }
};

std::string nameOf(const testing::TestParamInfo<GgufEncoding> &info) {
  return info.param.name;
}

} // namespace

namespace tern {
void PrintTo(const GgufEncoding &encoding, std::ostream *out) {
  *out << encoding.name;
}
} // namespace tern

INSTANTIATE_TEST_SUITE_P(Gguf, TernaryCodec,
                         testing::ValuesIn(ternaryEncodings()), nameOf);

TEST_P(TernaryCodec, RoundTrips) {
  GgufVerdict verdict = decode(encoded());
  EXPECT_EQ(verdict.problem, GgufVerdict::None);
  EXPECT_EQ(alpha, 0.75f);
  EXPECT_EQ(read, digits);
}

/// Each digit alone, so that two mistakes cannot hide each other.
TEST_P(TernaryCodec, EveryPlaceIsItsOwn) {
  for (int64_t i = 0; i < encoding.blockElements; ++i) {
    std::fill(digits.begin(), digits.end(), int8_t(0));
    digits[i] = i % 2 ? 1 : -1;
    ASSERT_EQ(decode(encoded()).problem, GgufVerdict::None);
    ASSERT_EQ(read, digits) << i;
  }
}

TEST_P(TernaryCodec, ZeroBlocksHaveNoSay) {
  if (!hasManyScales())
    GTEST_SKIP() << "one scale for all";
  std::fill(digits.begin() + 2 * columns, digits.end(), int8_t(0));
  for (float other : {0.0f, 0.25f}) {
    GgufVerdict verdict = decode(encodedWithTwoScales(2, 0.75f, other));
    EXPECT_EQ(verdict.problem, GgufVerdict::None);
    EXPECT_EQ(alpha, 0.75f);
    EXPECT_EQ(read, digits);
  }
}

TEST_P(TernaryCodec, DigitsOfScaleZeroAreZero) {
  if (!hasManyScales())
    GTEST_SKIP() << "one scale for all";
  EXPECT_EQ(decode(encodedWithTwoScales(2, 0.75f, 0)).problem,
            GgufVerdict::None);
  std::fill(digits.begin() + 2 * columns, digits.end(), int8_t(0));
  EXPECT_EQ(read, digits);
}

TEST_P(TernaryCodec, AnotherScaleIsReported) {
  if (!hasManyScales())
    GTEST_SKIP() << "one scale for all";
  GgufVerdict verdict = decode(encodedWithTwoScales(3, 0.75f, 0.5f));
  EXPECT_EQ(verdict.problem, GgufVerdict::Differs);
  EXPECT_EQ(verdict.row, 3);
  EXPECT_EQ(verdict.column, 0);
  EXPECT_EQ(verdict.scale, 0.5f);
  EXPECT_EQ(verdict.first, 0.75f);
}

TEST_P(TernaryCodec, BadScalesAreReported) {
  for (float bad : {-0.75f, INFINITY, -INFINITY, NAN}) {
    GgufVerdict verdict = decode(encoded(bad));
    EXPECT_EQ(verdict.problem, GgufVerdict::BadScale) << bad;
    EXPECT_EQ(verdict.row, 0);
  }
}

/// Two bits hold one code too many, five digits to a byte do not.
TEST_P(TernaryCodec, CodesThatAreNoDigitAreReported) {
  bool isBase3 = encoding.codec == GgufCodec::TQ1_0 ||
                 encoding.codec == GgufCodec::PTQ1_0 ||
                 encoding.codec == GgufCodec::IQ1_BN;
  if (isBase3)
    GTEST_SKIP() << "every code is a digit";
  digits[4 * columns + 300] = 2;
  GgufVerdict verdict = decode(encoded());
  EXPECT_EQ(verdict.problem, GgufVerdict::NotADigit);
  EXPECT_EQ(verdict.row, 4);
  EXPECT_EQ(verdict.column, 300);
}

TEST_P(TernaryCodec, WritesWhatTheDescriptionSays) {
  if (!canEncode(encoding))
    GTEST_SKIP() << "is read only";
  std::string expected = encoded(), got(expected.size(), '\xee');
  encodeDigits(encoding, digits.data(), rows * columns, 0.75f,
               reinterpret_cast<uint8_t *>(got.data()));
  EXPECT_EQ(got, expected);
  std::fill(digits.begin(), digits.end(), int8_t(0));
  encodeDigits(encoding, digits.data(), rows * columns, 0.75f,
               reinterpret_cast<uint8_t *>(got.data()));
  EXPECT_EQ(got, encoded(0)); // a block of zeros has no scale
}

TEST_P(TernaryCodec, ZerosHaveSomeScale) {
  std::fill(digits.begin(), digits.end(), int8_t(0));
  EXPECT_EQ(decode(encoded(0)).problem, GgufVerdict::None);
  EXPECT_GT(alpha, 0);
  EXPECT_EQ(read, digits);
}

/// Bytes of the description, worked out by hand: V = 178 and V = 195 of 243.
TEST(GgufCodecs, FirstDigitOfPTQ1IsTheMostSignificant) {
  const GgufEncoding &ptq1 = *findGgufEncoding("ptq1_0");
  std::vector<int8_t> digits(128);
  for (auto [at, digit] :
       {std::pair(0, 1), {16, -1}, {48, 1}, {120, 1}, {124, -1}, {126, 1}})
    digits[at] = static_cast<int8_t>(digit);
  uint8_t block[28];
  encodeDigits(ptq1, digits.data(), 128, 1, block);
  EXPECT_EQ(block[0], 188);
  EXPECT_EQ(block[24], 206);
  EXPECT_EQ(block[1], 128); // zeros: V = 121 of 243
  std::vector<int8_t> read(128, 9);
  float alpha;
  decodeDigits(ptq1, block, 1, 128, read.data(), alpha);
  EXPECT_EQ(read, digits);
}

/// Every byte is some digits, those of the sum that it begins with.
TEST(GgufCodecs, AllBytesOfPTQ1FollowTheFormula) {
  const GgufEncoding &ptq1 = *findGgufEncoding("ptq1_0");
  for (int byte = 0; byte < 256; ++byte) {
    std::string block(26, static_cast<char>(byte));
    block += halfBytes(1);
    std::vector<int8_t> read(128, 9);
    float alpha;
    decodeDigits(ptq1, ::data(block), 1, 128, read.data(), alpha);
    for (int n = 0, power = 1; n < 5; ++n, power *= 3)
      EXPECT_EQ(read[16 * n], (byte * power % 256 * 3 >> 8) - 1) << byte;
  }
}

TEST(GgufCodecs, NumbersOfPrismML) {
  EXPECT_EQ(findGgufEncoding("pq2_0")->id, 142u);
  EXPECT_EQ(findGgufEncoding("ptq1_0")->id, 143u);
  EXPECT_EQ(ggufBytes(*findGgufEncoding("pq2_0"), 256, 3), 204u);
  EXPECT_EQ(ggufBytes(*findGgufEncoding("ptq1_0"), 256, 3), 168u);
}

TEST(GgufCodecs, ARowIsWholeBlocks) {
  const GgufEncoding &tq2 = *findGgufEncoding("tq2_0");
  EXPECT_EQ(ggufBytes(tq2, 256, 3), 198u);
  EXPECT_EQ(ggufBytes(tq2, 255, 3), std::nullopt);
  EXPECT_EQ(ggufBytes(*findGgufEncoding("i2_s"), 128, 3), 128u);
  EXPECT_EQ(ggufBytes(*findGgufEncoding("iq1_bn"), 128, 3), 84u);
  EXPECT_EQ(ggufBytes(*findGgufEncoding("iq2_bn"), 128, 3), 108u);
  EXPECT_EQ(findGgufEncoding("tq3_0"), nullptr);
}

TEST(GgufCodecs, SizesDoNotWrap) {
  const GgufEncoding &f32 = *findGgufEncoding("f32");
  EXPECT_EQ(ggufBytes(f32, uint64_t(1) << 61, 1), std::nullopt);
  EXPECT_EQ(ggufBytes(f32, uint64_t(1) << 62, 1), std::nullopt);
  EXPECT_EQ(ggufBytes(f32, uint64_t(1) << 32, uint64_t(1) << 32), std::nullopt);
  const GgufEncoding &i2s = *findGgufEncoding("i2_s");
  EXPECT_EQ(ggufBytes(i2s, 128, (uint64_t(1) << 59) - 1), std::nullopt);
}

//===----------------------------------------------------------------------===//
// Floating point
//===----------------------------------------------------------------------===//

static std::vector<float> decoded(const char *name, const std::string &bytes) {
  const GgufEncoding &encoding = *findGgufEncoding(name);
  int64_t blocks = static_cast<int64_t>(bytes.size()) / encoding.blockBytes;
  std::vector<float> values(blocks * encoding.blockElements);
  decodeFloats(encoding, data(bytes), blocks, values.data());
  return values;
}

TEST(GgufCodecs, PlainValues) {
  std::vector<float> expected = {1.5f, -0.25f};
  EXPECT_EQ(decoded("f32", little(1.5f) + little(-0.25f)), expected);
  EXPECT_EQ(decoded("f16", halfBytes(1.5f) + halfBytes(-0.25f)), expected);
  EXPECT_EQ(decoded("bf16", little(0x3fc0, 2) + little(0xbe80, 2)), expected);
}

TEST(GgufCodecs, Q4_0) {
  std::string bytes;
  std::vector<float> expected;
  for (float scale : {0.5f, -0.125f}) {
    bytes += halfBytes(scale);
    std::vector<int> codes(32);
    for (int i = 0; i < 32; ++i) {
      codes[i] = i * 7 % 16;
      expected.push_back(scale * static_cast<float>(codes[i] - 8));
    }
    for (int j = 0; j < 16; ++j)
      bytes += static_cast<char>(codes[j] | codes[j + 16] << 4);
  }
  EXPECT_EQ(decoded("q4_0", bytes), expected);
}

TEST(GgufCodecs, Q8_0) {
  std::string bytes = halfBytes(0.1f);
  std::vector<float> expected;
  for (int i = 0; i < 32; ++i) {
    int code = i * 8 - 128;
    bytes += static_cast<char>(code);
    expected.push_back(halfToFloat(floatToHalf(0.1f)) *
                       static_cast<float>(code));
  }
  EXPECT_EQ(decoded("q8_0", bytes), expected);
}

TEST(GgufCodecs, Q6_K) {
  std::vector<int> codes(256), scales(16);
  for (int i = 0; i < 256; ++i)
    codes[i] = (i * 37 + i / 64) % 64;
  for (int i = 0; i < 16; ++i)
    scales[i] = i * 17 - 128;
  std::string low(128, '\0'), high(64, '\0'), bytes;
  for (int n = 0; n < 2; ++n)
    for (int part = 0; part < 4; ++part)
      for (int l = 0; l < 32; ++l) {
        int code = codes[128 * n + 32 * part + l];
        low[64 * n + 32 * (part & 1) + l] |=
            static_cast<char>((code & 15) << (part & 2 ? 4 : 0));
        high[32 * n + l] |= static_cast<char>((code >> 4) << 2 * part);
      }
  bytes = low + high;
  for (int scale : scales)
    bytes += static_cast<char>(scale);
  bytes += halfBytes(0.1f);
  float scale = halfToFloat(floatToHalf(0.1f));
  std::vector<float> expected;
  for (int i = 0; i < 256; ++i)
    expected.push_back(scale * static_cast<float>(scales[i / 16]) *
                       static_cast<float>(codes[i] - 32));
  EXPECT_EQ(decoded("q6_k", bytes), expected);
}

/// Scales and minima of six bits: four in bytes of their own, four in two
/// parts.
TEST(GgufCodecs, Q4_K) {
  std::vector<int> codes(256), scales(8), minima(8);
  for (int i = 0; i < 256; ++i)
    codes[i] = (i * 11 + i / 32) % 16;
  for (int i = 0; i < 8; ++i) {
    scales[i] = (i * 19 + 5) % 64;
    minima[i] = (i * 29 + 40) % 64;
  }
  std::string bytes = halfBytes(0.1f) + halfBytes(0.3f);
  for (int i = 0; i < 4; ++i)
    bytes += static_cast<char>(scales[i] | (scales[i + 4] >> 4) << 6);
  for (int i = 0; i < 4; ++i)
    bytes += static_cast<char>(minima[i] | (minima[i + 4] >> 4) << 6);
  for (int i = 4; i < 8; ++i)
    bytes += static_cast<char>((scales[i] & 15) | (minima[i] & 15) << 4);
  for (int pair = 0; pair < 4; ++pair)
    for (int i = 0; i < 32; ++i)
      bytes += static_cast<char>(codes[64 * pair + i] |
                                 codes[64 * pair + 32 + i] << 4);
  float scale = halfToFloat(floatToHalf(0.1f));
  float low = halfToFloat(floatToHalf(0.3f));
  std::vector<float> expected;
  for (int i = 0; i < 256; ++i)
    expected.push_back(scale * static_cast<float>(scales[i / 32] * codes[i]) -
                       low * static_cast<float>(minima[i / 32]));
  EXPECT_EQ(decoded("q4_k", bytes), expected);
}

TEST(GgufCodecs, TernaryValuesAreFound) {
  auto split = [](std::vector<float> values) {
    std::vector<int8_t> digits(values.size());
    float alpha;
    bool isTernary =
        splitTernaryValues(values.data(), static_cast<int64_t>(values.size()),
                           digits.data(), alpha);
    return isTernary ? std::make_pair(alpha, digits)
                     : std::make_pair(0.0f, std::vector<int8_t>());
  };
  EXPECT_EQ(split({0.0f, -0.5f, 0.5f, -0.0f}),
            std::make_pair(0.5f, (std::vector<int8_t>{0, -1, 1, 0})));
  EXPECT_EQ(split({0.5f, 0.25f}).first, 0);
  EXPECT_EQ(split({0.0f, 0.0f}),
            std::make_pair(0.0f, (std::vector<int8_t>{0, 0})));
  EXPECT_EQ(split({INFINITY, -INFINITY}).first, 0);
  EXPECT_EQ(split({NAN, 0.5f}).first, 0);
}
