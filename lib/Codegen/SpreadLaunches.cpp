//===- SpreadLaunches.cpp - Launches as loops over blocks -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"

namespace tern {
#define GEN_PASS_DEF_SPREADLAUNCHESPASS
#include "tern/Codegen/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

class Spreader {
public:
  Spreader(scf::ExecuteRegionOp launch, int64_t mostBlocks)
      : launch(launch), rewriter(launch.getContext()), loc(launch.getLoc()),
        loops(llvm::to_vector(
            launch.getRegion().front().getOps<scf::ParallelOp>())) {
    for (scf::ParallelOp loop : loops)
      blocks = std::max(
          blocks,
          std::min(
              getConstantIntValue(loop.getUpperBound()[0]).value_or(mostBlocks),
              mostBlocks));
  }

  LogicalResult verify() {
    for (scf::ParallelOp loop : loops)
      if (loop.getNumLoops() != 1 || loop.getNumReductions() != 0 ||
          getConstantIntValue(loop.getLowerBound()[0]) != 0 ||
          getConstantIntValue(loop.getStep()[0]) != 1)
        return loop.emitOpError("expected one dimension, from 0 by 1, without "
                                "reductions");
    if (loops.empty())
      return launch.emitOpError("expected a launch to have a parallel loop");
    return success();
  }

  void spread() {
    rewriter.setInsertionPoint(launch);
    Value zero = getIndex(0), one = getIndex(1);
    auto all =
        scf::ParallelOp::create(rewriter, loc, zero, getIndex(blocks), one);
    Block &body = launch.getRegion().front();
    rewriter.eraseOp(body.getTerminator());
    rewriter.inlineBlockBefore(&body, all.getBody()->getTerminator());
    rewriter.eraseOp(launch);
    Operation *first = &all.getBody()->front();
    for (scf::ParallelOp loop : loops)
      for (auto task :
           llvm::make_early_inc_range(loop.getBody()->getOps<IterationOp>()))
        rewriter.moveOpBefore(task, first);
    for (scf::ParallelOp loop : loops)
      takeTurns(loop, all.getInductionVars()[0]);
  }

private:
  Value getIndex(int64_t value) {
    return arith::ConstantIndexOp::create(rewriter, loc, value);
  }

  /// The iterations of `loop` that are the block's.
  void takeTurns(scf::ParallelOp loop, Value block) {
    rewriter.eraseOp(loop.getBody()->getTerminator());
    rewriter.setInsertionPoint(loop);
    Value end = loop.getUpperBound()[0];
    if (getConstantIntValue(end) == blocks) {
      rewriter.inlineBlockBefore(loop.getBody(), loop, block);
    } else {
      auto turns =
          scf::ForOp::create(rewriter, loc, block, end, getIndex(blocks));
      rewriter.inlineBlockBefore(loop.getBody(),
                                 turns.getBody()->getTerminator(),
                                 turns.getInductionVar());
    }
    rewriter.eraseOp(loop);
  }

  scf::ExecuteRegionOp launch;
  IRRewriter rewriter;
  Location loc;
  SmallVector<scf::ParallelOp> loops;
  int64_t blocks = 1;
};

struct SpreadLaunches : tern::impl::SpreadLaunchesPassBase<SpreadLaunches> {
  void runOnOperation() override {
    std::optional<Device> device = getDevice(getOperation());
    if (!device || getOperation().isExternal())
      return;
    for (auto launch : llvm::to_vector(
             getOperation().getBody().front().getOps<scf::ExecuteRegionOp>())) {
      Spreader spreader(launch, device->blocks);
      if (failed(spreader.verify()))
        return signalPassFailure();
      spreader.spread();
      ++numSpread;
    }
  }
};

} // namespace
