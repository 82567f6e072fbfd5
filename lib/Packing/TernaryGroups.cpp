//===- lib/Packing/TernaryGroups.cpp - Digits that are floats -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Magnitudes are compared as the integers that their bits are, which are in the
// same order and two of which are neighbours if they differ by one. All loops
// over values are without branches, so that they are done in vectors and take
// no longer than memory.
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/TernaryGroups.h"

#include "tern/Packing/HalfFloat.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

using namespace tern;

namespace {

/// Values at a time: a group, or a part of a wide one.
constexpr int64_t partValues = 256;

template <FloatWord word> struct Bits {
  using Word = std::conditional_t<word == FloatWord::F32, int32_t, int16_t>;
  /// All but the sign, and the smallest magnitude that is no number.
  static constexpr Word kMagnitude = std::numeric_limits<Word>::max();
  static constexpr Word kNotFinite = word == FloatWord::F32   ? 0x7f800000
                                     : word == FloatWord::F16 ? 0x7c00
                                                              : 0x7f80;

  static float toFloat(Word magnitude) {
    if constexpr (word == FloatWord::F16)
      return halfToFloat(static_cast<uint16_t>(magnitude));
    if constexpr (word == FloatWord::BF16)
      return bfloatToFloat(static_cast<uint16_t>(magnitude));
    float value;
    int32_t bits = magnitude;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
};

/// One group, read in parts.
template <FloatWord word> class Group {
public:
  using B = Bits<word>;
  using Word = typename B::Word;

  Group(const uint8_t *values, int64_t width) : values(values), width(width) {
    forEachPart([&](const Word *part, int64_t count, int64_t) {
      Word least = smallest, most = largest;
      for (int64_t i = 0; i < count; ++i) {
        Word magnitude = part[i] & B::kMagnitude;
        least =
            std::min<Word>(least, magnitude == 0 ? B::kMagnitude : magnitude);
        most = std::max<Word>(most, magnitude);
      }
      smallest = least;
      largest = most;
    });
  }

  bool isFinite() const { return largest < B::kNotFinite; }
  bool isExact() const { return largest == 0 || smallest == largest; }
  bool isNear() const {
    return word == FloatWord::F16 && largest - smallest == 1;
  }
  /// If it has one magnitude, or two that are near.
  float scale() const {
    return B::toFloat(largest == 0 || isExact() || !smallerIsMoreFrequent()
                          ? largest
                          : smallest);
  }
  float least() const { return B::toFloat(smallest); }
  float most() const { return B::toFloat(largest); }

  void writeDigits(int8_t *digits) const {
    forEachPart([&](const Word *part, int64_t count, int64_t from) {
      for (int64_t i = 0; i < count; ++i) {
        Word isPositive = part[i] > 0, isZero = (part[i] & B::kMagnitude) == 0;
        digits[from + i] =
            static_cast<int8_t>((isPositive * 2 - 1) * (1 - isZero));
      }
    });
  }

private:
  template <typename Body> void forEachPart(Body body) const {
    Word part[partValues];
    for (int64_t from = 0; from < width; from += partValues) {
      int64_t count = std::min(partValues, width - from);
      std::memcpy(part, values + from * sizeof(Word), count * sizeof(Word));
      body(part, count, from);
    }
  }

  bool smallerIsMoreFrequent() const {
    int64_t small = 0, large = 0;
    forEachPart([&](const Word *part, int64_t count, int64_t) {
      for (int64_t i = 0; i < count; ++i) {
        small += (part[i] & B::kMagnitude) == smallest;
        large += (part[i] & B::kMagnitude) == largest;
      }
    });
    return small > large;
  }

  const uint8_t *values;
  int64_t width;
  Word smallest = B::kMagnitude, largest = 0; ///< of magnitudes but 0
};

template <FloatWord word>
GroupVerdict recover(const uint8_t *values, int64_t rows, int64_t columns,
                     int64_t width, int8_t *digits, float *scales,
                     int64_t &inexact) {
  constexpr int64_t size = sizeof(typename Bits<word>::Word);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; column += width) {
      int64_t at = row * columns + column;
      Group<word> group(values + at * size, width);
      if (!group.isFinite())
        return {GroupVerdict::NotFinite, row, column, group.most()};
      if (!group.isExact() && !group.isNear())
        return {GroupVerdict::NotTernary, row, column, group.least(),
                group.most()};
      inexact += !group.isExact();
      *scales++ = group.scale();
      if (digits)
        group.writeDigits(digits + at);
    }
  return {};
}

} // namespace

GroupVerdict tern::recoverGroups(FloatWord word, const uint8_t *values,
                                 int64_t rows, int64_t columns, int64_t width,
                                 int8_t *digits, float *scales,
                                 int64_t &inexact) {
  switch (word) {
  case FloatWord::F16:
    return recover<FloatWord::F16>(values, rows, columns, width, digits, scales,
                                   inexact);
  case FloatWord::BF16:
    return recover<FloatWord::BF16>(values, rows, columns, width, digits,
                                    scales, inexact);
  case FloatWord::F32:
    break;
  }
  return recover<FloatWord::F32>(values, rows, columns, width, digits, scales,
                                 inexact);
}
