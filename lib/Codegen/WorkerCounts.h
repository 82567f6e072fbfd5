//===- WorkerCounts.h - How many workers a loop is worth --------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CODEGEN_WORKERCOUNTS_H
#define TERN_LIB_CODEGEN_WORKERCOUNTS_H

#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace tern {

/// Bytes that are worth workers. Those of a function that has little to do
/// sleep before its next loop and take longer to wake than the caller would
/// take for all of it.
struct Worth {
  int64_t minBytes;      ///< of a worker
  int64_t loopBytes = 0; ///< of a loop

  /// Of the loops of `function`: with `minTotal` bytes together they may have
  /// workers, else only those that have `minAlone` bytes.
  Worth(mlir::func::FuncOp function, int64_t minBytes, int64_t minTotal,
        int64_t minAlone);
};

/// The host's workers in the place of `op`, but none for less than bytes that
/// are worth it; `env` is the function's.
void lowerWorkerCount(WorkerCountOp op, mlir::Value env, const Worth &worthIt);

/// min(n, the host's workers, n / iterations that a worker is worth), at least
/// 1; 1 if the loop is worth none or the host has no threads: `parallel`, which
/// hands out work, is null.
mlir::Value countWorkers(mlir::scf::ParallelOp loop, mlir::Value env,
                         mlir::Value parallel, const Worth &worthIt,
                         mlir::OpBuilder &b);

} // namespace tern

#endif // TERN_LIB_CODEGEN_WORKERCOUNTS_H
