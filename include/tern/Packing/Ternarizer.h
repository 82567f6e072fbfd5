//===- tern/Packing/Ternarizer.h - Digits of a master -----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_PACKING_TERNARIZER_H
#define TERN_PACKING_TERNARIZER_H

#include <cstdint>

namespace tern {

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

} // namespace tern

#endif // TERN_PACKING_TERNARIZER_H
