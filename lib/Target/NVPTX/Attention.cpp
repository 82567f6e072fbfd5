//===- Attention.cpp - tern.attention to work of blocks ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Attention.h"

#include "WarpBuilder.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <algorithm>

using namespace mlir;
using namespace tern;
using namespace tern::nvptx;

/// Positions whose exponentials are in shared memory.
static constexpr int64_t kShort = 512;

//===----------------------------------------------------------------------===//
// AttentionShape
//===----------------------------------------------------------------------===//

AttentionShape::AttentionShape(KVCacheType type, int64_t tile, int64_t atOnce)
    : layout(getCacheLayout(type)), qBits(type.getQBits()), tile(tile),
      atOnce(atOnce), capacity(roundUp(type.getCapacity(), kBlock)) {}

int64_t AttentionShape::getShares() const {
  if (layout.isHalf())
    return 1;
  int64_t shares = 1;
  while (2 * shares * getGroups() <= warps)
    shares *= 2;
  return shares;
}

int64_t AttentionShape::getCodeWidth() const {
  CachePlane widest = layout.planes()[0];
  int64_t chunks = roundUp(layout.keyChunks(widest), 4);
  return chunks * widest.chunkDepth();
}

SmallVector<MemRefType> AttentionShape::getUses(MLIRContext *context) const {
  Type f32 = Float32Type::get(context), i32 = IntegerType::get(context, 32);
  Type i8 = IntegerType::get(context, 8);
  int64_t rows = getRows(), blocks = capacity / kBlock;
  // Rows begin in other banks each.
  SmallVector<MemRefType> uses = {
      MemRefType::get({rows, capacity + 4}, f32),
      MemRefType::get({warps + 1, kMostRows}, f32),
      MemRefType::get({1, kMostRows}, f32),
      MemRefType::get({getGroups(), getShares(), kMostRows * kResultPitch},
                      f32)};
  if (layout.isHalf()) {
    uses.push_back(MemRefType::get({layout.headDim, kMostRows}, f32));
    return uses;
  }
  int64_t weightPitch = capacity % 128 ? capacity : capacity + 64;
  uses.append({MemRefType::get({rows, getCodeWidth() + 16}, i8),
               MemRefType::get({1, kMostRows}, i32),
               MemRefType::get({1, kMostRows}, f32),
               MemRefType::get({rows, weightPitch}, i8),
               MemRefType::get({blocks, kMostRows}, i32),
               MemRefType::get({blocks, kMostRows}, f32),
               MemRefType::get({1, kMostRows}, i32)});
  return uses;
}

//===----------------------------------------------------------------------===//
// The pattern
//===----------------------------------------------------------------------===//

namespace {

class Attention {
public:
  Attention(KernelBuilder &b, AttentionOp op, int64_t tile)
      : b(b), op(op), type(op.getCache().getType()),
        perKv(cast<MemRefType>(op.getQuery().getType()).getDimSize(1) /
              (type.getHeads() * type.getHeadDim())),
        chunks(llvm::divideCeil(perKv, kMostRows)),
        shape(type, tile, llvm::divideCeil(perKv, chunks)) {}

  /// Of one token, a block has a kv head; of more, one of a tile of tokens.
  void build() {
    const CacheLayout &layout = shape.layout;
    Value count = b.length(op.getQuery());
    Value tiles = b.div(b.add(count, shape.tile - 1), b.index(shape.tile));
    int64_t bytes = layout.headBytes() * shape.capacity / kBlock;
    b.parallel(b.mul(tiles, layout.heads), bytes, [&](Value i) {
      Value kvHead = b.div(i, tiles);
      Value token = b.mul(b.sub(i, b.mul(kvHead, tiles)), shape.tile);
      SmallVector<Value> uses = allocate();
      b.loop(0, chunks, 1, [&](Value chunk) {
        if (shape.tile == 1)
          return attend(kvHead, chunk, token, b.index(1), uses);
        // Tokens that follow each other in a sequence, or each by itself.
        Value end = b.minUnsigned(b.add(token, shape.tile), count);
        Value all = b.sub(end, token);
        Value isOne = isRun(token, end);
        Value together = b.select(isOne, all, b.index(1));
        Value turns = b.select(isOne, b.index(1), all);
        b.loop(b.index(0), turns, 1, [&](Value turn) {
          attend(kvHead, chunk, b.add(token, turn), together, uses);
        });
      });
    });
  }

private:
  SmallVector<Value> allocate() {
    SmallVector<Value> uses;
    auto shared = b.getI64IntegerAttr(kSharedSpace);
    bool isShort = shape.capacity <= kShort;
    for (auto [use, type] : llvm::enumerate(shape.getUses(b.getContext()))) {
      bool isLong = use == Exponentials || use == Weights ||
                    use == WeightSums || use == WeightFactors;
      if (isLong && !isShort)
        uses.push_back(memref::AllocOp::create(
            b, type, b.getI64IntegerAttr(CacheLayout::alignment)));
      else
        uses.push_back(memref::AllocaOp::create(
            b, MemRefType::get(type.getShape(), type.getElementType(),
                               MemRefLayoutAttrInterface(), shared)));
    }
    return uses;
  }

