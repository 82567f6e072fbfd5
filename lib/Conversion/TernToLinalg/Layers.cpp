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

/// A norm of heads is that of rows cut into heads, [token][head][feature].
struct RMSNormToLinalg : OpRewritePattern<RMSNormOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(RMSNormOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Type f32 = b.getF32Type();
    RankedTensorType type = op.getInput().getType();
    int64_t features = op.getHeadDim().value_or(type.getDimSize(1));
    double eps = op.getEps().convertToFloat();
    SmallVector<ReassociationIndices> heads = {{0}, {1, 2}};
    Value input = op.getInput();
    if (op.getHeadDim()) {
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
          Value mean = arith::DivFOp::create(
              b, loc, in[0], buildConstant(b, loc, f32, features));
          Value sum = arith::AddFOp::create(b, loc, mean,
                                            buildConstant(b, loc, f32, eps));
          Value root = math::SqrtOp::create(b, loc, sum);
          return {arith::DivFOp::create(b, loc, buildConstant(b, loc, f32, 1.0),
                                        root)};
        })[0];
    Value result = buildElementwise(
        b, {{input}, {inverse, Along::Token}, {op.getWeight(), Along::Feature}},
        f32,
        [&](OpBuilder &b, Location loc, ValueRange in) -> SmallVector<Value> {
          Value scaled = arith::MulFOp::create(b, loc, in[0], in[1]);
          return {arith::MulFOp::create(b, loc, scaled, in[2])};
        })[0];
    if (op.getHeadDim())
      result = tensor::CollapseShapeOp::create(b, type, result, heads);
    rewriter.replaceOp(op, result);
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
  Value one = buildConstant(b, loc, gate.getType(), 1);
  Value power = buildExp(b, loc, arith::NegFOp::create(b, loc, gate));
  Value sum = arith::AddFOp::create(b, loc, one, power);
  Value sigmoid = arith::DivFOp::create(b, loc, one, sum);
  Value activated = arith::MulFOp::create(b, loc, gate, sigmoid);
  return arith::MulFOp::create(b, loc, activated, up);
}

struct GluToLinalg : OpRewritePattern<GluOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(GluOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto activate = op.getKind() == GluKind::SiLU ? buildSilu : buildRelu2;
    SmallVector<Value> result = buildElementwise(
        b, {{op.getGate()}, {op.getUp()}}, b.getF32Type(),
        [&](OpBuilder &b, Location loc, ValueRange in) -> SmallVector<Value> {
          return {activate(b, loc, in[0], in[1])};
        });
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// Rows as [token][head][half][i]. Each half of the result is one
/// linalg.generic that writes its slice in place; the second starts from what
/// the first made, or bufferization would give it a buffer of its own. The rows
/// of the cos and sin tables are looked up by tern.gather_rows, which any two
/// ropes share.
struct RopeToLinalg : OpRewritePattern<RopeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(RopeOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    RankedTensorType type = op.getInput().getType();
    int64_t half = op.getHeadDim() / 2;
    int64_t heads = type.getDimSize(1) / op.getHeadDim();
    auto split = RankedTensorType::get({type.getDimSize(0), heads, 2, half},
                                       type.getElementType());
    SmallVector<ReassociationIndices> groups = {{0}, {1, 2, 3}};
    OpFoldResult tokens = tensor::getMixedSize(b, b.getLoc(), op.getInput(), 0);
    SmallVector<OpFoldResult> sizes = {tokens, b.getIndexAttr(heads),
                                       b.getIndexAttr(2), b.getIndexAttr(half)};

    Value input =
        tensor::ExpandShapeOp::create(b, split, op.getInput(), groups, sizes);
    sizes[2] = b.getIndexAttr(1);
    SmallVector<Value> ins = {buildHalf(b, input, 0, sizes),
                              buildHalf(b, input, 1, sizes),
                              buildLookUp(b, op.getPositions(), op.getCos()),
                              buildLookUp(b, op.getPositions(), op.getSin())};
    Value output = buildEmptyLike(b, split, op.getInput());
    for (int64_t which : {0, 1}) {
      Value out = buildHalf(b, output, which, sizes);
      output = tensor::InsertSliceOp::create(
          b, buildRotation(b, ins, out, which), output, getOffsets(b, which),
          sizes, getStrides(b));
      std::swap(ins[0], ins[1]);
    }
    rewriter.replaceOpWithNewOp<tensor::CollapseShapeOp>(op, type, output,
                                                         groups);
    return success();
  }

private:
  static SmallVector<OpFoldResult> getOffsets(OpBuilder &b, int64_t which) {
    return getAsIndexOpFoldResult(b.getContext(), {0, 0, which, 0});
  }
  static SmallVector<OpFoldResult> getStrides(OpBuilder &b) {
    return getAsIndexOpFoldResult(b.getContext(), {1, 1, 1, 1});
  }

  static Value buildHalf(ImplicitLocOpBuilder &b, Value rows, int64_t which,
                         ArrayRef<OpFoldResult> sizes) {
    auto split = cast<RankedTensorType>(rows.getType());
    auto half = RankedTensorType::get(
        {split.getDimSize(0), split.getDimSize(1), split.getDimSize(3)},
        split.getElementType());
    return tensor::ExtractSliceOp::create(b, half, rows, getOffsets(b, which),
                                          sizes, getStrides(b));
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
  patterns.add<RMSNormToLinalg, ScaleToLinalg, GluToLinalg, RopeToLinalg>(
      patterns.getContext());
}
