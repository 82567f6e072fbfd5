//===- LogitParts.cpp - Rows of logits by parts ---------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LogitParts.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

/// Magnitude bits from which on a float is infinite or NaN.
static constexpr int64_t kNotFinite = 0x7f800000;

LogitParts LogitParts::of(int64_t columns, int64_t lanes, int64_t most) {
  LogitParts cut;
  cut.columns = columns;
  cut.lanes = std::min(lanes, columns);
  cut.vectors = llvm::divideCeil(columns, cut.lanes);
  cut.parts = std::min(cut.vectors, most);
  return cut;
}

/// Ordered as the floats are, with -0 as 0.
static Value toKeys(KernelBuilder &b, Value x) {
  Value zero = b.constant(x.getType(), 0.0);
  Type type = withElement(x.getType(), b.getI32Type());
  Value bits = b.bitcast(type, b.add(x, zero));
  Value least = b.constant(type, int64_t(1) << 31);
  Value flipped = b.bitOr(b.shiftRightSigned(bits, 31), least);
  Value isFinite =
      b.compare(arith::CmpIPredicate::ult, b.magnitudeBits(x), kNotFinite);
  return b.select(isFinite, arith::XOrIOp::create(b, bits, flipped),
                  b.constant(type, int64_t(-1)));
}

Value tern::bitsOfKey(KernelBuilder &b, Value key) {
  Value least = b.constant(key.getType(), int64_t(1) << 31);
  Value flipped = b.bitOr(b.bitXor(b.shiftRightSigned(key, 31), -1), least);
  return arith::XOrIOp::create(b, key, flipped);
}

/// Keys and places of one vector against the largest before it in each lane.
static Values keepLarger(KernelBuilder &b, Value keys, Value places,
                         ValueRange best) {
  Value isMore = b.compare(arith::CmpIPredicate::ugt, keys, best[0]);
  return {b.select(isMore, keys, best[0]), b.select(isMore, places, best[1])};
}

/// The largest key of all lanes and the lowest of its places.
static Place findOfLanes(KernelBuilder &b, ValueRange best) {
  Type type = best[0].getType();
  Value key = b.mostOfUnsigned(best[0]);
  Value is = b.compare(arith::CmpIPredicate::eq, best[0], b.splat(type, key));
  Value place =
      b.mostOfUnsigned(b.select(is, b.bitXor(best[1], -1), b.zero(type)));
  return {key, b.bitXor(place, -1)};
}

static Values none(KernelBuilder &b, int64_t lanes) {
  Value zero = b.zero(b.vectorOf(lanes, b.getI32Type()));
  return {zero, zero};
}

/// 0 for keys that do not come after `before`, or that the vector before has,
/// too: places below `own`.
static Value keepAfter(KernelBuilder &b, Value keys, Value places, Value own,
                       const Place &before) {
  using enum arith::CmpIPredicate;
  Type type = keys.getType();
  Value bound = b.splat(type, before.first);
  Value isLess = b.compare(ult, keys, bound);
  Value isBehind =
      b.bitAnd(b.compare(eq, keys, bound),
               b.compare(uge, places, b.splat(type, before.second)));
  Value isOwn = b.compare(uge, places, b.splat(type, own));
  return b.select(b.bitAnd(isOwn, b.bitOr(isLess, isBehind)), keys,
                  b.zero(type));
}

Place tern::findLargest(KernelBuilder &b, Value logits, const LogitParts &parts,
                        Value row, Value part, const Place *before) {
  VectorType floats = b.vectorOf(parts.lanes, b.getF32Type()),
             integers = b.vectorOf(parts.lanes, b.getI32Type());
  auto toWord = [&](Value index) -> Value {
    return arith::IndexCastOp::create(b, b.getI32Type(), index);
  };
  return findOfLanes(
      b, b.loop(part, b.index(parts.vectors), parts.parts, none(b, parts.lanes),
                [&](Value i, ValueRange best) {
                  Value own = b.mul(i, parts.lanes);
                  Value first =
                      b.minUnsigned(own, b.index(parts.columns - parts.lanes));
                  Value keys = toKeys(b, b.load(floats, logits, {row, first}));
                  Value places =
                      b.add(b.splat(integers, toWord(first)), b.iota(integers));
                  if (before)
                    keys = keepAfter(b, keys, places, toWord(own), *before);
                  return keepLarger(b, keys, places, best);
                }));
}

Place tern::findLargest(KernelBuilder &b, Value keys, Value places,
                        int64_t count, int64_t lanes, Value row) {
  LogitParts all = LogitParts::of(count, lanes, /*most=*/1);
  VectorType integers = b.vectorOf(all.lanes, b.getI32Type());
  return findOfLanes(
      b, b.loop(b.index(0), b.index(all.vectors), 1, none(b, all.lanes),
                [&](Value i, ValueRange best) {
                  Value at = b.minUnsigned(b.mul(i, all.lanes),
                                           b.index(count - all.lanes));
                  return keepLarger(b, b.load(integers, keys, {row, at}),
                                    b.load(integers, places, {row, at}), best);
                }));
}
