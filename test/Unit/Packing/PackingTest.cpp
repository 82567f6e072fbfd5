//===- PackingTest.cpp - Layouts and codecs -------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/Codec.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <set>

using namespace tern;

namespace {

const Axis R = Axis::Row, C = Axis::Column;

Layout scalarRow() { return {Codec::B2, R, {C, 4, 1}, {}}; }
Layout laneRows() {
  return {Codec::B2, R, {C, 4, 4}, {{R, 2, 16}, {R, 16, 1}, {C, 4, 1}}};
}
Layout wideRow() { return {Codec::B2, R, {C, 4, 64}, {{C, 64, 1}}}; }
Layout columnBlocks() {
  return {Codec::B2, C, {R, 4, 64}, {{R, 4, 4}, {R, 4, 16}, {R, 4, 1}}};
}
/// No tile side is a power of two, to show that none is assumed.
Layout odd() {
  return {Codec::B2, C, {C, 4, 3}, {{R, 5, 1}, {C, 3, 1}, {C, 7, 12}}};
}

std::vector<Layout> allLayouts() {
  return {scalarRow(), laneRows(), wideRow(), columnBlocks(), odd()};
}

std::vector<int8_t> randomDigits(std::mt19937 &random, int64_t count) {
  std::vector<int8_t> digits(count);
  for (int8_t &digit : digits)
    digit = static_cast<int8_t>(random() % 3) - 1;
  return digits;
}

int code(const std::vector<uint8_t> &bytes, std::pair<int64_t, unsigned> at) {
  return bytes[at.first] >> at.second & 3;
}

/// Packs digit by digit with locate(), the definition.
std::vector<uint8_t> packSlowly(const Layout &layout,
                                const std::vector<int8_t> &digits, int64_t rows,
                                int64_t columns) {
  std::vector<uint8_t> bytes(layout.storageBytes(rows, columns), 0);
  int64_t paddedRows = layout.paddedRows(rows);
  int64_t paddedColumns = layout.paddedColumns(columns);
  for (int64_t r = 0; r < paddedRows; ++r)
    for (int64_t c = 0; c < paddedColumns; ++c) {
      int digit = r < rows && c < columns ? digits[r * columns + c] : 0;
      auto [byte, shift] = layout.locate(r, c, rows, columns);
      bytes[byte] |= static_cast<uint8_t>((digit + 1) << shift);
    }
  return bytes;
}

void checkShape(const Layout &layout, std::mt19937 &random, int64_t rows,
                int64_t columns) {
  SCOPED_TRACE(layout.str() + " " + std::to_string(rows) + "x" +
               std::to_string(columns));
  std::vector<int8_t> digits = randomDigits(random, rows * columns);
  std::vector<uint8_t> expected = packSlowly(layout, digits, rows, columns);
  // Garbage in `out` must not shine through: packDigits writes every byte.
  std::vector<uint8_t> bytes(expected.size(), 0xff);
  packDigits(layout, digits.data(), rows, columns, bytes.data());
  ASSERT_EQ(bytes, expected);
  std::vector<int8_t> back(digits.size(), 7);
  ASSERT_TRUE(unpackDigits(layout, bytes.data(), rows, columns, back.data()));
  ASSERT_EQ(back, digits);
}

} // namespace

TEST(Layout, TilesOfTheKnownLayouts) {
  EXPECT_EQ(laneRows().tileRows(), 32);
  EXPECT_EQ(laneRows().tileColumns(), 16);
  EXPECT_EQ(laneRows().tileBytes(), 128);
  EXPECT_EQ(columnBlocks().tileRows(), 256);
  EXPECT_EQ(columnBlocks().tileColumns(), 1);
  EXPECT_EQ(columnBlocks().tileBytes(), 64);
  EXPECT_EQ(wideRow().paddedColumns(5460), 5632);
  EXPECT_EQ(wideRow().storageBytes(3, 5460), 3 * 5632 / 4);
  for (const Layout &layout : allLayouts()) {
    EXPECT_EQ(layout.verify(), "");
    EXPECT_EQ(layout.tileBytes() * 4, layout.tileRows() * layout.tileColumns());
  }
}

TEST(Layout, ExampleOfTheHeader) {
  Layout layout{Codec::B2, R, {C, 4, 4}, {{R, 16, 1}, {C, 4, 1}}};
  // "byte 4r + j holds, in bits 2f, row r and column 4f + j"
  for (int64_t r = 0; r < 16; ++r)
    for (int64_t j = 0; j < 4; ++j)
      for (unsigned f = 0; f < 4; ++f)
        EXPECT_EQ(layout.locate(r, 4 * f + j, 16, 16),
                  std::make_pair(4 * r + j, 2 * f));
  // The next tile follows along the columns, the next block of rows after it.
  EXPECT_EQ(layout.locate(0, 16, 32, 48).first, 64);
  EXPECT_EQ(layout.locate(16, 0, 32, 48).first, 192);
  layout.outer = C;
  EXPECT_EQ(layout.locate(0, 16, 32, 48).first, 128);
  EXPECT_EQ(layout.locate(16, 0, 32, 48).first, 64);
}

