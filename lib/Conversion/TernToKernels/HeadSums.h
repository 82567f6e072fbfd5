//===- HeadSums.h - R32 sums of rows of heads -------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CONVERSION_TERNTOKERNELS_HEADSUMS_H
#define TERN_CONVERSION_TERNTOKERNELS_HEADSUMS_H

#include "tern/Kernels/KernelBuilder.h"

namespace tern {

/// A static temporary.
mlir::Value buildScratch(KernelBuilder &b, llvm::ArrayRef<int64_t> shape,
                         mlir::Type element);

/// The R32 accumulators `first`, `first` + `step`, ... below `end`: no other
/// one depends on the terms that they get.
struct AccumulatorShare {
  mlir::Value first, end;
  int64_t step;
};

/// A row of floats for each head whose sums are R32 over something else than
/// its elements: accumulator j of dimension i is sums[head][j][i].
class HeadSums {
public:
  using Values = llvm::SmallVector<mlir::Value>;

  /// `terms` terms will be added, at most `maxTerms`.
  HeadSums(KernelBuilder &b, int64_t heads, int64_t width, mlir::Value terms,
           int64_t maxTerms);

  /// Those of `heads` heads from `first` on.
  HeadSums ofHeads(mlir::Value first, int64_t heads) const;

  /// Zeros to begin with.
  void clear(AccumulatorShare share);
  /// Adds term number `index`, of dimensions i and up.
  void add(mlir::Value head, mlir::Value index, mlir::Value i, mlir::Value x);
  /// Adds those of terms `first`, a multiple of 32, to `end` - 1 that belong to
  /// `share`, for `heads` heads from `firstHead` on. `terms` gives the terms of
  /// one number, one for each head, of `lanes` dimensions from i on; those of
  /// one accumulator are asked for one after the other, so that it stays in
  /// registers. Before, `begin` is told the accumulator.
  void addRun(AccumulatorShare share, int64_t firstHead, int64_t heads,
              mlir::Value first, mlir::Value end, mlir::Value i, int64_t lanes,
              llvm::function_ref<Values(mlir::Value)> terms,
              llvm::function_ref<void(mlir::Value)> begin);
  /// The tree: sums are in accumulator 0 then.
  void finish(mlir::Value head);
  mlir::Value load(mlir::Value head, mlir::Value i, int64_t width);

private:
  KernelBuilder &b;
  int64_t heads, rows, width;
  mlir::Value used; ///< accumulators that get a term
  mlir::Value sums;
};

} // namespace tern

#endif // TERN_CONVERSION_TERNTOKERNELS_HEADSUMS_H
