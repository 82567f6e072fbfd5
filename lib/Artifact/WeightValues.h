//===- lib/Artifact/WeightValues.h - Numbers that the compiler makes *- C++
//-*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_ARTIFACT_WEIGHTVALUES_H
#define TERN_LIB_ARTIFACT_WEIGHTVALUES_H

#include "tern/Import/Checkpoint.h"

#include "llvm/ADT/StringMap.h"

#include <cstdint>
#include <vector>

namespace tern {

/// int8_absmax (docs/numerics.md 2), or the same with 6 or 4 `bits`, of `count`
/// finite values; returns the factor.
float quantizeRow(const float *values, int64_t count, int64_t bits,
                  int8_t *codes);

/// Codes of int8 to their upper plane, code >> 2.
void takeUpperBits(int8_t *codes, int64_t count);

/// To their lower plane, code & 3. Returns the norm of 2 * (code & 3) - 3,
/// rounded up.
float takeLowerBits(int8_t *codes, int64_t count);

/// -exp(x), computed in double and rounded once.
float minusExp(float x);

/// Rows of `columns` values as columns.
std::vector<float> transpose(llvm::ArrayRef<float> values, int64_t columns);

/// theta^(2i/headDim) * divisors[i] for i < headDim/2; `divisors` may be empty:
/// all are 1.
std::vector<double> ropePeriods(int64_t headDim, double theta,
                                llvm::ArrayRef<double> divisors);

/// cos or sin of position / period, times `factor`, one row for each of `count`
/// positions from `first`, computed in double and rounded once.
std::vector<float> ropeRows(int64_t first, int64_t count,
                            llvm::ArrayRef<double> periods, bool isCos,
                            double factor = 1);

/// The scales of ternary matrices one below the other: as many rows as they
/// have together, or one for each of `names`. `alphas` has those of masters. An
/// error is the end of a sentence about the weight.
llvm::Expected<std::vector<float>>
gatherScales(const Checkpoint &checkpoint, const llvm::StringMap<float> &alphas,
             llvm::ArrayRef<std::string> names, ScaleShape shape);

/// The end of a sentence about the weight if 16 bits do not hold all `scales`,
/// [rows][groups], exactly.
llvm::Error checkHalves(llvm::ArrayRef<float> scales, int64_t groups);

} // namespace tern

#endif // TERN_LIB_ARTIFACT_WEIGHTVALUES_H
