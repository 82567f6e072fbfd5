//===- LaneAttention.cpp - Attention by all warps of a block -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Attention.h"
#include "LaneRewriter.h"

using namespace mlir;
using namespace tern::nvptx;

LogicalResult LaneRewriter::rewriteAttend(AttendOp op) {
  if (!isOfBlock || b.countWarps() != AttentionShape::warps)
    return failure();
  synchronize();
  LaneBuilder own(b.loc, b, b.countWarps());
  AttentionScores scores(own, op, mapping);
  AttentionWeights weights(own, op, mapping);
  AttentionValues values(own, op, mapping);
  AttentionShape shape(cast<KVCacheType>(op.getCache()), op.getTile(),
                       op.getAtOnce());
  if (op.getPart() == "scores") {
    scores.buildShare();
  } else if (op.getPart() == "weights") {
    weights.buildShare();
  } else if (op.getPart() == "values") {
    values.buildShare();
    own.barrier();
    values.finish(mapping.lookup(op.getShare()), 1,
                  shape.getShares(/*isAlone=*/true));
  } else {
    scores.buildAll();
    own.barrier();
    weights.buildAll();
    own.barrier();
    weights.addUpAll();
    values.buildAll();
    own.barrier();
    values.finish(own.index(0), shape.getGroups(), shape.getShares());
  }
  op->getParentOfType<func::FuncOp>()->setAttr(kFewBlocksAttr, b.getUnitAttr());
  forgetMemory(/*isWritten=*/true);
  return success();
}