TEST(Layout, LocateIsABijection) {
  for (const Layout &layout : allLayouts()) {
    int64_t rows = layout.tileRows() * 2, columns = layout.tileColumns() * 3;
    std::set<std::pair<int64_t, unsigned>> seen;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) {
        auto place = layout.locate(r, c, rows, columns);
        EXPECT_LT(place.first, layout.storageBytes(rows, columns));
        EXPECT_TRUE(seen.insert(place).second) << layout.str();
      }
  }
}

TEST(Layout, TextAndFingerprintAreFixed) {
  Layout layout{Codec::B2, R, {C, 4, 4}, {{R, 16, 1}, {C, 4, 1}}};
  EXPECT_EQ(layout.str(), "b2, rows, k:4:4, [n:16:1, k:4:1]");
  EXPECT_EQ(columnBlocks().str(),
            "b2, columns, n:4:64, [n:4:4, n:4:16, n:4:1]");
  EXPECT_EQ(scalarRow().str(), "b2, rows, k:4:1, []");
  // Stored in artifacts: a change here makes every artifact unreadable.
  EXPECT_EQ(layout.fingerprint(), 0x146f4ababef5b7bdull);
  EXPECT_NE(layout.fingerprint(), scalarRow().fingerprint());
}

TEST(Layout, VerifySaysWhatWasExpected) {
  auto reason = [](Layout layout) { return layout.verify(); };
  EXPECT_NE(reason({Codec::B2, R, {C, 3, 1}, {}}).find("4 digits per byte"),
            std::string::npos);
  // A hole: columns 0..3 and 8.., never 4..7.
  EXPECT_NE(reason({Codec::B2, R, {C, 4, 1}, {{C, 2, 8}}}).find("stride 4"),
            std::string::npos);
  // An overlap: column 2 is named twice.
  EXPECT_NE(reason({Codec::B2, R, {C, 4, 1}, {{C, 2, 2}}}).find("stride 4"),
            std::string::npos);
  EXPECT_NE(reason({Codec::B2, R, {C, 4, 1}, {{R, 2, 2}}}).find("stride 1"),
            std::string::npos);
  EXPECT_NE(reason({Codec::B2, R, {C, 4, 1}, {{R, 0, 1}}}).find("size between"),
            std::string::npos);
  EXPECT_NE(
      reason({Codec::B2, R, {C, 4, 1}, {{R, -4, 1}}}).find("size between"),
      std::string::npos);
  EXPECT_NE(
      reason({Codec::B2, R, {C, 4, 1}, {{R, 1 << 20, 1}, {R, 2, 1 << 20}}})
          .find("at most"),
      std::string::npos);
  EXPECT_NE(reason({static_cast<Codec>(9), R, {C, 4, 1}, {}}).find("codec"),
            std::string::npos);
}

TEST(Codec, RoundTripsOddShapes) {
  std::mt19937 random(1);
  for (const Layout &layout : allLayouts()) {
    for (int64_t rows : {1, 3, 5, 65, 257})
      for (int64_t columns : {1, 3, 5, 65, 257})
        checkShape(layout, random, rows, columns);
    checkShape(layout, random, 37, 5460);
    checkShape(layout, random, 5460, 20);
  }
}

TEST(Codec, RoundTripsRandomShapes) {
  std::mt19937 random(2);
  for (const Layout &layout : allLayouts())
    for (int i = 0; i < 20; ++i)
      checkShape(layout, random, 1 + random() % 300, 1 + random() % 700);
}

TEST(Codec, PaddingIsTheDigitZero) {
  for (const Layout &layout : allLayouts()) {
    std::vector<int8_t> digits(15, 1);
    std::vector<uint8_t> bytes(layout.storageBytes(3, 5));
    packDigits(layout, digits.data(), 3, 5, bytes.data());
    for (int64_t r = 0; r < layout.paddedRows(3); ++r)
      for (int64_t c = 0; c < layout.paddedColumns(5); ++c)
        EXPECT_EQ(code(bytes, layout.locate(r, c, 3, 5)),
                  r < 3 && c < 5 ? 2 : 1);
  }
}

TEST(Codec, UnpackRefusesCodeThree) {
  std::mt19937 random(3);
  for (const Layout &layout : allLayouts()) {
    std::vector<int8_t> digits = randomDigits(random, 33 * 70);
    std::vector<uint8_t> bytes(layout.storageBytes(33, 70));
    packDigits(layout, digits.data(), 33, 70, bytes.data());
    for (int i = 0; i < 20; ++i) {
      std::vector<uint8_t> broken = bytes;
      broken[random() % broken.size()] |= 3 << 2 * (random() % 4);
      EXPECT_FALSE(unpackDigits(layout, broken.data(), 33, 70, digits.data()));
    }
  }
}

