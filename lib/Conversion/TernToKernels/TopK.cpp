//===- TopK.cpp - tern.keep_top_k to loops --------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The bits of |x|, as an integer, are ordered as |x| is. So the k-th largest
// magnitude is found bit by bit, each time counting how many reach a candidate;
// all above it stay, and of those equal to it the first ones.
//
//===----------------------------------------------------------------------===//

#include "RowWise.h"
#include "tern/Kernels/KernelBuilder.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

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
    int64_t lanes = b.getRowLanes();
    auto sums = b.vectorOf(lanes, b.getI32Type());
    auto matches = [&](Value column, int64_t width) -> Value {
      Value bits = get(column, width);
      Value match =
          b.compare(predicate, bits, b.splat(bits.getType(), threshold));
      return arith::ExtUIOp::create(b, bits.getType(), match);
    };
    int64_t whole = columns / lanes * lanes;
    Value sum = b.loop(b.index(0), b.index(whole), lanes, b.zero(sums),
                       [&](Value column, ValueRange carried) {
                         Value match = matches(column, lanes);
                         return SmallVector<Value>{b.add(carried[0], match)};
                       })[0];
    if (whole != columns)
      sum = b.add(sum,
                  b.padLanes(matches(b.index(whole), columns - whole), lanes));
    return b.sumOfIntegers(sum);
  }

private:
  KernelBuilder &b;
  Value input, token;
  int64_t columns;
};

/// The largest bits that at least `keep` of the row reach.
Value findThreshold(KernelBuilder &b, Magnitudes &row, int64_t keep) {
  Type i32 = b.getI32Type();
  Value top = b.constant(i32, int64_t(1) << 30);
  auto step = [&](Value, ValueRange carried) -> SmallVector<Value> {
    Value found = carried[0], bit = carried[1];
    Value candidate = b.bitOr(found, bit);
    Value reached =
        b.compare(Predicate::sge, row.count(Predicate::sge, candidate), keep);
    return {b.select(reached, candidate, found), b.shiftRight(bit, 1)};
  };
  return b.loop(b.index(0), b.index(31), 1, {b.zero(i32), top}, step)[0];
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
