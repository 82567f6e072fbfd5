//===- CodecTest.cpp - Every byte of every codec --------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/Codec.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <random>
#include <set>

using namespace tern;

namespace {

using Word = std::vector<uint8_t>;

std::vector<int8_t> decode(const Codec &codec, const Word &word) {
  std::vector<int8_t> digits(codec.wordDigits);
  for (int64_t i = 0; i < codec.wordDigits; ++i)
    digits[i] = codec.decode(word.data(), i);
  return digits;
}

Word encode(const Codec &codec, const std::vector<int8_t> &digits) {
  Word word(codec.wordBytes, 0xa5);
  codec.encode(digits.data(), word.data());
  return word;
}

/// A valid word has digits that make it again; all others are refused.
void checkWord(const Codec &codec, const Word &word) {
  std::vector<int8_t> digits = decode(codec, word);
  bool areDigits = std::all_of(digits.begin(), digits.end(), [&](int8_t d) {
    return d >= codec.lowest() && d <= codec.highest();
  });
  bool isMade = areDigits && encode(codec, digits) == word;
  EXPECT_EQ(codec.isValid(word.data()), isMade)
      << codec.name << " " << testing::PrintToString(word);
}

/// How many digits there are.
int range(const Codec &codec) { return codec.highest() - codec.lowest() + 1; }

int8_t randomDigit(const Codec &codec, std::mt19937 &random) {
  return static_cast<int8_t>(codec.lowest() +
                             static_cast<int>(random() % range(codec)));
}

Word zeroWord(const Codec &codec) {
  return Word(codec.zero, codec.zero + codec.wordBytes);
}

} // namespace

TEST(Codec, NamesAndNumbersAreFixed) {
  // In artifacts: a name or number is never given to another codec.
  const std::pair<const char *, uint32_t> expected[] = {
      {"b2", 0}, {"s5", 1}, {"t2", 2}, {"t4", 3}, {"t3p5", 4}, {"p2", 5},
      {"i4", 6}, {"i6", 7}, {"b8", 8}, {"n2", 9}, {"u2", 10}};
  ASSERT_EQ(allCodecs().size(), std::size(expected));
  for (size_t i = 0; i < std::size(expected); ++i) {
    EXPECT_STREQ(allCodecs()[i]->name, expected[i].first);
    EXPECT_EQ(allCodecs()[i]->number, expected[i].second);
    EXPECT_EQ(findCodec(expected[i].first), allCodecs()[i]);
  }
  EXPECT_EQ(findCodec("b3"), nullptr);
  EXPECT_EQ(findCodec(""), nullptr);
}

TEST(Codec, RecordsHoldTogether) {
  for (const Codec *codec : allCodecs()) {
    ASSERT_LE(codec->wordBytes, Codec::kMaxWordBytes);
    ASSERT_LE(codec->wordDigits, Codec::kMaxWordDigits);
    EXPECT_EQ(decode(*codec, zeroWord(*codec)),
              std::vector<int8_t>(codec->wordDigits, 0));
    EXPECT_TRUE(codec->isValid(codec->zero));
    EXPECT_EQ(8 * codec->wordBytes / codec->fields.bits * codec->fields.digits,
              codec->wordDigits);
  }
}

TEST(Codec, EveryByte) {
  for (const Codec *codec : allCodecs()) {
    // Every byte at every place of a word, the others zeros or anything valid.
    std::mt19937 random(5);
    for (int64_t at = 0; at < codec->wordBytes; ++at)
      for (int byte = 0; byte < 256; ++byte)
        for (int other = 0; other < (codec->wordBytes == 1 ? 1 : 4); ++other) {
          Word word = zeroWord(*codec);
          if (other > 0) {
            std::vector<int8_t> digits(codec->wordDigits);
            for (int8_t &digit : digits)
              digit = randomDigit(*codec, random);
            word = encode(*codec, digits);
          }
          word[at] = static_cast<uint8_t>(byte);
          checkWord(*codec, word);
        }
  }
}