TEST(Codec, HuggingFaceQuarters) {
  const int64_t rows = 12, columns = 5;
  std::mt19937 random(4);
  std::vector<int8_t> digits = randomDigits(random, rows * columns);
  std::vector<uint8_t> bytes(rows / 4 * columns, 0);
  for (int64_t r = 0; r < rows; ++r) // quarter i holds rows 3i .. 3i+2
    for (int64_t c = 0; c < columns; ++c)
      bytes[r % 3 * columns + c] |=
          static_cast<uint8_t>((digits[r * columns + c] + 1) << 2 * (r / 3));
  std::vector<int8_t> back(rows * columns);
  EXPECT_EQ(unpackHuggingFace(bytes.data(), rows, columns, back.data()), -1);
  EXPECT_EQ(back, digits);
  bytes[7] |= 3 << 4;
  bytes[11] |= 3;
  EXPECT_EQ(unpackHuggingFace(bytes.data(), rows, columns, back.data()), 7);
}

TEST(Codec, TernarizeRoundsHalvesToEven) {
  // mean|W| = 1: 0.5 goes to 0, just above to 1; the sign follows.
  std::vector<float> master = {0.5f, -0.5f, 0.50000006f, -0.75f,
                               1.5f, -1.5f, 1.5f,        1.24999994f};
  std::vector<int8_t> digits(master.size());
  EXPECT_EQ(ternarize(master.data(), 8, digits.data()), 1.0f);
  EXPECT_EQ(digits, (std::vector<int8_t>{0, 0, 1, -1, 1, -1, 1, 1}));
  // A matrix of zeros has alpha 1e-5 and digits 0, not NaN.
  std::vector<float> zeros(8, 0.0f);
  EXPECT_EQ(ternarize(zeros.data(), 8, digits.data()), 1e-5f);
  EXPECT_EQ(digits, std::vector<int8_t>(8, 0));
}

TEST(Codec, TernarizeTakesTheMeanInDouble) {
  // In f32 the sum would stop growing at 2^24.
  std::vector<float> master(16384, 0.0f);
  std::vector<int8_t> digits(master.size());
  master[0] = 0x1p24f;
  for (int i = 1; i <= 1024; ++i)
    master[8 * i] = 1.0f;
  EXPECT_EQ(ternarize(master.data(), 16384, digits.data()), 1024.0625f);
}

TEST(Codec, TernarizingInPartsIsTheSame) {
  std::vector<float> master(1003);
  for (size_t i = 0; i < master.size(); ++i)
    master[i] = std::sin(static_cast<float>(i * i)) * (i % 7 ? 1.0f : 1e4f);
  std::vector<int8_t> whole(master.size()), parts(master.size());
  float alpha = ternarize(master.data(), 1003, whole.data());
  for (int64_t size : {8, 64, 1000}) {
    Ternarizer ternarizer;
    for (int64_t from = 0; from < 1003; from += size)
      ternarizer.add(master.data() + from,
                     std::min<int64_t>(size, 1003 - from));
    EXPECT_EQ(ternarizer.alpha(), alpha);
    for (int64_t from = 0; from < 1003; from += size)
      ternarizer.toDigits(master.data() + from,
                          std::min<int64_t>(size, 1003 - from),
                          parts.data() + from);
    EXPECT_EQ(parts, whole);
  }
}

TEST(Codec, HalvesRoundTripAndRoundToEven) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    float value = halfToFloat(static_cast<uint16_t>(bits));
    if ((bits & 0x7c00) == 0x7c00 && (bits & 0x3ff)) {
      EXPECT_TRUE(std::isnan(value));
      continue;
    }
    EXPECT_EQ(floatToHalf(value), bits);
    if ((bits & 0x7c00) != 0x7c00 && (bits & 0x7fff) < 0x7bff) {
      float next = halfToFloat(static_cast<uint16_t>(bits + 1));
      float middle = (value + next) / 2; // exact
      EXPECT_EQ(floatToHalf(middle), bits + (bits & 1)) << bits;
    }
  }
  EXPECT_EQ(halfToFloat(0x3c00), 1.0f);
  EXPECT_EQ(halfToFloat(0x0001), 0x1p-24f);
  EXPECT_EQ(floatToHalf(65519.996f), 0x7bff);
  EXPECT_EQ(floatToHalf(65520.0f), 0x7c00);
  EXPECT_EQ(floatToHalf(1e30f), 0x7c00);
  EXPECT_EQ(floatToHalf(-0x1p-25f), 0x8000);
  EXPECT_TRUE(std::isnan(
      halfToFloat(floatToHalf(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_EQ(bfloatToFloat(0x3f80), 1.0f);
  EXPECT_EQ(bfloatToFloat(0xc049), -3.140625f);
}
