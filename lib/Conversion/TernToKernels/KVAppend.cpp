//===- KVAppend.cpp - tern.kv_append to loops -----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Parallel over kv heads: values of neighbouring tokens share bytes, those of
// different heads never do.
//
//===----------------------------------------------------------------------===//

#include "Attention.h"
#include "CacheAccess.h"

#include "tern/Conversion/TernToKernels.h"
#include "tern/Kernels/FloatBits.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace tern;

namespace {

/// One head of one token of one operation.
class HeadAppend {
public:
  HeadAppend(KernelBuilder &b, KVAppendOp op, Value head, Value token,
             Value codes)
      : b(b), op(op), token(token), codes(codes),
        cache(b, op.getCache(), op.getLayer(), head, token),
        layout(cache.getLayout()), column(b.mul(head, layout.headDim)) {
    Value position = b.load(b.getI32Type(), op.getPositions(), token);
    place = arith::IndexCastOp::create(b, b.getIndexType(), position);
    block = b.div(place, b.index(CacheLayout::blockTokens));
    slot = b.rem(place, CacheLayout::blockTokens);
  }

  void store() {
    if (layout.isHalf()) {
      storeHalfKeys();
      storeHalfValues();
    } else if (layout.hasFirstRows()) {
      Value isFirst = b.compare(arith::CmpIPredicate::eq, place, int64_t(0));
      scf::IfOp::create(
          b, isFirst,
          [&](OpBuilder &, Location) {
            storeFirstRows();
            scf::YieldOp::create(b);
          },
          [&](OpBuilder &, Location) {
            storeCodedRows();
            scf::YieldOp::create(b);
          });
    } else {
      storeCodedRows();
    }
  }

private:
  Value loadRow(Value rows, Value i, int64_t width) {
    return b.load(b.vectorOf(width, b.getF32Type()), rows,
                  {token, b.add(column, i)});
  }

  /// A lane of this token's in each dimension's vector.
  void storeHalfKeys() {
    Value group = b.div(slot, b.index(CacheLayout::lanes));
    Value start = b.add(b.add(cache.getBlock(block), layout.keysOffset()),
                        b.add(b.mul(group, layout.keyGroupBytes()),
                              b.mul(b.rem(slot, CacheLayout::lanes), 2)));
    constexpr int64_t step = 2 * CacheLayout::lanes;
    b.forEachChunk(
        layout.headDim, getHeadLanes(b), [&](Value i, int64_t width) {
          Value halves =
              buildFloatToHalf(b, b.getLoc(), loadRow(op.getKeys(), i, width));
          Value at = b.add(start, b.mul(i, step));
          for (int64_t k = 0; k < width; ++k)
            cache.storeHalves(b.lane(halves, k), b.add(at, k * step));
        });
  }

  void storeHalfValues() {
    Value start = b.add(cache.getBlock(block), layout.valuesOffset());
    b.forEachChunk(
        layout.headDim, CacheLayout::lanes, [&](Value i, int64_t width) {
          Value group = b.div(i, b.index(CacheLayout::lanes));
          Value at = b.add(b.add(start, b.mul(group, layout.valueGroupBytes())),
                           b.mul(slot, 2 * width));
          b.forEachChunk(width, getHeadLanes(b), [&](Value k, int64_t lanes) {
            Value x = loadRow(op.getValues(), b.add(i, k), lanes);
            cache.storeHalves(buildFloatToHalf(b, b.getLoc(), x),
                              b.add(at, b.mul(k, 2)));
          });
        });
  }

  /// Fills `codes` and returns the scale's bits.
  Value encode(Value rows, int64_t bits) {
    RowScale scale = buildRowScale(b, rows, token, column, layout.headDim);
    b.forEachChunk(layout.headDim, getHeadLanes(b),
                   [&](Value i, int64_t width) {
                     Value x = loadRow(rows, i, width);
                     b.store(buildCodes(b, x, scale.value, bits), codes, i);
                   });
    return scale.bits;
  }

  void storeFirstRows() {
    Value start = cache.getFirstRows();
    Value both[] = {op.getKeys(), op.getValues()};
    for (auto [index, rows] : llvm::enumerate(both)) {
      Value scale = encode(rows, layout.bosBits);
      Value to = b.add(start, index * layout.firstCodeBytes());
      int64_t lanes = getHeadLanes(b);
      b.loop(0, layout.firstCodeBytes(), lanes, [&](Value i) {
        Value part = b.load(b.vectorOf(lanes, b.getI8Type()), codes, i);
        b.store(part, cache.getBytes(), b.add(to, i));
      });
      cache.storeHalves(scale,
                        b.add(start, layout.firstScalesOffset() + 2 * index));
    }
  }

  void storeCodedRows() {
    Value start = cache.getBlock(block), scaleAt = b.mul(slot, 2);
    Value scale = encode(op.getKeys(), layout.bits);
    packKeys(b.add(start, layout.keysOffset()));
    cache.storeHalves(scale,
                      b.add(b.add(start, layout.keyScalesOffset()), scaleAt));
    scale = encode(op.getValues(), layout.bits);
    packValues(b.add(start, layout.valuesOffset()));
    cache.storeHalves(scale,
                      b.add(b.add(start, layout.valueScalesOffset()), scaleAt));
  }

