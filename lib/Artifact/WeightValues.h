//===- lib/Artifact/WeightValues.h - Numbers that the compiler makes *- C++
//-*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_ARTIFACT_WEIGHTVALUES_H
#define TERN_LIB_ARTIFACT_WEIGHTVALUES_H

#include <cstdint>
#include <vector>

namespace tern {

/// int8_absmax (docs/numerics.md 2) of `count` finite values; returns the
/// factor.
float quantizeRow(const float *values, int64_t count, int8_t *codes);

/// cos or sin of position / theta^(2i/headDim) for i < headDim/2, one row per
/// position, computed in double and rounded once.
std::vector<float> ropeTable(int64_t positions, int64_t headDim, double theta,
                             bool isCos);

} // namespace tern

#endif // TERN_LIB_ARTIFACT_WEIGHTVALUES_H
