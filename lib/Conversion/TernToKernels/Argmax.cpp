//===- Argmax.cpp - The largest logit to loops ----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One loop over parts of rows: the iteration that ends last takes what all
// parts have found.
//
//===----------------------------------------------------------------------===//

#include "LogitParts.h"

#include "tern/Conversion/TernToKernels.h"

#include "tern/Dialect/Tern/IR/ChoiceOps.h"
#include "tern/Dialect/Tern/IR/Launches.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

using namespace mlir;
using namespace tern;

namespace {

/// Parts of a row, at most: a few of them are a vector's work, and they are
/// about as many as a device has blocks.
constexpr int64_t kParts = 256;

/// Rows of a call, at most; see getHeadTokens.
int64_t countRows(ArgmaxOp op) {
  int64_t rows = cast<MemRefType>(op.getInput().getType()).getDimSize(0);
  return ShapedType::isDynamic(rows)
             ? getNumberOr(op->getParentOfType<ModuleOp>(),
                           TernDialect::kMaxTokensAttr, 32)
             : rows;
}

void storeToken(KernelBuilder &b, const Place &largest, Value out, Value row) {
  auto [key, place] = largest;
  Value isBad = b.compare(arith::CmpIPredicate::eq, key, int64_t(-1));
  Value minusOne = b.constant(b.getI32Type(), int64_t(-1));
  b.store(b.select(isBad, minusOne, place), out, {row, b.index(0)});
  b.store(b.select(isBad, b.zero(b.getI32Type()), place), out,
          {row, b.index(1)});
}

struct ExpandArgmax : OpRewritePattern<ArgmaxOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ArgmaxOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.isBufferForm())
      return rewriter.notifyMatchFailure(op, "expected buffer form");
    KernelBuilder b(op.getLoc(), rewriter, getRowLanes(op));
    Value logits = op.getInput(), out = op.getOuts()[0];
    auto type = cast<MemRefType>(logits.getType());
    LogitParts cut =
        LogitParts::of(type.getDimSize(1), b.getRowLanes(), kParts);
    Value rows = b.length(logits);
    Value keys = b.alloc(b.getI32Type(), rows, cut.parts);
    Value places = b.alloc(b.getI32Type(), rows, cut.parts);
    int64_t bytes = llvm::divideCeil(cut.vectors, cut.parts) * cut.lanes * 4;
    b.nameLoops("argmax");
    b.parallel(b.mul(rows, cut.parts), bytes, [&](Value task) {
      Value row = b.div(task, b.index(cut.parts));
      Value part = b.rem(task, cut.parts);
      auto [key, place] = findLargest(b, logits, cut, row, part, nullptr);
      b.store(key, keys, {row, part});
      b.store(place, places, {row, part});
      Value isLast = ArriveOp::create(b, row, countRows(op), cut.parts);
      b.ifTrue(isLast, [&] {
        Place largest = findLargest(b, keys, places, cut.parts, cut.lanes, row);
        storeToken(b, largest, out, row);
      });
    });
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void tern::populateArgmaxPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandArgmax>(patterns.getContext());
}
