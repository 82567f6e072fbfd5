//===- Layers.cpp - Norms, gates, RoPE and scales to linalg ---------------===//
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
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tern;

namespace {

/// Rows times the inverse of a root of their squares, (x * r) * weight with
/// `weight` or x * r without, where r = 1 / sqrt(sum + eps), or sum / n + eps
/// if `ofMean`. A norm of heads of `headDim` features is that of rows cut into
/// heads, [token][head][feature].
Value buildNorm(ImplicitLocOpBuilder &b, Value rows,
                std::optional<int64_t> headDim, bool ofMean, double eps,
                Value weight) {
  Type f32 = b.getF32Type();
  auto type = cast<RankedTensorType>(rows.getType());
  int64_t features = headDim.value_or(type.getDimSize(1));
  SmallVector<ReassociationIndices> heads = {{0}, {1, 2}};
  Value input = rows;
  if (headDim) {
    int64_t count = type.getDimSize(1) / features;
    auto cut = RankedTensorType::get({type.getDimSize(0), count, features},
                                     type.getElementType());
    OpFoldResult tokens = tensor::getMixedSize(b, b.getLoc(), input, 0);
    input = tensor::ExpandShapeOp::create(
        b, cut, input, heads,
        {tokens, b.getIndexAttr(count), b.getIndexAttr(features)});
  }

  Value squares = buildReduce(b, ReduceKind::SumSquares, input);
  Value inverse = buildPerToken(
      b, squares, f32,
      [&](OpBuilder &b, Location loc, ValueRange in) -> SmallVector<Value> {
        Value sum = in[0];
        if (ofMean)
          sum = arith::DivFOp::create(b, loc, sum,
                                      buildConstant(b, loc, f32, features));
        sum =
            arith::AddFOp::create(b, loc, sum, buildConstant(b, loc, f32, eps));
        Value root = math::SqrtOp::create(b, loc, sum);
        return {arith::DivFOp::create(b, loc, buildConstant(b, loc, f32, 1.0),
                                      root)};
      })[0];
  SmallVector<ElementwiseInput> inputs = {{input}, {inverse, Along::Token}};
  if (weight)
    inputs.push_back({weight, Along::Feature});
  Value result = buildElementwise(
      b, inputs, f32,
      [&](OpBuilder &b, Location loc, ValueRange in) -> SmallVector<Value> {
        Value scaled = arith::MulFOp::create(b, loc, in[0], in[1]);
        if (weight)
          scaled = arith::MulFOp::create(b, loc, scaled, in[2]);
        return {scaled};
      })[0];
  if (headDim)
    result = tensor::CollapseShapeOp::create(b, type, result, heads);
  return result;
}

struct RMSNormToLinalg : OpRewritePattern<RMSNormOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(RMSNormOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOp(op,
                       buildNorm(b, op.getInput(), op.getHeadDim(),
                                 /*ofMean=*/true, op.getEps().convertToFloat(),
                                 op.getWeight()));
    return success();
  }
};

struct L2NormToLinalg : OpRewritePattern<L2NormOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(L2NormOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOp(op, buildNorm(b, op.getInput(), op.getHeadDim(),
                                     /*ofMean=*/false,
                                     op.getEps().convertToFloat(), Value()));
    return success();
  }
};

struct ScaleToLinalg : OpRewritePattern<ScaleOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ScaleOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Type f32 = b.getF32Type();
    double factor = op.getFactor().convertToFloat();
    SmallVector<Value> result = buildElementwise(
        b, {{op.getInput()}}, f32,
        [&](OpBuilder &b, Location loc, ValueRange in) -> SmallVector<Value> {
          Value by = buildConstant(b, loc, f32, factor);
          if (op.getDivided())
            return {arith::DivFOp::create(b, loc, in[0], by)};
          return {arith::MulFOp::create(b, loc, in[0], by)};
        });
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// 0 behind a gate that is not positive, whatever `up` is there: that need not
/// have been computed. A gate that is not a number is open.
Value buildRelu2(OpBuilder &b, Location loc, Value gate, Value up) {
  Value zero = buildConstant(b, loc, gate.getType(), 0);
  Value isOpen =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UGT, gate, zero);
  Value square = arith::MulFOp::create(b, loc, gate, gate);
  Value product = arith::MulFOp::create(b, loc, square, up);
  return arith::SelectOp::create(b, loc, isOpen, product, zero);
}

Value buildSilu(OpBuilder &b, Location loc, Value gate, Value up) {
  Value sigmoid = buildSigmoid(b, loc, gate);
  Value activated = arith::MulFOp::create(b, loc, gate, sigmoid);
  return arith::MulFOp::create(b, loc, activated, up);
}

Value buildGate(OpBuilder &b, Location loc, Value gate, Value up) {
  return arith::MulFOp::create(b, loc, buildSigmoid(b, loc, gate), up);
}

using Activation = Value (*)(OpBuilder &, Location, Value, Value);
Activation getActivation(GluKind kind) {
  switch (kind) {
  case GluKind::ReLU2:
    return buildRelu2;
  case GluKind::SiLU:
    return buildSilu;
  case GluKind::Sigmoid:
    return buildGate;
  }
  llvm_unreachable("unknown kind");
}

