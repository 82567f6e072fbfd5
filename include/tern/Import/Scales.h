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

/// The scale of a matrix of zeros, for which any other would do. 16 bits hold
/// it.
inline constexpr float kScaleOfZeros = 0x1p-16f;

/// Numbers per matrix: for each row or for all (1), for each group of equally
/// many adjacent columns or for all (1).
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

  /// As many numbers for each of `rows` rows, or one for all, in their simplest
  /// shape.
  static Scales inSimplestShape(std::vector<float> values, int64_t rows);

  /// Brings them to the simplest shape that says the same: the fewest groups,
  /// and one row if that is all. A scale of 0 stands for any, and becomes one.
  void simplify();
  /// The numbers in a shape of as many rows, or any if this has one, and a
  /// multiple of its groups.
  std::vector<float> expand(ScaleShape wanted) const;
};

/// Finds the simplest shape from a few rows, where these say all.
class ScaleShapeFinder {
public:
  explicit ScaleShapeFinder(ScaleShape stored);
  /// The scales of more rows, as many for each as the stored shape has groups.
  void add(llvm::ArrayRef<float> scales);
  /// No further row changes the shape.
  bool isDecided() const;
  /// As Scales::simplify gives it, if all rows were added.
  ScaleShape shape() const;

private:
  ScaleShape stored;
  std::vector<int64_t> widths; ///< of runs of equal scales, the largest first
  float first = 0;
  bool differ = false; ///< two scales, none of them 0
};

} // namespace tern

#endif // TERN_IMPORT_SCALES_H
