//===- Attention.cpp - tern.attention to work of blocks ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Attention.h"

#include "tern/Dialect/Tern/IR/Launches.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <algorithm>

using namespace mlir;
using namespace tern;
using namespace tern::nvptx;

//===----------------------------------------------------------------------===//
// AttentionShape
//===----------------------------------------------------------------------===//

AttentionShape::AttentionShape(KVCacheType type, int64_t tile, int64_t atOnce)
    : layout(getCacheLayout(type)), qBits(type.getQBits()), tile(tile),
      atOnce(atOnce), capacity(roundUp(type.getCapacity(), kBlock)) {}

int64_t AttentionShape::getShares(bool isAlone) const {
  if (layout.isHalf())
    return 1;
  int64_t shares = 1;
  while (2 * shares * (isAlone ? 1 : getGroups()) <= warps)
    shares *= 2;
  return shares;
}

int64_t AttentionShape::getCodeWidth() const {
  CachePlane widest = layout.planes()[0];
  int64_t chunks = roundUp(layout.keyChunks(widest), 4);
  return chunks * widest.chunkDepth();
}

SmallVector<MemRefType> AttentionShape::getUses(MLIRContext *context,
                                                int64_t positions) const {
  Type f32 = Float32Type::get(context), i32 = IntegerType::get(context, 32);
  Type i8 = IntegerType::get(context, 8);
  int64_t rows = getRows(), blocks = positions / kBlock;
  // Rows begin in other banks each.
  SmallVector<MemRefType> uses = {
      MemRefType::get({rows, positions + 4}, f32),
      MemRefType::get({warps + 1, kMostRows}, f32),
      MemRefType::get({1, kMostRows}, f32),
      MemRefType::get({getGroups(), getShares(), kMostRows * kResultPitch},
                      f32)};
  if (layout.isHalf()) {
    uses.push_back(MemRefType::get({layout.headDim, kMostRows}, f32));
    return uses;
  }
  int64_t weightPitch = positions % 128 ? positions : positions + 64;
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

  /// A block has a kv head; of several tokens, one of a tile of them.
  void build() {
    auto when = op->getAttrOfType<StringAttr>(kWhenAttr);
    if (when && when == kWhenShort)
      return buildShort();
    if (when && when == kWhenLong)
      return buildLong();
    Value count = b.length(op.getQuery());
    Value tiles = b.div(b.add(count, shape.tile - 1), b.index(shape.tile));
    buildLoop(b.mul(tiles, shape.layout.heads), [&](Value i) {
      Value kvHead = b.div(i, tiles);
      Value token = b.mul(b.sub(i, b.mul(kvHead, tiles)), shape.tile);
      SmallVector<Value> uses = allocate(shape.capacity);
      if (shape.tile == 1)
        return attend(kvHead, token, b.index(1), uses);
      // Tokens that follow each other in a sequence, or each by itself.
      Value end = b.minUnsigned(b.add(token, shape.tile), count);
      Value all = b.sub(end, token), isOne = isRun(token, end);
      Value together = b.select(isOne, all, b.index(1));
      Value turns = b.select(isOne, b.index(1), all);
      b.loop(b.index(0), turns, 1, [&](Value turn) {
        attend(kvHead, b.add(token, turn), together, uses);
      });
    });
  }

private:
  //===--------------------------------------------------------------------===//
  // One token
  //===--------------------------------------------------------------------===//

  /// A block of each kv head, which leaves at once behind a long text.
  void buildShort() {
    Value zero = b.index(0);
    Value isShort = b.compare(arith::CmpIPredicate::ult, getPosition(zero),
                              kShortPositions);
    buildLoop(b.index(shape.layout.heads), [&](Value kvHead) {
      b.ifTrue(isShort, [&] {
        attend(kvHead, zero, b.index(1), allocate(kShortPositions));
      });
    });
  }

  /// Three loops, over tiles of positions, rows, and groups of dimensions; none
  /// of them behind a short text.
  void buildLong() {
    Value position = getPosition(b.index(0));
    Value isLong =
        b.compare(arith::CmpIPredicate::uge, position, kShortPositions);
    int64_t parts = shape.layout.heads * chunks;
    SmallVector<Value> all = allocateBetween(parts);
    constexpr int64_t ofTile = kGroupOf * AttentionShape::warps;
    Value tiles = b.div(b.add(position, ofTile), b.index(ofTile));
    tiles = b.select(isLong, tiles, b.index(0));
    buildLongLoop(b.mul(tiles, parts), isLong, [&](Value i) {
      Value part = b.div(i, tiles);
      SmallVector<Value> uses = viewPart(all, part);
      allocateOwn(uses, {Queries, QuerySums, QueryFactors});
      attendPart(part, "scores", b.sub(i, b.mul(part, tiles)), uses);
    });
    int64_t rows = shape.getRows();
    buildLongLoop(b.index(parts * rows), isLong, [&](Value i) {
      Value part = b.div(i, b.index(rows));
      attendPart(part, "weights", b.rem(i, rows), viewPart(all, part));
    });
    int64_t groups = shape.getGroups();
    buildLongLoop(b.index(parts * groups), isLong, [&](Value i) {
      Value part = b.div(i, b.index(groups));
      SmallVector<Value> uses = viewPart(all, part);
      auto own = MemRefType::get(
          {1, shape.getShares(/*isAlone=*/true), kMostRows * kResultPitch},
          b.getF32Type());
      uses[Results] = allocateMemory(own);
      attendPart(part, "values", b.rem(i, groups), uses);
    });
  }

  void buildLongLoop(Value count, Value isLong,
                     function_ref<void(Value)> body) {
    buildLoop(count, [&](Value i) { b.ifTrue(isLong, [&] { body(i); }); });
    std::prev(b.getInsertionPoint())
        ->setAttr(kWhenAttr, b.getStringAttr(kWhenLong));
  }

  /// Memory of what launches leave for each other, of all kv heads and chunks.
  SmallVector<Value> allocateBetween(int64_t parts) {
    SmallVector<Value> all;
    for (auto [use, type] :
         llvm::enumerate(shape.getUses(b.getContext(), shape.capacity))) {
      SmallVector<int64_t> sizes(type.getShape());
      if (use == Tops)
        sizes[0] = 1 + roundUp(shape.capacity / kGroupOf, shape.warps);
      sizes[0] *= parts;
      bool isOwn = use >= Results && use <= QueryFactors;
      all.push_back(isOwn
                        ? Value()
                        : memref::AllocOp::create(
                              b, MemRefType::get(sizes, type.getElementType()),
                              b.getI64IntegerAttr(CacheLayout::alignment)));
      ofPart.push_back(sizes[0] / parts);
    }
    return all;
  }

  /// Those of a kv head's chunk.
  SmallVector<Value> viewPart(ArrayRef<Value> all, Value part) {
    SmallVector<Value> some;
    for (auto [memory, count] : llvm::zip_equal(all, ofPart)) {
      if (!memory) {
        some.push_back(all[Exponentials]);
        continue;
      }
      int64_t width = cast<MemRefType>(memory.getType()).getDimSize(1);
      SmallVector<OpFoldResult> offsets = {b.mul(part, count),
                                           b.getIndexAttr(0)};
      SmallVector<OpFoldResult> sizes = {b.getIndexAttr(count),
                                         b.getIndexAttr(width)};
      SmallVector<OpFoldResult> strides(2, b.getIndexAttr(1));
      some.push_back(
          memref::SubViewOp::create(b, memory, offsets, sizes, strides));
    }
    return some;
  }

  void allocateOwn(SmallVector<Value> &uses, ArrayRef<Use> own) {
    SmallVector<MemRefType> types = shape.getUses(b.getContext(), kBlock);
    for (Use use : own)
      if (use < types.size())
        uses[use] = allocateMemory(types[use]);
  }

  void attendPart(Value part, StringRef name, Value share,
                  ArrayRef<Value> uses) {
    Value kvHead = b.div(part, b.index(chunks)), zero = b.index(0);
    attendChunk(kvHead, b.rem(part, chunks), zero, b.index(1), uses, name,
                share);
  }

  //===--------------------------------------------------------------------===//
  // Any number
  //===--------------------------------------------------------------------===//

  void buildLoop(Value count, function_ref<void(Value)> body) {
    int64_t bytes = shape.layout.headBytes() * shape.capacity / kBlock;
    b.parallel(count, bytes, body);
  }

  /// In shared memory as far as that goes (tern-plan-scratch).
  Value allocateMemory(MemRefType type) {
    return memref::AllocOp::create(b, type,
                                   b.getI64IntegerAttr(CacheLayout::alignment));
  }

  SmallVector<Value> allocate(int64_t positions) {
    SmallVector<Value> uses;
    for (MemRefType type : shape.getUses(b.getContext(), positions))
      uses.push_back(allocateMemory(type));
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

  void attend(Value kvHead, Value token, Value tokens, ArrayRef<Value> uses) {
    b.loop(0, chunks, 1, [&](Value chunk) {
      attendChunk(kvHead, chunk, token, tokens, uses, "all", b.index(0));
    });
  }

  /// Heads of a kv head, as many as are taken at once.
  void attendChunk(Value kvHead, Value chunk, Value token, Value tokens,
                   ArrayRef<Value> uses, StringRef part, Value share) {
    const CacheLayout &layout = shape.layout;
    int64_t size = layout.stateBytes(type.getCapacity());
    Value state = FromAddressOp::create(
        b, MemRefType::get({size}, b.getI8Type()), getState(token));
    Value number = b.add(b.mul(op.getLayer(), layout.heads), kvHead);
    Value head =
        b.add(b.mul(number, layout.headBytes()), layout.blocksOffset());
    Value first =
        b.add(b.mul(number, layout.firstRowBytes()), layout.firstRowsOffset());
    Value before = b.mul(chunk, shape.atOnce);
    Value headNumber = b.add(b.mul(kvHead, perKv), before);
    Value heads =
        b.minUnsigned(b.sub(b.index(perKv), before), b.index(shape.atOnce));
    AttendOp::create(b, op.getQuery(), op.getOuts()[0], state, head, first,
                     token, b.mul(headNumber, layout.headDim), tokens, heads,
                     b.add(getPosition(token), 1), share, uses, type,
                     shape.tile, shape.atOnce, part);
  }

  KernelBuilder &b;
  AttentionOp op;
  KVCacheType type;
  int64_t perKv, chunks;
  AttentionShape shape;
  SmallVector<int64_t> ofPart; ///< sizes of a part of what launches leave
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