  Value getPosition(Value token) {
    return b.toIndex(b.load(op.getPositions(), token));
  }

  Value getState(Value token) {
    return StateAddressOp::create(b, b.getIndexType(), op.getCache(), token);
  }

  /// True if the tokens from `token` to `end` - 1 follow each other in one
  /// sequence.
  Value isRun(Value token, Value end) {
    Value position = getPosition(token), sequence = getState(token);
    Value last = b.sub(end, 1), result;
    for (int64_t k = 1; k < shape.tile; ++k) {
      Value other = b.minUnsigned(b.add(token, k), last);
      Value ahead = b.sub(other, token);
      Value follows = b.compare(arith::CmpIPredicate::eq, getPosition(other),
                                b.add(position, ahead));
      Value isSame =
          b.compare(arith::CmpIPredicate::eq, getState(other), sequence);
      follows = b.bitAnd(follows, isSame);
      result = result ? b.bitAnd(result, follows) : follows;
    }
    return result;
  }

  void attend(Value kvHead, Value chunk, Value token, Value tokens,
              ArrayRef<Value> uses) {
    const CacheLayout &layout = shape.layout;
    int64_t size = layout.stateBytes(type.getCapacity());
    Value state = FromAddressOp::create(
        b, MemRefType::get({size}, b.getI8Type()), getState(token));
    Value number = b.add(b.mul(op.getLayer(), layout.heads), kvHead);
    Value head =
        b.add(b.mul(number, layout.headBytes()), layout.blocksOffset());
    Value first =
        b.add(b.mul(number, layout.firstRowBytes()), layout.firstRowsOffset());
    Value headNumber = b.add(b.mul(kvHead, perKv), b.mul(chunk, shape.atOnce));
    Value left = b.sub(b.index(perKv), b.mul(chunk, shape.atOnce));
    Value heads = b.minUnsigned(left, b.index(shape.atOnce));
    AttendOp::create(b, op.getQuery(), op.getOuts()[0], state, head, first,
                     token, b.mul(headNumber, layout.headDim), tokens, heads,
                     b.add(getPosition(token), 1), b.index(0), uses, type,
                     shape.tile, shape.atOnce, "all");
  }

  KernelBuilder &b;
  AttentionOp op;
  KVCacheType type;
  int64_t perKv, chunks;
  AttentionShape shape;
};

struct AttendByBlocks : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttentionOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getOuts().empty())
      return rewriter.notifyMatchFailure(op, "expected buffer form");
    KernelBuilder b(op.getLoc(), rewriter);
    b.nameLoops("attention");
    auto query = cast<MemRefType>(op.getQuery().getType());
    KVCacheType type = op.getCache().getType();
    int64_t heads = query.getDimSize(1) / (type.getHeads() * type.getHeadDim());
    int64_t tile =
        query.getDimSize(0) == 1 ? 1 : std::max<int64_t>(1, kMostRows / heads);
    Attention(b, op, tile).build();
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void nvptx::populateAttentionPatterns(RewritePatternSet &patterns) {
  patterns.add<AttendByBlocks>(patterns.getContext(), /*benefit=*/2);
}
