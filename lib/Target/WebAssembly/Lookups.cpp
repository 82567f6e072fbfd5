//===- Lookups.cpp - Lookups by i8x16.swizzle -----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lookups.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/ValueBuilder.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace tern;

/// Of a register, and entries of a table.
static constexpr int64_t kBytes = 16;

namespace {

/// An index from 16 on would look a zero up.
struct Swizzle : OpRewritePattern<LookupAddOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LookupAddOp op,
                                PatternRewriter &rewriter) const override {
    auto table = cast<VectorType>(op.getTable().getType());
    auto type = cast<VectorType>(op.getCodes().getType());
    if (!table.getElementType().isInteger(8) || table.getDimSize(0) != kBytes ||
        op.getLookup().getSignMagnitude() || type.getDimSize(0) != kBytes)
      return rewriter.notifyMatchFailure(
          op, "expected a table of 16 bytes without signs and 16 codes");
    ValueBuilder b(op.getLoc(), rewriter);
    Value codes = op.getCodes();
    if (!op.getInBounds())
      codes = b.bitAnd(codes, kBytes - 1);
    Value entries = LLVM::CallIntrinsicOp::create(
                        b, type, b.getStringAttr("llvm.wasm.swizzle"),
                        ValueRange{op.getTable(), codes})
                        .getResult(0);
    rewriter.replaceOp(op, b.add(op.getSums(), entries));
    return success();
  }
};

} // namespace

void wasm::populateLookupPatterns(RewritePatternSet &patterns) {
  patterns.add<Swizzle>(patterns.getContext(), /*benefit=*/2);
}
