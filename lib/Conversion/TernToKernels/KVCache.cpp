//===- KVCache.cpp - tern.attention to loops ------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Attention.h"

#include "tern/Conversion/TernToKernels.h"
#include "tern/Kernels/R32.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

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
    // Machines without vectors have few threads, and little memory for what the
    // parts of a token share.
    bool hasVectors = b.getRowLanes() >= CacheLayout::lanes;
    if (hasVectors && getTokens(op) == 1)
      attendInParts(b, op);
    else
      attendByToken(b, op);
    rewriter.eraseOp(op);
    return success();
  }

private:
  static int64_t getTokens(AttentionOp op) {
    return cast<MemRefType>(op.getQuery().getType()).getDimSize(0);
  }

  /// Bytes of all positions that a cache has room for, of one kv head.
  static int64_t getHeadBytes(KVCacheType type) {
    return getCacheLayout(type).headBytes() * type.getCapacity() /
           CacheLayout::blockTokens;
  }

  //===--------------------------------------------------------------------===//
  // Many tokens
  //===--------------------------------------------------------------------===//

  void attendByToken(KernelBuilder &b, AttentionOp op) const {
    KVCacheType type = op.getCache().getType();
    Value tokens = b.length(op.getQuery());
    b.parallel(b.mul(tokens, type.getHeads()), getHeadBytes(type),
               [&](Value i) {
                 Value token = b.div(i, b.index(type.getHeads()));
                 attend(b, op, token, b.rem(i, type.getHeads()));
               });
  }

  void attend(KernelBuilder &b, AttentionOp op, Value token,
              Value kvHead) const {
    HeadGroup group = getGroup(b, op, token, kvHead);
    HeadCache cache(b, op.getCache(), op.getLayer(), kvHead, token);
    Value e = buildScratch(b, {group.heads, group.capacity}, b.getF32Type());
    Value z = buildScratch(b, group.heads, b.getF32Type());
    buildScores(b, cache, group, e, b.index(0), group.count);
    b.loop(0, group.heads, 1, [&](Value head) {
      b.store(buildSoftmax(b, group, e, head), z, head);
    });
    HeadSums sums = buildSums(b, group, cache.getLayout(), group.heads);
    AccumulatorShare all{b.index(0), b.index(kR32Lanes), 1};
    sums.clear(all);
    buildValues(b, cache, group, e, sums, all);
    b.loop(0, group.heads, 1, [&](Value head) {
      sums.finish(head);
      storeQuotient(b, group, sums, head, z, op.getOuts()[0]);
    });
  }

  //===--------------------------------------------------------------------===//
  // One token
  //===--------------------------------------------------------------------===//

  /// A few kv heads would be work for few threads, so the positions of each are
  /// parted too, in four loops: scores by tiles of positions, exponentials by
  /// query heads, values by accumulators, which depend on different positions,
  /// and quotients by query heads.
  void attendInParts(KernelBuilder &b, AttentionOp op) const {
    constexpr int64_t kTile = 4 * CacheLayout::blockTokens, kShares = 4;
    KVCacheType type = op.getCache().getType();
    Value zero = b.index(0);
    // Of all query heads, as if they had one kv head.
    HeadGroup all = getGroup(b, op, zero, zero);
    int64_t perKv = all.heads, kvHeads = type.getHeads();
    int64_t heads = perKv * kvHeads, bytes = getHeadBytes(type);
    Value e = buildScratch(b, {heads, all.capacity}, b.getF32Type());
    Value z = buildScratch(b, heads, b.getF32Type());
    HeadSums sums = buildSums(b, all, getCacheLayout(type), heads);

    Value tiles = b.div(b.add(all.count, kTile - 1), b.index(kTile));
    b.parallel(
        b.mul(tiles, kvHeads), kTile * bytes / all.capacity / 2, [&](Value i) {
          Value kvHead = b.div(i, tiles);
          Value tile = b.sub(i, b.mul(kvHead, tiles));
          HeadGroup group = getGroup(b, op, zero, kvHead);
          HeadCache cache(b, op.getCache(), op.getLayer(), kvHead, zero);
          Value first = b.mul(tile, kTile);
          Value end = b.minUnsigned(b.add(first, kTile), group.count);
          buildScores(b, cache, group, rowsOf(b, e, kvHead, perKv), first, end);
        });
    b.parallel(b.index(heads), 4 * all.capacity, [&](Value head) {
      b.store(buildSoftmax(b, all, e, head), z, head);
    });
    b.parallel(b.index(kvHeads * kShares), bytes / kShares / 2, [&](Value i) {
      Value kvHead = b.div(i, b.index(kShares));
      AccumulatorShare share = getShare(b, b.rem(i, kShares), kShares,
                                        getCacheLayout(type).isHalf());
      HeadGroup group = getGroup(b, op, zero, kvHead);
      HeadCache cache(b, op.getCache(), op.getLayer(), kvHead, zero);
      HeadSums itsSums = sums.ofHeads(b.mul(kvHead, perKv), perKv);
      itsSums.clear(share);
      buildValues(b, cache, group, rowsOf(b, e, kvHead, perKv), itsSums, share);
    });
    b.parallel(b.index(heads), 4 * all.headDim, [&](Value head) {
      sums.finish(head);
      storeQuotient(b, all, sums, head, z, op.getOuts()[0]);
    });
  }

  /// Share `number` of the accumulators. Neighbours are positions, which follow
  /// each other in memory, or blocks, of which there may be fewer than
  /// accumulators.
  static AccumulatorShare getShare(KernelBuilder &b, Value number,
                                   int64_t shares, bool isOfPositions) {
    if (!isOfPositions)
      return {number, b.index(kR32Lanes), shares};
    Value first = b.mul(number, kR32Lanes / shares);
    return {first, b.add(first, kR32Lanes / shares), 1};
  }

  /// Rows of the query heads of a kv head.
  static Value rowsOf(KernelBuilder &b, Value e, Value kvHead, int64_t heads) {
    int64_t width = cast<MemRefType>(e.getType()).getDimSize(1);
    SmallVector<OpFoldResult> offsets = {b.mul(kvHead, heads),
                                         b.getIndexAttr(0)};
    SmallVector<OpFoldResult> sizes = {b.getIndexAttr(heads),
                                       b.getIndexAttr(width)};
    SmallVector<OpFoldResult> strides(2, b.getIndexAttr(1));
    return memref::SubViewOp::create(b, e, offsets, sizes, strides);
  }

  //===--------------------------------------------------------------------===//
  // Parts
  //===--------------------------------------------------------------------===//

  void buildScores(KernelBuilder &b, HeadCache &cache, const HeadGroup &group,
                   Value scores, Value first, Value end) const {
    if (cache.getLayout().isHalf())
      buildHalfScores(b, cache, group, scores, first, end);
    else
      buildCodedScores(b, cache, group, dot, scores, first, end);
  }

  void buildValues(KernelBuilder &b, HeadCache &cache, const HeadGroup &group,
                   Value e, HeadSums &sums, AccumulatorShare share) const {
    if (cache.getLayout().isHalf())
      buildHalfValues(b, cache, group, e, sums, share);
    else
      buildCodedValues(b, cache, group, dot, e, sums, share);
  }

  /// Terms of a dimension's sum: a position each, or a block each.
  static HeadSums buildSums(KernelBuilder &b, const HeadGroup &group,
                            const CacheLayout &layout, int64_t heads) {
    bool isHalf = layout.isHalf();
    return {b, heads, roundUp(group.headDim, CacheLayout::lanes),
            isHalf ? group.count : group.getBlocks(b),
            isHalf ? group.capacity
                   : group.capacity / CacheLayout::blockTokens};
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
                            HeadSums &sums, Value head, Value z, Value out) {
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
