//===- include/tern/Import/Scales.h - What digits stand for -----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Checkpoints scale a ternary matrix as a whole, row by row, or in groups of
// columns of each row. Groups are another sum than the other two
// (docs/numerics.md 4), so equal scales are brought to the simplest form that
// says the same: what a file format stores more than once changes no bit.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_IMPORT_SCALES_H
#define TERN_IMPORT_SCALES_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <vector>

namespace tern {

/// Numbers per matrix: for each row or for all (1), for each group of equally
/// many adjacent columns or for all (1).
/// The scale of a matrix of zeros, for which any other would do.
inline constexpr float kScaleOfZeros = 1e-5f;

struct ScaleShape {
  int64_t rows = 1;
  int64_t groups = 1;
  bool operator==(const ScaleShape &other) const {
    return rows == other.rows && groups == other.groups;
  }
};

/// The scales of one matrix, row after row.
struct Scales {
  ScaleShape shape;
  std::vector<float> values = {1.0f};

  /// Brings them to the simplest shape that says the same: the fewest groups,
  /// and one row if that is all. A scale of 0 stands for any, and becomes one.
  void simplify();
  /// The numbers in a shape of as many rows, or any if this has one, and a
  /// multiple of its groups.
  std::vector<float> expand(ScaleShape wanted) const;
};

} // namespace tern

#endif // TERN_IMPORT_SCALES_H
