//===- GgufEncoders.h - Blocks of GGUF, written -----------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The opposite direction of lib/Packing/GgufCodecs.cpp, from the description of
// the blocks and not from that code. A row is a whole number of blocks.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_PACKING_GGUFENCODERS_H
#define TERN_TEST_UNIT_PACKING_GGUFENCODERS_H

#include "Import/TinyGguf.h"

#include "tern/Packing/GgufCodecs.h"
#include "tern/Packing/HalfFloat.h"

#include <stdexcept>

namespace tern {

inline std::string halfBytes(float value) {
  return little(floatToHalf(value), 2);
}

/// Five digits as a fraction of 256, rounded up.
inline char packFive(int first, int second, int third, int fourth, int fifth) {
  int value = (((first * 3 + second) * 3 + third) * 3 + fourth) * 3 + fifth;
  return static_cast<char>((value * 256 + 242) / 243);
}

inline std::string encodeTQ1(const int8_t *d, float scale) {
  std::string out;
  auto five = [&](int start, int step) {
    auto at = [&](int i) { return d[start + i * step] + 1; };
    out += packFive(at(0), at(1), at(2), at(3), at(4));
  };
  for (int m = 0; m < 32; ++m)
    five(m, 32);
  for (int m = 0; m < 16; ++m)
    five(160 + m, 16);
  for (int j = 0; j < 4; ++j)
    out += packFive(d[240 + j] + 1, d[244 + j] + 1, d[248 + j] + 1,
                    d[252 + j] + 1, 0);
  return out + halfBytes(scale);
}

/// Digits of a byte lie 16, 8 or 2 apart; the last two bytes have four.
inline std::string encodePTQ1(const int8_t *d, float scale) {
  std::string out;
  auto five = [&](int start, int step) {
    auto at = [&](int i) { return d[start + i * step] + 1; };
    out += packFive(at(0), at(1), at(2), at(3), at(4));
  };
  for (int m = 0; m < 16; ++m)
    five(m, 16);
  for (int m = 0; m < 8; ++m)
    five(80 + m, 8);
  for (int h = 0; h < 2; ++h)
    out += packFive(d[120 + h] + 1, d[122 + h] + 1, d[124 + h] + 1,
                    d[126 + h] + 1, 0);
  return out + halfBytes(scale);
}

inline std::string encodeTQ2(const int8_t *d, float scale) {
  std::string out(64, '\0');
  for (int g = 0; g < 2; ++g)
    for (int l = 0; l < 4; ++l)
      for (int m = 0; m < 32; ++m)
        out[g * 32 + m] |=
            static_cast<char>((d[g * 128 + l * 32 + m] + 1) << 2 * l);
  return out + halfBytes(scale);
}

/// `width` is 32 on x86 and 16 on ARM.
inline std::string encodeI2(const int8_t *d, int width) {
  std::string out(width, '\0');
  for (int j = 0; j < 4 * width; ++j)
    out[j % width] |= static_cast<char>((d[j] + 1) << (6 - 2 * (j / width)));
  return out;
}

inline std::string encodeQ2(const int8_t *d, int elements, float scale) {
  std::string out = halfBytes(scale);
  for (int j = 0; j < elements; j += 4)
    out += static_cast<char>((d[j] + 1) | (d[j + 1] + 1) << 2 |
                             (d[j + 2] + 1) << 4 | (d[j + 3] + 1) << 6);
  return out;
}

inline std::string encodeIQ1(const int8_t *d) {
  std::string out;
  for (int g = 0; g < 4; ++g)
    for (int k = 0; k < 3; ++k) {
      const int8_t *five = d + 16 * g + 5 * k;
      out += packFive(five[4] + 1, five[3] + 1, five[2] + 1, five[1] + 1,
                      five[0] + 1);
    }
  out += packFive(0, d[63] + 1, d[47] + 1, d[31] + 1, d[15] + 1);
  return out;
}

inline std::string encodeIQ2(const int8_t *d) {
  std::string out(16, '\0');
  for (int k = 0; k < 4; ++k)
    for (int j = 0; j < 16; ++j)
      out[j] |= static_cast<char>((d[j + 16 * k] + 1) << 2 * k);
  return out;
}

inline std::string encodeBlock(GgufCodec codec, const int8_t *digits,
                               float scale) {
  switch (codec) {
  case GgufCodec::TQ1_0:
    return encodeTQ1(digits, scale);
  case GgufCodec::TQ2_0:
    return encodeTQ2(digits, scale);
  case GgufCodec::I2_S:
    return encodeI2(digits, 32);
  case GgufCodec::I2_S_ARM:
    return encodeI2(digits, 16);
  case GgufCodec::Q2_0_G64:
    return encodeQ2(digits, 64, scale);
  case GgufCodec::Q2_0_G128:
  case GgufCodec::PQ2_0:
    return encodeQ2(digits, 128, scale);
  case GgufCodec::PTQ1_0:
    return encodePTQ1(digits, scale);
  case GgufCodec::IQ1_BN:
    return encodeIQ1(digits);
  case GgufCodec::IQ2_BN:
    return encodeIQ2(digits);
  default:
    throw std::logic_error("not a ternary encoding");
  }
}

/// A whole matrix with one scale.
inline std::string encodeMatrix(const GgufEncoding &encoding,
                                const std::vector<int8_t> &digits,
                                int64_t columns, float scale) {
  std::string out;
  int64_t rows = static_cast<int64_t>(digits.size()) / columns;
  for (int64_t r = 0; r < rows; ++r) {
    if (encoding.codec == GgufCodec::IQ1_BN)
      out += halfBytes(scale);
    if (encoding.codec == GgufCodec::IQ2_BN)
      out += little(scale);
    for (int64_t c = 0; c < columns; c += encoding.blockElements)
      out += encodeBlock(encoding.codec, &digits[r * columns + c], scale);
  }
  if (encoding.id == 36)
    out += little(scale) + std::string(28, '\0');
  return out;
}

} // namespace tern

#endif // TERN_TEST_UNIT_PACKING_GGUFENCODERS_H
