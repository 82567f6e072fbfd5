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

/// How a family of CPUs reads weights and runs kernels; measured.
struct Family {
  MachineSpeed speed;
  /// How far ahead weights are asked for: rows and columns of a list, bytes of
  /// a stream that one token reads, and of one that a few do.
  int64_t rowsAhead, columnsAhead, bytesAhead, bytesAheadOfFew;
  /// Of kernels of one token and of more, next to rows in lanes (`tern bench
  /// -n 0` of a model all in one layout).
  KernelSpeed lanes, row, rows, column, columns;
  /// The same for a row and a column of groups.
  KernelSpeed groupsOfRow, groupsOfColumn;
  /// The same for lookups of codes in one plane and in two.
  KernelSpeed plane, planes, planeOfMany, planesOfMany;
  /// Of lookups of codes in one plane in panels.
  KernelSpeed lookupsOfMany;
  /// Of lookups in tables of 16 bytes, of one plane.
  KernelSpeed pairs = {}, pairsOfFew = {}, pairsOfMany = {};
};

/// The instruction that a machine's kernels are made of and its registers.
struct Machine {
  Dot dot;
  int64_t tokens; ///< that the sums of 32 rows fit the registers for
  int64_t rows;   ///< or quarters of a column's chunk, with four tokens or one
  bool few;       ///< two to sixteen tokens have kernels of their own
  Family family;
};

llvm::ArrayRef<llvm::StringLiteral> layoutNames();
llvm::SmallVector<Strategy> findStrategies(TargetAttr target,
                                           const Machine &machine,
                                           const ProductShape &shape);

} // namespace tern::x86

#endif // TERN_LIB_TARGET_X86_STRATEGIES_H
