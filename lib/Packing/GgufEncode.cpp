//===- lib/Packing/GgufEncode.cpp - Digits to blocks of GGUF --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/GgufCodecs.h"
#include "tern/Packing/HalfFloat.h"

#include <algorithm>

using namespace tern;

static void write16(uint16_t value, uint8_t *out) {
  out[0] = static_cast<uint8_t>(value);
  out[1] = static_cast<uint8_t>(value >> 8);
}

/// Two halves of 128 elements, four fields of 32 to each; then the scale. A
/// block of zeros has the scale 0, as other writers do it.
static void encodeTQ2(const int8_t *digits, uint16_t scale, uint8_t *out) {
  std::fill(out, out + 64, uint8_t(0));
  for (int i = 0; i < 256; ++i)
    out[i / 128 * 32 + i % 32] |=
        static_cast<uint8_t>((digits[i] + 1) << i % 128 / 32 * 2);
  bool isZero = std::all_of(digits, digits + 256, [](int8_t d) { return !d; });
  write16(isZero ? 0 : scale, out + 64);
}

void tern::encodeDigits(const GgufEncoding &encoding, const int8_t *digits,
                        int64_t count, float scale, uint8_t *out) {
  uint16_t half = floatToHalf(scale);
  if (encoding.codec == GgufCodec::TQ2_0) {
    for (int64_t i = 0; i < count / 256; ++i)
      encodeTQ2(digits + 256 * i, half, out + 66 * i);
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    uint16_t sign = digits[i] < 0 ? 0x8000 : 0;
    write16(digits[i] ? half | sign : 0, out + 2 * i);
  }
}

/// Calls move(old, new, paired, row) for each row of each head: where it is
/// when paired, and where it is otherwise.
template <typename T, typename Move>
static void forEachHead(T *digits, int64_t heads, int64_t rows, int64_t columns,
                        Move move) {
  int64_t headRows = rows / heads, half = headRows / 2;
  std::vector<T> head(static_cast<size_t>(headRows * columns));
  for (int64_t h = 0; h < heads; ++h) {
    T *at = digits + h * headRows * columns;
    std::copy_n(at, head.size(), head.begin());
    for (int64_t row = 0; row < headRows; ++row)
      move(head.data(), at, row % half * 2 + row / half, row);
  }
}

template <typename T>
void tern::pairRows(T *digits, int64_t heads, int64_t rows, int64_t columns) {
  forEachHead(digits, heads, rows, columns,
              [&](const T *from, T *to, int64_t paired, int64_t row) {
                std::copy_n(from + row * columns, columns,
                            to + paired * columns);
              });
}

template <typename T>
void tern::separateRows(T *digits, int64_t heads, int64_t rows,
                        int64_t columns) {
  forEachHead(digits, heads, rows, columns,
              [&](const T *from, T *to, int64_t paired, int64_t row) {
                std::copy_n(from + paired * columns, columns,
                            to + row * columns);
              });
}

template void tern::pairRows(int8_t *, int64_t, int64_t, int64_t);
template void tern::separateRows(int8_t *, int64_t, int64_t, int64_t);
template void tern::pairRows(float *, int64_t, int64_t, int64_t);
template void tern::separateRows(float *, int64_t, int64_t, int64_t);
