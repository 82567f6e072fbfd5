//===- ProductNest.h - The loop around a micro kernel -----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CODEGEN_PRODUCTNEST_H
#define TERN_LIB_CODEGEN_PRODUCTNEST_H

#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/IR/PatternMatch.h"

namespace tern {

/// tern.matmul on tensors, of one register tile of the only kernel its strategy
/// has, to a loop over columns around tern.micro.
void populateProductNestPatterns(mlir::RewritePatternSet &patterns);

} // namespace tern

#endif // TERN_LIB_CODEGEN_PRODUCTNEST_H
