//===- TernToLinalg.cpp - Elementwise tern operations to linalg -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Elementwise.h"

#include "tern/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

#define DEBUG_TYPE "convert-tern-to-linalg"

namespace tern {
#define GEN_PASS_DEF_CONVERTTERNTOLINALGPASS
#include "tern/Conversion/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

/// Rows widened on the right with a constant. Only the new columns are filled;
/// when the old ones come from a linalg operation, `eliminate-empty-tensors`
/// lets it write them in place.
struct PadRows : OpRewritePattern<tensor::PadOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::PadOp op,
                                PatternRewriter &rewriter) const override {
    Value padding = op.getConstantPaddingValue();
    if (!padding)
      return rewriter.notifyMatchFailure(op, "expected one padding value");
    RankedTensorType source = op.getSourceType(), result = op.getResultType();
    if (source.getRank() != 2 || source.isDynamicDim(1) ||
        result.isDynamicDim(1) || source.getDimSize(0) != result.getDimSize(0))
      return rewriter.notifyMatchFailure(op, "expected rows of static width");
    auto isZero = [](OpFoldResult size) { return isZeroInteger(size); };
    if (!llvm::all_of(op.getMixedLowPad(), isZero) ||
        !isZero(op.getMixedHighPad()[0]))
      return rewriter.notifyMatchFailure(op, "expected padding on the right");

    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    int64_t width = source.getDimSize(1), added = result.getDimSize(1) - width;
    OpFoldResult tokens =
        tensor::getMixedSize(b, b.getLoc(), op.getSource(), 0);
    OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
    SmallVector<OpFoldResult> right = {zero, b.getIndexAttr(width)};
    SmallVector<OpFoldResult> rightSizes = {tokens, b.getIndexAttr(added)};
    SmallVector<OpFoldResult> strides = {one, one};

    Value rows = buildEmptyLike(b, result, op.getSource());
    Value columns =
        tensor::ExtractSliceOp::create(b, rows, right, rightSizes, strides);
    columns = linalg::FillOp::create(b, padding, columns)->getResult(0);
    rows = tensor::InsertSliceOp::create(b, columns, rows, right, rightSizes,
                                         strides);
    rewriter.replaceOpWithNewOp<tensor::InsertSliceOp>(
        op, op.getSource(), rows, SmallVector<OpFoldResult>{zero, zero},
        SmallVector<OpFoldResult>{tokens, b.getIndexAttr(width)}, strides);
    return success();
  }
};

bool isElementwise(Operation *op) {
  return isa<RMSNormOp, L2NormOp, ScaleOp, GluOp, RopeOp, SplitOp, DeltaGatesOp,
             QuantizeOp, DequantizeOp>(op);
}

struct ConvertTernToLinalg
    : tern::impl::ConvertTernToLinalgPassBase<ConvertTernToLinalg> {
  void runOnOperation() override {
    getOperation()->walk(
        [&](Operation *op) { numConverted += isElementwise(op); });
    RewritePatternSet patterns(&getContext());
    populateQuantizationToLinalgPatterns(patterns);
    populateLayersToLinalgPatterns(patterns);
    populateHeadsToLinalgPatterns(patterns);
    patterns.add<PadRows>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));

    WalkResult left = getOperation()->walk([](Operation *op) {
      if (!isElementwise(op))
        return WalkResult::advance();
      op->emitOpError("expected tensor form before bufferization");
      return WalkResult::interrupt();
    });
    if (left.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
