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

/// The row and column of the first digit of byte `bad` that is none.
static MatrixPlace findInvalid(const uint8_t *bytes, int64_t bad,
                               int64_t quarter, int64_t columns) {
  int64_t field = 0;
  while (B2::field(bytes[bad], field) < 3)
    ++field;
  return {field * quarter + bad / columns, bad % columns};
}

std::optional<MatrixPlace> tern::unpackHuggingFace(const uint8_t *bytes,
                                                   int64_t rows,
                                                   int64_t columns,
                                                   int8_t *digits) {
  int64_t quarter = rows / 4, count = quarter * columns;
  for (int64_t r = 0; r < quarter; ++r) {
    const uint8_t *from = bytes + r * columns;
    uint8_t bad = 0;
    for (int64_t c = 0; c < columns; ++c)
      bad |= B2::invalid(from[c]);
    if (bad)
      for (int64_t c = 0; c < columns; ++c)
        if (B2::invalid(from[c]))
          return findInvalid(bytes, r * columns + c, quarter, columns);
    for (int64_t i = 0; i < 4; ++i) {
      int8_t *to = digits + i * count + r * columns;
      for (int64_t c = 0; c < columns; ++c)
        to[c] = B2::decode(from + c, i);
    }
  }
  return std::nullopt;
}
