//===- lib/Packing/P2.cpp - Two rows in each half word --------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Sixteen fields of two bits in a little endian word of 32. Digits 0 to 7 are
// stored as digit + 1, digits 8 to 15 (of another row) as two's complement, so
// that rotating the word right by 2s bits (s = 0, 2, 4, 6) and masking with
// 0xC003C003 leaves the half words
//   (d[s] + 1) + 2^14 d[8 + s]   and   (d[s + 1] + 1) + 2^14 d[9 + s],
// and one multiplication of half words (SMLAD of ARM) makes products of both
// rows.
//
//===----------------------------------------------------------------------===//

#include "CodecBuilder.h"

using namespace tern;

namespace {

constexpr int64_t kDigitsOfWord = 16;

struct Fields {
  ScatteredField of[kDigitsOfWord];
  constexpr Fields() : of() {
    for (int64_t i = 0; i < kDigitsOfWord; ++i) {
      int64_t column = i % 8, low = column & ~int64_t(1);
      bool isSecondRow = i >= 8;
      int64_t field = low + (column % 2 ? 8 : 0) + (isSecondRow ? 7 : 0);
      of[i].runs[0] = {2 * (field % 16), 2};
      of[i].added = isSecondRow; // two's complement to digit + 1
    }
  }
};
constexpr Fields kWord;

struct P2 {
  static constexpr int64_t kBytes = 4, kDigits = kDigitsOfWord;
  static constexpr DigitFields kFields{2, 1, false, false, kWord.of};

  static constexpr int stored(const uint8_t *word, int64_t i) {
    return static_cast<int>(kWord.of[i].gather(loadWord(word, kBytes)));
  }
  static constexpr void encode(const int8_t *digits, uint8_t *word) {
    uint64_t bits = 0;
    for (int64_t i = 0; i < kDigits; ++i)
      bits |= kWord.of[i].scatter(static_cast<uint64_t>(digits[i] + 1));
    storeWord(bits, word, kBytes);
  }
  static constexpr int8_t decode(const uint8_t *word, int64_t i) {
    return static_cast<int8_t>(stored(word, i) - 1);
  }
  static constexpr unsigned invalid(const uint8_t *word) {
    unsigned count = 0;
    for (int64_t i = 0; i < kDigits; ++i)
      count += stored(word, i) == 3;
    return count;
  }
};

} // namespace

const Codec codecs::p2 = CodecBuilder<P2>::build("p2", 5);
