//===- TopK.cpp - tern.keep_top_k to loops --------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The bits of |x|, as an integer, are ordered as |x| is. So the k-th largest
// magnitude is found bit by bit, each time counting how many reach a candidate,
// until they are just k, which takes about half of the bits; all above it stay,
// and of those equal to it the first ones.
//
//===----------------------------------------------------------------------===//

#include "RowWise.h"
#include "tern/Kernels/KernelBuilder.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

#include <limits>

using namespace mlir;
using namespace tern;

namespace {

using Predicate = arith::CmpIPredicate;

/// One token's row of magnitudes.
class Magnitudes {
public:
  Magnitudes(KernelBuilder &b, Value input, Value token)
      : b(b), input(input), token(token),
        columns(cast<MemRefType>(input.getType()).getDimSize(1)) {}

  int64_t getColumns() const { return columns; }

  /// Bits of |x| from `column` on, i32 or a vector of them.
  Value get(Value column, int64_t width) {
    Type f32 = b.vectorOf(width, b.getF32Type());
    return b.magnitudeBits(b.load(f32, input, {token, column}));
  }

  /// How many (i32) compare so with `threshold` (i32).
  Value count(Predicate predicate, Value threshold) {
    Value sums = fold(
        [&](Value bits) -> Value {
          Value limit = b.splat(bits.getType(), threshold);
          Value match = b.compare(predicate, bits, limit);
          return arith::ExtUIOp::create(b, bits.getType(), match);
        },
        [&](Value x, Value y) { return b.add(x, y); });
    return b.sumOfIntegers(sums);
  }

  /// The least bits (i32) that are no less than `limit` (i32), which there are.
  Value findLeast(Value limit) {
    // Of what is left to the largest integer the most.
    constexpr int64_t kLargest = std::numeric_limits<int32_t>::max();
    Value most = fold(
        [&](Value bits) {
          Value isThere =
              b.compare(Predicate::sge, bits, b.splat(bits.getType(), limit));
          Value left = b.sub(b.constant(bits.getType(), kLargest), bits);
          return b.select(isThere, left, b.zero(bits.getType()));
        },
        [&](Value x, Value y) { return b.maxSigned(x, y); });
    return b.sub(b.constant(b.getI32Type(), kLargest), b.mostOfSigned(most));
  }

private:
  /// Results of `map` for all bits, combined in lanes, from zeros on.
  Value fold(function_ref<Value(Value)> map,
             function_ref<Value(Value, Value)> combine) {
    int64_t lanes = b.getRowLanes(), whole = columns / lanes * lanes;
    auto type = b.vectorOf(lanes, b.getI32Type());
    Value all = b.loop(b.index(0), b.index(whole), lanes, b.zero(type),
                       [&](Value column, ValueRange carried) {
                         return SmallVector<Value>{
                             combine(carried[0], map(get(column, lanes)))};
                       })[0];
    if (whole == columns)
      return all;
    Value rest = map(get(b.index(whole), columns - whole));
    return combine(all, b.padLanes(rest, lanes));
  }

