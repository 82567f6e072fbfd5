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

/// Rows that one iteration of a parallel loop takes when a row is the unit of
/// work: their results are a cache line.
inline constexpr int64_t kRowsPerIteration = 16;

/// The weight of a product in buffer form.
struct WeightInfo {
  /// The weight that `op` multiplies by; a reason if no kernels exist for its
  /// form. Builds nothing.
  static mlir::FailureOr<WeightInfo> get(MatmulOp op,
                                         mlir::PatternRewriter &rewriter);
  /// The bytes of a weight of `type`, which has a layout, that `op` reads.
  static mlir::FailureOr<WeightInfo> get(mlir::Operation *op, mlir::Value bytes,
                                         mlir::RankedTensorType type,
                                         mlir::PatternRewriter &rewriter);
  /// Makes `bytes` of a grid one run of bytes, which kernels count in.
  void flatten(KernelBuilder &b);

  mlir::Value bytes;
  std::optional<Layout> layout; ///< none: int8 rows
  int64_t rows, columns;        ///< padded to whole tiles

  /// The word (buildWord) whose first byte is bytes[first] of a flat weight.
  mlir::Value loadWord(KernelBuilder &b, mlir::Value first) const;

  /// The scale of a row and group: of `scales`, [rows][groups], or, if that is
  /// null, of a flat weight whose layout has scales.
  mlir::Value loadScale(KernelBuilder &b, mlir::Value scales, mlir::Value row,
                        mlir::Value group) const;

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

/// Says how portable loops take a product, and names them after both.
void nameProduct(KernelBuilder &b, mlir::Operation *op,
                 mlir::StringRef projection, const WeightInfo &weight,
                 mlir::StringRef kernel);

} // namespace tern

#endif // TERN_CONVERSION_TERNTOKERNELS_PRODUCTS_H
