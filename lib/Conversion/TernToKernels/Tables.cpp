//===- Tables.cpp - Look-ups in, and products with, tables of floats ------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Conversion/TernToKernels.h"
#include "tern/Dialect/Tern/IR/Launches.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/FloatBits.h"
#include "tern/Kernels/KernelBuilder.h"
#include "tern/Kernels/R32.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;

namespace {

using Values = SmallVector<Value>;

/// Tokens that share one widening of a row, and rows that share a token.
constexpr int64_t kTokenTile = 4, kRowTile = 4;
/// Rows of one parallel iteration: their logits are a cache line.
constexpr int64_t kRowsPerIteration = 16;
/// The same on a device: a tile for each of some warps.
constexpr int64_t kRowsOfBlock = 32;

bool hasNoVectors(KernelBuilder &b) { return b.getRowLanes() == kRowRegisters; }

/// Two bf16 of a word at a time, for a machine that would else load each.
Value widenPairs(KernelBuilder &b, Value part, int64_t size) {
  Value words = b.bitcast(b.vectorOf(size / 2, b.getI32Type()), part);
  Value both = vector::InterleaveOp::create(b, b.shiftLeft(words, 16),
                                            b.bitAnd(words, 0xFFFF0000));
  return b.bitcast(b.vectorOf(size, b.getF32Type()), both);
}

Value loadWidened(KernelBuilder &b, int64_t size, Value table, ValueRange at) {
  Type element = cast<MemRefType>(table.getType()).getElementType();
  Value part = b.load(b.vectorOf(size, element), table, at);
  if (element.isF32())
    return part;
  if (element.isBF16() && hasNoVectors(b) && size % 2 == 0)
    return widenPairs(b, part, size);
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

/// Tokens and rows of the table, from the first ones on.
struct Products {
  Value firstToken, firstRow;
  int64_t tokens, rows;
};

/// R32(input[t] * weight[row]) of them, by rows. A row is read and widened once
/// for all tokens, and a token's features once for all rows.
Values dotRows(KernelBuilder &b, Value input, Value weight,
               const Products &of) {
  int64_t columns = cast<MemRefType>(weight.getType()).getDimSize(1);
  return buildR32(
      b, columns, of.rows * of.tokens, [&](Value column, int64_t width) {
        Values features, products;
        for (int64_t r = 0; r < of.rows; ++r) {
          Value w =
              loadWidened(b, width, weight, {b.add(of.firstRow, r), column});
          for (int64_t t = 0; t < of.tokens; ++t) {
            if (r == 0)
              features.push_back(b.load(w.getType(), input,
                                        {b.add(of.firstToken, t), column}));
            products.push_back(b.mul(features[t], w));
          }
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
    int64_t rowsAtOnce = getDevice(op) ? kRowsOfBlock : kRowsPerIteration;
    Value blocks = b.index(llvm::divideCeil(type.getDimSize(0), rowsAtOnce));
    bool isDevice = getDevice(op).has_value();
    int64_t rowTile = getRowTile(b, op.getInput(), isDevice);
    b.parallel(blocks, rowsAtOnce * rowBytes, [&](Value block) {
      Value first = b.mul(block, rowsAtOnce);
      Value end = b.minUnsigned(b.add(first, rowsAtOnce), rows);
      auto write = [&](int64_t size) {
        return [&, size](Value row) {
          writeLogits(b, op.getInput(), op.getWeight(), row, size,
                      op.getOuts()[0]);
        };
      };
      if (type.getDimSize(0) % rowTile == 0)
        return b.loop(first, end, rowTile, write(rowTile));
      Value whole = b.mul(b.div(end, rowTile), rowTile);
      b.loop(first, whole, rowTile, write(rowTile));
      b.loop(whole, end, 1, write(1));
    });
    if (isDevice)
      shareRows(*std::prev(b.getInsertionPoint()));
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// Each row is a warp's.
  static void shareRows(Operation &blocks) {
    for (auto rows : blocks.getRegion(0).getOps<scf::ForOp>())
      rows->setAttr(kByWarpsAttr, UnitAttr::get(rows.getContext()));
  }

  /// Rows that are taken together. A machine without vectors, whose sums of a
  /// row are few, would else load a feature for each product; on a device, a
  /// warp would wait for each row's few bytes.
  static int64_t getRowTile(KernelBuilder &b, Value input, bool isDevice) {
    bool isOfOne = getConstantIntValue(b.length(input)) == 1;
    return isOfOne && (isDevice || hasNoVectors(b)) ? kRowTile : 1;
  }

  /// Columns of the logits: token tiles, then what is left one by one.
  static void writeLogits(KernelBuilder &b, Value input, Value weight,
                          Value row, int64_t rows, Value out) {
    Value tokens = b.length(input);
    auto write = [&](Value first, int64_t count) {
      Values sums = dotRows(b, input, weight, {first, row, count, rows});
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t t = 0; t < count; ++t)
          b.store(sums[r * count + t], out, {b.add(first, t), b.add(row, r)});
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
