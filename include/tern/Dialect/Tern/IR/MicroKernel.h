//===- tern/Dialect/Tern/IR/MicroKernel.h - Register tiles ------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DIALECT_TERN_IR_MICROKERNEL_H
#define TERN_DIALECT_TERN_IR_MICROKERNEL_H

#include "tern/Packing/Layout.h"

#include "mlir/IR/Attributes.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/DialectRegistry.h"

#include <optional>
#include <string>

namespace tern {

/// One step of a micro kernel.
struct MicroTile {
  int64_t tokens;
  int64_t rows;    ///< of results
  int64_t columns; ///< of codes
  /// The rows are the first ones, from `firstRow` on, of each of the sums'
  /// runs, which together are a tile of the layout.
  int64_t firstRow = 0;
};

/// Codes from `low` to `high`.
struct CodeRange {
  int64_t low, high;
  bool contains(CodeRange other) const {
    return low <= other.low && other.high <= high;
  }
};

/// Instructions and bytes of weights of one step of a micro kernel, and
/// instructions for each token and column of codes before the first step, once
/// for all rows: tables that are built. Where sums end at groups, instructions
/// for each end: sums that are made of a fragment, scaled and added.
struct MicroCost {
  int64_t slots;
  int64_t bytes;
  double setupSlots = 0;
  int64_t groupSlots = 0;
};

/// How a kernel that makes something of the codes first, for all rows, wants
/// that done.
struct MicroPreparation {
  /// Steps that are prepared together, whose results stay in the cache: those
  /// of a tile of the layout. 0: codes are taken as they are.
  int64_t steps = 0;
  int64_t tokens = 0;   ///< prepared together, at most
  int64_t maxSteps = 0; ///< over which the sums of a fragment are exact
  /// Planes of the codes, code = 16 h + l or one, that have fragments of their
  /// own. Of each, groups of four columns with a code that is not zero are
  /// listed; a step takes as many as its tile has, a vector of weights each. 0:
  /// steps are of all columns.
  int64_t listedPlanes = 0;
  /// Weights are read a step before they are taken, for which there are
  /// registers.
  bool readsAhead = true;
};

/// Attaches the micro kernels' interfaces to their attributes.
void registerMicroKernels(mlir::DialectRegistry &registry);

} // namespace tern

#include "tern/Dialect/Tern/IR/MicroKernelInterfaces.h.inc"

#endif // TERN_DIALECT_TERN_IR_MICROKERNEL_H
