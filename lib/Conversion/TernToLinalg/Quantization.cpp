//===- Quantization.cpp - tern.quantize, tern.dequantize to linalg --------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// docs/numerics.md 2 and 4, one arith operation per operation written there.
//
//===----------------------------------------------------------------------===//

#include "Elementwise.h"

#include "tern/Kernels/Numerics.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tern;

namespace {

/// A scheme as numbers: with `g` its statistic, at least 1e-5, activations are
/// multiplied by `numerator / g`, and the factor is `g / denominator`.
struct Scheme {
  ReduceKind statistic;
  double numerator, denominator;
  double low, high; // of the codes
};

Scheme getScheme(ActScheme scheme) {
  const double sqrt7 = 2.6457513110645907;
  switch (scheme) {
  case ActScheme::Int8AbsMax:
    return {ReduceKind::MaxAbs, 127, 127, -128, 127};
  case ActScheme::Int4AbsMean:
    return {ReduceKind::SumAbs, sqrt7, sqrt7, -8, 7};
  case ActScheme::Fp4E2M1:
    return {ReduceKind::MaxAbs, 6, 12, -12, 12};
  case ActScheme::Float32:
    break; // refused by the verifier
  }
  llvm_unreachable("unknown scheme");
}

/// Twice the e2m1 value nearest to |x|, with the sign of x, as i32.
///
/// Doubled, the values are 0 1 2 3 4 | 6 8 | 12: multiples of 1 below 4, of 2
/// below 8, of 4 above. In each range a value's code is even where its multiple
/// is, so ties to the even code are ties to the even multiple, which is how an
/// addition of 1.5 * 2^23 * step rounds. Doubling is exact. NaN gives the
/// lowest code: it is limited to the largest, and counts as negative.
Value buildFp4Code(OpBuilder &b, Location loc, Value x, const Scheme &scheme) {
  Type f32 = x.getType();
  auto constant = [&](double value) {
    return buildConstant(b, loc, f32, value);
  };
  auto below = [&](Value value, double bound) -> Value {
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, value,
                                 constant(bound));
  };
  auto select = [&](Value condition, Value then, Value otherwise) -> Value {
    return arith::SelectOp::create(b, loc, condition, then, otherwise);
  };
  const double rounder = 12582912.0;

  Value magnitude = math::AbsFOp::create(b, loc, x);
  Value doubled = arith::AddFOp::create(b, loc, magnitude, magnitude);
  doubled = buildMin(b, loc, doubled, constant(scheme.high));
  Value wide =
      select(below(doubled, 8), constant(2 * rounder), constant(4 * rounder));
  Value step = select(below(doubled, 4), constant(rounder), wide);
  Value sum = arith::AddFOp::create(b, loc, doubled, step);
  Value rounded = arith::SubFOp::create(b, loc, sum, step);
  Value negative = arith::NegFOp::create(b, loc, rounded);
  Value isNegative =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::ULT, x, constant(0));
  return arith::FPToSIOp::create(b, loc, b.getI32Type(),
                                 select(isNegative, negative, rounded));
}

/// The code of an activation already multiplied, as i8.
Value buildCode(OpBuilder &b, Location loc, Value x, ActScheme kind) {
  Scheme scheme = getScheme(kind);
  Value code;
  if (kind == ActScheme::Fp4E2M1) {
    code = buildFp4Code(b, loc, x, scheme);
  } else {
    // clip(rne(x)) = rne(clip(x)): rne never turns an order around and leaves
    // the bounds, being integers, as they are. Clipped first, x is small enough
    // to be rounded by an addition. The largest magnitude times numerator / g,
    // rounded twice, is less than numerator + 1/2, so only NaN is clipped then,
    // to the lower bound.
    Value low = buildConstant(b, loc, x.getType(), scheme.low);
    Value clipped = scheme.statistic == ReduceKind::MaxAbs
                        ? buildMax(b, loc, x, low)
                        : buildClip(b, loc, x, scheme.low, scheme.high);
    code = buildRneInteger(b, loc, clipped);
  }
  return arith::TruncIOp::create(b, loc, b.getI8Type(), code);
}

