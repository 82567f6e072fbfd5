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

struct P2 {
  static constexpr int64_t kBytes = 4, kDigits = 16;
  static constexpr DigitFields kFields{};

  static constexpr bool isSecondRow(int64_t i) { return i >= 8; }
  static constexpr int64_t field(int64_t i) {
    int64_t column = i % 8, low = column & ~int64_t(1);
    return (low + (column % 2 ? 8 : 0) + (isSecondRow(i) ? 7 : 0)) % 16;
  }
  static constexpr int code(const uint8_t *word, int64_t i) {
    return word[field(i) / 4] >> 2 * (field(i) % 4) & 3;
  }
  static constexpr void encode(const int8_t *digits, uint8_t *word) {
    for (int64_t b = 0; b < kBytes; ++b)
      word[b] = 0;
    for (int64_t i = 0; i < kDigits; ++i) {
      int code = isSecondRow(i) ? digits[i] & 3 : digits[i] + 1;
      word[field(i) / 4] |= static_cast<uint8_t>(code << 2 * (field(i) % 4));
    }
  }
  static constexpr int8_t decode(const uint8_t *word, int64_t i) {
    int stored = code(word, i);
    return static_cast<int8_t>(!isSecondRow(i) ? stored - 1
                               : stored == 3   ? -1
                                               : stored);
  }
  static constexpr unsigned invalid(const uint8_t *word) {
    unsigned count = 0;
    for (int64_t i = 0; i < kDigits; ++i)
      count += code(word, i) == (isSecondRow(i) ? 2 : 3);
    return count;
  }
};

} // namespace

const Codec codecs::p2 = CodecBuilder<P2>::build("p2", 5);
