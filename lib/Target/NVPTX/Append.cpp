//===- Append.cpp - tern.kv_append by warps ------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A warp has a row of a token, a lane each 32nd of its dimensions. Values of
// tokens that follow each other share bytes, so one warp has all tokens'.
//
//===----------------------------------------------------------------------===//

#include "LaneBuilder.h"
#include "LaneRewriter.h"

#include "tern/Kernels/CacheCodes.h"
#include "tern/Kernels/FloatBits.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <algorithm>

using namespace mlir;
using namespace tern;
using namespace tern::nvptx;

//===----------------------------------------------------------------------===//
// A row
//===----------------------------------------------------------------------===//

namespace {

class RowAppend {
public:
  RowAppend(LaneBuilder &b, AppendOp op, const IRMapping &mapping)
      : b(b), layout(getCacheLayout(cast<KVCacheType>(op.getCache()))),
        isKey(op.getKey()), shares(op.getShares()) {
    auto get = [&](Value value) { return mapping.lookup(value); };
    rows = get(op.getRows()), token = get(op.getToken());
    column = get(op.getColumn()), state = get(op.getState());
    head = get(op.getHead()), first = get(op.getFirst());
    share = get(op.getShare());
    position = b.toWord(get(op.getPosition()));
    slot = b.rem(position, CacheLayout::blockTokens);
    Value block = b.div(position, b.i32(CacheLayout::blockTokens));
    head = b.add(head, b.mul(b.toIndex(block), layout.blockStep()));
  }

