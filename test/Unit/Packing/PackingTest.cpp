//===- PackingTest.cpp - Layouts and packers ------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/HalfFloat.h"
#include "tern/Packing/LayoutFamilies.h"
#include "tern/Packing/Packer.h"

#include "gtest/gtest.h"

#include <cstring>
#include <random>
#include <set>

using namespace tern;

namespace {

const Axis R = Axis::Row, C = Axis::Column, B = Axis::Byte;

Layout laneRows() { return RowsInLanes{16, 2}.layout(); }
Layout columnBlocks() { return ContiguousColumns{16}.layout(); }
Layout scalarRow() { return PlainWords{&codecs::b2, R}.layout(); }
Layout wideRow() { return ContiguousRows{16}.layout(); }
/// No tile side is a power of two, to show that none is assumed.
Layout odd() {
  return {&codecs::b2, C, {{C, 4, 3}}, {{R, 5, 1}, {C, 3, 1}, {C, 7, 12}}};
}
/// Rows and columns in a byte.
Layout square() {
  return {&codecs::b2, R, {{R, 2, 3}, {C, 2, 1}}, {{C, 3, 2}, {R, 3, 1}}};
}

std::vector<Layout> allLayouts() {
  std::vector<Layout> all = {scalarRow(),           laneRows(), wideRow(),
                             columnBlocks(),        odd(),      square(),
                             PairedRows{4}.layout()};
  for (const Codec *codec :
       {&codecs::s5, &codecs::t2, &codecs::t4, &codecs::t3p5})
    all.insert(all.end(),
               {PlainWords{codec, R}.layout(), PlainWords{codec, C}.layout(),
                GroupsInLanes{codec, R, 1, 2, 16}.layout(),
                GroupsInLanes{codec, C, 3, 1, 16}.layout()});
  return all;
}

/// Tiles of 128 and 5 columns, by rows and by columns.
std::vector<Layout> scaledLayouts() {
  const ScaleFormat f16 = ScaleFormat::F16, f32 = ScaleFormat::F32;
  return {laneRows().withScales(128, f16), scalarRow().withScales(128, f16),
          laneRows().withScales(16, f32), columnBlocks().withScales(5, f32),
          PlainWords{&codecs::s5, R}.layout().withScales(5, f16)};
}

std::vector<int8_t> randomDigits(std::mt19937 &random, int64_t count) {
  std::vector<int8_t> digits(count);
  for (int8_t &digit : digits)
    digit = static_cast<int8_t>(random() % 3) - 1;
  return digits;
}

/// The words of a matrix, by locate() alone.
struct Words {
  Words(const Layout &layout, int64_t rows, int64_t columns)
      : layout(layout), rows(rows), columns(columns),
        bytes(layout.storageBytes(rows, columns)) {}

  int8_t digit(int64_t row, int64_t column) const {
    DigitPlace place = layout.locate(row, column, rows, columns);
    uint8_t word[Codec::kMaxWordBytes];
    for (int64_t i = 0; i < layout.codec->wordBytes; ++i)
      word[i] = bytes[place.byte + i * layout.byteStride()];
    return layout.codec->decode(word, place.digit);
  }