  /// Four bytes of a chunk are this token's, whole.
  void packKeys(Value start) {
    Value group = b.div(slot, b.index(CacheLayout::lanes));
    Value inGroup = b.rem(slot, CacheLayout::lanes);
    start = b.add(start, b.mul(group, layout.keyGroupBytes()));
    start = b.add(start, b.mul(inGroup, 4));
    auto type = b.vectorOf(4, b.getI8Type());
    for (auto [index, plane] : llvm::enumerate(layout.planes())) {
      Value to = b.add(start, layout.keyPlaneOffset(index));
      CachePlane p = plane;
      b.loop(0, layout.keyChunks(p), 1, [&](Value chunk) {
        Value first = b.mul(chunk, p.chunkDepth()), byte = b.zero(type);
        for (int64_t f = 0; f < p.fields(); ++f) {
          Value code = b.load(type, codes, b.add(first, 4 * f));
          Value part = b.bitAnd(b.shiftRight(code, p.firstBit), p.mask());
          byte = b.bitOr(byte, b.shiftLeft(part, f * p.bits));
        }
        b.store(byte, cache.getBytes(),
                b.add(to, b.mul(chunk, CacheLayout::chunkBytes)));
      });
    }
  }

  /// Other tokens have the other bits of each byte, and other bytes.
  void packValues(Value start) {
    for (auto [index, plane] : llvm::enumerate(layout.planes())) {
      Value chunk = b.div(slot, b.index(plane.chunkDepth()));
      Value inChunk = b.rem(slot, plane.chunkDepth());
      Value to = b.add(b.add(start, layout.valuePlaneOffset(index)),
                       b.mul(chunk, CacheLayout::chunkBytes));
      packPlane(plane, to, b.div(inChunk, b.index(4)), b.rem(inChunk, 4));
    }
  }

  /// Puts bits into field `field` of bytes 4i + `byte` of the chunk at `to`,
  /// and of the same chunk of all groups of dimensions. A group is a vector
  /// where there are vectors; elsewhere its dimensions come one by one.
  void packPlane(const CachePlane &plane, Value to, Value field, Value byte) {
    int64_t lanes =
        getHeadLanes(b) < CacheLayout::lanes ? 1 : CacheLayout::lanes;
    auto group = b.vectorOf(lanes, b.getI8Type());
    auto bytes = b.vectorOf(4 * lanes, b.getI8Type());
    SmallVector<int64_t> inEach;
    for (int64_t i = 0; i < 4 * lanes; ++i)
      inEach.push_back(i / 4);
    Value shift = toByte(b.mul(field, plane.bits));
    Value here =
        b.compare(arith::CmpIPredicate::eq, b.bitAnd(b.iota(bytes), int64_t(3)),
                  b.splat(bytes, toByte(byte)));
    Value mask = arith::ShLIOp::create(
        b, b.constant(b.getI8Type(), int64_t(plane.mask())), shift);
    mask = b.select(here, b.splat(bytes, mask), b.zero(bytes));
    Value others =
        arith::XOrIOp::create(b, mask, b.constant(bytes, int64_t(0xff)));
    b.loop(0, layout.valueGroups(), 1, [&](Value i) {
      Value start = b.add(to, b.mul(i, layout.valueGroupBytes()));
      Value first = b.mul(i, CacheLayout::lanes);
      b.forEachChunk(CacheLayout::lanes, lanes, [&](Value lane, int64_t) {
        Value code = b.load(group, codes, b.add(first, lane));
        code = b.bitAnd(b.shiftRight(code, plane.firstBit), plane.mask());
        code = arith::ShLIOp::create(b, code, b.splat(group, shift));
        Value part = b.bitAnd(b.shuffle(code, code, inEach), mask);
        Value at = b.add(start, b.mul(lane, 4));
        Value old = b.bitAnd(b.load(bytes, cache.getBytes(), at), others);
        b.store(b.bitOr(old, part), cache.getBytes(), at);
      });
    });
  }

  Value toByte(Value index) {
    return arith::IndexCastOp::create(b, b.getI8Type(), index);
  }

  KernelBuilder &b;
  KVAppendOp op;
  Value token, codes;
  HeadCache cache;
  const CacheLayout &layout;
  Value column, place, block, slot;
};

struct AppendRows : OpRewritePattern<KVAppendOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(KVAppendOp op,
                                PatternRewriter &rewriter) const override {
    if (!isa<MemRefType>(op.getKeys().getType()))
      return rewriter.notifyMatchFailure(op, "expected buffer form");
    KernelBuilder b(op.getLoc(), rewriter, getRowLanes(op));
    b.nameLoops("kv_append");
    CacheLayout layout = getCacheLayout(op.getCache().getType());
    b.parallel(b.index(layout.heads), 8 * layout.headDim, [&](Value head) {
      Value codes;
      if (!layout.isHalf())
        codes = buildCodeScratch(b, layout.headDim);
      b.forEachToken(op.getKeys(), [&](Value token) {
        HeadAppend(b, op, head, token, codes).store();
      });
    });
    rewriter.eraseOp(op);
    return success();
  }

  /// A row of codes; what lies after head_dim is 0.
  static Value buildCodeScratch(KernelBuilder &b, int64_t headDim) {
    int64_t padded = roundUp(headDim, CacheLayout::alignment);
    auto type = MemRefType::get({padded}, b.getI8Type());
    Value codes = memref::AllocOp::create(b, type);
    b.forEachChunk(padded, getHeadLanes(b), [&](Value i, int64_t width) {
      b.store(b.zero(b.vectorOf(width, b.getI8Type())), codes, i);
    });
    return codes;
  }
};

} // namespace

void tern::populateAppendPatterns(RewritePatternSet &patterns) {
  patterns.add<AppendRows>(patterns.getContext());
}
