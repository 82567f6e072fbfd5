//===- TokenRows.h - What an operation does with a token --------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_DIALECT_TERN_TRANSFORMS_TOKENROWS_H
#define TERN_LIB_DIALECT_TERN_TRANSFORMS_TOKENROWS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/EquivalenceClasses.h"

namespace tern {

/// Which buffers of a function have equally many rows: those allocated with the
/// same size, and those that one operation walks through together.
class RowCounts {
public:
  explicit RowCounts(mlir::func::FuncOp function);

  bool areEqual(mlir::Value a, mlir::Value b) const;

private:
  void unite(llvm::ArrayRef<mlir::Value> buffers);

  llvm::EquivalenceClasses<const void *> classes;
};

/// A buffer that a row-wise operation uses.
struct Access {
  mlir::Value buffer;
  bool byRow; ///< token t takes row t of it, or else any part
  bool writes;
  bool picksRow = false; ///< that part is one row, which a number chooses
  std::optional<int64_t> rowBytes = {}; ///< that row has, if in a layout
};

/// The buffers of `op` if it works on each of a dynamic number of tokens by
/// itself; nothing otherwise.
std::optional<llvm::SmallVector<Access>> getTokenAccesses(mlir::Operation *op);

/// The buffer behind a view; `sameRows` if row t is row t of that too.
struct RowBase {
  mlir::Value buffer;
  bool sameRows;
};
RowBase getRowBase(mlir::Value buffer);

} // namespace tern

#endif // TERN_LIB_DIALECT_TERN_TRANSFORMS_TOKENROWS_H
