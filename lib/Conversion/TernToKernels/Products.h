//===- Products.h - What all product kernels share --------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CONVERSION_TERNTOKERNELS_PRODUCTS_H
#define TERN_CONVERSION_TERNTOKERNELS_PRODUCTS_H

#include "tern/Kernels/KernelBuilder.h"

#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/IR/PatternMatch.h"

#include <optional>

namespace tern {

class DotProduct;

/// Rows that one iteration of a parallel loop takes when a row is the unit of
/// work: their results are a cache line.
inline constexpr int64_t kRowsPerIteration = 16;

/// The weight of a product in buffer form.
struct WeightInfo {
  /// The weight that `op` multiplies by; a reason if no kernels exist for its
  /// form. Builds nothing.
  static mlir::FailureOr<WeightInfo> get(MatmulOp op,
                                         mlir::PatternRewriter &rewriter);
  /// Makes `bytes` of a grid one run of bytes, which kernels count in.
  void flatten(KernelBuilder &b);

  mlir::Value bytes;
  std::optional<Layout> layout; ///< none: int8 rows
  int64_t rows, columns;        ///< padded to whole tiles

  int64_t storageBytes() const;
  /// Bytes that hold a digit of one row, or of one column.
  int64_t rowBytes() const;
  int64_t columnBytes() const;
};

/// Emits tern.count_read if the weight is ternary. `read` is a number of bytes.
void countRead(KernelBuilder &b, mlir::StringAttr projection,
               const WeightInfo &weight, mlir::Value read);

/// Remarks on a product that a target with vectors leaves to a portable kernel.
void reportScalarProduct(mlir::Operation *op, const WeightInfo &weight);

/// Says which kernel a product got, and names its loops after both: `kernel` is
/// in the words of DotProducts.h, `dot` null for one that takes digit by digit.
void nameProduct(KernelBuilder &b, mlir::Operation *op,
                 mlir::StringRef projection, const WeightInfo &weight,
                 mlir::StringRef kernel, const DotProduct *dot);

/// memref<tokens x i32> of the sum of each token's first `columns` codes. A
/// digit is stored as digit + 1, so a sum over stored digits is too large by
/// this.
mlir::Value sumCodes(KernelBuilder &b, mlir::Value codes, mlir::Value columns);

/// memref<tokens x groups x i32>: the same for each of `groups` groups of
/// `groupSize` columns.
mlir::Value sumCodesOfGroups(KernelBuilder &b, mlir::Value codes,
                             int64_t groups, int64_t groupSize);

} // namespace tern

#endif // TERN_CONVERSION_TERNTOKERNELS_PRODUCTS_H
