//===- Strategies.h - The table of AArch64 ---------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TARGET_AARCH64_STRATEGIES_H
#define TERN_LIB_TARGET_AARCH64_STRATEGIES_H

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/AArch64/AArch64.h"
#include "tern/Target/Strategy.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

namespace tern::aarch64 {

llvm::ArrayRef<llvm::StringLiteral> layoutNames();

/// With kernels of `dot`, and of `smmla` if `hasMatrices`.
llvm::SmallVector<Strategy> findStrategies(mlir::MLIRContext *context, Dot dot,
                                           bool hasMatrices,
                                           const ProductShape &shape);

} // namespace tern::aarch64

#endif // TERN_LIB_TARGET_AARCH64_STRATEGIES_H
