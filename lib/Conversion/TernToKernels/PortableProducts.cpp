//===- PortableProducts.cpp - Products for any layout ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Loops derived from the parts of a layout, one digit after the other. A row is
// walked along the columns for its sum; a column is walked along the rows,
// adding to each row's sum. Slow, obvious, and what every other kernel is
// compared with.
//
//===----------------------------------------------------------------------===//

#include "LineWalker.h"

#include "tern/Conversion/TernToKernels.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

Value dotInt8Row(KernelBuilder &b, const WeightInfo &weight, Value row,
                 Value codes, Value token) {
  return b.loop(b.index(0), b.index(weight.columns), 1, b.zero(b.getI32Type()),
                [&](Value column, ValueRange sum) -> Values {
                  Value w = b.load(weight.bytes, {row, column});
                  Value x = b.load(codes, {token, column});
                  return {
                      b.add(sum[0], b.mul(b.signExtend(w, b.getI32Type()),
                                          b.signExtend(x, b.getI32Type())))};
                })[0];
}

Value dotRow(KernelBuilder &b, const WeightInfo &weight, Value row, Value codes,
             Value token) {
  if (!weight.layout)
    return dotInt8Row(b, weight, row, codes, token);
  Value tiles = b.index(weight.columns / weight.layout->tileColumns());
  return LineWalker(b, weight, Axis::Row, row)
      .walk(b.index(0), tiles, b.zero(b.getI32Type()),
            [&](Value digit, Value column, ValueRange sum) -> Values {
              Value x =
                  b.signExtend(b.load(codes, {token, column}), b.getI32Type());
              return {b.add(sum[0], b.mul(digit, x))};
            })[0];
}

void multiplyRows(KernelBuilder &b, const WeightInfo &weight, Value codes,
                  Value out) {
  Value tokens = b.length(codes);
  Value rows = b.index(weight.rows);
  int64_t blocks = llvm::divideCeil(weight.rows, kRowsPerIteration);
  int64_t bytes = kRowsPerIteration * weight.rowBytes();
  b.parallel(b.index(blocks), bytes, [&](Value block) {
    Value first = b.mul(block, kRowsPerIteration);
    Value end = b.minUnsigned(b.add(first, kRowsPerIteration), rows);
    b.loop(first, end, 1, [&](Value row) {
      b.loop(b.index(0), tokens, 1, [&](Value token) {
        b.store(dotRow(b, weight, row, codes, token), out, {token, row});
      });
    });
  });
}

void multiplyListedRows(KernelBuilder &b, const WeightInfo &weight, Value codes,
                        Value indices, Value count, Value out) {
  Value zero = b.index(0);
  clearFirstToken(b, out);
  b.parallel(count, weight.rowBytes(), [&](Value i) {
    Value row = b.toIndex(b.load(indices, {zero, i}));
    b.store(dotRow(b, weight, row, codes, zero), out, {zero, row});
  });
}

//===----------------------------------------------------------------------===//
// Columns
//===----------------------------------------------------------------------===//

/// Adds value * weight[.][column] to `out[token]` for the rows of some tiles.
void addColumn(KernelBuilder &b, const WeightInfo &weight, Value firstTile,
               Value endTile, Value column, Value value, Value out,
               Value token) {
  Value factor = b.signExtend(value, b.getI32Type());
  LineWalker(b, weight, Axis::Column, column)
      .walk(firstTile, endTile, {},
            [&](Value digit, Value row, ValueRange) -> Values {
              Value sum = b.load(out, {token, row});
              b.store(b.add(sum, b.mul(digit, factor)), out, {token, row});
              return {};
            });
}

