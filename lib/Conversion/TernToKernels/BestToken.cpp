//===- BestToken.cpp - The best token without all logits to loops ---------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// BestTokenOps.td says why the bounds hold.
//
//===----------------------------------------------------------------------===//

#include "tern/Conversion/TernToKernels.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/KernelBuilder.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Magnitude bits from which on a float is infinite or NaN.
constexpr int64_t kNotFinite = 0x7f800000;

/// Rows that a task takes.
constexpr int64_t kTaskRows = 4096;

/// Rows of which candidates are looked for at a time: most times there is none.
constexpr int64_t kLookRows = 16;

int64_t numRows(Value sums) {
  return cast<MemRefType>(sums.getType()).getDimSize(1);
}

Value isFinite(KernelBuilder &b, Value x) {
  return b.compare(arith::CmpIPredicate::ult, b.magnitudeBits(x), kNotFinite);
}

Value toI32(KernelBuilder &b, Value index) {
  return arith::IndexCastOp::create(b, b.getI32Type(), index);
}

//===----------------------------------------------------------------------===//
// tern.bound_rows
//===----------------------------------------------------------------------===//

/// Of a token's codes, i32.
struct CodeSums {
  Value sum, magnitudes, squares;
};

CodeSums sumCodes(KernelBuilder &b, Value codes) {
  constexpr int64_t width = 16;
  int64_t columns = numRows(codes), whole = columns / width * width;
  Type i32 = b.getI32Type();
  auto add = [&](Value first, int64_t count, ValueRange sums) -> Values {
    Value x =
        b.load(b.vectorOf(count, b.getI8Type()), codes, {b.index(0), first});
    x = b.padLanes(b.signExtend(x, i32), width);
    Value magnitude = b.maxSigned(x, b.sub(b.zero(x.getType()), x));
    return {b.add(sums[0], x), b.add(sums[1], magnitude),
            b.add(sums[2], b.mul(x, x))};
  };
  Values sums(3, b.zero(b.vectorOf(width, i32)));
  sums = b.loop(
      b.index(0), b.index(whole), width, sums,
      [&](Value i, ValueRange carried) { return add(i, width, carried); });
  if (whole != columns)
    sums = add(b.index(whole), columns - whole, sums);
  return {b.sumOfIntegers(sums[0]), b.sumOfIntegers(sums[1]),
          b.sumOfIntegers(sums[2])};
}

/// Bounds of the logits of neighbouring rows.
class RowBounds {
public:
  RowBounds(KernelBuilder &b, BoundRowsOp op) : b(b), op(op) {
    CodeSums sums = sumCodes(b, op.getCodes());
    sum = b.mul(sums.sum, 3);
    most = b.mul(sums.magnitudes, 3);
    // Four roundings by half a unit in the last place each, of which 2^24 are
    // one: a millionth is 16 of them.
    Value norm = math::SqrtOp::create(b, b.toFloat(sums.squares));
    length = b.mul(norm, 1.000001);
    factor = b.load(op.getFactor(), b.index(0));
  }

  /// The lower and the upper ones.
  std::pair<Value, Value> build(Value first, int64_t width) {
    VectorType floats = b.vectorOf(width, b.getF32Type()),
               integers = b.vectorOf(width, b.getI32Type());
    Value upper = b.load(integers, op.getUpper(), {b.index(0), first});
    Value middle = b.add(b.shiftLeft(upper, 3), b.splat(integers, sum));
    Value norm = b.load(floats, op.getNorms(), first);
    Value error = arith::FPToSIOp::create(b, integers,
                                          b.mul(norm, b.splat(floats, length)));
    error = b.minUnsigned(error, b.splat(integers, most));
    Value scale =
        b.mul(b.splat(floats, factor), b.load(floats, op.getScales(), first));
    auto toLogit = [&](Value twice) {
      return b.mul(b.toFloat(b.shiftRightSigned(twice, 1)), scale);
    };
    Value low = toLogit(b.add(b.sub(middle, error), 1));
    Value high = toLogit(b.add(middle, error));
    Value nan = b.constant(floats, std::numeric_limits<double>::quiet_NaN());
    return {low, b.select(isFinite(b, low), high, nan)};
  }

private:
  KernelBuilder &b;
  BoundRowsOp op;
  Value sum, most;      ///< times three, i32
  Value length, factor; ///< f32; the norm of the codes, rounded up
};

