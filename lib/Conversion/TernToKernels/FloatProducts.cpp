//===- FloatProducts.cpp - Products of activations that stay floats -------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A row's digits become floats in a temporary, in the order of columns, which
// R32 depends on and layouts do not have; then each token is multiplied by it.
// For comparison with schemes of integers (docs/schemes.md), on every target.
//
//===----------------------------------------------------------------------===//

#include "LineWalker.h"

#include "tern/Conversion/TernToKernels.h"
#include "tern/Kernels/R32.h"
#include "tern/Target/Target.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

/// Stores the digits of a row in `digits`.
void unpackRow(KernelBuilder &b, const WeightInfo &weight, Value row,
               Value digits) {
  Value tiles = b.index(weight.columns / weight.layout->tileColumns());
  LineWalker(b, weight, Axis::Row, row)
      .walk(b.index(0), tiles, {},
            [&](Value digit, Value column, ValueRange) -> Values {
              b.store(b.toFloat(digit), digits, column);
              return {};
            });
}

/// The sum over groups, by rising group, of R32(digits * x) * scale.
Value multiplyRow(KernelBuilder &b, const WeightInfo &weight, MatmulOp op,
                  Value row, Value token, Value digits) {
  int64_t groups = op.getGroups();
  int64_t size = op.getGroupSize();
  return b.loop(b.index(0), b.index(groups), 1, b.zero(b.getF32Type()),
                [&](Value group, ValueRange carried) -> Values {
                  Value first = b.mul(group, b.index(size));
                  auto terms = [&](Value i, int64_t width) -> Values {
                    Type type = b.vectorOf(width, b.getF32Type());
                    Value column = b.add(first, i);
                    Value x = b.load(type, op.getCodes(), {token, column});
                    return {b.mul(b.load(type, digits, column), x)};
                  };
                  Value sum = buildR32(b, size, 1, terms)[0];
                  Value scale = weight.loadScale(b, op.getScales(), row, group);
                  Value term = b.mul(sum, scale);
                  return {b.add(carried[0], term)};
                })[0];
}

struct ExpandFloatMatmul : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatmulOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.hasFloatCodes())
      return rewriter.notifyMatchFailure(op, "expected codes of f32");
    FailureOr<WeightInfo> weight = WeightInfo::get(op, rewriter);
    if (failed(weight))
      return failure();
    if (!weight->layout)
      return rewriter.notifyMatchFailure(op, "expected digits in a layout");
    KernelBuilder b(op.getLoc(), rewriter, getRowLanes(op));
    weight->flatten(b);
    nameProduct(b, op, op.getProjection(), *weight, "floats");
    multiply(b, *weight, op);
    countRead(b, op.getProjectionAttr(), *weight,
              b.index(weight->storageBytes()));
    rewriter.eraseOp(op);
    return success();
  }

private:
  static void multiply(KernelBuilder &b, const WeightInfo &weight,
                       MatmulOp op) {
    Value tokens = b.length(op.getCodes());
    // Rows that only the layout adds have no scales.
    int64_t rows = op.getWeightTensorType().getDimSize(0);
    int64_t blocks = llvm::divideCeil(rows, kRowsPerIteration);
    b.parallel(b.index(blocks), kRowsPerIteration * weight.rowBytes(),
               [&](Value block) {
                 Value digits =
                     b.alloc(b.getF32Type(), b.index(weight.columns));
                 Value first = b.mul(block, kRowsPerIteration);
                 Value end = b.minUnsigned(b.add(first, kRowsPerIteration),
                                           b.index(rows));
                 b.loop(first, end, 1, [&](Value row) {
                   unpackRow(b, weight, row, digits);
                   b.loop(b.index(0), tokens, 1, [&](Value token) {
                     b.store(multiplyRow(b, weight, op, row, token, digits),
                             op.getInit(), {token, row});
                   });
                 });
               });
  }
};

} // namespace

void tern::populateFloatProductPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandFloatMatmul>(patterns.getContext());
}
