//===- PreparedNest.h - Loops around a kernel of prepared codes -*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CODEGEN_PREPAREDNEST_H
#define TERN_LIB_CODEGEN_PREPAREDNEST_H

#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/PatternMatch.h"

namespace tern {

/// tern.matmul on tensors, with a strategy of one kernel that wants its codes
/// prepared, to a parallel loop over workers. `consumer`, if there is one, is
/// an elementwise operation that alone uses the product: each tile is handed
/// to it. The loop takes the place of both. `weight` is the product's, or that
/// in the panel of the strategy.
void buildPreparedNest(MatmulOp op, mlir::linalg::GenericOp consumer,
                       mlir::Value weight, mlir::RewriterBase &rewriter);

} // namespace tern

#endif // TERN_LIB_CODEGEN_PREPAREDNEST_H
