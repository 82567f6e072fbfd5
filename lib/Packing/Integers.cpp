//===- lib/Packing/Integers.cpp - Integers of few bits         -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Fields of a little endian word, lowest bits first, each an integer plus half
// of its range, so that it is the unsigned side of a dot product; two bits are
// not negative as they are. Every word is valid.
//
//===----------------------------------------------------------------------===//

#include "CodecBuilder.h"

using namespace tern;

namespace {

template <int64_t bits, int64_t bytes, bool isUnsigned = false>
struct IntegerFields {
  static constexpr int64_t kBytes = bytes, kDigits = 8 * bytes / bits;
  static constexpr DigitFields kFields{bits, 1,       false,
                                       true, nullptr, isUnsigned};
  static constexpr int kOffset = isUnsigned ? 0 : 1 << (bits - 1);

  static constexpr void encode(const int8_t *digits, uint8_t *word) {
    uint32_t number = 0;
    for (int64_t i = 0; i < kDigits; ++i)
      number |= static_cast<uint32_t>(digits[i] + kOffset) << bits * i;
    for (int64_t i = 0; i < kBytes; ++i)
      word[i] = static_cast<uint8_t>(number >> 8 * i);
  }
  static constexpr int8_t decode(const uint8_t *word, int64_t i) {
    uint32_t number = 0;
    for (int64_t b = 0; b < kBytes; ++b)
      number |= static_cast<uint32_t>(word[b]) << 8 * b;
    int field = static_cast<int>(number >> bits * i & ((1u << bits) - 1));
    return static_cast<int8_t>(field - kOffset);
  }
  static constexpr unsigned invalid(const uint8_t *) { return 0; }
};

} // namespace

const Codec codecs::i4 = CodecBuilder<IntegerFields<4, 1>>::build("i4", 6);
const Codec codecs::i6 = CodecBuilder<IntegerFields<6, 3>>::build("i6", 7);
const Codec codecs::u2 =
    CodecBuilder<IntegerFields<2, 1, true>>::build("u2", 10);
