//===- lib/Packing/B2.cpp - Four digits to a byte, two bits each ----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Stored digits, digit + 1, lowest bits first. Checkpoints of Hugging Face have
// the same bytes in another order.
//
//===----------------------------------------------------------------------===//

#include "CodecBuilder.h"

#include "tern/Packing/Packer.h"

#include <algorithm>

using namespace tern;

namespace {

struct B2 : NumberFields<2, 1> {
  /// The low bit of each field that holds 3, which is no digit.
  static constexpr uint8_t invalid(uint8_t byte) {
    return byte & (byte >> 1) & 0x55;
  }
  static constexpr unsigned invalid(const uint8_t *word) {
    return invalid(*word);
  }
};

} // namespace

const Codec codecs::b2 = CodecBuilder<B2>::build("b2", 0);

std::optional<MatrixPlace>
tern::unpackHuggingFace(const uint8_t *bytes, int64_t rows, int64_t columns,
                        int64_t from, int64_t count, int8_t *digits) {
  int64_t quarter = rows / 4;
  for (int64_t row = from; row < from + count; ++row, digits += columns) {
    const uint8_t *packed = bytes + row % quarter * columns;
    int64_t field = row / quarter;
    bool bad = false; // no branch on a digit, so that it is done in vectors
    for (int64_t c = 0; c < columns; ++c) {
      digits[c] = B2::decode(packed + c, field);
      bad |= digits[c] > 1;
    }
    if (bad)
      return MatrixPlace{row, std::find(digits, digits + columns, 2) - digits};
  }
  return std::nullopt;
}