  KernelBuilder &b;
  Value input, token;
  int64_t columns;
};

/// The largest bits that at least `keep` of the row reach. Bits are decided
/// until just so many reach those found: the least of these then are the k-th
/// largest, and so are the bits found themselves when there are no more.
Value findThreshold(KernelBuilder &b, Magnitudes &row, int64_t keep) {
  Type i32 = b.getI32Type();
  Value top = b.constant(i32, int64_t(1) << 30);
  auto isUndecided = [&](OpBuilder &, Location, ValueRange carried) {
    Value bits = b.compare(Predicate::ne, carried[1], int64_t(0));
    Value several = b.compare(Predicate::ne, carried[2], keep);
    scf::ConditionOp::create(b, b.bitAnd(bits, several), carried);
  };
  auto decide = [&](OpBuilder &, Location, ValueRange carried) {
    Value found = carried[0], bit = carried[1], reaching = carried[2];
    Value candidate = b.bitOr(found, bit);
    Value count = row.count(Predicate::sge, candidate);
    Value isReached = b.compare(Predicate::sge, count, keep);
    scf::YieldOp::create(b, ValueRange{b.select(isReached, candidate, found),
                                       b.shiftRight(bit, 1),
                                       b.select(isReached, count, reaching)});
  };
  Value all = b.constant(i32, row.getColumns());
  auto loop = scf::WhileOp::create(b, TypeRange{i32, i32, i32},
                                   ValueRange{b.zero(i32), top, all},
                                   isUndecided, decide);
  return row.findLeast(loop.getResult(0));
}

/// The index (i32) from which on elements equal to `threshold` are dropped,
/// when only the first `room` of them may stay.
Value findTieEnd(KernelBuilder &b, Magnitudes &row, Value threshold,
                 Value room) {
  Type i32 = b.getI32Type();
  Value columns = b.constant(i32, row.getColumns());
  Value ties = row.count(Predicate::eq, threshold);
  Value allStay = b.compare(Predicate::sle, ties, room);
  auto choose = scf::IfOp::create(b, TypeRange{i32}, allStay, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choose.thenBlock());
  scf::YieldOp::create(b, columns);
  b.setInsertionPointToStart(choose.elseBlock());
  // Rare: walk until there is no room left; the last tie that finds room is the
  // last that moves the end.
  auto step = [&](Value column, ValueRange carried) -> SmallVector<Value> {
    Value left = carried[0], end = carried[1];
    Value bits = b.lane(row.get(column, 1), 0);
    Value stays =
        arith::AndIOp::create(b, b.compare(Predicate::eq, bits, threshold),
                              b.compare(Predicate::sgt, left, int64_t(0)));
    Value next = arith::IndexCastOp::create(b, i32, b.add(column, 1));
    Value one = arith::ExtUIOp::create(b, i32, stays);
    return {b.sub(left, one), b.select(stays, next, end)};
  };
  SmallVector<Value> walked = b.loop(b.index(0), b.index(row.getColumns()), 1,
                                     {room, b.zero(i32)}, step);
  scf::YieldOp::create(b, walked[1]);
  return choose.getResult(0);
}

struct KeepLargest : OpRewritePattern<KeepTopKOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(KeepTopKOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getOuts().empty())
      return rewriter.notifyMatchFailure(op, "expected buffer form");
    KernelBuilder b(op.getLoc(), rewriter, getRowLanes(op));
    b.forEachToken(op.getInput(), [&](Value token) {
      Magnitudes row(b, op.getInput(), token);
      int64_t keep = std::min(op.getTopK().getKeep(), row.getColumns());
      Value threshold = findThreshold(b, row, keep);
      Value above = row.count(Predicate::sgt, threshold);
      Value room = b.sub(b.constant(b.getI32Type(), keep), above);
      Value tieEnd = findTieEnd(b, row, threshold, room);
      b.forEachChunk(
          row.getColumns(), b.getRowLanes(), [&](Value column, int64_t width) {
            Value stays = isKept(b, row, column, width, threshold, tieEnd);
            auto type = b.vectorOf(width, b.getI8Type());
            Value code = b.load(type, op.getCodes(), {token, column});
            code = b.select(stays, code, b.zero(type));
            b.store(code, op.getOuts()[0], {token, column});
          });
    });
    rewriter.eraseOp(op);
    return success();
  }

private:
  static Value isKept(KernelBuilder &b, Magnitudes &row, Value column,
                      int64_t width, Value threshold, Value tieEnd) {
    auto type = b.vectorOf(width, b.getI32Type());
    Value first = arith::IndexCastOp::create(b, b.getI32Type(), column);
    Value index = b.add(b.splat(type, first), b.iota(type));
    Value bits = row.get(column, width), limit = b.splat(type, threshold);
    Value above = b.compare(Predicate::sgt, bits, limit);
    Value equal = b.compare(Predicate::eq, bits, limit);
    Value early = b.compare(Predicate::slt, index, b.splat(type, tieEnd));
    return b.bitOr(above, b.bitAnd(equal, early));
  }
};

} // namespace

void tern::populateTopKPatterns(RewritePatternSet &patterns) {
  patterns.add<KeepLargest>(patterns.getContext());
}
