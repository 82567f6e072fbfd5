//===- Strategies.h - The table of all other machines ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TARGET_GENERIC_STRATEGIES_H
#define TERN_LIB_TARGET_GENERIC_STRATEGIES_H

#include "tern/Target/Strategy.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

namespace tern::generic {

llvm::ArrayRef<llvm::StringLiteral> layoutNames();
llvm::SmallVector<Strategy> findStrategies(mlir::MLIRContext *context,
                                           const ProductShape &shape);

} // namespace tern::generic

#endif // TERN_LIB_TARGET_GENERIC_STRATEGIES_H
