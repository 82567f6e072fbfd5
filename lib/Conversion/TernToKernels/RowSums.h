//===- RowSums.h - Rows of a product, digit by digit -----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The meaning of tern.matmul for one row of a weight in any layout: all columns
// or those of a list, one sum or, with scales, a float over the sums of groups.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CONVERSION_TERNTOKERNELS_ROWSUMS_H
#define TERN_CONVERSION_TERNTOKERNELS_ROWSUMS_H

#include "Products.h"

namespace tern {

class RowSums {
public:
  using Value = mlir::Value;

  RowSums(KernelBuilder &b, const WeightInfo &weight, MatmulOp op)
      : b(b), weight(weight), op(op), codes(op.getCodes()) {}

  /// The result of `row` for `token`: i32, or f32 with scales.
  Value build(Value row, Value token) const;

private:
  Value sumColumns(Value row, Value token) const;
  Value sumListed(Value row) const;
  /// Sum of a group; its columns may begin and end within a tile, of which the
  /// others then count as 0.
  Value sumGroup(Value row, Value token, Value group) const;
  /// memref<groups x i32> of the sums of groups over the listed columns.
  Value sumListedByGroup(Value row) const;
  Value scale(Value row, Value token,
              llvm::function_ref<Value(Value)> sumOfGroup) const;

  Value loadCode(Value token, Value column) const;
  /// W[row][column] * codes[0][i] of the i-th listed column, and that column.
  std::pair<Value, Value> multiplyListed(Value row, Value i) const;
  Value listed() const;

  KernelBuilder &b;
  const WeightInfo &weight;
  mutable MatmulOp op;
  Value codes;
};

} // namespace tern

#endif // TERN_CONVERSION_TERNTOKERNELS_ROWSUMS_H
