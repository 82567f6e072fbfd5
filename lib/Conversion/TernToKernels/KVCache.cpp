//===- KVCache.cpp - tern.attention to loops ------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Attention.h"

#include "tern/Conversion/TernToKernels.h"
#include "tern/Target/Target.h"

using namespace mlir;
using namespace tern;

namespace {

struct AttendRows : OpRewritePattern<AttentionOp> {
  AttendRows(MLIRContext *context, DotProductAttrInterface dot)
      : OpRewritePattern(context), dot(dot) {}

  LogicalResult matchAndRewrite(AttentionOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getOuts().empty())
      return rewriter.notifyMatchFailure(op, "expected buffer form");
    if (CacheLayout::lanes % dot.getLanes() != 0)
      return rewriter.notifyMatchFailure(
          op, "expected a dot product whose lanes divide the cache's 16");
    KernelBuilder b(op.getLoc(), rewriter, getRowLanes(op));
    b.nameLoops("attention");
    KVCacheType type = op.getCache().getType();
    int64_t bytes = getCacheLayout(type).headBytes() * type.getCapacity() /
                    CacheLayout::blockTokens;
    Value tokens = b.length(op.getQuery());
    b.parallel(b.mul(tokens, type.getHeads()), bytes, [&](Value i) {
      Value token = b.div(i, b.index(type.getHeads()));
      attend(b, op, token, b.rem(i, type.getHeads()));
    });
    rewriter.eraseOp(op);
    return success();
  }

private:
  void attend(KernelBuilder &b, AttentionOp op, Value token,
              Value kvHead) const {
    HeadGroup group = getGroup(b, op, token, kvHead);
    HeadCache cache(b, op.getCache(), op.getLayer(), kvHead, token);
    bool isHalf = cache.getLayout().isHalf();
    Value e =
        buildScratch(b, group.getScoresType(b).getShape(), b.getF32Type());
    Value z = buildScratch(b, group.heads, b.getF32Type());
    if (isHalf)
      buildHalfScores(b, cache, group, e);
    else
      buildCodedScores(b, cache, group, dot, e);
    b.loop(0, group.heads, 1, [&](Value head) {
      b.store(buildSoftmax(b, group, e, head), z, head);
    });
    // Terms of a dimension's sum: a position each, or a block each.
    RowSums sums(b, group.heads, roundUp(group.headDim, CacheLayout::lanes),
                 isHalf ? group.count : group.getBlocks(b),
                 isHalf ? group.capacity
                        : group.capacity / CacheLayout::blockTokens);
    if (isHalf)
      buildHalfValues(b, cache, group, e, sums);
    else
      buildCodedValues(b, cache, group, dot, e, sums);

    b.loop(0, group.heads, 1, [&](Value head) {
      sums.finish(head);
      storeQuotient(b, group, sums, head, z, op.getOuts()[0]);
    });
  }

  static HeadGroup getGroup(KernelBuilder &b, AttentionOp op, Value token,
                            Value kvHead) {
    KVCacheType type = op.getCache().getType();
    int64_t width = cast<MemRefType>(op.getQuery().getType()).getDimSize(1);
    int64_t heads = width / (type.getHeads() * type.getHeadDim());
    Value position = b.load(b.getI32Type(), op.getPositions(), token);
    Value last = arith::IndexCastOp::create(b, b.getIndexType(), position);
    return {op.getQuery(),
            token,
            b.mul(kvHead, heads * type.getHeadDim()),
            b.add(last, 1),
            heads,
            type.getHeadDim(),
            roundUp(type.getCapacity(), CacheLayout::blockTokens),
            type.getQBits()};
  }

  static void storeQuotient(KernelBuilder &b, const HeadGroup &group,
                            RowSums &sums, Value head, Value z, Value out) {
    Value column = group.getColumn(b, head);
    Value divisor = b.load(b.getF32Type(), z, head);
    b.forEachChunk(group.headDim, getHeadLanes(b), [&](Value i, int64_t width) {
      Value o = sums.load(head, i, width);
      o = b.div(o, b.splat(o.getType(), divisor));
      b.store(o, out, {group.token, b.add(column, i)});
    });
  }

  DotProductAttrInterface dot;
};

} // namespace

void tern::populateKVCachePatterns(TargetAttr target,
                                   RewritePatternSet &patterns) {
  DotProductAttrInterface dot = target.getTarget()->getDotProduct(target);
  patterns.add<AttendRows>(patterns.getContext(), dot);
  populateAppendPatterns(patterns);
}