  void build() {
    loadRow();
    if (layout.isHalf())
      return forEachPart(xs.size(), [&](int64_t i) { storeHalves(i); });
    Value most = b.i32(0);
    for (Value x : xs)
      most = b.maxUnsigned(b.magnitudeBits(x), most);
    most = b.bitcast(b.getF32Type(), b.mostOfLanes(most));
    bits = buildFloatToHalf(b, b.getLoc(), b.max(b.f32(1e-5), most));
    scale = buildHalfToFloat(b, b.getLoc(), bits);
    if (!layout.hasFirstRows())
      return storeCodedRow();
    auto branch =
        scf::IfOp::create(b, b.isEqual(position, 0), /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    storeFirstRow();
    b.setInsertionPointToStart(branch.elseBlock());
    storeCodedRow();
  }

private:
  Value getDim(int64_t i) { return b.add(b.laneId, i * kLanes); }

  /// Those that are not there are as the last one.
  void loadRow() {
    for (int64_t i = 0; i * kLanes < layout.headDim; ++i) {
      Value dim = b.clamp(getDim(i), layout.headDim - 1, (i + 1) * kLanes - 1);
      xs.push_back(b.load(rows, {token, b.add(column, b.toIndex(dim))}));
    }
  }

  /// Of parts of 32 dimensions, those that are this warp's.
  void forEachPart(int64_t count, function_ref<void(int64_t)> body) {
    for (int64_t i = 0; i < count; ++i)
      if (shares == 1)
        body(i);
      else
        b.ifTrue(b.isEqual(share, i % shares), [&] { body(i); });
  }

  void ifBelow(Value x, int64_t end, int64_t bound, function_ref<void()> body) {
    if (bound < end)
      return body();
    b.ifTrue(b.isBelow(x, end), body);
  }

  /// Codes (i32), 0 behind the row.
  Value getCodes(int64_t i, int64_t codeBits) {
    if (i >= int64_t(xs.size()))
      return b.i32(0);
    Value code = buildCodes(b, xs[i], scale, codeBits);
    code = b.zeroExtend(code, b.getI32Type());
    if ((i + 1) * kLanes <= layout.headDim)
      return code;
    return b.select(b.isBelow(getDim(i), layout.headDim), code, b.i32(0));
  }

  void storeByte(Value word, Value at) {
    b.store(arith::TruncIOp::create(b, b.getI8Type(), word), state, at);
  }

  void storeHalf(Value half, Value at) {
    auto one = b.vectorOf(1, b.getI16Type());
    Value bytes = b.bitcast(b.vectorOf(2, b.getI8Type()), b.splat(one, half));
    vector::StoreOp::create(b, bytes, state, at, /*nontemporal=*/false,
                            llvm::MaybeAlign(2));
  }

  void storeScale(Value at) {
    Value isIts = b.isEqual(b.laneId, 0);
    if (shares != 1)
      isIts = b.bitAnd(isIts, b.isEqual(share, 0));
    b.ifTrue(isIts, [&] { storeHalf(bits, at); });
  }

  void storeFirstRow() {
    int64_t bytes = layout.firstCodeBytes();
    Value codes = b.add(first, isKey ? 0 : bytes);
    forEachPart(bytes / kLanes, [&](int64_t i) {
      storeByte(getCodes(i, layout.bosBits),
                b.add(codes, b.toIndex(getDim(i))));
    });
    storeScale(b.add(first, layout.firstScalesOffset() + (isKey ? 0 : 2)));
  }

  void storeCodedRow() {
    int64_t width = roundUp(layout.headDim, isKey ? 4 : CacheLayout::lanes);
    if (isKey)
      for (const CachePlane &plane : layout.planes())
        width = std::max(width, layout.keyChunks(plane) * plane.chunkDepth());
    forEachPart(llvm::divideCeil(width, kLanes), [&](int64_t i) {
      Value codes = getCodes(i, layout.bits);
      for (auto [index, plane] : llvm::enumerate(layout.planes())) {
        Value part = b.bitAnd(b.shiftRight(codes, plane.firstBit),
                              int64_t(plane.mask()));
        if (isKey)
          packKeys(i, part, plane, layout.keyPlaneOffset(index));
        else
          packValues(i, part, plane, layout.valuePlaneOffset(index));
      }
    });
    int64_t scales =
        isKey ? layout.keyScalesOffset() : layout.valueScalesOffset();
    storeScale(b.add(b.add(head, scales), b.toIndex(b.mul(slot, 2))));
  }

  Value shiftLeftBy(Value x, Value by) {
    return arith::ShLIOp::create(b, x, by);
  }

  /// Four bytes of a chunk are this token's: lanes whose numbers differ in what
  /// field they have put them together.
  void packKeys(int64_t i, Value part, const CachePlane &plane,
                int64_t offset) {
    int64_t fields = plane.fields();
    Value field = b.rem(b.group, fields);
    Value byte =
        fields == 1 ? part : shiftLeftBy(part, b.mul(field, plane.bits));
    for (int64_t bit = 4; bit < 4 * fields; bit *= 2)
      byte = b.bitOr(byte, b.shuffleXor(byte, bit));
    Value chunk = b.div(getDim(i), b.i32(plane.chunkDepth()));
    Value inGroup = b.mul(b.rem(slot, CacheLayout::lanes), 4);
    Value at = b.add(b.mul(chunk, CacheLayout::chunkBytes), b.inGroup);
    Value group = b.div(slot, b.i32(CacheLayout::lanes));
    at = b.add(at, b.add(inGroup, b.mul(group, layout.keyGroupBytes())));
    at = b.add(b.add(head, b.toIndex(at)), layout.keysOffset() + offset);
    int64_t chunks = layout.keyChunks(plane);
    Value isThere = b.isEqual(field, 0);
    if ((i + 1) * kLanes > chunks * plane.chunkDepth())
      isThere = b.bitAnd(isThere, b.isBelow(chunk, chunks));
    b.ifTrue(isThere, [&] { storeByte(byte, at); });
  }

  /// Other tokens have the other bits of each byte.
  void packValues(int64_t i, Value part, const CachePlane &plane,
                  int64_t offset) {
    Value dim = getDim(i), depth = b.i32(plane.chunkDepth());
    Value at = b.mul(b.div(slot, depth), CacheLayout::chunkBytes);
    at = b.add(at,
               b.add(b.mul(b.rem(dim, CacheLayout::lanes), 4), b.rem(slot, 4)));
    Value group = b.div(dim, b.i32(CacheLayout::lanes));
    at = b.add(at, b.mul(group, layout.valueGroupBytes()));
    at = b.add(b.add(head, b.toIndex(at)), layout.valuesOffset() + offset);
    Value field = b.div(b.rem(slot, plane.chunkDepth()), b.i32(4));
    Value by = b.mul(field, plane.bits);
    Value others = b.bitXor(shiftLeftBy(b.i32(plane.mask()), by), 0xff);
    ifBelow(dim, layout.valueGroups() * CacheLayout::lanes,
            (i + 1) * kLanes - 1, [&] {
              Value byte = shiftLeftBy(part, by);
              if (plane.bits != 8) {
                Value old = b.zeroExtend(b.load(state, at), b.getI32Type());
                byte = b.bitOr(byte, b.bitAnd(old, others));
              }
              storeByte(byte, at);
            });
  }

  void storeHalves(int64_t i) {
    Value dim = getDim(i), at;
    int64_t offset = layout.keysOffset();
    if (isKey) {
      Value group = b.div(slot, b.i32(CacheLayout::lanes));
      at = b.add(b.mul(dim, 2 * CacheLayout::lanes),
                 b.mul(b.rem(slot, CacheLayout::lanes), 2));
      at = b.add(at, b.mul(group, layout.keyGroupBytes()));
    } else {
      offset = layout.valuesOffset();
      int64_t whole = layout.headDim / CacheLayout::lanes;
      int64_t rest = layout.headDim % CacheLayout::lanes;
      Value group = b.div(dim, b.i32(CacheLayout::lanes));
      Value width = b.i32(2 * CacheLayout::lanes);
      if (rest)
        width = b.select(b.isEqual(group, whole), b.i32(2 * rest), width);
      at = b.add(b.mul(slot, width), b.mul(b.rem(dim, CacheLayout::lanes), 2));
      at = b.add(at, b.mul(group, layout.valueGroupBytes()));
    }
    Value half = buildFloatToHalf(b, b.getLoc(), xs[i]);
    ifBelow(dim, layout.headDim, (i + 1) * kLanes - 1, [&] {
      storeHalf(half, b.add(b.add(head, b.toIndex(at)), offset));
    });
  }

  LaneBuilder &b;
  CacheLayout layout;
  bool isKey;
  int64_t shares;
  Value rows, token, column, state, head, first, share, position, slot;
  SmallVector<Value> xs;
  Value bits, scale; ///< of codes
};

} // namespace

LogicalResult LaneRewriter::rewriteAppend(AppendOp op) {
  // Rows are read, and other warps have written them.
  beforeLoad();
  LaneBuilder own(b.loc, b, b.countWarps());
  RowAppend(own, op, mapping).build();
  forgetMemory(/*isWritten=*/true);
  return success();
}

//===----------------------------------------------------------------------===//
// The pattern
//===----------------------------------------------------------------------===//

namespace {

class Append {
public:
  Append(KernelBuilder &b, KVAppendOp op)
      : b(b), op(op), type(op.getCache().getType()),
        layout(getCacheLayout(type)),
        parts(std::min<int64_t>(llvm::divideCeil(layout.headDim, kLanes),
                                kWarps)) {}