/// Walks all rows in tasks. The last vector begins so early that it is whole,
/// which does nothing to a row but again what was done.
struct ExpandBoundRows : OpRewritePattern<BoundRowsOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BoundRowsOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.isBufferForm())
      return rewriter.notifyMatchFailure(op, "expected buffer form");
    KernelBuilder b(op.getLoc(), rewriter, getRowLanes(op));
    int64_t rows = numRows(op.getUpper());
    int64_t lanes = std::min(b.getRowLanes(), rows);
    int64_t vectors = llvm::divideCeil(rows, lanes);
    int64_t ofTask = std::max<int64_t>(1, kTaskRows / lanes);
    int64_t tasks = llvm::divideCeil(vectors, ofTask);
    RowBounds bounds(b, op);
    Value most = b.alloc(b.getF32Type(), tasks, lanes);
    Value places = b.alloc(b.getI32Type(), tasks, lanes);
    b.nameLoops("lm_head.bounds");
    b.parallel(b.index(tasks), kTaskRows * 16, [&](Value task) {
      Value from = b.mul(task, ofTask);
      Value to = b.minUnsigned(b.add(from, ofTask), b.index(vectors));
      Values best = boundVectors(b, bounds, op.getOuts()[0], from, to, lanes);
      b.store(best[0], most, {task, b.index(0)});
      b.store(best[1], places, {task, b.index(0)});
    });
    Value place = findMost(b, most, places, tasks, lanes);
    b.store(place, op.getOuts()[1], {b.index(0), b.index(0)});
    b.store(b.constant(b.getI32Type(), int64_t(1)), op.getOuts()[2],
            b.index(0));
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// Stores the upper bounds of vectors `from` to `to` and returns the largest
  /// lower bound of each lane and its row.
  static Values boundVectors(KernelBuilder &b, RowBounds &bounds, Value out,
                             Value from, Value to, int64_t lanes) {
    int64_t rows = numRows(out);
    VectorType floats = b.vectorOf(lanes, b.getF32Type()),
               integers = b.vectorOf(lanes, b.getI32Type());
    Values none = {b.constant(floats, -kInfinity), b.zero(integers)};
    return b.loop(from, to, 1, none, [&](Value i, ValueRange best) -> Values {
      Value first = b.minUnsigned(b.mul(i, lanes), b.index(rows - lanes));
      auto [low, high] = bounds.build(first, lanes);
      b.store(high, out, {b.index(0), first});
      Value place = b.add(b.splat(integers, toI32(b, first)), b.iota(integers));
      Value isMore = b.isGreater(low, best[0]);
      return {b.select(isMore, low, best[0]), b.select(isMore, place, best[1])};
    });
  }

  /// The place of the largest of all tasks and lanes.
  static Value findMost(KernelBuilder &b, Value most, Value places,
                        int64_t tasks, int64_t lanes) {
    Value zero = b.index(0);
    auto compare = [&](Value task, Value lane, ValueRange best) -> Values {
      Value x = b.load(most, {task, lane});
      Value isMore = b.isGreater(x, best[0]);
      return {b.select(isMore, x, best[0]),
              b.select(isMore, b.load(places, {task, lane}), best[1])};
    };
    Values none = {b.constant(b.getF32Type(), -kInfinity),
                   b.zero(b.getI32Type())};
    return b.loop(zero, b.index(tasks), 1, none,
                  [&](Value task, ValueRange best) {
                    return b.loop(zero, b.index(lanes), 1, best,
                                  [&](Value lane, ValueRange best) {
                                    return compare(task, lane, best);
                                  });
                  })[1];
  }
};

//===----------------------------------------------------------------------===//
// tern.candidate_rows, tern.best_row
//===----------------------------------------------------------------------===//

/// The logit of one row, as tern.lm_head has it.
template <typename Op> Value buildLogit(KernelBuilder &b, Op op, Value row) {
  Value zero = b.index(0);
  Value upper = b.load(op.getUpper(), {zero, row});
  Value sum = b.add(b.shiftLeft(upper, 2), b.load(op.getLow(), {zero, row}));
  Value scale =
      b.mul(b.load(op.getFactor(), zero), b.load(op.getScales(), row));
  return b.mul(b.toFloat(sum), scale);
}

