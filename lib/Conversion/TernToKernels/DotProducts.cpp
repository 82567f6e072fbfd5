//===- DotProducts.cpp - Products over a target's dot product -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DotProducts.h"

#include "tern/Conversion/TernToKernels.h"

using namespace mlir;
using namespace tern;

//===----------------------------------------------------------------------===//
// What the families share
//===----------------------------------------------------------------------===//

Value DotKernel::broadcastFour(Value codes, Value token, Value column) const {
  Value four = b.load(b.vectorOf(4, b.getI8Type()), codes, {token, column});
  Value word = b.lane(b.bitcast(b.vectorOf(1, b.getI32Type()), four), 0);
  return b.bitcast(bytesType(), b.splat(sumsType(), word));
}

ArrayRef<int64_t> DotKernel::tokenTiles() const {
  // Machines with vectors of 512 bits have 32 of them, others 16 or so.
  static constexpr int64_t wide[] = {8, 4, 1}, narrow[] = {4, 1};
  if (lanes() >= 16)
    return wide;
  return narrow;
}

void tern::forEachTokenTile(KernelBuilder &b, Value tokens,
                            ArrayRef<int64_t> sizes,
                            function_ref<void(Value, int64_t)> body) {
  if (getConstantIntValue(tokens) == 1)
    return body(b.index(0), 1);
  Value done = b.index(0);
  for (int64_t size : sizes) {
    Value end = b.mul(b.div(tokens, size), size);
    b.loop(done, end, size, [&](Value first) { body(first, size); });
    done = end;
  }
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

namespace {

struct BuildDotMatmul : OpRewritePattern<MatmulOp> {
  BuildDotMatmul(MLIRContext *context, const DotProduct &dot)
      : OpRewritePattern(context, /*benefit=*/2), dot(dot) {}

  LogicalResult matchAndRewrite(MatmulOp op,
                                PatternRewriter &rewriter) const override {
    FailureOr<WeightInfo> weight = WeightInfo::get(op, rewriter);
    if (failed(weight))
      return failure();
    if (op.getRowIndices())
      return rewriter.notifyMatchFailure(op, "expected all rows");
    if (!weight->layout || !isRowsInLanes(*weight->layout, dot.getLanes()))
      return rewriter.notifyMatchFailure(op, "no family knows the layout");
    KernelBuilder b(op.getLoc(), rewriter);
    DotKernel kernel{b, dot, *weight};
    multiplyRowsInLanes(kernel, op.getCodes(), op.getOuts()[0]);
    countRead(b, op.getProjectionAttr(), *weight,
              b.index(weight->storageBytes()));
    rewriter.eraseOp(op);
    return success();
  }

  const DotProduct &dot;
};

} // namespace

void tern::populateDotProductPatterns(TargetAttr target,
                                      RewritePatternSet &patterns) {
  const DotProduct &dot = target.getTarget()->getDotProduct(target);
  patterns.add<BuildDotMatmul>(patterns.getContext(), dot);
}