/// Calls `columns(firstTile, endTile, token)` for blocks of rows whose results
/// are 0, in parallel.
void forEachRowBlock(
    KernelBuilder &b, const WeightInfo &weight, Value out, int64_t columnsRead,
    function_ref<void(Value firstTile, Value endTile, Value token)> columns) {
  const Layout &layout = *weight.layout;
  int64_t tiles = weight.rows / layout.tileRows();
  int64_t perBlock = llvm::divideCeil(256, layout.tileRows());
  int64_t bytes = columnsRead * weight.columnBytes() / tiles * perBlock;
  Value tokens = b.length(out);
  b.parallel(
      b.index(llvm::divideCeil(tiles, perBlock)), bytes, [&](Value block) {
        Value first = b.mul(block, perBlock);
        Value end = b.minUnsigned(b.add(first, perBlock), b.index(tiles));
        b.loop(b.index(0), tokens, 1, [&](Value token) {
          b.loop(b.mul(first, layout.tileRows()), b.mul(end, layout.tileRows()),
                 1, [&](Value row) {
                   b.store(b.zero(b.getI32Type()), out, {token, row});
                 });
          columns(first, end, token);
        });
      });
}

void multiplyColumns(KernelBuilder &b, const WeightInfo &weight, Value codes,
                     Value out) {
  forEachRowBlock(
      b, weight, out, weight.columns, [&](Value first, Value end, Value token) {
        b.loop(b.index(0), b.index(weight.columns), 1, [&](Value column) {
          addColumn(b, weight, first, end, column,
                    b.load(codes, {token, column}), out, token);
        });
      });
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

struct ExpandMatmul : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatmulOp op,
                                PatternRewriter &rewriter) const override {
    FailureOr<WeightInfo> weight = WeightInfo::get(op, rewriter);
    if (failed(weight))
      return failure();
    reportScalarProduct(op, *weight);
    KernelBuilder b(op.getLoc(), rewriter);
    Value out = op.getOuts()[0], codes = op.getCodes();
    Value read = b.index(weight->storageBytes());
    bool byColumns = weight->layout && weight->layout->outer == Axis::Column;
    nameProduct(b, op, op.getProjection(), *weight,
                op.getRowIndices() ? "listed_rows"
                : byColumns        ? "contiguous_columns"
                                   : "contiguous_rows",
                /*dot=*/nullptr);
    if (Value list = op.getRowIndices()) {
      Value count = b.toIndex(b.load(op.getRowCount(), b.index(0)));
      read = b.mul(count, weight->rowBytes());
      multiplyListedRows(b, *weight, codes, list, count, out);
    } else if (byColumns) {
      multiplyColumns(b, *weight, codes, out);
    } else {
      multiplyRows(b, *weight, codes, out);
    }
    countRead(b, op.getProjectionAttr(), *weight, read);
    rewriter.eraseOp(op);
    return success();
  }
};

struct ExpandSparseMatmul : OpRewritePattern<SparseMatmulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SparseMatmulOp op,
                                PatternRewriter &rewriter) const override {
    FailureOr<WeightInfo> weight = WeightInfo::get(op, rewriter);
    if (failed(weight))
      return failure();
    reportScalarProduct(op, *weight);
    KernelBuilder b(op.getLoc(), rewriter);
    nameProduct(b, op, op.getProjection(), *weight, "listed_columns",
                /*dot=*/nullptr);
    Value zero = b.index(0);
    Value count = b.toIndex(b.load(op.getCount(), zero));
    // How many columns are active is not known here; a quarter is usual.
    forEachRowBlock(
        b, *weight, op.getOuts()[0], llvm::divideCeil(weight->columns, 4),
        [&](Value first, Value end, Value token) {
          b.loop(zero, count, 1, [&](Value i) {
            Value column = b.toIndex(b.load(op.getIndices(), {zero, i}));
            addColumn(b, *weight, first, end, column,
                      b.load(op.getValues(), {zero, i}), op.getOuts()[0],
                      token);
          });
        });
    countRead(b, op.getProjectionAttr(), *weight,
              b.mul(count, weight->columnBytes()));
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void tern::populatePortableProductPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandMatmul, ExpandSparseMatmul>(patterns.getContext());
  populateGroupedProductPatterns(patterns);
}
