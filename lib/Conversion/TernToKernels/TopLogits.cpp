//===- TopLogits.cpp - The largest logits of parts to loops ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LogitParts.h"

#include "tern/Dialect/Tern/IR/ChoiceOps.h"
#include "tern/Dialect/Tern/IR/Tern.h"

using namespace mlir;
using namespace tern;

namespace {

/// A part is read once for each of its values: it is small, and near by then.
struct ExpandTopLogits : OpRewritePattern<TopLogitsOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TopLogitsOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.isBufferForm())
      return rewriter.notifyMatchFailure(op, "expected buffer form");
    KernelBuilder b(op.getLoc(), rewriter);
    Value logits = op.getInput(), out = op.getOuts()[0];
    auto type = cast<MemRefType>(logits.getType());
    int64_t parts = op.getParts(), each = op.getEach();
    LogitParts cut =
        LogitParts::of(type.getDimSize(1), TopLogitsOp::kRun, parts);
    int64_t bytes = llvm::divideCeil(cut.vectors, parts) * cut.lanes * 4;
    b.nameLoops("top_logits");
    b.parallel(b.mul(b.length(logits), parts), bytes, [&](Value task) {
      Value row = b.div(task, b.index(parts)), part = b.rem(task, parts);
      Value all = b.constant(b.getI32Type(), int64_t(-1));
      Value none = b.zero(b.getI32Type());
      b.loop(b.index(0), b.index(each), 1, {all, none},
             [&](Value i, ValueRange carried) -> SmallVector<Value> {
               Place before = {carried[0], carried[1]};
               auto [key, place] =
                   findLargest(b, logits, cut, row, part, &before);
               Value isNone = b.compare(arith::CmpIPredicate::eq, key, none);
               Value at = b.mul(b.add(b.mul(part, each), i), 2);
               b.store(bitsOfKey(b, key), out, {row, at});
               b.store(b.select(isNone, all, place), out, {row, b.add(at, 1)});
               return {key, b.add(place, 1)};
             });
    });
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void tern::populateTopLogitsPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandTopLogits>(patterns.getContext());
}
