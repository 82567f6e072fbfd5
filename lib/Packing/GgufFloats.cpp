//===- lib/Packing/GgufFloats.cpp - Blocks of GGUF to floats --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GgufWords.h"
#include "tern/Packing/GgufCodecs.h"
#include "tern/Packing/HalfFloat.h"

#include <utility>

using namespace tern;

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

/// Scale and minimum number `i` of eight, of six bits each: the first four have
/// bytes of their own, whose upper bits are those of the others.
static std::pair<int, int> scaleAndMinimum(const uint8_t *packed, int i) {
  if (i < 4)
    return {packed[i] & 63, packed[i + 4] & 63};
  return {(packed[i + 4] & 15) | packed[i - 4] >> 6 << 4,
          packed[i + 4] >> 4 | packed[i] >> 6 << 4};
}

/// Scales of scales and of minima, these, and 256 codes: 32 low halves of
/// bytes, then their high halves.
static void decodeQ4_K(const uint8_t *block, float *out) {
  float scale = halfToFloat(read16(block)),
        low = halfToFloat(read16(block + 2));
  for (int part = 0; part < 8; ++part) {
    auto [size, minimum] = scaleAndMinimum(block + 4, part);
    // Of 11, 6 and 4 bits, so that all products are exact.
    float step = scale * static_cast<float>(size);
    float least = low * static_cast<float>(minimum);
    const uint8_t *codes = block + 16 + part / 2 * 32;
    for (int i = 0; i < 32; ++i)
      out[32 * part + i] =
          step * static_cast<float>(codes[i] >> part % 2 * 4 & 15) - least;
  }
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
    case GgufCodec::Q4_K:
      decodeQ4_K(block, to);
      break;
    case GgufCodec::Q6_K:
      decodeQ6_K(block, to);
      break;
    default:
      return;
    }
  }
}
