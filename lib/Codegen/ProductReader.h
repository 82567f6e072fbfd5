//===- ProductReader.h - Operands of the steps of a product -----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CODEGEN_PRODUCTREADER_H
#define TERN_LIB_CODEGEN_PRODUCTREADER_H

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/KernelBuilder.h"
#include "tern/Packing/Layout.h"

#include <optional>

namespace tern {

/// Reads what a micro kernel takes, of a product of one register tile.
struct ProductReader {
  using Value = mlir::Value;
  using Values = llvm::SmallVector<Value>;

  ProductReader(MatmulOp op, MicroKernelAttrInterface kernel,
                mlir::RewriterBase &rewriter);

  /// A vector that runs along `dimensions` of `from`.
  Value read(mlir::VectorType type, Value from, mlir::ValueRange at,
             llvm::ArrayRef<int64_t> dimensions);

  /// The first column of a step, which counts from the group's first one on.
  Value columnOf(Value step);
  int64_t stepsOfGroup() { return op.getGroupSize() / tile.columns; }

  /// `width` codes of each token from `column` on, zeros after them, or before.
  Value readCodes(Value column, int64_t width, int64_t before = 0);
  /// The weight of step `step` over adjacent columns, `width` of them.
  Values readWeights(Value step, int64_t width);
  /// The weight of a step over columns of a list, from entry `first` on.
  Values readListedWeights(Value first);
  /// True if a step takes several tiles of a row of them, and such a step.
  bool takesTiles();
  Value readTiles(Value column);

  /// Asks for the columns of a list some steps ahead, and for a stream of
  /// weights some bytes ahead.
  void prefetch(Value step, Value steps);
  void prefetchStream(Value step);

  /// Scales of the group, for all rows: of the operand, [groups][rows], or from
  /// behind the digits.
  Value readScales(Value byGroup);
  Value readStoredScales();
  /// Factors of the block that the group is in, the same for all rows.
  Value readFactors(mlir::VectorType type);

  MatmulOp op;
  MicroKernelAttrInterface kernel;
  MicroTile tile;
  KernelBuilder b;
  std::optional<Layout> layout; ///< none: int8 rows
  Value weight, zero;
  Value group; ///< whose columns are summed; null if there are none
  Axis weightAxis = Axis::Row;

private:
  Value index(Value list, Value at);
  Value readOfGroup(Value step);
};

} // namespace tern

#endif // TERN_LIB_CODEGEN_PRODUCTREADER_H
