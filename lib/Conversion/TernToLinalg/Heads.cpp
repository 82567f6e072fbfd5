//===- Heads.cpp - Parts of heads and their gates to linalg ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// docs/numerics.md 5, one arith operation per operation written there.
//
//===----------------------------------------------------------------------===//

#include "Elementwise.h"

#include "tern/Kernels/Numerics.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tern;

namespace {

/// Slices of rows, [token][head][feature] if there are heads.
struct SplitToSlices : OpRewritePattern<SplitOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SplitOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    RankedTensorType type = op.getInput().getType();
    int64_t heads = op.getHeads().value_or(1);
    SmallVector<ReassociationIndices> groups = {{0}, {1, 2}};
    SmallVector<OpFoldResult> sizes = {
        tensor::getMixedSize(b, b.getLoc(), op.getInput(), 0),
        b.getIndexAttr(heads), b.getIndexAttr(type.getDimSize(1) / heads)};
    Value rows = op.getInput();
    if (heads == 1)
      sizes.erase(sizes.begin() + 1);
    else
      rows = tensor::ExpandShapeOp::create(
          b,
          RankedTensorType::get(
              {type.getDimSize(0), heads, type.getDimSize(1) / heads},
              type.getElementType()),
          rows, groups, sizes);
    SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(sizes.size(), b.getIndexAttr(1));
    SmallVector<Value> results;
    int64_t from = 0;
    for (Value result : op.getResults()) {
      auto part = cast<RankedTensorType>(result.getType());
      int64_t width = part.getDimSize(1) / heads;
      offsets.back() = b.getIndexAttr(from);
      sizes.back() = b.getIndexAttr(width);
      Value slice =
          tensor::ExtractSliceOp::create(b, rows, offsets, sizes, strides);
      results.push_back(heads == 1 ? slice
                                   : Value(tensor::CollapseShapeOp::create(
                                         b, part, slice, groups)));
      from += width;
    }
    rewriter.replaceOp(op, results);
    return success();
  }
};

struct DeltaGatesToLinalg : OpRewritePattern<DeltaGatesOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(DeltaGatesOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Type f32 = b.getF32Type();
    Value beta = buildElementwise(
        b, {{op.getWrite()}}, f32,
        [&](OpBuilder &b, Location loc, ValueRange in) -> SmallVector<Value> {
          return {buildSigmoid(b, loc, in[0])};
        })[0];
    Value decay = buildElementwise(
        b,
        {{op.getKeep()},
         {op.getBias(), Along::Feature},
         {op.getRate(), Along::Feature}},
        f32,
        [&](OpBuilder &b, Location loc, ValueRange in) -> SmallVector<Value> {
          Value sum = arith::AddFOp::create(b, loc, in[0], in[1]);
          Value exponent =
              arith::MulFOp::create(b, loc, in[2], buildSoftplus(b, loc, sum));
          return {buildExp(b, loc, exponent)};
        })[0];
    rewriter.replaceOp(op, {beta, decay});
    return success();
  }
};

} // namespace

void tern::populateHeadsToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<SplitToSlices, DeltaGatesToLinalg>(patterns.getContext());
}
