//===- LowerForall.cpp - scf.forall to scf.parallel -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Codegen/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/Utils/Utils.h"

namespace tern {
#define GEN_PASS_DEF_LOWERFORALLPASS
#include "tern/Codegen/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

struct LowerForall : tern::impl::LowerForallPassBase<LowerForall> {
  void runOnOperation() override {
    SmallVector<scf::ForallOp> loops;
    getOperation().walk([&](scf::ForallOp loop) { loops.push_back(loop); });
    for (scf::ForallOp loop : loops) {
      if (loop.getNumResults() != 0) {
        loop.emitOpError("expected a loop on buffers, got results");
        return signalPassFailure();
      }
      if (failed(lower(loop))) {
        loop.emitOpError("expected a loop that can be normalized");
        return signalPassFailure();
      }
      ++numLowered;
    }
  }

private:
  LogicalResult lower(scf::ForallOp loop) {
    IRRewriter rewriter(&getContext());
    FailureOr<scf::ForallOp> normalized = normalizeForallOp(rewriter, loop);
    if (failed(normalized))
      return failure();
    return scf::forallToParallelLoop(rewriter, *normalized);
  }
};

} // namespace
