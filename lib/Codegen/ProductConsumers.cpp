//===- ProductConsumers.cpp - Operations on sums --------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProductConsumers.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace tern;

/// Elements of a tile that are worth keeping in registers.
static constexpr int64_t kMaxVectorized = 512;

linalg::GenericOp tern::findConsumer(MatmulOp op) {
  if (op.getRowIndices() || !op->hasOneUse())
    return {};
  auto consumer = dyn_cast<linalg::GenericOp>(*op->user_begin());
  if (!consumer || consumer->getNumResults() != 1 ||
      consumer->getBlock() != op->getBlock() || consumer.getNumLoops() != 2 ||
      consumer.getNumParallelLoops() != 2 || consumer.hasIndexSemantics())
    return {};
  for (OpOperand &operand : consumer->getOpOperands())
    if (operand.get() == op->getResult(0) || consumer.isDpsInit(&operand))
      if (!consumer.getMatchingIndexingMap(&operand).isIdentity())
        return {};
  return consumer;
}

void tern::vectorizeConsumers(func::FuncOp function) {
  SmallVector<linalg::GenericOp> consumers;
  function.walk([&](linalg::GenericOp op) {
    auto type = dyn_cast<RankedTensorType>(op.getResult(0).getType());
    if (op->getParentOfType<scf::ForallOp>() && type && type.hasStaticShape() &&
        type.getNumElements() <= kMaxVectorized)
      consumers.push_back(op);
  });
  IRRewriter rewriter(function.getContext());
  for (linalg::GenericOp op : consumers) {
    rewriter.setInsertionPoint(op);
    FailureOr<linalg::VectorizationResult> vectors =
        linalg::vectorize(rewriter, op);
    if (succeeded(vectors))
      rewriter.replaceOp(op, vectors->replacements);
  }
}
