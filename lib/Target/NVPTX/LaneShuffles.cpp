//===- LaneShuffles.cpp - Elements and bits in other lanes ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaneRewriter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace tern::nvptx;

static bool isRun(ArrayRef<int64_t> mask) {
  for (auto [i, element] : llvm::enumerate(mask))
    if (element != mask[0] + int64_t(i))
      return false;
  return true;
}

/// The steps of a Hadamard transformation: elements whose numbers differ in a
/// bit change places, and of two vectors those with a bit come from the second.
static Value exchange(WarpBuilder &b, ArrayRef<int64_t> mask, Value first,
                      Value second) {
  auto follows = [&](function_ref<int64_t(int64_t)> rule) {
    for (auto [i, element] : llvm::enumerate(mask))
      if (element != rule(i))
        return false;
    return true;
  };
  int64_t width = mask.size();
  for (int64_t bit = 1; bit < width; bit *= 2) {
    if (follows([&](int64_t i) { return i ^ bit; }))
      return b.shuffle(
          first, arith::XOrIOp::create(b, b.loc, b.getLane(), b.i32(bit)));
    if (second && follows([&](int64_t i) { return i & bit ? width + i : i; })) {
      Value own = arith::AndIOp::create(b, b.loc, b.getLane(), b.i32(bit));
      return arith::SelectOp::create(b, b.loc, b.isEqual(own, 0), first,
                                     second);
    }
  }
  return Value();
}

LogicalResult LaneRewriter::rewriteShuffle(vector::ShuffleOp op) {
  Value own = getHeld(op.getV1());
  if (!own)
    return failure();
  ArrayRef<int64_t> mask = op.getMask();
  int64_t width = getCount(op.getV1().getType()), size = mask.size();
  if (size == width && size <= kLanes)
    if (Value made = exchange(b, mask, own, getHeld(op.getV2()))) {
      setHeld(op, made);
      return success();
    }
  // The same number, mostly zero, behind a vector.
  DenseElementsAttr padding;
  if (size > width && size <= kLanes && mask[0] == 0 &&
      isRun(mask.take_front(width)) &&
      llvm::all_of(mask.drop_front(width),
                   [&](int64_t m) { return m >= width; }) &&
      matchPattern(op.getV2(), m_Constant(&padding)) && padding.isSplat()) {
    Value other = arith::ConstantOp::create(
        b, b.loc, cast<TypedAttr>(padding.getSplatValue<Attribute>()));
    setHeld(op,
            arith::SelectOp::create(b, b.loc, b.isBelow(width), own, other));
    return success();
  }
  if (llvm::any_of(mask, [&](int64_t m) { return m < 0 || m >= width; }))
    return failure();
  if (width <= kLanes && size <= kLanes && isRun(mask)) {
    setHeld(op, mask[0] ? b.shuffleDown(own, mask[0]) : own);
    return success();
  }
  std::optional<Cycle> cycle = Cycle::find(mask);
  if (!cycle || !getHeldType(op.getType()))
    return failure();
  SmallVector<Value> parts;
  for (int64_t i = 0; i < getShare(size); ++i)
    parts.push_back(b.gather(own, b.compute(*cycle, getShare(size), i)));
  setHeld(op, b.join(parts));
  return success();
}

//===----------------------------------------------------------------------===//
// Bits
//===----------------------------------------------------------------------===//

static Value asInteger(WarpBuilder &b, Value value) {
  Type element = getElementOf(value.getType());
  Type type = b.getIntegerType(element.getIntOrFloatBitWidth());
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    type = vector.clone(type);
  if (type == value.getType())
    return value;
  return arith::BitcastOp::create(b, b.loc, type, value);
}

/// Elements of twice as many bits lie in other lanes.
static Value makeWider(WarpBuilder &b, Value held, Type word,
                       unsigned fromBits) {
  int64_t parts = word.getIntOrFloatBitWidth() / fromBits;
  Value value;
  for (int64_t part = 0; part < parts; ++part) {
    Value piece = b.gather(held, b.add(b.mul(b.getLane(), parts), part));
    piece = arith::ExtUIOp::create(b, b.loc, word, piece);
    Value shift = arith::ConstantIntOp::create(b, b.loc, word, part * fromBits);
    piece = arith::ShLIOp::create(b, b.loc, piece, shift);
    value = value ? arith::OrIOp::create(b, b.loc, value, piece).getResult()
                  : piece;
  }
  return value;
}

static Value makeNarrower(WarpBuilder &b, Value held, Type word,
                          unsigned fromBits) {
  unsigned toBits = word.getIntOrFloatBitWidth();
  int64_t parts = fromBits / toBits;
  Value value = b.gather(held, b.div(b.getLane(), parts));
  Value shift = b.mul(b.rem(b.getLane(), parts), toBits);
  shift = b.resize(shift, value.getType());
  value = arith::ShRUIOp::create(b, b.loc, value, shift);
  return arith::TruncIOp::create(b, b.loc, word, value);
}

LogicalResult LaneRewriter::rewriteBitcast(vector::BitCastOp op) {
  Value held = getHeld(op.getSource());
  Type type = getHeldType(op.getType());
  if (!held || !type)
    return failure();
  int64_t from = getCount(op.getSource().getType()),
          to = getCount(op.getType());
  // Each lane has all bits of its own.
  if (from == to || (from % kLanes == 0 && to % kLanes == 0)) {
    auto asVector = [&](Type type) {
      return isa<VectorType>(type) ? cast<VectorType>(type)
                                   : VectorType::get({1}, type);
    };
    if (!isa<VectorType>(held.getType()))
      held =
          vector::BroadcastOp::create(b, b.loc, asVector(held.getType()), held);
    held = vector::BitCastOp::create(b, b.loc, asVector(type), held);
    setHeld(op, isa<VectorType>(type) ? held : b.getPart(held, 0));
    return success();
  }
  if (from > kLanes || to > kLanes)
    return failure();
  held = asInteger(b, held);
  unsigned fromBits = held.getType().getIntOrFloatBitWidth();
  Type word = b.getIntegerType(type.getIntOrFloatBitWidth());
  Value value = from > to ? makeWider(b, held, word, fromBits)
                          : makeNarrower(b, held, word, fromBits);
  if (type != word)
    value = arith::BitcastOp::create(b, b.loc, type, value);
  setHeld(op, value);
  return success();
}
