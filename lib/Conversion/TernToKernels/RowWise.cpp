//===- RowWise.cpp - Statistics and compaction of rows to loops -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RowWise.h"

#include "tern/Kernels/KernelBuilder.h"
#include "tern/Kernels/R32.h"

#include "tern/Conversion/TernToKernels.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

using namespace mlir;
using namespace tern;

namespace {

/// Columns of a matrix whose rows are tokens.
int64_t numColumns(Value rows) {
  return cast<MemRefType>(rows.getType()).getDimSize(1);
}

//===----------------------------------------------------------------------===//
// tern.reduce
//===----------------------------------------------------------------------===//

/// Compares bits: a row with a NaN has NaN for its maximum, in any order.
/// `terms` gives floats.
Value reduceMaxAbs(KernelBuilder &b, int64_t n,
                   function_ref<Value(Value, int64_t)> terms) {
  auto larger = [&](Value x, Value y) { return b.maxSigned(x, y); };
  auto magnitudes = [&](Value i, int64_t width) {
    return b.magnitudeBits(terms(i, width));
  };
  int64_t lanes = b.getRowLanes(), whole = n / lanes * lanes;
  Value most = b.zero(b.vectorOf(lanes, b.getI32Type()));
  if (whole)
    most = b.loop(b.index(0), b.index(whole), lanes, most,
                  [&](Value i, ValueRange carried) -> SmallVector<Value> {
                    return {larger(magnitudes(i, lanes), carried[0])};
                  })[0];
  if (whole != n) {
    Value rest = magnitudes(b.index(whole), n - whole);
    most = larger(b.padLanes(rest, lanes), most);
  }
  return b.bitcast(b.getF32Type(), b.mostOfSigned(most));
}

struct ReduceRows : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReduceOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getOuts().empty())
      return rewriter.notifyMatchFailure(op, "expected buffer form");
    KernelBuilder b(op.getLoc(), rewriter, getRowLanes(op));
    Value input = op.getInput(), out = op.getOuts()[0];
    auto type = cast<MemRefType>(input.getType());
    int64_t n = type.getShape().back();
    auto reduce = [&](ValueRange row) {
      auto term = [&](Value i, int64_t width) -> Value {
        SmallVector<Value> at(row);
        at.push_back(i);
        Value x = b.load(b.vectorOf(width, b.getF32Type()), input, at);
        switch (op.getKind()) {
        case ReduceKind::MaxAbs:
          return x;
        case ReduceKind::SumAbs:
          return b.abs(x);
        case ReduceKind::SumSquares:
          return b.mul(x, x);
        }
        llvm_unreachable("unknown kind");
      };
      auto terms = [&](Value i, int64_t width) -> SmallVector<Value> {
        return {term(i, width)};
      };
      Value result = op.getKind() == ReduceKind::MaxAbs
                         ? reduceMaxAbs(b, n, term)
                         : buildR32(b, n, 1, terms)[0];
      b.store(result, out, row);
    };
    b.forEachToken(input, [&](Value token) {
      if (type.getRank() == 2)
        return reduce(token);
      b.loop(b.index(0), b.index(type.getDimSize(1)), 1, [&](Value part) {
        reduce({token, part});
      });
    });
    rewriter.eraseOp(op);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// tern.sparsify, tern.active_rows
//===----------------------------------------------------------------------===//

/// Writes what `visit` writes at (column, place) and counts the columns it
/// returns true (i1) for. There is no branch: a column that does not count is
/// overwritten by the next. Returns the count.
Value compact(KernelBuilder &b, int64_t columns,
              function_ref<Value(Value, Value)> visit) {
  return b.loop(b.index(0), b.index(columns), 1, b.index(0),
                [&](Value column, ValueRange carried) -> SmallVector<Value> {
                  Value counts = visit(column, carried[0]);
                  Value one =
                      arith::IndexCastUIOp::create(b, b.getIndexType(), counts);
                  return {b.add(carried[0], one)};
                })[0];
}

Value toI32(KernelBuilder &b, Value index) {
  return arith::IndexCastOp::create(b, b.getI32Type(), index);
}

struct CompactCodes : OpRewritePattern<SparsifyOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SparsifyOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getOuts().empty())
      return rewriter.notifyMatchFailure(op, "expected buffer form");
    KernelBuilder b(op.getLoc(), rewriter);
    Value input = op.getInput(), indices = op.getOuts()[0];
    Value values = op.getOuts()[1], count = op.getOuts()[2];
    b.forEachToken(input, [&](Value token) {
      Value n = compact(b, numColumns(input), [&](Value column, Value place) {
        Value code = b.load(b.getI8Type(), input, {token, column});
        b.store(toI32(b, column), indices, {token, place});
        b.store(code, values, {token, place});
        return b.compare(arith::CmpIPredicate::ne, code, int64_t(0));
      });
      b.store(toI32(b, n), count, token);
      // Kernels take four at a time.
      Value end = b.mul(b.div(b.add(n, 3), 4), 4);
      b.loop(n, end, 1, [&](Value place) {
        b.store(b.zero(b.getI32Type()), indices, {token, place});
        b.store(b.zero(b.getI8Type()), values, {token, place});
      });
    });
    rewriter.eraseOp(op);
    return success();
  }
};

struct CompactOpenGates : OpRewritePattern<ActiveRowsOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ActiveRowsOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getOuts().empty())
      return rewriter.notifyMatchFailure(op, "expected buffer form");
    KernelBuilder b(op.getLoc(), rewriter);
    Value gate = op.getGate(), indices = op.getOuts()[0];
    Value count = op.getOuts()[1];
    b.forEachToken(gate, [&](Value token) {
      Value n = compact(b, numColumns(gate), [&](Value column, Value place) {
        Value x = b.load(b.getF32Type(), gate, {token, column});
        b.store(toI32(b, column), indices, {token, place});
        return b.isGreater(x, b.zero(b.getF32Type()));
      });
      b.store(toI32(b, n), count, token);
    });
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void tern::populateRowPatterns(TargetAttr, RewritePatternSet &patterns) {
  patterns.add<CompactCodes, CompactOpenGates, ReduceRows>(
      patterns.getContext());
  populateHadamardPatterns(patterns);
  populateTopKPatterns(patterns);
}
