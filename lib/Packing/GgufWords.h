//===- lib/Packing/GgufWords.h - Words of GGUF's blocks ---------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_PACKING_GGUFWORDS_H
#define TERN_LIB_PACKING_GGUFWORDS_H

#include <cstdint>
#include <cstring>

namespace tern {

/// Little endian, at any place.
inline uint16_t read16(const uint8_t *bytes) {
  return static_cast<uint16_t>(bytes[0] | bytes[1] << 8);
}

inline float readFloat(const uint8_t *bytes) {
  uint32_t word = 0;
  for (int i = 3; i >= 0; --i)
    word = word << 8 | bytes[i];
  float value;
  std::memcpy(&value, &word, 4);
  return value;
}

} // namespace tern

#endif // TERN_LIB_PACKING_GGUFWORDS_H
