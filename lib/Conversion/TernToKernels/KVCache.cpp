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

#include <algorithm>
#include <optional>

using namespace mlir;
using namespace tern;

//===----------------------------------------------------------------------===//
// HeadGroup
//===----------------------------------------------------------------------===//

Value HeadGroup::getToken(KernelBuilder &b, Value row) const {
  return tokens == 1 ? token : b.add(token, b.div(row, b.index(heads)));
}

Value HeadGroup::getColumn(KernelBuilder &b, Value row) const {
  Value head = tokens == 1 ? row : b.rem(row, heads);
  return b.add(column, b.mul(head, headDim));
}

Value HeadGroup::getCount(KernelBuilder &b, Value row) const {
  return tokens == 1 ? count : b.add(count, b.div(row, b.index(heads)));
}

Value HeadGroup::getEnd(KernelBuilder &b) const {
  return b.add(count, tokens - 1);
}

Value HeadGroup::getBlocks(KernelBuilder &b) const {
  return b.div(b.add(getEnd(b), CacheLayout::blockTokens - 1),
               b.index(CacheLayout::blockTokens));
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

namespace {

/// Rows of a tile of tokens: as many as sums are kept in registers for.
constexpr int64_t kTileRows = 8;

/// One tern.attention.
class Attention {
public:
  Attention(KernelBuilder &b, AttentionOp op, DotProductAttrInterface dot,
            int64_t lanes)
      : b(b), op(op), dot(dot), lanes(lanes), type(op.getCache().getType()),
        layout(getCacheLayout(type)), kvHeads(type.getHeads()),
        perKv(cast<MemRefType>(op.getQuery().getType()).getDimSize(1) /
              (kvHeads * type.getHeadDim())) {}

  //===--------------------------------------------------------------------===//
  // Many tokens
  //===--------------------------------------------------------------------===//

  /// Tokens that follow each other in a sequence read the cache together. All
  /// tiles of a kv head come one after the other, and find it in a cache.
  void attendByTiles(int64_t tile) {
    Value tokens = b.length(op.getQuery());
    Value tiles = b.div(b.add(tokens, tile - 1), b.index(tile));
    b.parallel(b.mul(tiles, kvHeads), tile * getHeadBytes(), [&](Value i) {
      Value kvHead = b.div(i, tiles);
      Value first = b.mul(b.sub(i, b.mul(kvHead, tiles)), tile);
      if (tile == 1)
        return attend(first, 1, kvHead);
      auto branch = scf::IfOp::create(b, isRun(first, tile, tokens),
                                      /*withElseRegion=*/true);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(branch.thenBlock());
      attend(first, tile, kvHead);
      b.setInsertionPointToStart(branch.elseBlock());
      b.loop(first, b.minUnsigned(b.add(first, tile), tokens), 1,
             [&](Value token) { attend(token, 1, kvHead); });
    });
  }

  //===--------------------------------------------------------------------===//
  // One token
  //===--------------------------------------------------------------------===//

  /// A few kv heads would be work for few threads, so the work on each is
  /// parted too, in three loops: scores by tiles of positions, exponentials by
  /// query heads, values by dimensions.
  void attendInParts() {
    constexpr int64_t kTile = 4 * CacheLayout::blockTokens, kShares = 4;
    Value zero = b.index(0);
    // Of all query heads, as if they had one kv head.
    HeadGroup all = getGroup(zero, 1, zero);
    all.heads *= kvHeads;
    Temporaries temporaries = allocate(all, kvHeads);

    Value tiles = b.div(b.add(all.count, kTile - 1), b.index(kTile));
    int64_t bytes = getHeadBytes();
    b.parallel(b.mul(tiles, kvHeads), kTile * bytes / all.capacity / 2,
               [&](Value i) {
                 Value kvHead = b.div(i, tiles);
                 Value first = b.mul(b.sub(i, b.mul(kvHead, tiles)), kTile);
                 HeadGroup group = getGroup(zero, 1, kvHead);
                 HeadCache cache(b, op.getCache(), op.getLayer(), kvHead, zero);
                 Value end = b.minUnsigned(b.add(first, kTile), group.count);
                 Value scores =
                     viewRows(b, temporaries.e, b.mul(kvHead, perKv), perKv);
                 buildScores(cache, group, scores, temporaries.factors, kvHead,
                             first, end);
               });
    b.parallel(b.index(all.heads), 4 * all.capacity, [&](Value head) {
      weigh(all, temporaries, head, b.div(head, b.index(perKv)));
    });
    int64_t groups = layout.valueGroups();
    int64_t shares = std::min(kShares, groups);
    b.parallel(b.index(kvHeads * shares), bytes / shares / 2, [&](Value i) {
      Value kvHead = b.div(i, b.index(shares)), share = b.rem(i, shares);
      HeadGroup group = getGroup(zero, 1, kvHead);
      HeadCache cache(b, op.getCache(), op.getLayer(), kvHead, zero);
      Temporaries its = temporaries.ofRows(b, b.mul(kvHead, perKv), perKv);
      Value first = b.div(b.mul(share, groups), b.index(shares));
      Value end = b.div(b.mul(b.add(share, 1), groups), b.index(shares));
      attendToGroups(cache, group, its, first, end,
                     llvm::divideCeil(groups, shares));
    });
  }

private:
  /// Lie between the parts of attention, for some query rows.
  struct Temporaries {
    Value e; ///< scores, then exponentials, then weights: [row][position]
    Value z; ///< [row][0]
    /// Of codes only.
    Value factors; ///< of values: [kv head][position]
    std::optional<CodedWeights> weights;

    Temporaries ofRows(KernelBuilder &b, Value first, int64_t rows) const {
      Temporaries some{viewRows(b, e, first, rows), viewRows(b, z, first, rows),
                       factors, std::nullopt};
      if (weights)
        some.weights = weights->ofRows(b, first, rows);
      return some;
    }
  };

  Temporaries allocate(const HeadGroup &group, int64_t heads) {
    // Rows do not begin in the same set of a cache.
    int64_t rows = group.getRows(), width = group.capacity + CacheLayout::lanes;
    Temporaries all{buildScratch(b, {rows, width}, b.getF32Type()),
                    buildScratch(b, {rows, 1}, b.getF32Type()), Value(),
                    std::nullopt};
    if (!layout.isHalf()) {
      all.factors = buildScratch(b, {heads, group.capacity}, b.getF32Type());
      all.weights.emplace(b, group, rows);
    }
    return all;
  }

  /// Bytes of all positions that a cache has room for, of one kv head.
  int64_t getHeadBytes() const {
    return layout.headBytes() * type.getCapacity() / CacheLayout::blockTokens;
  }

  HeadGroup getGroup(Value token, int64_t tokens, Value kvHead) {
    int64_t headDim = type.getHeadDim();
    return {op.getQuery(),
            token,
            b.mul(kvHead, perKv * headDim),
            b.add(getPosition(token), 1),
            tokens,
            perKv,
            headDim,
            roundUp(type.getCapacity(), CacheLayout::blockTokens),
            type.getQBits(),
            lanes};
  }

  Value getPosition(Value token) {
    return b.toIndex(b.load(op.getPositions(), token));
  }

  /// True if `count` tokens from `first` on are there, and follow each other in
  /// one sequence.
  Value isRun(Value first, int64_t count, Value tokens) {
    auto equal = [&](Value x, Value y) {
      return b.compare(arith::CmpIPredicate::eq, x, y);
    };
    auto state = [&](Value token) -> Value {
      return StateAddressOp::create(b, b.getIndexType(), op.getCache(), token);
    };
    Value last = b.sub(tokens, 1);
    Value position = getPosition(first), sequence = state(first);
    Value result =
        b.compare(arith::CmpIPredicate::ule, b.add(first, count), tokens);
    for (int64_t k = 1; k < count; ++k) {
      Value token = b.minUnsigned(b.add(first, k), last);
      Value follows = equal(getPosition(token), b.add(position, k));
      Value isSame = equal(state(token), sequence);
      result = b.bitAnd(result, b.bitAnd(follows, isSame));
    }
    return result;
  }

  void attend(Value first, int64_t tokens, Value kvHead) {
    HeadGroup group = getGroup(first, tokens, kvHead);
    HeadCache cache(b, op.getCache(), op.getLayer(), kvHead, first);
    Temporaries temporaries = allocate(group, 1);
    Value zero = b.index(0);
    buildScores(cache, group, temporaries.e, temporaries.factors, zero, zero,
                group.getEnd(b));
    b.loop(0, group.getRows(), 1,
           [&](Value row) { weigh(group, temporaries, row, zero); });
    b.loop(0, layout.valueGroups(), 1, [&](Value dims) {
      attendToGroups(cache, group, temporaries, dims, b.add(dims, 1), 1);
    });
  }

  /// `to` is the row of factors.
  void buildScores(HeadCache &cache, const HeadGroup &group, Value scores,
                   Value factors, Value to, Value first, Value end) {
    if (layout.isHalf())
      return buildHalfScores(b, cache, group, scores, first, end);
    if (group.tokens == 1)
      prefetchValueFactors(b, cache, first, end);
    buildCodedScores(b, cache, group, dot, scores, first, end);
    buildValueFactors(b, cache, factors, to, first, end);
  }

  /// Scores of a row to weights of values.
  void weigh(const HeadGroup &group, const Temporaries &temporaries, Value row,
             Value from) {
    Value z = buildSoftmax(b, group, temporaries.e, row);
    b.store(z, temporaries.z, {row, b.index(0)});
    if (!layout.isHalf())
      buildCodedWeights(b, layout, group, dot, temporaries.e,
                        temporaries.factors, from, *temporaries.weights, row);
  }

  /// Results of all rows in groups `first` to `end` - 1 of 16 dimensions, at
  /// most `count`.
  void attendToGroups(HeadCache &cache, const HeadGroup &group,
                      const Temporaries &temporaries, Value first, Value end,
                      int64_t count) {
    if (layout.isHalf()) {
      HeadSums sums(b, group.getRows(), CacheLayout::lanes, group.getEnd(b),
                    group.capacity);
      b.loop(first, end, 1, [&](Value dims) {
        forWidth(dims, [&](int64_t width) {
          sums.clear();
          buildHalfValues(b, cache, group, temporaries.e, sums, dims, width);
        });
        storeQuotients(group, sums, temporaries.z, dims, b.add(dims, 1));
      });
      return;
    }
    HeadSums sums(b, group.getRows(), count * CacheLayout::lanes,
                  group.getBlocks(b),
                  group.capacity / CacheLayout::blockTokens);
    sums.clear();
    buildCodedValues(b, cache, group, dot, *temporaries.weights, sums, first,
                     end);
    storeQuotients(group, sums, temporaries.z, first, end);
  }

  /// Tells `body` how many dimensions group `dims` has: 16, or what is left.
  void forWidth(Value dims, function_ref<void(int64_t)> body) {
    int64_t rest = layout.headDim % CacheLayout::lanes;
    if (layout.headDim < CacheLayout::lanes)
      return body(rest);
    if (!rest)
      return body(CacheLayout::lanes);
    Value isWhole = b.compare(arith::CmpIPredicate::ult, dims,
                              layout.headDim / CacheLayout::lanes);
    auto branch = scf::IfOp::create(b, isWhole, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    body(CacheLayout::lanes);
    b.setInsertionPointToStart(branch.elseBlock());
    body(rest);
  }

  /// Sums to results: those of group `first` are sums 0 and up.
  void storeQuotients(const HeadGroup &group, HeadSums &sums, Value z,
                      Value first, Value end) {
    b.loop(0, group.getRows(), 1, [&](Value row) {
      sums.finish(row);
      Value token = group.getToken(b, row), column = group.getColumn(b, row);
      Value divisor = b.load(z, {row, b.index(0)});
      b.loop(first, end, 1, [&](Value dims) {
        Value dim = b.mul(dims, CacheLayout::lanes);
        Value sum = b.mul(b.sub(dims, first), CacheLayout::lanes);
        forWidth(dims, [&](int64_t width) {
          b.forEachChunk(width, getHeadLanes(b), [&](Value i, int64_t lanes) {
            Value o = sums.load(row, b.index(0), b.add(sum, i), lanes);
            o = b.div(o, b.splat(o.getType(), divisor));
            b.store(o, op.getOuts()[0], {token, b.add(column, b.add(dim, i))});
          });
        });
      });
    });
  }

  KernelBuilder &b;
  AttentionOp op;
  DotProductAttrInterface dot;
  int64_t lanes;
  KVCacheType type;
  CacheLayout layout;
  int64_t kvHeads, perKv;
};

struct AttendRows : OpRewritePattern<AttentionOp> {
  AttendRows(MLIRContext *context, DotProductAttrInterface dot, int64_t lanes)
      : OpRewritePattern(context), dot(dot), lanes(lanes) {}

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
    // parts of a token share or the tokens of a tile need.
    bool hasVectors = b.getRowLanes() >= CacheLayout::lanes;
    auto query = cast<MemRefType>(op.getQuery().getType());
    KVCacheType type = op.getCache().getType();
    int64_t heads = query.getDimSize(1) / (type.getHeads() * type.getHeadDim());
    Attention attention(b, op, dot, lanes);
    bool isOne = query.getDimSize(0) == 1;
    // On a device loops would be launches.
    if (hasVectors && isOne && !getDevice(op))
      attention.attendInParts();
    else
      attention.attendByTiles(
          hasVectors && !isOne ? std::max<int64_t>(1, kTileRows / heads) : 1);
    rewriter.eraseOp(op);
    return success();
  }

private:
  DotProductAttrInterface dot;
  int64_t lanes;
};

} // namespace

void tern::populateKVCachePatterns(TargetAttr target,
                                   RewritePatternSet &patterns) {
  DotProductAttrInterface dot = target.getTarget()->getDotProduct(target);
  // Of one register; where there is none, a few, as what is loaded for one does
  // for all.
  int64_t lanes = std::clamp<int64_t>(
      target.getTarget()->getVectorBytes(target) / sizeof(float), 4,
      CacheLayout::lanes);
  patterns.add<AttendRows>(patterns.getContext(), dot, lanes);
  populateAppendPatterns(patterns);
}
