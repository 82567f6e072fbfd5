//===- Lookups.cpp - Lookups by TBL ---------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// TBL takes 16 bytes out of the 32 of two registers, and SRI inserts a vector
// that is shifted to the right below the high bits of another.
//
//===----------------------------------------------------------------------===//

#include "Lookups.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/ValueBuilder.h"
#include "tern/Packing/Codec.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace tern;

namespace {

constexpr int64_t kBytes = 16; ///< of a register

Value call(ValueBuilder &b, Type type, StringRef name, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, type, b.getStringAttr(name), operands)
      .getResult(0);
}

struct LookUpBytes : OpRewritePattern<LookupAddOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LookupAddOp op,
                                PatternRewriter &rewriter) const override {
    auto table = cast<VectorType>(op.getTable().getType());
    auto codes = cast<VectorType>(op.getCodes().getType());
    if (!table.getElementType().isInteger(8) ||
        table.getDimSize(0) != 2 * kBytes || codes.getDimSize(0) != kBytes ||
        op.getLookup().getSignMagnitude())
      return rewriter.notifyMatchFailure(
          op, "expected tables of 32 bytes without signs and 16 codes");
    ValueBuilder b(op.getLoc(), rewriter);
    Value entries =
        call(b, codes, "llvm.aarch64.neon.tbl2.v16i8",
             {b.lanes(op.getTable(), 0, kBytes),
              b.lanes(op.getTable(), kBytes, kBytes), op.getCodes()});
    rewriter.replaceOp(op, b.add(op.getSums(), entries));
    return success();
  }
};

/// As the codec's comment has the numbers.
struct GatherByShifts : OpRewritePattern<GatherNumbersOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(GatherNumbersOp op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<VectorType>(op.getResult().getType());
    if (op.getCodec() != codecs::t3p5.name || type.getDimSize(1) != kBytes)
      return rewriter.notifyMatchFailure(op,
                                         "expected words of t3p5, 16 lanes");
    ValueBuilder b(op.getLoc(), rewriter);
    SmallVector<Value> bytes, numbers;
    for (int64_t i = 0; i < codecs::t3p5.wordBytes; ++i) {
      bytes.push_back(b.part(op.getWords(), {i}));
      numbers.push_back(b.bitAnd(bytes[i], 31));
    }
    // Bit 5 of bytes 1 and 3 at bits 7 and 6.
    Value last =
        insertRight(b, b.shiftLeft(bytes[1], 2), b.shiftLeft(bytes[3], 2), 1);
    for (auto [high, low] : {std::pair(bytes[0], bytes[1]),
                             {bytes[2], bytes[3]},
                             {bytes[4], last}})
      numbers.push_back(b.shiftRight(insertRight(b, high, low, 3), 3));
    Value result = b.zero(type);
    for (auto [n, number] : llvm::enumerate(numbers))
      result = b.withPart(result, number, {int64_t(n)});
    rewriter.replaceOp(op, result);
    return success();
  }

private:
  /// The `by` high bits of `high`, `low` shifted to the right below them.
  static Value insertRight(ValueBuilder &b, Value high, Value low, int64_t by) {
    Value count = LLVM::ConstantOp::create(b, b.getI32Type(),
                                           b.getI32IntegerAttr(int32_t(by)));
    return call(b, high.getType(), "llvm.aarch64.neon.vsri.v16i8",
                {high, low, count});
  }
};

} // namespace

void aarch64::populateLookupPatterns(RewritePatternSet &patterns) {
  patterns.add<LookUpBytes, GatherByShifts>(patterns.getContext(),
                                            /*benefit=*/2);
}
