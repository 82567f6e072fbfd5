//===- tern/Packing/HalfFloat.h - Floats of 16 bits -------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_PACKING_HALFFLOAT_H
#define TERN_PACKING_HALFFLOAT_H

#include <cstdint>

namespace tern {

/// Exact widenings.
float halfToFloat(uint16_t bits);
float bfloatToFloat(uint16_t bits);
/// Round to nearest even, subnormals kept, overflow to infinity.
uint16_t floatToHalf(float value);

} // namespace tern

#endif // TERN_PACKING_HALFFLOAT_H
