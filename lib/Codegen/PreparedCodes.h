//===- PreparedCodes.h - Codes as a kernel wants them -----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CODEGEN_PREPAREDCODES_H
#define TERN_LIB_CODEGEN_PREPAREDCODES_H

#include "GroupLists.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/KernelBuilder.h"

#include <optional>

namespace tern {

/// Prepares the codes of a tile of columns for a product's only kernel. A set
/// is as many tokens as that takes.
struct PreparedCodes {
  using Value = mlir::Value;
  using Values = llvm::SmallVector<Value>;

  /// `weight` is the product's, or that in the panel of its strategy.
  PreparedCodes(MatmulOp op, Value weight, mlir::RewriterBase &rewriter);

  /// Tokens from `token` on, of `tokens`, are next.
  void takeTokens(Value token, Value tokens);

  /// The codes of a tile of columns; of a list, those of the groups of each
  /// plane that are not zero, which `lists` has then.
  Value prepare(Value columns);

  Value firstStep(Value columns);
  /// Of `all` steps, those of a tile of columns, the last of which may have
  /// less.
  Value countSteps(Value columns, int64_t all);

  // Memory: a temporary with an element of type `type` for each place, the
  // indices of such an element, and vectors in it.
  Value allocate(llvm::ArrayRef<int64_t> places, mlir::VectorType type);
  Values at(Value i, Value j, mlir::VectorType type);
  Value read(mlir::VectorType type, Value from, mlir::ValueRange at);
  Value write(Value vector, Value into, mlir::ValueRange at);

  MatmulOp op;
  MicroKernelAttrInterface kernel;
  MicroTile tile;
  MicroPreparation preparation;
  KernelBuilder b;
  bool hasLayout; ///< none: int8 rows
  bool isByRows;  ///< tiles of some rows follow each other
  bool isListed;  ///< steps are of groups in lists
  int64_t planes;
  int64_t columnTiles; ///< whose codes are prepared together
  int64_t steps;       ///< of all columns
  int64_t width;       ///< of the codes
  int64_t rowTiles, tokensAtOnce, setsAtOnce;
  std::optional<GroupLists> lists; ///< of a tile of columns
  Value zero;
  Value firstToken, count, sets; ///< of those that are prepared together

private:
  Value prepareSteps(Value columns);
  Value list(Value columns);
  Value readCodes(Value columns, Value step, Value set, int64_t known);
  Value padCodes(Value codes);
};

} // namespace tern

#endif // TERN_LIB_CODEGEN_PREPAREDCODES_H
