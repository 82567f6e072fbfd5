//===- lib/Packing/GgufCodecs.cpp - Tensor encodings of GGUF --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/GgufCodecs.h"

#include "GgufWords.h"
#include "tern/Packing/HalfFloat.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

using namespace tern;

//===----------------------------------------------------------------------===//
// Ternary blocks
//===----------------------------------------------------------------------===//

/// Digit `place` of the five that share a byte. The byte is a fraction of 256,
/// rounded up, whose first base-3 place is the first digit; multiplying by a
/// power of three modulo 256 drops the places in front.
static int8_t tritOf(uint8_t byte, int place) {
  static constexpr uint8_t powers[] = {1, 3, 9, 27, 81};
  auto rest = static_cast<uint8_t>(byte * powers[place]);
  return static_cast<int8_t>((rest * 3 >> 8) - 1);
}

/// Byte i of `width` holds digits i, width + i, 2 * width + i and so on.
/// Returns the end of what is written.
template <int width, int places>
static int8_t *decodeTrits(const uint8_t *bytes, int8_t *out) {
  for (int place = 0; place < places; ++place)
    for (int i = 0; i < width; ++i)
      *out++ = tritOf(bytes[i], place);
  return out;
}

static void decodeTQ1(const uint8_t *block, int8_t *out) {
  out = decodeTrits<32, 5>(block, out);
  out = decodeTrits<16, 5>(block + 32, out);
  decodeTrits<4, 4>(block + 48, out);
}

static void decodePTQ1(const uint8_t *block, int8_t *out) {
  out = decodeTrits<16, 5>(block, out);
  out = decodeTrits<8, 5>(block + 16, out);
  decodeTrits<2, 4>(block + 24, out);
}

/// Three bytes of five digits and one digit of the last byte make sixteen; here
/// the first digit is the last base-3 place.
static void decodeIQ1(const uint8_t *block, int8_t *out) {
  for (int group = 0; group < 4; ++group) {
    for (int i = 0; i < 15; ++i)
      out[16 * group + i] = tritOf(block[3 * group + i / 5], 4 - i % 5);
    out[16 * group + 15] = tritOf(block[12], 4 - group);
  }
}

/// Two-bit codes, four to a byte: element g * 4w + k * w + j has field k of
/// byte g * w + j, from the top if `fromTop`.
template <int width, bool fromTop>
static void decodeFields(const uint8_t *bytes, int64_t elements, int8_t *out) {
  for (int64_t group = 0; group < elements / (4 * width); ++group)
    for (int field = 0; field < 4; ++field)
      for (int i = 0; i < width; ++i) {
        int shift = 2 * (fromTop ? 3 - field : field);
        *out++ =
            static_cast<int8_t>((bytes[group * width + i] >> shift & 3) - 1);
      }
}

/// The digits of all bytes, four to each.
static const std::array<std::array<int8_t, 4>, 256> &digitsOfBytes() {
  static const auto all = [] {
    std::array<std::array<int8_t, 4>, 256> table{};
    for (int byte = 0; byte < 256; ++byte)
      for (int i = 0; i < 4; ++i)
        table[byte][i] = static_cast<int8_t>((byte >> 2 * i & 3) - 1);
    return table;
  }();
  return all;
}

/// Element i has bits 2 (i % 4) and up of byte i / 4.
static void decodeAdjacent(const uint8_t *bytes, int64_t elements,
                           int8_t *out) {
  const auto &table = digitsOfBytes();
  for (int64_t i = 0; i < elements / 4; ++i)
    std::memcpy(out + 4 * i, table[bytes[i]].data(), 4);
}

/// The digits of one block. `scale` is null where the block has none.
static void decodeBlock(const GgufEncoding &encoding, const uint8_t *block,
                        int8_t *out, const uint8_t *&scale) {
  scale = nullptr;
  int64_t elements = encoding.blockElements;
  switch (encoding.codec) {
  case GgufCodec::TQ1_0:
    scale = block + 52;
    return decodeTQ1(block, out);
  case GgufCodec::TQ2_0:
    scale = block + 64;
    return decodeFields<32, false>(block, elements, out);
  case GgufCodec::PTQ1_0:
    scale = block + 26;
    return decodePTQ1(block, out);
  case GgufCodec::I2_S:
    return decodeFields<32, true>(block, elements, out);
  case GgufCodec::I2_S_ARM:
    return decodeFields<16, true>(block, elements, out);
  case GgufCodec::Q2_0_G64:
  case GgufCodec::Q2_0_G128:
  case GgufCodec::PQ2_0:
    scale = block;
    return decodeAdjacent(block + 2, elements, out);
  case GgufCodec::Codes:
    return decodeAdjacent(block, elements, out);
  case GgufCodec::IQ1_BN:
    return decodeIQ1(block, out);
  case GgufCodec::IQ2_BN:
    return decodeFields<16, false>(block, elements, out);
  default:
    return;
  }
}

/// No branch on an element, so that both are done in vectors.
static bool hasOtherCodes(const int8_t *digits, int64_t count) {
  bool found = false;
  for (int64_t i = 0; i < count; ++i)
    found |= digits[i] > 1;
  return found;
}
static bool areAllZero(const int8_t *digits, int64_t count) {
  int8_t any = 0;
  for (int64_t i = 0; i < count; ++i)
    any |= digits[i];
  return any == 0;
}

namespace {

/// Puts a matrix together and sees whether one scale fits all of it.
class DigitReader {
public:
  DigitReader(const GgufEncoding &encoding, int64_t columns, int8_t *digits)
      : encoding(encoding), columns(columns), digits(digits) {}

