//===- lib/Packing/BaseThree.cpp - Digits as numbers to base 3 ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A number is the index into a table of the sums that its digits can make.
//
//===----------------------------------------------------------------------===//

#include "CodecBuilder.h"

using namespace tern;

namespace {

/// v = sum d_i 3^i in [-121, 121] as sign << 7 | |v|: the low seven bits are an
/// index into half a table, the high bit negates what stands there. Zero has no
/// sign.
struct S5 {
  static constexpr int64_t kBytes = 1, kDigits = 5;
  static constexpr DigitFields kFields{8, 5, true};
  static constexpr int kLargest = 121;

  static constexpr void encode(const int8_t *digits, uint8_t *word) {
    int v = 0;
    for (int64_t i = 0; i < kDigits; ++i)
      v += digits[i] * kPowersOf3[i];
    *word = static_cast<uint8_t>(v < 0 ? 0x80 | -v : v);
  }
  static constexpr int8_t decode(const uint8_t *word, int64_t i) {
    int magnitude = *word & 0x7f;
    int number = kLargest + (*word & 0x80 ? -magnitude : magnitude);
    return static_cast<int8_t>(number / kPowersOf3[i] % 3 - 1);
  }
  static constexpr unsigned invalid(const uint8_t *word) {
    return (*word & 0x7f) > kLargest || *word == 0x80;
  }
};

} // namespace

const Codec codecs::s5 = CodecBuilder<S5>::build("s5", 1);
const Codec codecs::t2 = CodecBuilder<NumberFields<4, 2>>::build("t2", 2);
const Codec codecs::n2 = CodecBuilder<NumberFields<8, 2>>::build("n2", 9);
const Codec codecs::t4 = CodecBuilder<NumberFields<8, 4>>::build("t4", 3);
