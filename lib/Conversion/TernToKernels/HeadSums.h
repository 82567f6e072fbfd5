//===- HeadSums.h - R32 sums of some dimensions -----------------*- C++ -*-===//
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
/// Rows `first` to `first` + `count` - 1 of a temporary of two dimensions.
mlir::Value viewRows(KernelBuilder &b, mlir::Value scratch, mlir::Value first,
                     int64_t count);

/// Some dimensions of some rows whose sums are R32 over something else than
/// dimensions: accumulator j of dimension i is sums[row][j][i].
class HeadSums {
public:
  /// `terms` terms will be added, at most `maxTerms`.
  HeadSums(KernelBuilder &b, int64_t rows, int64_t dims, mlir::Value terms,
           int64_t maxTerms);

  void clear();
  mlir::Value load(mlir::Value row, mlir::Value j, mlir::Value i,
                   int64_t width);
  void store(mlir::Value x, mlir::Value row, mlir::Value j, mlir::Value i);
  /// Adds term number `index`, of dimensions i and up.
  void add(mlir::Value row, mlir::Value index, mlir::Value i, mlir::Value x);
  /// The tree: sums are in accumulator 0 then.
  void finish(mlir::Value row);

private:
  KernelBuilder &b;
  int64_t rows, dims, accumulators;
  mlir::Value used; ///< accumulators that get a term
  mlir::Value sums;
};

} // namespace tern

#endif // TERN_CONVERSION_TERNTOKERNELS_HEADSUMS_H
