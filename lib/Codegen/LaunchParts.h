//===- LaunchParts.h - Where a function is cut into launches ----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CODEGEN_LAUNCHPARTS_H
#define TERN_LIB_CODEGEN_LAUNCHPARTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/SetVector.h"

namespace tern {

/// A parallel loop, or what one block does between two of them.
struct LaunchPart {
  mlir::scf::ParallelOp loop;
  llvm::SmallVector<mlir::Operation *> operations;
};

/// The parts of a function that was bound, in order.
class LaunchParts {
public:
  /// Fails, with a message, on a function that cannot be cut.
  static mlir::FailureOr<LaunchParts> of(mlir::func::FuncOp function);

  llvm::ArrayRef<LaunchPart> all() const { return parts; }

  /// True if each launch that needs the result of `op` computes it again.
  bool isRepeated(mlir::Operation *op) const { return repeated.contains(op); }

  /// Number of the place in memory where `value` waits for later launches.
  std::optional<unsigned> getSlot(mlir::Value value) const;
  unsigned countSlots() const { return left.size(); }

private:
  void cut(mlir::Block &body);
  mlir::LogicalResult findLeft();

  llvm::SmallVector<LaunchPart> parts;
  llvm::DenseSet<mlir::Operation *> repeated;
  llvm::SetVector<mlir::Value> left;
};

/// Values that `op` or its regions use and do not define.
llvm::SetVector<mlir::Value> getUsedFromOutside(mlir::Operation *op);

} // namespace tern

#endif // TERN_LIB_CODEGEN_LAUNCHPARTS_H
