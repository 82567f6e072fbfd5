//===- LaunchSteps.h - What a launch on a device may do at once -*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CODEGEN_LAUNCHSTEPS_H
#define TERN_LIB_CODEGEN_LAUNCHSTEPS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

namespace tern {

/// An operation of a function's body that has an effect.
struct LaunchStep {
  enum Kind {
    Run,     ///< a few rows, which blocks may all compute
    Loop,    ///< an scf.parallel
    Heads,   ///< becomes a loop over kv heads: appending to a cache, attention
    Product, ///< becomes a loop over rows
    Other    ///< a launch of its own, or some
  };

  explicit LaunchStep(mlir::Operation *op);

  bool uses(mlir::Value buffer) const {
    return read.contains(buffer) || written.contains(buffer);
  }

  mlir::Operation *op;
  Kind kind = Other;
  /// Buffers of the function; of weights, which nobody writes, none.
  llvm::SmallDenseSet<mlir::Value> read, written;
  /// Of `written`, those of which nothing is left that was there before.
  llvm::SmallDenseSet<mlir::Value> filled;
  /// Of `read`, those that are read from their beginning to their end.
  llvm::SmallSetVector<mlir::Value, 2> readWhole;
};

/// The steps of one launch, in order: a run, then what follows it.
struct Launch {
  llvm::SmallVector<const LaunchStep *> run, loops;

  bool empty() const { return run.empty() && loops.empty(); }
  /// True for a run and loops, or several loops.
  bool isFormed() const {
    return !loops.empty() && run.size() + loops.size() > 1;
  }
  mlir::Operation *getLast() const {
    return (loops.empty() ? run : loops).back()->op;
  }
};

/// The steps of `function`, in order.
std::vector<LaunchStep> findSteps(mlir::func::FuncOp function);

/// Parts `steps` into launches.
std::vector<Launch> groupSteps(llvm::ArrayRef<LaunchStep> steps);

} // namespace tern

#endif // TERN_LIB_CODEGEN_LAUNCHSTEPS_H
