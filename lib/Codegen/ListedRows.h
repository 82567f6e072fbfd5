//===- ListedRows.h - A loop over a list of rows ----------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CODEGEN_LISTEDROWS_H
#define TERN_LIB_CODEGEN_LISTEDROWS_H

#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"

namespace tern {

/// Builds, before a product with a list of rows, a parallel loop over the list
/// in which each row is a product of its own, without a list. Rows are asked
/// for as many entries ahead as the product's strategy says. The caller
/// replaces `op` by the loop. Upstream's tiling has no loop over a list.
mlir::scf::ForallOp buildListedRows(MatmulOp op, mlir::OpBuilder &builder);

} // namespace tern

#endif // TERN_LIB_CODEGEN_LISTEDROWS_H