struct GluToLinalg : OpRewritePattern<GluOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(GluOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Activation activate = getActivation(op.getKind());
    SmallVector<Value> result = buildElementwise(
        b, {{op.getGate()}, {op.getUp()}}, b.getF32Type(),
        [&](OpBuilder &b, Location loc, ValueRange in) -> SmallVector<Value> {
          return {activate(b, loc, in[0], in[1])};
        });
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// Rows as [token][head][feature]. Each half of what is turned is one
/// linalg.generic that writes its slice in place, and so is the copy of what is
/// not; each starts from what the one before made, or bufferization would give
/// it a buffer of its own. The rows of the cos and sin tables are looked up by
/// tern.gather_rows, which any two ropes share.
struct RopeToLinalg : OpRewritePattern<RopeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(RopeOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    RankedTensorType type = op.getInput().getType();
    int64_t headDim = op.getHeadDim();
    int64_t half = op.getRotaryDim().value_or(headDim) / 2;
    int64_t heads = type.getDimSize(1) / headDim;
    auto split = RankedTensorType::get({type.getDimSize(0), heads, headDim},
                                       type.getElementType());
    SmallVector<ReassociationIndices> groups = {{0}, {1, 2}};
    OpFoldResult tokens = tensor::getMixedSize(b, b.getLoc(), op.getInput(), 0);
    SmallVector<OpFoldResult> sizes = {tokens, b.getIndexAttr(heads),
                                       b.getIndexAttr(headDim)};

    Value input =
        tensor::ExpandShapeOp::create(b, split, op.getInput(), groups, sizes);
    SmallVector<Value> ins = {buildPart(b, input, 0, half),
                              buildPart(b, input, half, half),
                              buildLookUp(b, op.getPositions(), op.getCos()),
                              buildLookUp(b, op.getPositions(), op.getSin())};
    Value output = buildEmptyLike(b, split, op.getInput());
    for (int64_t which : {0, 1}) {
      Value out = buildPart(b, output, which * half, half);
      output = insertPart(b, buildRotation(b, ins, out, which), output,
                          which * half, half);
      std::swap(ins[0], ins[1]);
    }
    if (int64_t rest = headDim - 2 * half)
      output = insertPart(b, buildPart(b, input, 2 * half, rest), output,
                          2 * half, rest);
    rewriter.replaceOpWithNewOp<tensor::CollapseShapeOp>(op, type, output,
                                                         groups);
    return success();
  }

private:
  /// Features `from` to `from + count` - 1 of every head.
  static SmallVector<OpFoldResult> getOffsets(OpBuilder &b, int64_t from) {
    return getAsIndexOpFoldResult(b.getContext(), {0, 0, from});
  }
  static SmallVector<OpFoldResult> getSizes(ImplicitLocOpBuilder &b, Value rows,
                                            int64_t count) {
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(b, b.getLoc(), rows);
    sizes.back() = b.getIndexAttr(count);
    return sizes;
  }
  static SmallVector<OpFoldResult> getStrides(OpBuilder &b) {
    return getAsIndexOpFoldResult(b.getContext(), {1, 1, 1});
  }

  static Value buildPart(ImplicitLocOpBuilder &b, Value rows, int64_t from,
                         int64_t count) {
    return tensor::ExtractSliceOp::create(
        b, rows, getOffsets(b, from), getSizes(b, rows, count), getStrides(b));
  }

  static Value insertPart(ImplicitLocOpBuilder &b, Value part, Value rows,
                          int64_t from, int64_t count) {
    return tensor::InsertSliceOp::create(b, part, rows, getOffsets(b, from),
                                         getSizes(b, rows, count),
                                         getStrides(b));
  }

  static Value buildLookUp(ImplicitLocOpBuilder &b, Value positions,
                           Value table) {
    auto result = RankedTensorType::get(
        {cast<RankedTensorType>(positions.getType()).getDimSize(0),
         cast<RankedTensorType>(table.getType()).getDimSize(1)},
        b.getF32Type());
    return GatherRowsOp::create(b, result, positions, table).getResult(0);
  }

  /// With `ins` x, y, cos, sin: x*cos - y*sin for half 0, x*cos + y*sin for 1.
  static Value buildRotation(ImplicitLocOpBuilder &b, ValueRange ins, Value out,
                             int64_t which) {
    AffineMap element = b.getMultiDimIdentityMap(3);
    AffineMap angle = AffineMap::get(
        3, 0, {b.getAffineDimExpr(0), b.getAffineDimExpr(2)}, b.getContext());
    SmallVector<utils::IteratorType> iterators(3,
                                               utils::IteratorType::parallel);
    auto body = [&](OpBuilder &b, Location loc, ValueRange in) {
      Value along = arith::MulFOp::create(b, loc, in[0], in[2]);
      Value across = arith::MulFOp::create(b, loc, in[1], in[3]);
      Value sum = which == 0
                      ? arith::SubFOp::create(b, loc, along, across).getResult()
                      : arith::AddFOp::create(b, loc, along, across);
      linalg::YieldOp::create(b, loc, sum);
    };
    return linalg::GenericOp::create(b, out.getType(), ins, out,
                                     {element, element, angle, angle, element},
                                     iterators, body)
        ->getResult(0);
  }
};

} // namespace

void tern::populateLayersToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<RMSNormToLinalg, L2NormToLinalg, ScaleToLinalg, GluToLinalg,
               RopeToLinalg>(patterns.getContext());
}