TEST(Codec, EveryDigitsOfAByte) {
  // As many different words as there are digits, each with these digits.
  for (const Codec *codec : allCodecs()) {
    if (codec->wordBytes > 1)
      continue;
    int64_t count = 1;
    for (int64_t i = 0; i < codec->wordDigits; ++i)
      count *= range(*codec);
    std::set<Word> words;
    for (int64_t n = 0; n < count; ++n) {
      std::vector<int8_t> digits(codec->wordDigits);
      int64_t rest = n;
      for (int8_t &digit : digits) {
        digit = static_cast<int8_t>(codec->lowest() + rest % range(*codec));
        rest /= range(*codec);
      }
      Word word = encode(*codec, digits);
      words.insert(word);
      ASSERT_TRUE(codec->isValid(word.data())) << codec->name;
      ASSERT_EQ(decode(*codec, word), digits) << codec->name;
    }
    EXPECT_EQ(static_cast<int64_t>(words.size()), count) << codec->name;
  }
}

TEST(Codec, EachDigitOfLongerWords) {
  // Digits do not touch each other: all pairs of digits of a word.
  for (const Codec *codec : {&codecs::t3p5, &codecs::p2, &codecs::i6})
    for (int64_t i = 0; i < codec->wordDigits; ++i)
      for (int64_t j = 0; j < codec->wordDigits; ++j)
        for (int pair = 0; pair < range(*codec) * range(*codec); ++pair) {
          std::vector<int8_t> digits(codec->wordDigits, 0);
          digits[i] =
              static_cast<int8_t>(codec->lowest() + pair % range(*codec));
          digits[j] =
              static_cast<int8_t>(codec->lowest() + pair / range(*codec));
          Word word = encode(*codec, digits);
          ASSERT_TRUE(codec->isValid(word.data()));
          ASSERT_EQ(decode(*codec, word), digits) << codec->name;
        }
}

TEST(Codec, FieldsDescribeTheDigits) {
  // As Codec.h says, by arithmetic of its own: what portable kernels do.
  const int powers[] = {1, 3, 9, 27, 81};
  for (const Codec *codec : allCodecs()) {
    const DigitFields &fields = codec->fields;
    std::mt19937 random(8);
    for (int n = 0; n < (codec->wordBytes == 1 ? 256 : 4096); ++n) {
      Word word = {static_cast<uint8_t>(n)};
      if (codec->wordBytes > 1) {
        std::vector<int8_t> digits(codec->wordDigits);
        for (int8_t &digit : digits)
          digit = randomDigit(*codec, random);
        word = encode(*codec, digits);
      }
      if (!codec->isValid(word.data()))
        continue;
      uint64_t number = 0;
      for (int64_t i = 0; i < codec->wordBytes; ++i)
        number |= uint64_t(word[i]) << 8 * i;
      auto bitsFrom = [&](int64_t from, int64_t count) {
        return static_cast<int>(number >> from & ((1 << count) - 1));
      };
      for (int64_t i = 0; i < codec->wordDigits; ++i) {
        int64_t f = i / fields.digits;
        int field = bitsFrom(fields.bits * f, fields.bits);
        if (fields.scattered) {
          int64_t at = 0;
          field = 0;
          for (auto [from, count] : fields.scattered[f].runs) {
            field += bitsFrom(from, count) << at;
            at += count;
          }
          EXPECT_EQ(at, fields.bits);
          field = (field + fields.scattered[f].added) % (1 << at);
        }
        if (fields.isInteger) {
          int offset = fields.isUnsigned ? 0 : 1 << (fields.bits - 1);
          EXPECT_EQ(field - offset, codec->decode(word.data(), i))
              << codec->name << " " << number;
          continue;
        }
        if (fields.isSignMagnitude) {
          int sign = 1 << (fields.bits - 1);
          field = 121 + (field >= sign ? -(field - sign) : field);
        }
        EXPECT_EQ(field / powers[i % fields.digits] % 3 - 1,
                  codec->decode(word.data(), i))
            << codec->name << " " << number;
      }
    }
  }
}

