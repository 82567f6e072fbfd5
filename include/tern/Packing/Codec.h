//===- tern/Packing/Codec.h - Bytes to digits and back ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reference packer and unpacker. Digits are int8_t in {-1, 0, 1}, row-major.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_PACKING_CODEC_H
#define TERN_PACKING_CODEC_H

#include "tern/Packing/Layout.h"

#include <cstddef>

namespace tern {

/// Writes all storageBytes(rows, columns) of `out`; padding digits are 0.
void packDigits(const Layout &layout, const int8_t *digits, int64_t rows,
                int64_t columns, uint8_t *out);

/// The inverse. Returns false if a code is not a digit (code 3).
bool unpackDigits(const Layout &layout, const uint8_t *bytes, int64_t rows,
                  int64_t columns, int8_t *digits);

/// Hugging Face's packing: u8 [rows/4, columns], bits 2i of P[r][c] hold
/// digit+1 of row i*(rows/4) + r. Returns the offset of the first byte with a
/// code 3, or -1 if all are digits. `rows` is a multiple of 4.
int64_t unpackHuggingFace(const uint8_t *bytes, int64_t rows, int64_t columns,
                          int8_t *digits);

/// Ternarizes a master (docs/numerics.md 1): alpha = max(mean|W|, 1e-5) with
/// the mean taken in double, digit = clip(rne(W / alpha), -1, 1). It is read
/// twice, in parts: first all of them are added, then their digits can be had.
class Ternarizer {
public:
  /// All parts but the last have a multiple of 8 values, so that parts of any
  /// size give the same sum.
  void add(const float *values, int64_t count);
  float alpha() const;
  void toDigits(const float *values, int64_t count, int8_t *digits) const;

private:
  double sums[8] = {};
  int64_t added = 0;
};

/// The same for a master in memory. Returns alpha.
float ternarize(const float *master, int64_t count, int8_t *digits);

/// Exact widenings.
float halfToFloat(uint16_t bits);
float bfloatToFloat(uint16_t bits);
/// Round to nearest even, subnormals kept, overflow to infinity.
uint16_t floatToHalf(float value);

} // namespace tern

#endif // TERN_PACKING_CODEC_H
