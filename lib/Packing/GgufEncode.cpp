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

/// Two halves of 128 elements, four fields of 32 to each; then the scale.
static void encodeTQ2(const int8_t *digits, uint16_t scale, uint8_t *out) {
  std::fill(out, out + 64, uint8_t(0));
  for (int i = 0; i < 256; ++i)
    out[i / 128 * 32 + i % 32] |=
        static_cast<uint8_t>((digits[i] + 1) << i % 128 / 32 * 2);
  write16(scale, out + 64);
}

/// The scale, then four elements to a byte.
static void encodeQ2(const int8_t *digits, int64_t elements, uint16_t scale,
                     uint8_t *out) {
  write16(scale, out);
  for (int64_t i = 0; i < elements; i += 4)
    out[2 + i / 4] = static_cast<uint8_t>(
        (digits[i] + 1) | (digits[i + 1] + 1) << 2 | (digits[i + 2] + 1) << 4 |
        (digits[i + 3] + 1) << 6);
}

/// Bytes of `places` digits that lie `width` apart, as a fraction of 256 that
/// is rounded up; places that are missing are 0.
static void encodeTrits(const int8_t *digits, int width, int places,
                        uint8_t *out) {
  for (int i = 0; i < width; ++i) {
    int value = 0;
    for (int place = 0; place < 5; ++place)
      value = 3 * value + (place < places ? digits[place * width + i] + 1 : 0);
    out[i] = static_cast<uint8_t>((value * 256 + 242) / 243);
  }
}

static void encodePTQ1(const int8_t *digits, uint16_t scale, uint8_t *out) {
  encodeTrits(digits, 16, 5, out);
  encodeTrits(digits + 80, 8, 5, out + 16);
  encodeTrits(digits + 120, 2, 4, out + 24);
  write16(scale, out + 26);
}

static void encodeF16(const int8_t *digits, int64_t count, uint16_t scale,
                      uint8_t *out) {
  for (int64_t i = 0; i < count; ++i) {
    uint16_t sign = digits[i] < 0 ? 0x8000 : 0;
    write16(digits[i] ? scale | sign : 0, out + 2 * i);
  }
}

bool tern::canEncode(const GgufEncoding &encoding) {
  switch (encoding.codec) {
  case GgufCodec::F16:
  case GgufCodec::TQ2_0:
  case GgufCodec::Q2_0_G64:
  case GgufCodec::Q2_0_G128:
  case GgufCodec::PQ2_0:
  case GgufCodec::PTQ1_0:
    return true;
  default:
    return false;
  }
}

void tern::encodeDigits(const GgufEncoding &encoding, const int8_t *digits,
                        int64_t count, float scale, uint8_t *out) {
  uint16_t half = floatToHalf(scale);
  if (encoding.codec == GgufCodec::F16)
    return encodeF16(digits, count, half, out);
  int64_t elements = encoding.blockElements;
  for (int64_t i = 0; i < count / elements; ++i) {
    const int8_t *block = digits + i * elements;
    uint8_t *to = out + i * encoding.blockBytes;
    bool isZero =
        std::all_of(block, block + elements, [](int8_t d) { return d == 0; });
    uint16_t ofBlock = isZero ? 0 : half;
    if (encoding.codec == GgufCodec::TQ2_0)
      encodeTQ2(block, ofBlock, to);
    else if (encoding.codec == GgufCodec::PTQ1_0)
      encodePTQ1(block, ofBlock, to);
    else
      encodeQ2(block, elements, ofBlock, to);
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
