//===- lib/Packing/GgufCodecs.cpp - Tensor encodings of GGUF --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/GgufCodecs.h"

#include "tern/Packing/HalfFloat.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace tern;

//===----------------------------------------------------------------------===//
// Ternary blocks
//===----------------------------------------------------------------------===//

static uint16_t read16(const uint8_t *bytes) {
  return static_cast<uint16_t>(bytes[0] | bytes[1] << 8);
}

static float readFloat(const uint8_t *bytes) {
  uint32_t word = 0;
  for (int i = 3; i >= 0; --i)
    word = word << 8 | bytes[i];
  float value;
  std::memcpy(&value, &word, 4);
  return value;
}

/// Digit `place` of the five that share a byte. The byte is a fraction of 256,
/// rounded up, whose first base-3 place is the first digit; multiplying by a
/// power of three modulo 256 drops the places in front.
static int8_t tritOf(uint8_t byte, int place) {
  static constexpr uint8_t powers[] = {1, 3, 9, 27, 81};
  auto rest = static_cast<uint8_t>(byte * powers[place]);
  return static_cast<int8_t>((rest * 3 >> 8) - 1);
}

static void decodeTQ1(const uint8_t *block, int8_t *out) {
  for (int i = 0; i < 160; ++i)
    out[i] = tritOf(block[i % 32], i / 32);
  for (int i = 0; i < 80; ++i)
    out[160 + i] = tritOf(block[32 + i % 16], i / 16);
  for (int i = 0; i < 16; ++i)
    out[240 + i] = tritOf(block[48 + i % 4], i / 4);
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
static void decodeFields(const uint8_t *bytes, int64_t elements, int64_t width,
                         bool fromTop, int8_t *out) {
  for (int64_t i = 0; i < elements; ++i) {
    int64_t field = i / width % 4;
    uint8_t byte = bytes[i / (4 * width) * width + i % width];
    int64_t shift = 2 * (fromTop ? 3 - field : field);
    out[i] = static_cast<int8_t>((byte >> shift & 3) - 1);
  }
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
    return decodeFields(block, elements, 32, false, out);
  case GgufCodec::I2_S:
    return decodeFields(block, elements, 32, true, out);
  case GgufCodec::I2_S_ARM:
    return decodeFields(block, elements, 16, true, out);
  case GgufCodec::Q2_0_G64:
  case GgufCodec::Q2_0_G128:
    scale = block;
    return decodeFields(block + 2, elements, 1, false, out);
  case GgufCodec::IQ1_BN:
    return decodeIQ1(block, out);
  case GgufCodec::IQ2_BN:
    return decodeFields(block, elements, 16, false, out);
  default:
    return;
  }
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
    for (int64_t i = 0; i < encoding.blockElements; ++i)
      if (out[i] > 1)
        return fail(GgufVerdict::NotADigit, start + i, 0);
    if (scale)
      addScale(halfToFloat(read16(scale)), start, encoding.blockElements);
  }

  void addScale(float scale, int64_t start, int64_t count) {
    int8_t *from = digits + start;
    if (!std::isfinite(scale) || scale < 0)
      return fail(GgufVerdict::BadScale, start, scale);
    if (scale == 0)
      std::fill(from, from + count, int8_t(0));
    if (std::all_of(from, from + count, [](int8_t d) { return d == 0; }))
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
    if (std::any_of(digits, digits + encoding.blockElements,
                    [](int8_t d) { return d != 0; }))
      return false;
  }
  return true;
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
        bool isFirst = encoding.codec == GgufCodec::Q2_0_G64 ||
                       encoding.codec == GgufCodec::Q2_0_G128;
        add(halfToFloat(
                read16(block + (isFirst ? 0 : encoding.blockBytes - 2))),
            block, 1);
      }
  }
  return scales;
}

//===----------------------------------------------------------------------===//
// Blocks of floating point
//===----------------------------------------------------------------------===//

static void decodeQ4_0(const uint8_t *block, float *out) {
  float scale = halfToFloat(read16(block));
  for (int i = 0; i < 32; ++i) {
    int code = block[2 + i % 16] >> (i < 16 ? 0 : 4) & 15;
    out[i] = scale * static_cast<float>(code - 8);
  }
}

static void decodeQ8_0(const uint8_t *block, float *out) {
  float scale = halfToFloat(read16(block));
  for (int i = 0; i < 32; ++i)
    out[i] = scale * static_cast<float>(static_cast<int8_t>(block[2 + i]));
}

/// Low four bits of 256 codes, then the high two, then sixteen 8-bit scales and
/// the scale of these.
static void decodeQ6_K(const uint8_t *block, float *out) {
  const uint8_t *low = block, *high = block + 128, *scales = block + 192;
  float scale = halfToFloat(read16(block + 208));
  for (int i = 0; i < 256; ++i) {
    int half = i / 128, part = i / 32 % 4, lane = i % 32;
    int four = low[64 * half + 32 * (part % 2) + lane] >> (part < 2 ? 0 : 4);
    int two = high[32 * half + lane] >> 2 * part;
    int code = ((four & 15) | (two & 3) << 4) - 32;
    // 11 and 8 bits make 19: this product is exact.
    float group =
        scale * static_cast<float>(static_cast<int8_t>(scales[i / 16]));
    out[i] = group * static_cast<float>(code);
  }
}

void tern::decodeFloats(const GgufEncoding &encoding, const uint8_t *bytes,
                        int64_t blocks, float *out) {
  for (int64_t b = 0; b < blocks; ++b) {
    const uint8_t *block = bytes + b * encoding.blockBytes;
    float *to = out + b * encoding.blockElements;
    switch (encoding.codec) {
    case GgufCodec::F32:
      *to = readFloat(block);
      break;
    case GgufCodec::F16:
      *to = halfToFloat(read16(block));
      break;
    case GgufCodec::BF16:
      *to = bfloatToFloat(read16(block));
      break;
    case GgufCodec::Q4_0:
      decodeQ4_0(block, to);
      break;
    case GgufCodec::Q8_0:
      decodeQ8_0(block, to);
      break;
    case GgufCodec::Q6_K:
      decodeQ6_K(block, to);
      break;
    default:
      return;
    }
  }
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