TEST(Codec, BytesAreFixed) {
  EXPECT_EQ(encode(codecs::b2, {1, 0, -1, 1}), (Word{0x86}));
  EXPECT_EQ(encode(codecs::b2, {0, 0, 0, 0}), (Word{0x55}));
  // 1 - 3 + 81 = 79, and its negative.
  EXPECT_EQ(encode(codecs::s5, {1, -1, 0, 0, 1}), (Word{79}));
  EXPECT_EQ(encode(codecs::s5, {-1, 1, 0, 0, -1}), (Word{0x80 | 79}));
  EXPECT_EQ(encode(codecs::s5, {1, 1, 1, 1, 1}), (Word{121}));
  EXPECT_EQ(encode(codecs::s5, {0, 0, 0, 0, 0}), (Word{0}));
  EXPECT_FALSE(codecs::s5.isValid(Word{0x80}.data()));
  EXPECT_FALSE(codecs::s5.isValid(Word{122}.data()));
  EXPECT_EQ(encode(codecs::t2, {1, 0, -1, 1}), (Word{5 | 6 << 4}));
  EXPECT_EQ(encode(codecs::t4, {1, 0, -1, 1}), (Word{2 + 3 + 0 + 54}));
  EXPECT_EQ(encode(codecs::t4, {1, 1, 1, 1}), (Word{80}));
  EXPECT_EQ(encode(codecs::u2, {1, 0, 3, 2}), (Word{0xb1}));
  EXPECT_EQ(encode(codecs::i4, {0, 0}), (Word{0x88}));
  EXPECT_EQ(encode(codecs::i4, {-8, 7}), (Word{0xf0}));
  // 1, 2, 63 and 0 in 24 bits.
  EXPECT_EQ(encode(codecs::i6, {-31, -30, 31, -32}), (Word{0x81, 0xf0, 0x03}));
}

TEST(Codec, ThreeDigitsComeDownByTwoShifts) {
  // Number 5 of t3p5 as NEON unpacks it: SRI by 3, then USHR by 3.
  std::mt19937 random(6);
  for (int i = 0; i < 200; ++i) {
    std::vector<int8_t> digits(24);
    for (int8_t &digit : digits)
      digit = static_cast<int8_t>(random() % 3) - 1;
    Word b = encode(codecs::t3p5, digits);
    auto insert = [](int x, int y) { return ((x & 0xe0) | y >> 3) >> 3; };
    int bits = (b[1] << 2 & 0x80) | (b[3] << 1 & 0x40);
    const int numbers[] = {
        b[0] & 31, b[1] & 31,          b[2] & 31,          b[3] & 31,
        b[4] & 31, insert(b[0], b[1]), insert(b[2], b[3]), insert(b[4], bits)};
    for (int n = 0; n < 8; ++n)
      EXPECT_EQ(numbers[n], digits[3 * n] + 1 + 3 * (digits[3 * n + 1] + 1) +
                                9 * (digits[3 * n + 2] + 1));
  }
}

TEST(Codec, OneMaskFitsAllStepsOfPairs) {
  // A half word of p2 is (a + 1) + 2^14 b after rotation and one mask.
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) {
    std::vector<int8_t> digits(16);
    for (int8_t &digit : digits)
      digit = static_cast<int8_t>(random() % 3) - 1;
    Word bytes = encode(codecs::p2, digits);
    uint32_t word = bytes[0] | bytes[1] << 8 | bytes[2] << 16 |
                    static_cast<uint32_t>(bytes[3]) << 24;
    for (int s = 0; s < 8; s += 2) {
      uint32_t rotated = s ? word >> 2 * s | word << (32 - 2 * s) : word;
      uint32_t t = rotated & 0xC003C003u;
      for (int lane = 0; lane < 2; ++lane)
        EXPECT_EQ(static_cast<int16_t>(t >> 16 * lane),
                  digits[s + lane] + 1 + (digits[8 + s + lane] * (1 << 14)));
    }
  }
}
