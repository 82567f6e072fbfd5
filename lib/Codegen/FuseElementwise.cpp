//===- FuseElementwise.cpp - Merge elementwise linalg on tensors ----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The patterns are upstream's; this file decides where they apply.
//
//===----------------------------------------------------------------------===//

#include "tern/Codegen/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#define DEBUG_TYPE "tern-fuse-elementwise"

namespace tern {
#define GEN_PASS_DEF_FUSEELEMENTWISEPASS
#include "tern/Codegen/Passes.h.inc"
} // namespace tern

using namespace mlir;

namespace {

/// True if the producer of `operand` may be computed inside its consumer: each
/// of its elements is then still computed once. One with fewer loops (what is
/// computed per token) would be repeated for every feature, one with several
/// users in each of them. (A tensor.dim is no user: what it asks for is
/// resolved to the size of an input.)
bool computesNothingTwice(OpOperand *operand) {
  auto producer = operand->get().getDefiningOp<linalg::GenericOp>();
  auto consumer = dyn_cast<linalg::GenericOp>(operand->getOwner());
  if (!producer || !consumer ||
      producer.getNumLoops() != consumer.getNumLoops())
    return false;
  return llvm::count_if(producer->getUsers(), [](Operation *user) {
           return !isa<tensor::DimOp>(user);
         }) == 1;
}

struct FuseElementwise : tern::impl::FuseElementwisePassBase<FuseElementwise> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(
        patterns, [&](OpOperand *operand) {
          bool fuse = computesNothingTwice(operand);
          numFused += fuse;
          return fuse;
        });
    memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