/// Rows [token][feature] as [token][block][feature].
Value cutRows(ImplicitLocOpBuilder &b, Value rows, std::array<int64_t, 2> shape,
              ArrayRef<ReassociationIndices> parts) {
  auto type = cast<RankedTensorType>(rows.getType());
  auto cut = RankedTensorType::get({type.getDimSize(0), shape[0], shape[1]},
                                   type.getElementType());
  SmallVector<OpFoldResult> sizes = {
      tensor::getMixedSize(b, b.getLoc(), rows, 0), b.getIndexAttr(shape[0]),
      b.getIndexAttr(shape[1])};
  return tensor::ExpandShapeOp::create(b, cut, rows, parts, sizes);
}

struct QuantizeToLinalg : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    if (op.isBufferForm())
      return rewriter.notifyMatchFailure(op, "expected tensor form");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    ActScheme kind = op.getActQuant().getScheme();
    Scheme scheme = getScheme(kind);
    Value input = op.getInput();
    int64_t features = cast<RankedTensorType>(input.getType()).getDimSize(1);
    int64_t blocks = op.getActQuant().getNumBlocks(features);
    Type f32 = b.getF32Type();

    SmallVector<ReassociationIndices> parts = {{0}, {1, 2}};
    if (blocks) {
      features /= blocks;
      input = cutRows(b, input, {blocks, features}, parts);
    }
    Value statistic = buildReduce(b, scheme.statistic, input);
    SmallVector<Value> perToken = buildPerToken(
        b, statistic, {f32, f32},
        [&](OpBuilder &b, Location loc, ValueRange in) -> SmallVector<Value> {
          Value g = in[0];
          if (scheme.statistic == ReduceKind::SumAbs)
            g = arith::DivFOp::create(b, loc, g,
                                      buildConstant(b, loc, f32, features));
          g = buildMax(b, loc, buildConstant(b, loc, f32, 1e-5), g);
          return {
              arith::DivFOp::create(
                  b, loc, buildConstant(b, loc, f32, scheme.numerator), g),
              arith::DivFOp::create(
                  b, loc, g, buildConstant(b, loc, f32, scheme.denominator))};
        });
    SmallVector<Value> codes = buildElementwise(
        b, {{input}, {perToken[0], Along::Token}}, b.getI8Type(),
        [&](OpBuilder &b, Location loc, ValueRange in) -> SmallVector<Value> {
          Value scaled = arith::MulFOp::create(b, loc, in[0], in[1]);
          return {buildCode(b, loc, scaled, kind)};
        });
    Value rows = codes[0];
    if (blocks)
      rows = tensor::CollapseShapeOp::create(b, rows, parts);
    rewriter.replaceOp(op, {rows, perToken[1]});
    return success();
  }
};

struct DequantizeToLinalg : OpRewritePattern<DequantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(DequantizeOp op,
                                PatternRewriter &rewriter) const override {
    if (op.isBufferForm())
      return rewriter.notifyMatchFailure(op, "expected tensor form");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Type f32 = b.getF32Type();
    SmallVector<ElementwiseInput> inputs = {{op.getAcc()}};
    if (Value factor = op.getFactor())
      inputs.push_back({factor, Along::Token});
    if (Value scale = op.getScale()) {
      bool isOne = cast<RankedTensorType>(scale.getType()).getDimSize(0) == 1;
      inputs.push_back({scale, isOne ? Along::Nothing : Along::Feature});
    }
    if (Value bias = op.getBias())
      inputs.push_back({bias, Along::Feature});
    SmallVector<Value> result = buildElementwise(
        b, inputs, f32,
        [&](OpBuilder &b, Location loc, ValueRange in) -> SmallVector<Value> {
          Value scaled = in[0];
          if (op.getScale()) {
            Value acc = arith::SIToFPOp::create(b, loc, f32, scaled);
            Value factor = arith::MulFOp::create(b, loc, in[1], in[2]);
            scaled = arith::MulFOp::create(b, loc, acc, factor);
          } else if (op.getFactor()) {
            scaled = arith::MulFOp::create(b, loc, scaled, in[1]);
          }
          if (op.getBias())
            scaled =
                arith::AddFOp::create(b, loc, scaled, in[inputs.size() - 1]);
          return {scaled};
        });
    rewriter.replaceOp(op, result);
    return success();
  }
};

} // namespace

void tern::populateQuantizationToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<QuantizeToLinalg, DequantizeToLinalg>(patterns.getContext());
}
