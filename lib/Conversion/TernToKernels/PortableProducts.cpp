//===- PortableProducts.cpp - Products for any layout ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Loops derived from the parts of a layout, one digit after the other. A row is
// walked along the columns for its sum (RowSums.h); a column is walked along
// the rows, adding to each row's sum. Slow, obvious, and what every other
// kernel is compared with.
//
//===----------------------------------------------------------------------===//

#include "LineWalker.h"
#include "RowSums.h"

#include "tern/Conversion/TernToKernels.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

void multiplyRows(KernelBuilder &b, const WeightInfo &weight, MatmulOp op) {
  RowSums sums(b, weight, op);
  Value tokens = b.length(op.getCodes());
  // Rows that only the layout adds have no scales.
  int64_t count =
      op.getScales() ? op.getWeightTensorType().getDimSize(0) : weight.rows;
  Value rows = b.index(count);
  int64_t blocks = llvm::divideCeil(count, kRowsPerIteration);
  int64_t bytes = kRowsPerIteration * weight.rowBytes();
  b.parallel(b.index(blocks), bytes, [&](Value block) {
    Value first = b.mul(block, kRowsPerIteration);
    Value end = b.minUnsigned(b.add(first, kRowsPerIteration), rows);
    b.loop(first, end, 1, [&](Value row) {
      b.loop(b.index(0), tokens, 1, [&](Value token) {
        b.store(sums.build(row, token), op.getInit(), {token, row});
      });
    });
  });
}

void multiplyListedRows(KernelBuilder &b, const WeightInfo &weight, MatmulOp op,
                        Value count) {
  RowSums sums(b, weight, op);
  Value zero = b.index(0);
  b.parallel(count, weight.rowBytes(), [&](Value i) {
    Value row = b.toIndex(b.load(op.getRowIndices(), {zero, i}));
    b.store(sums.build(row, zero), op.getInit(), {zero, row});
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

void multiplyColumns(KernelBuilder &b, const WeightInfo &weight, MatmulOp op) {
  Value out = op.getInit(), codes = op.getCodes();
  forEachRowBlock(
      b, weight, out, weight.columns, [&](Value first, Value end, Value token) {
        b.loop(b.index(0), b.index(weight.columns), 1, [&](Value column) {
          addColumn(b, weight, first, end, column,
                    b.load(codes, {token, column}), out, token);
        });
      });
}

void multiplyListedColumns(KernelBuilder &b, const WeightInfo &weight,
                           MatmulOp op, Value count) {
  Value zero = b.index(0);
  // How many columns are active is not known here; a quarter is usual.
  forEachRowBlock(
      b, weight, op.getInit(), llvm::divideCeil(weight.columns, 4),
      [&](Value first, Value end, Value token) {
        b.loop(zero, count, 1, [&](Value i) {
          Value column = b.toIndex(b.load(op.getColumnIndices(), {zero, i}));
          addColumn(b, weight, first, end, column,
                    b.load(op.getCodes(), {zero, i}), op.getInit(), token);
        });
      });
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

/// A column is walked along its rows only where its products are added to sums
/// in memory, all rows' and without scales.
bool isByColumns(const WeightInfo &weight, MatmulOp op) {
  return weight.layout && !op.getRowIndices() && !op.getGroups() &&
         (op.getColumnIndices() || weight.layout->outer == Axis::Column);
}

std::string getKernelName(const WeightInfo &weight, MatmulOp op) {
  std::string name = op.getGroups() ? "scaled_" : "";
  if (op.getRowIndices() && op.getColumnIndices())
    return name + "listed_rows_and_columns";
  if (op.getRowIndices())
    return name + "listed_rows";
  if (op.getColumnIndices())
    return name + "listed_columns";
  return name +
         (isByColumns(weight, op) ? "contiguous_columns" : "contiguous_rows");
}

struct ExpandMatmul : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatmulOp op,
                                PatternRewriter &rewriter) const override {
    if (op.hasFloatCodes())
      return rewriter.notifyMatchFailure(op, "expected codes of i8");
    FailureOr<WeightInfo> weight = WeightInfo::get(op, rewriter);
    if (failed(weight))
      return failure();
    reportScalarProduct(op, *weight);
    KernelBuilder b(op.getLoc(), rewriter);
    weight->flatten(b);
    nameProduct(b, op, op.getProjection(), *weight, getKernelName(*weight, op));
    countRead(b, op.getProjectionAttr(), *weight, multiply(b, *weight, op));
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// Returns how many bytes are read.
  static Value multiply(KernelBuilder &b, const WeightInfo &weight,
                        MatmulOp op) {
    auto load = [&](Value count) {
      return b.toIndex(b.load(count, b.index(0)));
    };
    if (op.getRowIndices()) {
      Value count = load(op.getRowCount());
      multiplyListedRows(b, weight, op, count);
      return b.mul(count, weight.rowBytes());
    }
    if (op.getColumnIndices()) {
      Value count = load(op.getColumnCount());
      if (isByColumns(weight, op))
        multiplyListedColumns(b, weight, op, count);
      else
        multiplyRows(b, weight, op);
      return b.mul(count, weight.columnBytes());
    }
    if (isByColumns(weight, op))
      multiplyColumns(b, weight, op);
    else
      multiplyRows(b, weight, op);
    return b.index(weight.storageBytes());
  }
};

} // namespace

void tern::populatePortableProductPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandMatmul>(patterns.getContext());
}
