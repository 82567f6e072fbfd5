//===- Expect.h - Sentences that verifiers share ----------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_DIALECT_TERN_IR_EXPECT_H
#define TERN_LIB_DIALECT_TERN_IR_EXPECT_H

#include "tern/Dialect/Tern/IR/Tern.h"

namespace tern::detail {

/// An operand by the name its operation gives it.
struct Named {
  llvm::StringRef name;
  mlir::Value value;
};

/// The type an operation writes: a result, or an out in buffer form.
struct Written {
  llvm::StringRef name;
  llvm::SmallVector<int64_t, 2> shape;
  mlir::Type elementType;
};

inline mlir::ShapedType getShaped(mlir::Value value) {
  return mlir::cast<mlir::ShapedType>(value.getType());
}
inline int64_t getSize(mlir::Value value, unsigned dimension) {
  return getShaped(value).getDimSize(dimension);
}

/// True if two sizes may be the same: they are, or one is unknown.
inline bool mayAgree(int64_t a, int64_t b) {
  return a == b || mlir::ShapedType::isDynamic(a) ||
         mlir::ShapedType::isDynamic(b);
}

/// "expected weight to have 192 columns, as input has, got 190".
mlir::LogicalResult expectSize(mlir::Operation *op, llvm::StringRef name,
                               llvm::StringRef unit, int64_t expected,
                               llvm::StringRef why, int64_t actual);

/// The first dimensions of all of `values` are the number of tokens.
mlir::LogicalResult expectSameTokens(mlir::Operation *op,
                                     llvm::ArrayRef<Named> values);

/// `value` belongs to exactly one token, known at compile time.
mlir::LogicalResult expectOneToken(mlir::Operation *op, Named value);

/// Results, or outs in buffer form, are these.
mlir::LogicalResult expectWritten(KernelOpInterface op,
                                  llvm::ArrayRef<Written> expected);

/// `groups` of equal numbers of columns.
mlir::LogicalResult expectGroups(mlir::Operation *op, int64_t columns,
                                 int64_t groups);

/// The blocks of `scheme`, which has some, in rows of `features`.
mlir::LogicalResult expectBlocks(mlir::Operation *op, ActQuantAttr scheme,
                                 int64_t features);

/// The planes of a matrix of int8: `upper` is i6, `low` i2 of the same sizes.
mlir::LogicalResult expectPlanes(mlir::Operation *op, mlir::Value upper,
                                 mlir::Value low);

/// The tensor that reading a weight of `type` gives: the grid of a packed one.
mlir::RankedTensorType getReadType(mlir::RankedTensorType type);

} // namespace tern::detail

#endif // TERN_LIB_DIALECT_TERN_IR_EXPECT_H
