//===- TopK.cpp - tern.keep_top_k to loops --------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The bits of |x|, as an integer, are ordered as |x| is. So the k-th largest
// magnitude is found bit by bit, each time counting how many reach a candidate,
// until they are just k, which takes about half of the bits. All that reach it
// stay; if its last bit still leaves too many, those equal to it are too many,
// and the last of them go.
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

  /// How many (i32) reach `threshold` (i32).
  Value count(Value threshold) {
    Value sums = fold(
        [&](Value bits) -> Value {
          return isReached(bits, b.splat(bits.getType(), threshold));
        },
        [&](Value x, Value y) { return b.add(x, y); });
    return b.sumOfIntegers(sums);
  }

private:
  /// 1 where `bits` reach `threshold`, 0 elsewhere.
  Value isReached(Value bits, Value threshold) {
    // A sign is shifted down where a comparison would be moved to a register.
    if (b.getRowLanes() == kRowRegisters)
      return b.shiftRight(b.sub(b.sub(threshold, 1.0), bits), 31);
    Value match = b.compare(Predicate::sge, bits, threshold);
    return arith::ExtUIOp::create(b, bits.getType(), match);
  }

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

/// Bits (i32) that at least `keep` of the row reach, and how many do: more only
/// if some are equal to them.
std::pair<Value, Value> findThreshold(KernelBuilder &b, Magnitudes &row,
                                      int64_t keep) {
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
    Value count = row.count(candidate);
    Value isReached = b.compare(Predicate::sge, count, keep);
    scf::YieldOp::create(b, ValueRange{b.select(isReached, candidate, found),
                                       b.shiftRight(bit, 1),
                                       b.select(isReached, count, reaching)});
  };
  Value all = b.constant(i32, row.getColumns());
  auto loop = scf::WhileOp::create(b, TypeRange{i32, i32, i32},
                                   ValueRange{b.zero(i32), top, all},
                                   isUndecided, decide);
  return {loop.getResult(0), loop.getResult(2)};
}

/// Zeros for the codes of the last `excess` (i32) elements equal to
/// `threshold`.
void dropTies(KernelBuilder &b, Magnitudes &row, Value threshold, Value excess,
              function_ref<void(Value)> drop) {
  Value last = b.index(row.getColumns() - 1);
  b.loop(b.index(0), b.index(row.getColumns()), 1, excess,
         [&](Value i, ValueRange carried) -> SmallVector<Value> {
           Value column = b.sub(last, i), left = carried[0];
           Value bits = b.lane(row.get(column, 1), 0);
           Value goes = b.bitAnd(b.compare(Predicate::eq, bits, threshold),
                                 b.compare(Predicate::sgt, left, int64_t(0)));
           b.ifTrue(goes, [&] { drop(column); });
           Value one = arith::ExtUIOp::create(b, b.getI32Type(), goes);
           return {b.sub(left, one)};
         });
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
      std::pair<Value, Value> found = findThreshold(b, row, keep);
      Value threshold = found.first, reaching = found.second;
      Value out = op.getOuts()[0];
      b.forEachChunk(
          row.getColumns(), b.getRowLanes(), [&](Value column, int64_t width) {
            Value bits = row.get(column, width);
            Value stays = b.compare(Predicate::sge, bits,
                                    b.splat(bits.getType(), threshold));
            auto type = b.vectorOf(width, b.getI8Type());
            Value code = b.load(type, op.getCodes(), {token, column});
            code = b.select(stays, code, b.zero(type));
            b.store(code, out, {token, column});
          });
      Value excess = b.sub(reaching, b.constant(b.getI32Type(), keep));
      // Rare.
      b.ifTrue(b.compare(Predicate::ne, excess, int64_t(0)), [&] {
        dropTies(b, row, threshold, excess, [&](Value column) {
          b.store(b.zero(b.getI8Type()), out, {token, column});
        });
      });
    });
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void tern::populateTopKPatterns(RewritePatternSet &patterns) {
  patterns.add<KeepLargest>(patterns.getContext());
}
