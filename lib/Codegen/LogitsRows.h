//===- LogitsRows.h - Logits where they are wanted --------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CODEGEN_LOGITSROWS_H
#define TERN_LIB_CODEGEN_LOGITSROWS_H

#include "mlir/IR/Value.h"
#include "llvm/Support/LogicalResult.h"

namespace tern {

/// Makes each access to a row of `logits` one to the address that `table` (a
/// memref of integers) has for that row, of `count` rows: they may lie anywhere.
/// Fails, with a message, on an access that is not to one row.
llvm::LogicalResult writeLogitsByRow(mlir::BlockArgument logits,
                                     mlir::Value table, mlir::Value count);

} // namespace tern

#endif // TERN_LIB_CODEGEN_LOGITSROWS_H
