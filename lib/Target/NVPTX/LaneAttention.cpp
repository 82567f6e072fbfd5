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
  scores.buildAll();
  own.barrier();
  weights.build();
  own.barrier();
  weights.addUp();
  values.build();
  own.barrier();
  values.finish();
  op->getParentOfType<func::FuncOp>()->setAttr(kFewBlocksAttr, b.getUnitAttr());
  forgetMemory(/*isWritten=*/true);
  return success();
}