  /// A block has a kv head.
  void buildOne() {
    b.parallel(b.index(layout.heads), 8 * layout.headDim, [&](Value kvHead) {
      onEachWarp([&](Value warp) {
        Value token = b.index(0);
        b.ifTrue(isNumber(warp, 0),
                 [&] { append(kvHead, token, /*isKey=*/true, token, 1); });
        b.ifTrue(isNumber(warp, 1),
                 [&] { append(kvHead, token, /*isKey=*/false, token, 1); });
      });
    });
  }

  /// A block has the keys or the values of a kv head.
  void buildMany() {
    Value count = b.length(op.getKeys());
    b.parallel(b.index(2 * layout.heads), 4 * layout.headDim, [&](Value i) {
      Value kvHead = b.div(i, b.index(2)), kind = b.rem(i, 2);
      onEachWarp([&](Value warp) {
        b.ifTrue(isNumber(kind, 0), [&] {
          b.loop(warp, count, kWarps, [&](Value token) {
            append(kvHead, token, /*isKey=*/true, b.index(0), 1);
          });
        });
        Value isValue =
            b.bitAnd(isNumber(kind, 1), b.compare(arith::CmpIPredicate::ult,
                                                  warp, int64_t(parts)));
        b.ifTrue(isValue, [&] {
          b.loop(b.index(0), count, 1, [&](Value token) {
            append(kvHead, token, /*isKey=*/false, warp, parts);
          });
        });
      });
    });
  }

private:
  static constexpr int64_t kWarps = 8;

  Value isNumber(Value x, int64_t y) {
    return b.compare(arith::CmpIPredicate::eq, x, y);
  }

  void onEachWarp(function_ref<void(Value)> body) {
    auto each = EachWarpOp::create(b, kWarps);
    OpBuilder::InsertionGuard guard(b);
    Block *block =
        b.createBlock(&each.getBody(), {}, b.getIndexType(), b.getLoc());
    body(block->getArgument(0));
  }

  void append(Value kvHead, Value token, bool isKey, Value share,
              int64_t shares) {
    Value address =
        StateAddressOp::create(b, b.getIndexType(), op.getCache(), token);
    int64_t size = layout.stateBytes(type.getCapacity());
    Value state = FromAddressOp::create(
        b, MemRefType::get({size}, b.getI8Type()), address);
    Value number = b.add(b.mul(op.getLayer(), layout.heads), kvHead);
    Value head =
        b.add(b.mul(number, layout.headBytes()), layout.blocksOffset());
    Value first =
        b.add(b.mul(number, layout.firstRowBytes()), layout.firstRowsOffset());
    Value position = b.toIndex(b.load(op.getPositions(), token));
    AppendOp::create(b, isKey ? op.getKeys() : op.getValues(), state, token,
                     b.mul(kvHead, layout.headDim), head, first, position,
                     share, type, isKey, shares);
  }

  KernelBuilder &b;
  KVAppendOp op;
  KVCacheType type;
  CacheLayout layout;
  int64_t parts;
};

struct AppendByWarps : OpRewritePattern<KVAppendOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(KVAppendOp op,
                                PatternRewriter &rewriter) const override {
    auto keys = dyn_cast<MemRefType>(op.getKeys().getType());
    if (!keys)
      return rewriter.notifyMatchFailure(op, "expected buffer form");
    KernelBuilder b(op.getLoc(), rewriter);
    b.nameLoops("kv_append");
    Append append(b, op);
    if (keys.getDimSize(0) == 1)
      append.buildOne();
    else
      append.buildMany();
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void nvptx::populateAppendPatterns(RewritePatternSet &patterns) {
  patterns.add<AppendByWarps>(patterns.getContext(), /*benefit=*/2);
}
