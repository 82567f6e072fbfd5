//===- lib/Packing/T3P5.cpp - Eight numbers of three digits in five bytes -===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A number of three digits to base 3 has five bits. Numbers 0 to 4 are the low
// bits of bytes 0 to 4; the high three bits of the bytes hold the others such
// that two shifts of whole bytes bring each one down (SRI and USHR of NEON):
//   number 5   byte 0 bits 7..5, byte 1 bits 7..6
//   number 6   byte 2 bits 7..5, byte 3 bits 7..6
//   number 7   byte 4 bits 7..5, byte 1 bit 5, byte 3 bit 5
//
//===----------------------------------------------------------------------===//

#include "CodecBuilder.h"

using namespace tern;

namespace {

constexpr ScatteredField kNumbers[] = {
    {{{0, 5}}},           {{{8, 5}}},
    {{{16, 5}}},          {{{24, 5}}},
    {{{32, 5}}},          {{{14, 2}, {5, 3}}},
    {{{30, 2}, {21, 3}}}, {{{29, 1}, {13, 1}, {37, 3}}}};

struct T3P5 {
  static constexpr int64_t kBytes = 5, kDigits = 24;
  static constexpr DigitFields kFields{5, 3, false, false, kNumbers};

  static constexpr int number(const uint8_t *word, int64_t n) {
    return static_cast<int>(kNumbers[n].gather(loadWord(word, kBytes)));
  }
  static constexpr void encode(const int8_t *digits, uint8_t *word) {
    uint64_t bits = 0;
    for (int64_t i = 0; i < kDigits; i += 3)
      bits |= kNumbers[i / 3].scatter(digits[i] + 1 + 3 * (digits[i + 1] + 1) +
                                      9 * (digits[i + 2] + 1));
    storeWord(bits, word, kBytes);
  }
  static constexpr int8_t decode(const uint8_t *word, int64_t i) {
    return static_cast<int8_t>(number(word, i / 3) / kPowersOf3[i % 3] % 3 - 1);
  }
  static constexpr unsigned invalid(const uint8_t *word) {
    unsigned count = 0;
    for (int64_t n = 0; n < 8; ++n)
      count += number(word, n) >= 27;
    return count;
  }
};

} // namespace

const Codec codecs::t3p5 = CodecBuilder<T3P5>::build("t3p5", 4);
