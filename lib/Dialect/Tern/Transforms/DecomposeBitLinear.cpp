//===- DecomposeBitLinear.cpp - Bitlinears to kernel operations ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Dialect/Tern/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

#define DEBUG_TYPE "tern-decompose-bitlinear"

namespace tern {
#define GEN_PASS_DEF_DECOMPOSEBITLINEARPASS
#include "tern/Dialect/Tern/Transforms/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

/// Codes and factors of `input`.
QuantizeOp quantize(OpBuilder &b, Location loc, Value input,
                    ActQuantAttr scheme) {
  auto type = cast<RankedTensorType>(input.getType());
  SmallVector<int64_t> factors = {type.getDimSize(0)};
  if (int64_t blocks = scheme.getNumBlocks(type.getDimSize(1)))
    factors.push_back(blocks);
  SmallVector<Type> types = {type.clone(b.getI8Type()),
                             RankedTensorType::get(factors, b.getF32Type())};
  return QuantizeOp::create(b, loc, types, scheme, input, ValueRange());
}

/// The product of codes that `scheme` made; `scales` of groups and `factors` of
/// blocks or null.
Value matmul(OpBuilder &b, Location loc, StringRef projection, Value codes,
             Value weight, ActQuantAttr scheme, Value scales = {},
             Value factors = {}) {
  SmallVector<OpFoldResult> sizes = {tensor::getMixedSize(b, loc, codes, 0),
                                     tensor::getMixedSize(b, loc, weight, 0)};
  Type element = scales ? Type(b.getF32Type()) : Type(b.getI32Type());
  Value init = tensor::EmptyOp::create(b, loc, sizes, element);
  auto product = MatmulOp::create(b, loc, projection, codes, weight, init,
                                  scheme.getCodeRange());
  if (scales)
    product.getScalesMutable().assign(scales);
  if (factors)
    product.getFactorsMutable().assign(factors);
  return product.getResult(0);
}

/// A product that has had its factors, and gets no bias, is a result as it is.
Value dequantize(OpBuilder &b, Location loc, Value acc, Value factor,
                 Value scale, Value bias = {}) {
  if (!factor && !bias)
    return acc;
  auto type = cast<RankedTensorType>(acc.getType()).clone(b.getF32Type());
  return DequantizeOp::create(b, loc, TypeRange(type), acc, factor, scale, bias,
                              ValueRange())
      .getResult(0);
}

/// Columns [offset, offset + width) of every row of `rows`.
Value sliceColumns(OpBuilder &b, Location loc, Value rows, int64_t offset,
                   int64_t width) {
  OpFoldResult tokens = tensor::getMixedSize(b, loc, rows, 0);
  SmallVector<OpFoldResult> offsets = {b.getIndexAttr(0),
                                       b.getIndexAttr(offset)};
  SmallVector<OpFoldResult> sizes = {tokens, b.getIndexAttr(width)};
  SmallVector<OpFoldResult> strides(2, b.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(b, loc, rows, offsets, sizes, strides);
}

Value sliceVector(OpBuilder &b, Location loc, Value vector, int64_t offset,
                  int64_t size) {
  SmallVector<OpFoldResult> offsets = {b.getIndexAttr(offset)};
  SmallVector<OpFoldResult> sizes = {b.getIndexAttr(size)};
  SmallVector<OpFoldResult> strides = {b.getIndexAttr(1)};
  return tensor::ExtractSliceOp::create(b, loc, vector, offsets, sizes,
                                        strides);
}

struct DecomposeLinear : OpRewritePattern<BitLinearOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BitLinearOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    ActQuantAttr scheme = op.getActQuant();
    Value codes = op.getInput(), factor, factors;
    if (!scheme.isFloat()) {
      QuantizeOp quantized = quantize(rewriter, loc, codes, scheme);
      codes = quantized.getResult(0);
      (scheme.getBlock() ? factors : factor) = quantized.getResult(1);
    }
    if (op.getTopK())
      codes =
          KeepTopKOp::create(rewriter, loc, TypeRange(codes.getType()),
                             *op.getTopK(), op.getInput(), codes, ValueRange())
              .getResult(0);
    Value acc =
        matmul(rewriter, loc, op.getProjection(), codes, op.getWeight(), scheme,
               hasGroups(op) ? op.getScale() : Value(), factors);
    rewriter.replaceOp(op, scaleResults(rewriter, op, acc, factor));
    return success();
  }

private:
  /// Their scales are a part of the product, not of the dequantization.
  static bool hasGroups(BitLinearOp op) {
    return cast<RankedTensorType>(op.getScale().getType()).getRank() == 2;
  }

  /// One dequantization per result, each with its part of scales and biases.
  static SmallVector<Value> scaleResults(OpBuilder &b, BitLinearOp op,
                                         Value acc, Value factor) {
    Location loc = op.getLoc();
    Value scale = hasGroups(op) ? Value() : op.getScale();
    if (op.getNumResults() == 1)
      return {dequantize(b, loc, acc, factor, scale, op.getBias())};
    bool perResult =
        scale && cast<RankedTensorType>(scale.getType()).getDimSize(0) ==
                     op.getNumResults();
    SmallVector<Value> results;
    int64_t offset = 0;
    for (auto [i, type] : llvm::enumerate(op.getResultTypes())) {
      int64_t width = cast<RankedTensorType>(type).getDimSize(1);
      auto part = [&](Value vector) {
        return vector ? sliceVector(b, loc, vector, offset, width) : Value();
      };
      Value itsScale =
          perResult ? sliceVector(b, loc, scale, i, 1) : part(scale);
      results.push_back(dequantize(b, loc,
                                   sliceColumns(b, loc, acc, offset, width),
                                   factor, itsScale, part(op.getBias())));
      offset += width;
    }
    return results;
  }
};