struct ExpandCandidateRows : OpRewritePattern<CandidateRowsOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(CandidateRowsOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.isBufferForm())
      return rewriter.notifyMatchFailure(op, "expected buffer form");
    KernelBuilder b(op.getLoc(), rewriter);
    int64_t rows = numRows(op.getBounds());
    int64_t whole = rows / kLookRows * kLookRows;
    Value zero = b.index(0);
    Value first = b.toIndex(b.load(op.getFirst(), {zero, zero}));
    Value least = buildLogit(b, op, first);
    Value count = b.loop(zero, b.index(whole), kLookRows, zero,
                         [&](Value row, ValueRange count) -> Values {
                           return {look(b, op, row, least, count[0])};
                         })[0];
    count = list(b, op, b.index(whole), b.index(rows), least, count);
    b.store(toI32(b, count), op.getOuts()[1], zero);
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// NaN is not less.
  static Value mayReach(KernelBuilder &b, Value bound, Value least) {
    return b.bitXor(b.isLess(bound, least), 1);
  }

  /// Lists rows of a vector if one of them is a candidate.
  static Value look(KernelBuilder &b, CandidateRowsOp op, Value first,
                    Value least, Value count) {
    VectorType floats = b.vectorOf(kLookRows, b.getF32Type());
    Value bounds = b.load(floats, op.getBounds(), {b.index(0), first});
    Value less = b.isLess(bounds, b.splat(floats, least));
    Value bits =
        b.lane(b.bitcast(b.vectorOf(1, b.getIntegerType(kLookRows)), less), 0);
    Value hasSome = b.compare(arith::CmpIPredicate::ne, bits, int64_t(-1));
    auto choose =
        scf::IfOp::create(b, TypeRange{b.getIndexType()}, hasSome, true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choose.thenBlock());
    Value end = b.add(first, kLookRows);
    scf::YieldOp::create(b, list(b, op, first, end, least, count));
    b.setInsertionPointToStart(choose.elseBlock());
    scf::YieldOp::create(b, count);
    return choose.getResult(0);
  }

  /// A row that is no candidate is overwritten by the next.
  static Value list(KernelBuilder &b, CandidateRowsOp op, Value from, Value to,
                    Value least, Value count) {
    return b.loop(from, to, 1, count,
                  [&](Value row, ValueRange count) -> Values {
                    Value zero = b.index(0);
                    b.store(toI32(b, row), op.getOuts()[0], {zero, count[0]});
                    Value bound = b.load(op.getBounds(), {zero, row});
                    Value one = arith::IndexCastUIOp::create(
                        b, b.getIndexType(), mayReach(b, bound, least));
                    return {b.add(count[0], one)};
                  })[0];
  }
};

struct ExpandBestRow : OpRewritePattern<BestRowOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BestRowOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.isBufferForm())
      return rewriter.notifyMatchFailure(op, "expected buffer form");
    KernelBuilder b(op.getLoc(), rewriter);
    Value zero = b.index(0);
    Value count = b.toIndex(b.load(op.getCount(), zero));
    Type i32 = b.getI32Type();
    Value minusOne = b.constant(i32, int64_t(-1));
    // The place, the logit, the largest magnitude of any.
    Values best = {minusOne, b.constant(b.getF32Type(), -kInfinity),
                   b.zero(i32)};
    best =
        b.loop(zero, count, 1, best, [&](Value i, ValueRange best) -> Values {
          Value row = b.load(op.getIndices(), {zero, i});
          Value logit = buildLogit(b, op, b.toIndex(row));
          Value isMore = b.isGreater(logit, best[1]);
          return {b.select(isMore, row, best[0]),
                  b.select(isMore, logit, best[1]),
                  b.maxUnsigned(b.magnitudeBits(logit), best[2])};
        });
    Value allFinite = b.compare(arith::CmpIPredicate::ult, best[2], kNotFinite);
    b.store(b.select(allFinite, best[0], minusOne), op.getOuts()[0], zero);
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void tern::populateBestTokenPatterns(TargetAttr, RewritePatternSet &patterns) {
  patterns.add<ExpandBoundRows, ExpandCandidateRows, ExpandBestRow>(
      patterns.getContext());
}
