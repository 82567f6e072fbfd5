//===- Tables.cpp - Look-ups in, and products with, tables of floats ------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Conversion/TernToKernels.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/FloatBits.h"
#include "tern/Kernels/KernelBuilder.h"
#include "tern/Kernels/R32.h"
#include "tern/Target/Target.h"

using namespace mlir;
using namespace tern;

namespace {

using Values = SmallVector<Value>;

/// Tokens that share one widening of a row.
constexpr int64_t kTokenTile = 4;
/// Rows of one parallel iteration: their logits are a cache line.
constexpr int64_t kRowsPerIteration = 16;

Value loadWidened(KernelBuilder &b, int64_t size, Value table, ValueRange at) {
  Type element = cast<MemRefType>(table.getType()).getElementType();
  Value part = b.load(b.vectorOf(size, element), table, at);
  if (element.isF32())
    return part;
  Value bits = b.bitcast(b.vectorOf(size, b.getI16Type()), part);
  return element.isF16()
             ? buildHalfToFloat(
                   b, b.getLoc(), bits,
                   hasHalfFloats(table.getParentRegion()->getParentOp()))
             : buildBFloatToFloat(b, b.getLoc(), bits);
}

/// Integers of a row times its scale.
Value loadScaled(KernelBuilder &b, int64_t size, Value table, ValueRange at,
                 Value scale) {
  Value codes = b.load(b.vectorOf(size, b.getI8Type()), table, at);
  Value values = b.toFloat(codes);
  return b.mul(values, b.splat(values.getType(), scale));
}

/// R32(input[t] * weight[row]) for `count` tokens from `first`. The row is read
/// and widened once for all of them.
Values dotRow(KernelBuilder &b, Value input, Value weight, Value row,
              Value first, int64_t count) {
  int64_t columns = cast<MemRefType>(weight.getType()).getDimSize(1);
  return buildR32(b, columns, count, [&](Value column, int64_t width) {
    Value w = loadWidened(b, width, weight, {row, column});
    Values products;
    for (int64_t t = 0; t < count; ++t) {
      Value x = b.load(w.getType(), input, {b.add(first, t), column});
      products.push_back(b.mul(x, w));
    }
    return products;
  });
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

struct ExpandLmHead : OpRewritePattern<LmHeadOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LmHeadOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.isBufferForm())
      return rewriter.notifyMatchFailure(op, "expected buffer form");
    auto type = cast<MemRefType>(op.getWeight().getType());
    if (!isa<FloatType>(type.getElementType()))
      return rewriter.notifyMatchFailure(
          op, "expected float rows; int8 rows are a tern.matmul");
    KernelBuilder b(op.getLoc(), rewriter, getRowLanes(op));
    b.nameLoops("lm_head");
    int64_t rowBytes = type.getDimSize(1) * type.getElementTypeBitWidth() / 8;
    Value rows = b.index(type.getDimSize(0));
    Value blocks =
        b.index(llvm::divideCeil(type.getDimSize(0), kRowsPerIteration));
    b.parallel(blocks, kRowsPerIteration * rowBytes, [&](Value block) {
      Value first = b.mul(block, kRowsPerIteration);
      Value end = b.minUnsigned(b.add(first, kRowsPerIteration), rows);
      b.loop(first, end, 1, [&](Value row) {
        writeLogits(b, op.getInput(), op.getWeight(), row, op.getOuts()[0]);
      });
    });
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// One column of the logits: token tiles, then what is left one by one.
  static void writeLogits(KernelBuilder &b, Value input, Value weight,
                          Value row, Value out) {
    Value tokens = b.length(input);
    auto write = [&](Value first, int64_t count) {
      Values sums = dotRow(b, input, weight, row, first, count);
      for (int64_t t = 0; t < count; ++t)
        b.store(sums[t], out, {b.add(first, t), row});
    };
    if (getConstantIntValue(tokens) == 1)
      return write(b.index(0), 1);
    Value tiled = b.mul(b.div(tokens, kTokenTile), kTokenTile);
    b.loop(b.index(0), tiled, kTokenTile,
           [&](Value first) { write(first, kTokenTile); });
    b.loop(tiled, tokens, 1, [&](Value token) { write(token, 1); });
  }
};

struct ExpandGatherRows : OpRewritePattern<GatherRowsOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(GatherRowsOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.isBufferForm() || op.getWeightType())
      return rewriter.notifyMatchFailure(
          op, "expected buffer form and a table of floats or integers");
    KernelBuilder b(op.getLoc(), rewriter, getRowLanes(op));
    Value table = op.getTable(), out = op.getOuts()[0];
    int64_t columns = cast<MemRefType>(table.getType()).getDimSize(1);
    b.forEachToken(op.getIndices(), [&](Value token) {
      Value row = b.toIndex(b.load(op.getIndices(), token));
      Value scale = op.getScales() ? b.load(op.getScales(), row) : Value();
      b.forEachChunk(
          columns, b.getRowLanes(), [&](Value column, int64_t width) {
            Value x = scale ? loadScaled(b, width, table, {row, column}, scale)
                            : loadWidened(b, width, table, {row, column});
            b.store(x, out, {token, column});
          });
    });
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void tern::populateTablePatterns(TargetAttr target,
                                 RewritePatternSet &patterns) {
  patterns.add<ExpandLmHead, ExpandGatherRows>(patterns.getContext());
}