struct DecomposeHead : OpRewritePattern<LmHeadOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LmHeadOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getScales())
      return rewriter.notifyMatchFailure(op, "a head of floats has no scales");
    auto scheme = ActQuantAttr::get(op.getContext(), ActScheme::Int8AbsMax);
    QuantizeOp quantized =
        quantize(rewriter, op.getLoc(), op.getInput(), scheme);
    Value acc = matmul(rewriter, op.getLoc(), "lm_head", quantized.getResult(0),
                       op.getWeight(), scheme);
    if (op.getLow()) {
      Value low = matmul(rewriter, op.getLoc(), "lm_head",
                         quantized.getResult(0), op.getLow(), scheme);
      for (int i = 0; i < 2; ++i) // times four
        acc = arith::AddIOp::create(rewriter, op.getLoc(), acc, acc);
      acc = arith::AddIOp::create(rewriter, op.getLoc(), acc, low);
    }
    rewriter.replaceOp(op, dequantize(rewriter, op.getLoc(), acc,
                                      quantized.getResult(1), op.getScales()));
    return success();
  }
};

/// The upper plane bounds the logits of all rows; the row with the largest
/// lower bound gets its own first, and then those that may reach it. All tokens
/// share one reading of the upper plane; of the lower one each reads its rows.
struct DecomposeBestToken : OpRewritePattern<BestTokenOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BestTokenOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto scheme = ActQuantAttr::get(op.getContext(), ActScheme::Int8AbsMax);
    QuantizeOp quantized = quantize(rewriter, loc, op.getInput(), scheme);
    Value codes = quantized.getResult(0), factor = quantized.getResult(1);
    Value upper =
        matmul(rewriter, loc, "lm_head", codes, op.getWeight(), scheme);
    if (cast<RankedTensorType>(codes.getType()).getDimSize(0) == 1) {
      rewriter.replaceOp(op, findBest(rewriter, op, upper, codes, factor));
      return success();
    }
    OpFoldResult tokens = tensor::getMixedSize(rewriter, loc, codes, 0);
    Value none =
        tensor::EmptyOp::create(rewriter, loc, tokens, rewriter.getI32Type());
    auto index = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(rewriter, loc, value);
    };
    auto loop = scf::ForOp::create(
        rewriter, loc, index(0),
        getValueOrCreateConstantIndexOp(rewriter, loc, tokens), index(1), none,
        [&](OpBuilder &b, Location loc, Value token, ValueRange carried) {
          Value best = findBest(b, op, takeToken(b, loc, upper, token),
                                takeToken(b, loc, codes, token),
                                takeToken(b, loc, factor, token));
          OpFoldResult one = b.getIndexAttr(1);
          Value all = tensor::InsertSliceOp::create(
              b, loc, best, carried[0], OpFoldResult(token), one, one);
          scf::YieldOp::create(b, loc, all);
        });
    rewriter.replaceOp(op, loop.getResults());
    return success();
  }

private:
  /// The part of `rows` that belongs to one token.
  static Value takeToken(OpBuilder &b, Location loc, Value rows, Value token) {
    int64_t rank = cast<RankedTensorType>(rows.getType()).getRank();
    SmallVector<OpFoldResult> offsets(rank, b.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(rank, b.getIndexAttr(1));
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, rows);
    offsets[0] = token;
    sizes[0] = b.getIndexAttr(1);
    return tensor::ExtractSliceOp::create(b, loc, rows, offsets, sizes,
                                          strides);
  }

  /// Of one token, by the upper plane's sums.
  static Value findBest(OpBuilder &b, BestTokenOp op, Value upper, Value codes,
                        Value factor) {
    Location loc = op.getLoc();
    auto sums = cast<RankedTensorType>(upper.getType());
    auto count = RankedTensorType::get({1}, b.getI32Type());
    auto bounds = BoundRowsOp::create(
        b, loc, TypeRange{sums.clone(b.getF32Type()), sums, count}, upper,
        codes, factor, op.getScales(), op.getNorms(), ValueRange());
    Value first =
        multiplyListed(b, op, codes, bounds.getResult(1), bounds.getResult(2));
    auto candidates = CandidateRowsOp::create(
        b, loc, TypeRange{sums, count}, bounds.getResult(0), upper, first,
        bounds.getResult(1), factor, op.getScales(), ValueRange());
    Value low = multiplyListed(b, op, codes, candidates.getResult(0),
                               candidates.getResult(1));
    return BestRowOp::create(b, loc, TypeRange(count), upper, low,
                             candidates.getResult(0), candidates.getResult(1),
                             factor, op.getScales(), ValueRange())
        .getResult(0);
  }

  /// The product of the listed rows of the lower plane; others are anything.
  static Value multiplyListed(OpBuilder &b, BestTokenOp op, Value codes,
                              Value rows, Value count) {
    auto scheme = ActQuantAttr::get(op.getContext(), ActScheme::Int8AbsMax);
    Value result =
        matmul(b, op.getLoc(), "lm_head", codes, op.getLow(), scheme);
    auto product = result.getDefiningOp<MatmulOp>();
    product.getRowIndicesMutable().assign(rows);
    product.getRowCountMutable().assign(count);
    return result;
  }
};

struct DecomposeBitLinear
    : tern::impl::DecomposeBitLinearPassBase<DecomposeBitLinear> {
  void runOnOperation() override {
    getOperation()->walk([&](Operation *op) {
      auto head = dyn_cast<LmHeadOp>(op);
      numDecomposed +=
          isa<BitLinearOp, BestTokenOp>(op) || (head && head.getScales());
    });
    RewritePatternSet patterns(&getContext());
    patterns.add<DecomposeLinear, DecomposeHead, DecomposeBestToken>(
        &getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};

} // namespace
