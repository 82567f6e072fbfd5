//===- GroupedProducts.cpp - Products whose groups have scales ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Integers within a group of columns, R32 over groups (docs/numerics.md 4).
//
//===----------------------------------------------------------------------===//

#include "LineWalker.h"
#include "tern/Kernels/R32.h"

#include "tern/Conversion/TernToKernels.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

/// A product of this kind that is being built.
struct GroupedProduct {
  KernelBuilder &b;
  const WeightInfo &weight;
  Value codes, scale, out;
  int64_t rows, groups, groupSize;

  /// Exact sum of a group. Its columns may end within a tile, of which the
  /// others then count as 0.
  Value dotGroup(Value row, Value token, Value group) const {
    int64_t tile = weight.layout->tileColumns();
    Value from = b.mul(group, groupSize), to = b.add(from, groupSize);
    Value endTile = b.div(b.add(to, tile - 1), b.index(tile));
    return LineWalker(b, weight, Axis::Row, row)
        .walk(b.div(from, b.index(tile)), endTile, b.zero(b.getI32Type()),
              [&](Value digit, Value column, ValueRange sum) -> Values {
                Value x = b.signExtend(b.load(codes, {token, column}),
                                       b.getI32Type());
                if (groupSize % tile)
                  x = b.select(isWithin(column, from, to), x,
                               b.zero(b.getI32Type()));
                return {b.add(sum[0], b.mul(digit, x))};
              })[0];
  }

  /// R32 over groups of f32(acc) * scale.
  Value dotRow(Value row, Value token) const {
    Value sums =
        b.loop(b.index(0), b.index(groups), 1,
               b.zero(b.vectorOf(kR32Lanes, b.getF32Type())),
               [&](Value group, ValueRange carried) -> Values {
                 Value term = b.mul(b.toFloat(dotGroup(row, token, group)),
                                    b.load(scale, {row, group}));
                 Value lane = b.rem(group, kR32Lanes);
                 Value sum = vector::ExtractOp::create(b, carried[0], lane);
                 return {vector::InsertOp::create(b, b.add(sum, term),
                                                  carried[0], lane)};
               })[0];
    return buildR32Tree(b, sums);
  }

  void build() const {
    int64_t bytes = kRowsPerIteration * weight.rowBytes();
    Value blocks = b.index(llvm::divideCeil(rows, kRowsPerIteration));
    b.parallel(blocks, bytes, [&](Value block) {
      Value first = b.mul(block, kRowsPerIteration);
      Value end = b.minUnsigned(b.add(first, kRowsPerIteration), b.index(rows));
      b.loop(first, end, 1, [&](Value row) {
        b.loop(b.index(0), b.length(codes), 1, [&](Value token) {
          b.store(dotRow(row, token), out, {token, row});
        });
      });
    });
  }

private:
  Value isWithin(Value column, Value from, Value to) const {
    return b.bitAnd(b.compare(arith::CmpIPredicate::uge, column, from),
                    b.compare(arith::CmpIPredicate::ult, column, to));
  }
};

struct ExpandGroupedMatmul : OpRewritePattern<GroupedMatmulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(GroupedMatmulOp op,
                                PatternRewriter &rewriter) const override {
    FailureOr<WeightInfo> weight = WeightInfo::get(op, rewriter);
    if (failed(weight))
      return failure();
    reportScalarProduct(op, *weight);
    KernelBuilder b(op.getLoc(), rewriter);
    nameProduct(b, op, op.getProjection(), *weight, "grouped_contiguous_rows",
                /*dot=*/nullptr);
    auto scales = cast<ShapedType>(op.getScale().getType());
    GroupedProduct{b,
                   *weight,
                   op.getCodes(),
                   op.getScale(),
                   op.getOuts()[0],
                   scales.getDimSize(0),
                   scales.getDimSize(1),
                   op.getGroupSize()}
        .build();
    countRead(b, op.getProjectionAttr(), *weight,
              b.index(weight->storageBytes()));
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void tern::populateGroupedProductPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandGroupedMatmul>(patterns.getContext());
}
