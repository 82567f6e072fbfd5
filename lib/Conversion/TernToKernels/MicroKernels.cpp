//===- MicroKernels.cpp - Micro operations to their kernels' bodies -------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Conversion/TernToKernels.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/KernelBuilder.h"

using namespace mlir;
using namespace tern;

namespace {

/// Hardware fetches so many at a time, on most machines.
constexpr int64_t kLineBytes = 64;

struct ExpandBegin : OpRewritePattern<MicroBeginOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MicroBeginOp op,
                                PatternRewriter &rewriter) const override {
    rewriter.replaceOp(
        op, op.getKernel().begin(rewriter, op.getLoc(), op.getSteps()));
    return success();
  }
};

struct ExpandPrepare : OpRewritePattern<MicroPrepareOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MicroPrepareOp op,
                                PatternRewriter &rewriter) const override {
    rewriter.replaceOp(
        op, op.getKernel().prepare(rewriter, op.getLoc(), op.getCodes()));
    return success();
  }
};

struct ExpandMicro : OpRewritePattern<MicroOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MicroOp op,
                                PatternRewriter &rewriter) const override {
    MicroKernelAttrInterface kernel = op.getKernel();
    Value next = op.getType() == kernel.getNarrowType()
                     ? kernel.buildNarrow(rewriter, op.getLoc(), op.getCodes(),
                                          op.getWeights(), op.getFragment())
                     : kernel.build(rewriter, op.getLoc(), op.getCodes(),
                                    op.getWeights(), op.getFragment());
    rewriter.replaceOp(op, next);
    return success();
  }
};

struct ExpandWiden : OpRewritePattern<MicroWidenOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MicroWidenOp op,
                                PatternRewriter &rewriter) const override {
    rewriter.replaceOp(op,
                       op.getKernel().widen(rewriter, op.getLoc(),
                                            op.getNarrow(), op.getFragment()));
    return success();
  }
};

struct ExpandFinish : OpRewritePattern<MicroFinishOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MicroFinishOp op,
                                PatternRewriter &rewriter) const override {
    rewriter.replaceOp(
        op, op.getKernel().finish(rewriter, op.getLoc(), op.getFragment()));
    return success();
  }
};

/// All lines of the bytes.
struct ExpandPrefetch : OpRewritePattern<PrefetchOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PrefetchOp op,
                                PatternRewriter &rewriter) const override {
    auto type = dyn_cast<MemRefType>(op.getWeight().getType());
    if (!type)
      return rewriter.notifyMatchFailure(op, "expected a buffer");
    KernelBuilder b(op.getLoc(), rewriter);
    SmallVector<Value> at = op.getIndices();
    int64_t line = type.getShape().back();
    if (op.getBytes() <= kLineBytes) {
      b.prefetch(op.getWeight(), at);
    } else if (line >= int64_t(op.getBytes())) {
      b.loop(0, op.getBytes(), kLineBytes, [&](Value byte) {
        SmallVector<Value> there = at;
        there.back() = b.add(at.back(), byte);
        b.prefetch(op.getWeight(), there);
      });
    } else {
      // Tiles of a row follow each other.
      int64_t dimension = type.getRank() - 2;
      b.loop(0, op.getBytes() / line, 1, [&](Value tile) {
        SmallVector<Value> there = at;
        there[dimension] = b.add(at[dimension], tile);
        for (int64_t byte = 0; byte < line; byte += kLineBytes) {
          there.back() = b.add(at.back(), b.index(byte));
          b.prefetch(op.getWeight(), there);
        }
      });
    }
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void tern::populateMicroKernelPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandBegin, ExpandPrepare, ExpandMicro, ExpandWiden,
               ExpandFinish, ExpandPrefetch>(patterns.getContext());
}
