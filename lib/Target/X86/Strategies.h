//===- Strategies.h - The table of x86-64 ----------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TARGET_X86_STRATEGIES_H
#define TERN_LIB_TARGET_X86_STRATEGIES_H

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Strategy.h"
#include "tern/Target/X86/X86.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

namespace tern::x86 {

/// The instruction that a machine's kernels are made of, and its registers.
struct Machine {
  Dot dot;
  int64_t tokens; ///< that the sums of 32 rows fit the registers for
  int64_t rows;   ///< or quarters of a column's chunk, with four tokens or one
  /// How much longer the kernels of rows and of columns take with many tokens
  /// than their slots say, next to rows in lanes; measured (`tern bench -n 0`
  /// of a model all in one layout).
  double rowsStall, columnsStall;
  MachineSpeed speed;
};

llvm::ArrayRef<llvm::StringLiteral> layoutNames();
llvm::SmallVector<Strategy> findStrategies(mlir::MLIRContext *context,
                                           const Machine &machine,
                                           const ProductShape &shape);
/// The micro kernels for a product whose weight has its layout, or is of int8
/// rows; null if none fits it.
StrategyAttr pickKernels(const Machine &machine, MatmulOp product);

} // namespace tern::x86

#endif // TERN_LIB_TARGET_X86_STRATEGIES_H
