//===- SumCodes.cpp - Sums of a token's codes -----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Conversion/TernToKernels.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/KernelBuilder.h"
#include "tern/Target/Target.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

/// The sum of codes[token][first .. end), `width` at a time while there are.
static Value sumRow(KernelBuilder &b, int64_t width, Value codes, Value token,
                    Value first, Value end) {
  VectorType bytes = b.vectorOf(width, b.getI8Type());
  Value whole = b.add(first, b.mul(b.div(b.sub(end, first), width), width));
  Value sums =
      b.loop(first, whole, width, b.zero(b.vectorOf(width, b.getI32Type())),
             [&](Value column, ValueRange sums) -> Values {
               Value part = b.load(bytes, codes, {token, column});
               return {b.add(sums[0], b.signExtend(part, b.getI32Type()))};
             })[0];
  return b.loop(whole, end, 1, b.sumOfIntegers(sums),
                [&](Value column, ValueRange sum) -> Values {
                  Value code = b.load(codes, {token, column});
                  return {b.add(sum[0], b.signExtend(code, b.getI32Type()))};
                })[0];
}

namespace {

struct ExpandSumCodes : OpRewritePattern<SumCodesOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SumCodesOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.isBufferForm())
      return rewriter.notifyMatchFailure(op, "expected buffer form");
    KernelBuilder b(op.getLoc(), rewriter);
    Value codes = op.getCodes(), sums = op.getOuts()[0];
    int64_t columns = cast<MemRefType>(codes.getType()).getDimSize(1);
    int64_t groups = cast<MemRefType>(sums.getType()).getDimSize(1);
    int64_t size = columns / groups;
    Value end = b.index(columns);
    if (op.getCount()) {
      Value count = b.toIndex(b.load(op.getCount(), b.index(0)));
      end = b.mul(b.div(b.add(count, b.index(3)), b.index(4)), b.index(4));
    }
    int64_t width = 16;
    // Lanes of a device take four each.
    if (std::optional<Device> device = getDevice(op);
        device && size % (4 * device->lanes) == 0)
      width = 4 * device->lanes;
    b.forEachToken(codes, [&](Value token) {
      if (groups == 1)
        return b.store(sumRow(b, width, codes, token, b.index(0), end), sums,
                       {token, b.index(0)});
      b.loop(0, groups, 1, [&](Value group) {
        Value first = b.mul(group, b.index(size));
        Value sum =
            sumRow(b, width, codes, token, first, b.add(first, b.index(size)));
        b.store(sum, sums, {token, group});
      });
    });
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void tern::populateSumCodesPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandSumCodes>(patterns.getContext());
}