  GgufVerdict read(const uint8_t *bytes, int64_t rows) {
    int64_t blocks = columns / encoding.blockElements;
    int64_t rowBytes = encoding.rowPrefix + blocks * encoding.blockBytes;
    for (int64_t row = 0; row < rows && isFine(); ++row) {
      const uint8_t *at = bytes + row * rowBytes;
      int64_t start = row * columns;
      for (int64_t b = 0; b < blocks && isFine(); ++b)
        readBlock(at + encoding.rowPrefix + b * encoding.blockBytes,
                  start + b * encoding.blockElements);
      if (encoding.rowPrefix && isFine())
        addScale(encoding.rowPrefix == 2 ? halfToFloat(read16(at))
                                         : readFloat(at),
                 start, columns);
    }
    if (encoding.suffix && isFine())
      addScale(readFloat(bytes + rows * rowBytes), 0, rows * columns);
    return verdict;
  }

  /// A matrix of zeros has any scale.
  float alpha() const { return found ? first : 1e-5f; }

private:
  bool isFine() const {
    return verdict.problem == GgufVerdict::None ||
           verdict.problem == GgufVerdict::Differs;
  }

  void readBlock(const uint8_t *block, int64_t start) {
    const uint8_t *scale;
    int8_t *out = digits + start;
    decodeBlock(encoding, block, out, scale);
    if (hasOtherCodes(out, encoding.blockElements))
      return fail(GgufVerdict::NotADigit,
                  std::find(out, out + encoding.blockElements, 2) - digits, 0);
    if (scale)
      addScale(halfToFloat(read16(scale)), start, encoding.blockElements);
  }

  void addScale(float scale, int64_t start, int64_t count) {
    int8_t *from = digits + start;
    if (!std::isfinite(scale) || scale < 0)
      return fail(GgufVerdict::BadScale, start, scale);
    if (scale == 0)
      std::fill(from, from + count, int8_t(0));
    if (areAllZero(from, count))
      return;
    if (found && scale != first)
      return fail(GgufVerdict::Differs, start, scale);
    found = true;
    first = scale;
  }

  void fail(GgufVerdict::Problem problem, int64_t at, float scale) {
    if (problem == GgufVerdict::Differs && verdict.problem == problem)
      return;
    verdict = {problem, at / columns, at % columns, scale, first};
  }

  const GgufEncoding &encoding;
  int64_t columns;
  int8_t *digits;
  bool found = false;
  float first = 0;
  GgufVerdict verdict;
};

} // namespace

GgufVerdict tern::decodeDigits(const GgufEncoding &encoding,
                               const uint8_t *bytes, int64_t rows,
                               int64_t columns, int8_t *digits, float &alpha) {
  DigitReader reader(encoding, columns, digits);
  GgufVerdict verdict = reader.read(bytes, rows);
  alpha = reader.alpha();
  return verdict;
}

/// True if blocks have nothing but zeros.
static bool areZero(const GgufEncoding &encoding, const uint8_t *blocks,
                    int64_t count) {
  int8_t digits[256];
  const uint8_t *scale;
  for (int64_t b = 0; b < count; ++b) {
    decodeBlock(encoding, blocks + b * encoding.blockBytes, digits, scale);
    if (!areAllZero(digits, encoding.blockElements))
      return false;
  }
  return true;
}

/// Of a block that has a scale.
static int64_t scalePlace(const GgufEncoding &encoding) {
  bool isFirst = encoding.codec == GgufCodec::Q2_0_G64 ||
                 encoding.codec == GgufCodec::Q2_0_G128 ||
                 encoding.codec == GgufCodec::PQ2_0;
  return isFirst ? 0 : encoding.blockBytes - 2;
}

std::vector<float> tern::decodeScales(const GgufEncoding &encoding,
                                      const uint8_t *bytes, int64_t rows,
                                      int64_t columns) {
  int64_t blocks = columns / encoding.blockElements;
  int64_t rowBytes = encoding.rowPrefix + blocks * encoding.blockBytes;
  if (encoding.suffix)
    return {readFloat(bytes + rows * rowBytes)};
  std::vector<float> scales;
  float last = 0;
  // Only where the scale changes does it matter whether anything is scaled.
  auto add = [&](float scale, const uint8_t *from, int64_t count) {
    bool changes = scale != 0 && scale != last;
    if (changes && areZero(encoding, from, count))
      scale = 0;
    if (scale != 0)
      last = scale;
    scales.push_back(scale);
  };
  for (int64_t row = 0; row < rows; ++row) {
    const uint8_t *at = bytes + row * rowBytes;
    if (encoding.rowPrefix == 2)
      add(halfToFloat(read16(at)), at + 2, blocks);
    else if (encoding.rowPrefix == 4)
      add(readFloat(at), at + 4, blocks);
    else
      for (int64_t b = 0; b < blocks; ++b) {
        const uint8_t *block = at + b * encoding.blockBytes;
        add(halfToFloat(read16(block + scalePlace(encoding))), block, 1);
      }
  }
  return scales;
}

bool tern::splitTernaryValues(const float *values, int64_t count,
                              int8_t *digits, float &alpha) {
  alpha = 0;
  for (int64_t i = 0; i < count; ++i) {
    float magnitude = std::fabs(values[i]);
    if (magnitude != 0 && alpha == 0)
      alpha = magnitude;
    if (magnitude != 0 && magnitude != alpha)
      return false;
    digits[i] = static_cast<int8_t>((values[i] > 0) - (values[i] < 0));
  }
  return std::isfinite(alpha);
}
