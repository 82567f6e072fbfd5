//===- Argmax.cpp - The largest logit to loops ----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Logits are compared as integers without a sign that are ordered as they are;
// what is not finite is larger than all of them.
//
//===----------------------------------------------------------------------===//

#include "tern/Conversion/TernToKernels.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/KernelBuilder.h"
#include "tern/Target/Target.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

/// Magnitude bits from which on a float is infinite or NaN.
constexpr int64_t kNotFinite = 0x7f800000;

/// Parts of a row, at most: a few of them are a vector's work, and they are
/// about as many as a device has blocks.
constexpr int64_t kParts = 256;

/// A row in vectors of `lanes`. The last one begins so early that it is whole:
/// of a value that comes twice the place is the same.
struct RowParts {
  int64_t columns, lanes, vectors, perPart, parts;

  static RowParts of(int64_t columns, int64_t lanes) {
    RowParts cut;
    cut.columns = columns;
    cut.lanes = std::min(lanes, columns);
    cut.vectors = llvm::divideCeil(columns, cut.lanes);
    cut.perPart = llvm::divideCeil(cut.vectors, kParts);
    cut.parts = llvm::divideCeil(cut.vectors, cut.perPart);
    return cut;
  }
  Value first(KernelBuilder &b, Value vector) const {
    return b.minUnsigned(b.mul(vector, lanes), b.index(columns - lanes));
  }
};

/// Of i32: ordered as the floats are, with -0 as 0.
Value toKeys(KernelBuilder &b, Value x) {
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

/// Keys and places of one vector against the largest before it in each lane.
Values keepLarger(KernelBuilder &b, Value keys, Value places, ValueRange best) {
  Value isMore = b.compare(arith::CmpIPredicate::ugt, keys, best[0]);
  return {b.select(isMore, keys, best[0]), b.select(isMore, places, best[1])};
}

/// The largest key of all lanes and the lowest of its places.
std::pair<Value, Value> findLargest(KernelBuilder &b, ValueRange best) {
  Type type = best[0].getType();
  Value key = b.mostOfUnsigned(best[0]);
  Value is = b.compare(arith::CmpIPredicate::eq, best[0], b.splat(type, key));
  Value place =
      b.mostOfUnsigned(b.select(is, b.bitXor(best[1], -1), b.zero(type)));
  return {key, b.bitXor(place, -1)};
}

struct ExpandArgmax : OpRewritePattern<ArgmaxOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ArgmaxOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.isBufferForm())
      return rewriter.notifyMatchFailure(op, "expected buffer form");
    KernelBuilder b(op.getLoc(), rewriter, getRowLanes(op));
    Value logits = op.getInput(), out = op.getOuts()[0];
    RowParts cut = RowParts::of(
        cast<MemRefType>(logits.getType()).getDimSize(1), b.getRowLanes());
    Value rows = b.length(logits);
    Value keys = b.alloc(b.getI32Type(), rows, cut.parts);
    Value places = b.alloc(b.getI32Type(), rows, cut.parts);
    b.nameLoops("argmax.parts");
    b.parallel(b.mul(rows, cut.parts), cut.perPart * cut.lanes * 4,
               [&](Value task) {
                 Value row = b.div(task, b.index(cut.parts));
                 Value part = b.rem(task, cut.parts);
                 auto [key, place] = findOfPart(b, logits, cut, row, part);
                 b.store(key, keys, {row, part});
                 b.store(place, places, {row, part});
               });
    b.nameLoops("argmax");
    b.parallel(rows, cut.parts * 8, [&](Value row) {
      storeToken(b, findOfRow(b, keys, places, cut, row), out, row);
    });
    rewriter.eraseOp(op);
    return success();
  }

private:
  static Values none(KernelBuilder &b, int64_t lanes) {
    Value zero = b.zero(b.vectorOf(lanes, b.getI32Type()));
    return {zero, zero};
  }

  static std::pair<Value, Value> findOfPart(KernelBuilder &b, Value logits,
                                            const RowParts &cut, Value row,
                                            Value part) {
    VectorType floats = b.vectorOf(cut.lanes, b.getF32Type()),
               integers = b.vectorOf(cut.lanes, b.getI32Type());
    Value from = b.mul(part, cut.perPart);
    Value to = b.minUnsigned(b.add(from, cut.perPart), b.index(cut.vectors));
    return findLargest(
        b,
        b.loop(from, to, 1, none(b, cut.lanes), [&](Value i, ValueRange best) {
          Value first = cut.first(b, i);
          Value x = b.load(floats, logits, {row, first});
          Value number = arith::IndexCastOp::create(b, b.getI32Type(), first);
          Value place = b.add(b.splat(integers, number), b.iota(integers));
          return keepLarger(b, toKeys(b, x), place, best);
        }));
  }

  static std::pair<Value, Value> findOfRow(KernelBuilder &b, Value keys,
                                           Value places, const RowParts &cut,
                                           Value row) {
    RowParts all = RowParts::of(cut.parts, cut.lanes);
    VectorType integers = b.vectorOf(all.lanes, b.getI32Type());
    return findLargest(
        b, b.loop(b.index(0), b.index(all.vectors), 1, none(b, all.lanes),
                  [&](Value i, ValueRange best) {
                    Value at = all.first(b, i);
                    return keepLarger(b, b.load(integers, keys, {row, at}),
                                      b.load(integers, places, {row, at}),
                                      best);
                  }));
  }

  static void storeToken(KernelBuilder &b, std::pair<Value, Value> largest,
                         Value out, Value row) {
    auto [key, place] = largest;
    Value isBad = b.compare(arith::CmpIPredicate::eq, key, int64_t(-1));
    Value minusOne = b.constant(b.getI32Type(), int64_t(-1));
    b.store(b.select(isBad, minusOne, place), out, {row, b.index(0)});
    b.store(b.select(isBad, b.zero(b.getI32Type()), place), out,
            {row, b.index(1)});
  }
};

} // namespace

void tern::populateArgmaxPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandArgmax>(patterns.getContext());
}