  const Layout &layout;
  int64_t rows, columns;
  std::vector<uint8_t> bytes;
};

/// Packs digit by digit with locate(), the definition.
std::vector<uint8_t> packSlowly(const Layout &layout,
                                const std::vector<int8_t> &digits, int64_t rows,
                                int64_t columns) {
  const Codec &codec = *layout.codec;
  std::vector<uint8_t> bytes(layout.storageBytes(rows, columns), 0);
  std::vector<int8_t> words(bytes.size() * codec.wordDigits, 99);
  for (int64_t r = 0; r < layout.paddedRows(rows); ++r)
    for (int64_t c = 0; c < layout.paddedColumns(columns); ++c) {
      DigitPlace place = layout.locate(r, c, rows, columns);
      words[place.byte * codec.wordDigits + place.digit] =
          r < rows && c < columns ? digits[r * columns + c] : 0;
    }
  for (size_t at = 0; at < bytes.size(); ++at) {
    const int8_t *word = words.data() + at * codec.wordDigits;
    if (word[0] == 99) // not the first byte of a word
      continue;
    uint8_t encoded[Codec::kMaxWordBytes];
    codec.encode(word, encoded);
    for (int64_t i = 0; i < codec.wordBytes; ++i)
      bytes[at + i * layout.byteStride()] = encoded[i];
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
  EXPECT_EQ(PairedRows{4}.layout().tileRows(), 8);
  EXPECT_EQ(PairedRows{4}.layout().tileColumns(), 8);
  EXPECT_EQ(PairedRows{4}.layout().tileBytes(), 16);
  for (const Layout &layout : allLayouts()) {
    EXPECT_EQ(layout.verify(), "");
    EXPECT_EQ(layout.tileBytes() * layout.codec->wordDigits,
              layout.tileRows() * layout.tileColumns() *
                  layout.codec->wordBytes);
  }
  // 1.6, 1.667 and 2 bits a digit.
  const Layout s5 = PlainWords{&codecs::s5, R}.layout();
  const Layout t3p5 = PlainWords{&codecs::t3p5, R}.layout();
  EXPECT_EQ(s5.unpaddedBytes(5, 8), 8);
  EXPECT_EQ(s5.unpaddedBytes(3, 2), 2);
  EXPECT_EQ(s5.storageBytes(3, 2), 3);
  EXPECT_EQ(t3p5.unpaddedBytes(3, 5), 4);
  EXPECT_EQ(t3p5.storageBytes(3, 5), 15);
  EXPECT_EQ(wideRow().unpaddedBytes(3, 5), 4);
}

TEST(Layout, ExampleOfTheHeader) {
  Layout layout{&codecs::b2, R, {{C, 4, 4}}, {{R, 16, 1}, {C, 4, 1}}};
  // "digit f of byte 4r + j is row r and column 4f + j"
  for (int64_t r = 0; r < 16; ++r)
    for (int64_t j = 0; j < 4; ++j)
      for (int64_t f = 0; f < 4; ++f)
        EXPECT_EQ(layout.locate(r, 4 * f + j, 16, 16),
                  (DigitPlace{4 * r + j, f}));
  // The next tile follows along the columns, the next block of rows after it.
  EXPECT_EQ(layout.locate(0, 16, 32, 48).byte, 64);
  EXPECT_EQ(layout.locate(16, 0, 32, 48).byte, 192);
  layout.outer = C;
  EXPECT_EQ(layout.locate(0, 16, 32, 48).byte, 128);
  EXPECT_EQ(layout.locate(16, 0, 32, 48).byte, 64);
}

TEST(Layout, LocateIsABijection) {
  for (const Layout &layout : allLayouts()) {
    int64_t rows = layout.tileRows() * 2, columns = layout.tileColumns() * 3;
    std::set<std::pair<int64_t, int64_t>> seen;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) {
        auto [byte, digit] = layout.locate(r, c, rows, columns);
        EXPECT_LT(byte + (layout.codec->wordBytes - 1) * layout.byteStride(),
                  layout.storageBytes(rows, columns));
        EXPECT_LT(digit, layout.codec->wordDigits);
        EXPECT_TRUE(seen.insert({byte, digit}).second) << layout.str();
      }
  }
}

TEST(Layout, TextAndFingerprintAreFixed) {
  Layout layout{&codecs::b2, R, {{C, 4, 4}}, {{R, 16, 1}, {C, 4, 1}}};
  EXPECT_EQ(layout.str(), "b2, rows, k:4:4, [n:16:1, k:4:1]");
  EXPECT_EQ(columnBlocks().str(),
            "b2, columns, n:4:64, [n:4:4, n:4:16, n:4:1]");
  EXPECT_EQ(scalarRow().str(), "b2, rows, k:4:1, []");
  EXPECT_EQ(square().str(), "b2, rows, [n:2:3, k:2:1], [k:3:2, n:3:1]");
  // Stored in artifacts: a change here makes every artifact unreadable.
  EXPECT_EQ(layout.fingerprint(), 0x146f4ababef5b7bdull);
  EXPECT_NE(layout.fingerprint(), scalarRow().fingerprint());
}

TEST(Layout, VerifySaysWhatWasExpected) {
  auto expect = [](const Layout &layout, const std::string &part) {
    EXPECT_NE(layout.verify().find(part), std::string::npos)
        << layout.verify() << " has no " << part;
  };
  const Codec *b2 = &codecs::b2, *t3p5 = &codecs::t3p5;
  expect({b2, R, {{C, 3, 1}}, {}}, "4 digits per byte");
  expect({b2, R, {}, {}}, "they are []");
  expect({b2, R, {{C, 2, 1}, {R, 3, 1}}, {}}, "they are [k:2:1, n:3:1]");
  // A hole: columns 0..3 and 8.., never 4..7.
  expect({b2, R, {{C, 4, 1}}, {{C, 2, 8}}}, "stride 4");
  // An overlap: column 2 is named twice.
  expect({b2, R, {{C, 4, 1}}, {{C, 2, 2}}}, "stride 4");
  expect({b2, R, {{C, 4, 1}}, {{R, 2, 2}}}, "stride 1");
  expect({b2, R, {{C, 4, 1}}, {{R, 0, 1}}}, "size between");
  expect({b2, R, {{C, 4, 1}}, {{R, -4, 1}}}, "size between");
  expect({b2, R, {{C, 4, 1}}, {{R, 1 << 20, 1}, {R, 2, 1 << 20}}}, "at most");
  expect({nullptr, R, {{C, 4, 1}}, {}}, "expected a codec");
  // Words of one byte and of several.
  expect({b2, R, {{C, 4, 1}}, {{B, 2, 1}}}, "is one byte, but got [b:2:1]");
  expect({t3p5, R, {{C, 24, 1}}, {}}, "expected a part b:5:1");
  expect({t3p5, R, {{C, 24, 1}}, {{B, 4, 1}}}, "but got [b:4:1]");
  expect({t3p5, R, {{C, 24, 1}}, {{B, 1, 1}, {B, 5, 1}}}, "b:5:1");
  expect({t3p5, R, {{C, 4, 1}}, {{B, 5, 1}}}, "24 digits per word");
  expect({b2, R, {{B, 4, 1}}, {}}, "digits along n or k, but got b:4:1");
}

TEST(Packer, RoundTripsOddShapes) {
  std::mt19937 random(1);
  for (const Layout &layout : allLayouts()) {
    for (int64_t rows : {1, 3, 5, 65, 257})
      for (int64_t columns : {1, 3, 5, 65, 257})
        checkShape(layout, random, rows, columns);
    checkShape(layout, random, 37, 5460);
    checkShape(layout, random, 5460, 20);
  }
}

TEST(Packer, RoundTripsRandomShapes) {
  std::mt19937 random(2);
  for (const Layout &layout : allLayouts())
    for (int i = 0; i < 20; ++i)
      checkShape(layout, random, 1 + random() % 300, 1 + random() % 700);
}

TEST(Packer, PaddingIsTheDigitZero) {
  for (const Layout &layout : allLayouts()) {
    std::vector<int8_t> digits(15, 1);
    Words words(layout, 3, 5);
    packDigits(layout, digits.data(), 3, 5, words.bytes.data());
    for (int64_t r = 0; r < layout.paddedRows(3); ++r)
      for (int64_t c = 0; c < layout.paddedColumns(5); ++c)
        EXPECT_EQ(words.digit(r, c), r < 3 && c < 5 ? 1 : 0) << layout.str();
  }
}

TEST(Packer, UnpackRefusesWordsThatAreNone) {
  std::mt19937 random(3);
  // Of no codec are these bytes digits, wherever they are in a word.
  for (const Layout &layout : allLayouts()) {
    std::vector<int8_t> digits = randomDigits(random, 33 * 70);
    std::vector<uint8_t> bytes(layout.storageBytes(33, 70));
    packDigits(layout, digits.data(), 33, 70, bytes.data());
    for (int i = 0; i < 20; ++i) {
      std::vector<uint8_t> broken = bytes;
      broken[random() % broken.size()] = 0xff;
      EXPECT_FALSE(unpackDigits(layout, broken.data(), 33, 70, digits.data()))
          << layout.str();
    }
  }
}

TEST(Scales, AreBehindTheDigitsOfATile) {
  Layout layout = laneRows().withScales(128, ScaleFormat::F16);
  EXPECT_EQ(layout.str(),
            "b2, rows, k:4:4, [k:8:16, n:2:16, n:16:1, k:4:1], f16");
  EXPECT_EQ(layout.tileColumns(), 128);
  EXPECT_EQ(layout.digitBytes(), 1024);
  EXPECT_EQ(layout.tileBytes(), 1024 + 32 * 2);
  EXPECT_EQ(layout.storageBytes(40, 256), 4 * 1088);
  EXPECT_EQ(layout.locateScale(33, 129, 40, 256), 3 * 1088 + 1024 + 2);
  EXPECT_EQ(layout.locate(0, 128, 40, 256).byte, 1088);
  EXPECT_EQ(layout.withoutScales(), laneRows());
  EXPECT_NE(layout.fingerprint(),
            laneRows().withScales(128, ScaleFormat::F32).fingerprint());
  // Blocks of a file of two bits and a half float.
  Layout plain = scalarRow().withScales(128, ScaleFormat::F16);
  EXPECT_EQ(plain.str(), "b2, rows, k:4:1, [k:32:4], f16");
  EXPECT_EQ(plain.tileBytes(), 34);
  for (const Layout &scaled : scaledLayouts())
    EXPECT_EQ(scaled.verify(), "") << scaled.str();
}

TEST(Scales, VerifySaysWhatWasExpected) {
  Layout layout = scalarRow();
  layout.scales = ScaleFormat::F16;
  EXPECT_NE(layout.verify().find("a part along k, first"), std::string::npos);
  layout.bytes = {{R, 2, 1}, {C, 4, 4}};
  EXPECT_NE(layout.verify().find("a part along k, first"), std::string::npos);
  layout = PlainWords{&codecs::i4, R}.layout().withScales(4, ScaleFormat::F16);
  EXPECT_NE(layout.verify().find("ternary digits under scales"),
            std::string::npos);
}

TEST(Scales, FamiliesMatchTheirMembersWithScales) {
  for (int64_t columns : {16, 128}) {
    Layout lanes = laneRows().withScales(columns, ScaleFormat::F16);
    EXPECT_EQ(RowsInLanes::match(lanes)->vectors, 2);
    EXPECT_FALSE(UnpackedRows::match(lanes));
  }
  Layout panel = UnpackedRows{16, 4}.layout().withScales(64, ScaleFormat::F32);
  EXPECT_EQ(UnpackedRows::match(panel)->vectors, 4);
  EXPECT_TRUE(
      ContiguousRows::match(wideRow().withScales(512, ScaleFormat::F16)));
  EXPECT_TRUE(PlainWords::match(scalarRow().withScales(64, ScaleFormat::F16)));
  EXPECT_FALSE(
      ContiguousColumns::match(columnBlocks().withScales(5, ScaleFormat::F32)));
}

TEST(Scales, RoundTripWithDigits) {
  std::mt19937 random(5);
  for (const Layout &layout : scaledLayouts())
    for (int64_t rows : {1, 31, 33, 257})
      for (int64_t groups : {1, 2, 5}) {
        SCOPED_TRACE(layout.str() + " " + std::to_string(rows));
        int64_t columns = groups * layout.tileColumns();
        std::vector<int8_t> digits = randomDigits(random, rows * columns);
        std::vector<float> scales(rows * groups);
        for (float &scale : scales)
          scale = static_cast<float>(random() % 2048) / 65536;
        std::vector<uint8_t> bytes(layout.storageBytes(rows, columns), 0xff);
        packDigits(layout, digits.data(), rows, columns, bytes.data());
        ASSERT_FALSE(
            packScales(layout, scales.data(), rows, columns, bytes.data()));
        std::vector<int8_t> digitsBack(digits.size(), 7);
        std::vector<float> scalesBack(scales.size(), -1);
        ASSERT_TRUE(unpackDigits(layout, bytes.data(), rows, columns,
                                 digitsBack.data()));
        unpackScales(layout, bytes.data(), rows, columns, scalesBack.data());
        ASSERT_EQ(digitsBack, digits);
        ASSERT_EQ(scalesBack, scales);
        // Each is where locateScale() says, and rows of padding have 0.
        for (int64_t row = 0; row < layout.paddedRows(rows); ++row)
          for (int64_t group = 0; group < groups; ++group) {
            int64_t at = layout.locateScale(row, group * layout.tileColumns(),
                                            rows, columns);
            float scale;
            uint16_t half;
            if (layout.scales == ScaleFormat::F32) {
              std::memcpy(&scale, &bytes[at], 4);
            } else {
              std::memcpy(&half, &bytes[at], 2);
              scale = halfToFloat(half);
            }
            ASSERT_EQ(scale, row < rows ? scales[row * groups + group] : 0);
          }
      }
}

TEST(Scales, SaysWhichOneSixteenBitsDoNotHold) {
  Layout layout = scalarRow().withScales(4, ScaleFormat::F16);
  std::vector<float> scales = {0.5F, 0.25F, 0.1F, 1.0F};
  std::vector<uint8_t> bytes(layout.storageBytes(2, 8));
  std::optional<MatrixPlace> inexact =
      packScales(layout, scales.data(), 2, 8, bytes.data());
  ASSERT_TRUE(inexact);
  EXPECT_EQ(*inexact, (MatrixPlace{1, 0}));
  layout.scales = ScaleFormat::F32;
  bytes.resize(layout.storageBytes(2, 8));
  EXPECT_FALSE(packScales(layout, scales.data(), 2, 8, bytes.data()));
}

TEST(Packer, HuggingFaceQuarters) {
  const int64_t rows = 12, columns = 5;
  std::mt19937 random(4);
  std::vector<int8_t> digits = randomDigits(random, rows * columns);
  std::vector<uint8_t> bytes(rows / 4 * columns, 0);
  for (int64_t r = 0; r < rows; ++r) // quarter i holds rows 3i .. 3i+2
    for (int64_t c = 0; c < columns; ++c)
      bytes[r % 3 * columns + c] |=
          static_cast<uint8_t>((digits[r * columns + c] + 1) << 2 * (r / 3));
  std::vector<int8_t> back(rows * columns);
  EXPECT_FALSE(
      unpackHuggingFace(bytes.data(), rows, columns, 0, rows, back.data()));
  EXPECT_EQ(back, digits);
  // Rows 5 to 8 are of two quarters.
  EXPECT_FALSE(unpackHuggingFace(bytes.data(), rows, columns, 5, 4,
                                 back.data() + columns));
  EXPECT_TRUE(std::equal(back.begin() + columns, back.begin() + 5 * columns,
                         digits.begin() + 5 * columns));
  bytes[7] |= 3 << 4;
  bytes[11] |= 3;
  // Byte 7 is row 1 and column 2 of each quarter, and its field 2 is bad; byte
  // 11 is row 2, and field 0 comes first.
  auto firstBad = [&](int64_t from, int64_t count) {
    return unpackHuggingFace(bytes.data(), rows, columns, from, count,
                             back.data());
  };
  EXPECT_EQ(firstBad(0, rows), (MatrixPlace{2, 1}));
  EXPECT_EQ(firstBad(3, 9), (MatrixPlace{7, 2}));
  EXPECT_EQ(firstBad(3, 4), std::nullopt);
}
