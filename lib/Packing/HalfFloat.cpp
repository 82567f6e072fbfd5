//===- lib/Packing/HalfFloat.cpp - Floats of 16 bits ----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/HalfFloat.h"

#include <cstring>

using namespace tern;

static float fromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

static uint32_t toBits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

float tern::bfloatToFloat(uint16_t bits) {
  return fromBits(static_cast<uint32_t>(bits) << 16);
}

float tern::halfToFloat(uint16_t bits) {
  uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  uint32_t exponent = bits >> 10 & 31, mantissa = bits & 0x3ff;
  if (exponent == 31)
    return fromBits(sign | 0x7f800000 | mantissa << 13);
  if (exponent == 0) { // mantissa * 2^-24 is exact
    float value = static_cast<float>(mantissa) * 0x1p-24f;
    return sign ? -value : value;
  }
  return fromBits(sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t tern::floatToHalf(float value) {
  uint32_t bits = toBits(value);
  uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) // NaN, kept quiet
    return static_cast<uint16_t>(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
  if (magnitude >= 0x47800000) // 65536 and above
    return static_cast<uint16_t>(sign | 0x7c00);
  if (magnitude < 0x38800000) {
    // Subnormal: 0.5 puts the last bit of the result at the last bit of the
    // sum, which the addition rounds to nearest even.
    return static_cast<uint16_t>(
        sign | (toBits(fromBits(magnitude) + 0.5f) - 0x3f000000));
  }
  uint32_t odd = magnitude >> 13 & 1;
  return static_cast<uint16_t>(sign |
                               ((magnitude - 0x38000000 + 0xfff + odd) >> 13));
}
