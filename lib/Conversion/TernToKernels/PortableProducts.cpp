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

#include "Products.h"

#include "tern/Conversion/TernToKernels.h"
#include "tern/Target/Target.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace tern;

namespace {

using Values = SmallVector<Value>;

/// Walks a line of digits: a row along the columns or a column along the rows.
class LineWalker {
public:
  /// Gets a digit as i32, its index along the line and what is carried.
  using Body =
      function_ref<Values(Value digit, Value index, ValueRange carried)>;

  LineWalker(KernelBuilder &b, const WeightInfo &weight, Axis line, Value at)
      : b(b), weight(weight), layout(*weight.layout), line(line), at(at) {}

  /// Tiles firstTile .. endTile-1 of the line.
  Values walk(Value firstTile, Value endTile, ValueRange inits, Body body) {
    int64_t tilesAlong = line == Axis::Row ? rowTiles() : columnTiles();
    int64_t tilesAcross = line == Axis::Row ? columnTiles() : rowTiles();
    bool isContiguous = layout.outer == line;
    int64_t lineStride = layout.tileBytes() * (isContiguous ? tilesAcross : 1);
    int64_t tileStride = layout.tileBytes() * (isContiguous ? 1 : tilesAlong);
    Value start = b.mul(b.div(at, tileExtent(line)), lineStride);
    collectParts(start);
    return b.loop(firstTile, endTile, 1, inits,
                  [&](Value tile, ValueRange carried) {
                    Value byte = b.add(start, b.mul(tile, tileStride));
                    Value index = b.mul(tile, tileExtent(other()));
                    return walkPart(0, byte, index, carried, body);
                  });
  }

private:
  struct WalkedPart {
    int64_t size, byteStride, indexStride;
  };

  Axis other() const { return line == Axis::Row ? Axis::Column : Axis::Row; }
  int64_t tileExtent(Axis axis) const {
    return axis == Axis::Row ? layout.tileRows() : layout.tileColumns();
  }
  int64_t rowTiles() const { return weight.rows / layout.tileRows(); }
  int64_t columnTiles() const { return weight.columns / layout.tileColumns(); }

  /// Where the line is within a part of its own axis.
  Value position(const LayoutPart &part) {
    return b.rem(b.div(at, part.stride), part.size);
  }

  /// Parts across the line are loops to come; those of the line's own axis add
  /// a fixed offset to `start`.
  void collectParts(Value &start) {
    int64_t byteStride = layout.tileBytes();
    for (const LayoutPart &part : layout.bytes) {
      byteStride /= part.size;
      if (part.axis == line)
        start = b.add(start, b.mul(position(part), byteStride));
      else
        parts.push_back({part.size, byteStride, part.stride});
    }
  }

  Values walkPart(size_t depth, Value byte, Value index, ValueRange carried,
                  Body body) {
    if (depth == parts.size())
      return walkField(byte, index, carried, body);
    const WalkedPart &part = parts[depth];
    return b.loop(b.index(0), b.index(part.size), 1, carried,
                  [&](Value i, ValueRange carried) {
                    return walkPart(depth + 1,
                                    b.add(byte, b.mul(i, part.byteStride)),
                                    b.add(index, b.mul(i, part.indexStride)),
                                    carried, body);
                  });
  }

  Values walkField(Value byte, Value index, ValueRange carried, Body body) {
    Value fields = b.zeroExtend(b.load(weight.bytes, byte), b.getI32Type());
    auto digit = [&](Value shifted) { return b.add(b.bitAnd(shifted, 3), -1); };
    if (layout.field.axis == line) {
      Value shift = arith::IndexCastUIOp::create(
          b, b.getI32Type(), b.mul(position(layout.field), 2));
      Value shifted = arith::ShRUIOp::create(b, fields, shift);
      return body(digit(shifted), index, carried);
    }
    Values values = llvm::to_vector(carried);
    for (int64_t f = 0; f < layout.field.size; ++f)
      values = body(digit(b.shiftRight(fields, 2 * f)),
                    b.add(index, f * layout.field.stride), values);
    return values;
  }

  KernelBuilder &b;
  const WeightInfo &weight;
  const Layout &layout;
  Axis line;
  Value at;
  SmallVector<WalkedPart> parts;
};

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

/// Says so if a target that has vectors ends up here.
void reportScalarProduct(Operation *op, const WeightInfo &weight) {
  TargetAttr attr = TargetAttr::lookup(op);
  const Target *target = attr ? attr.getTarget() : nullptr;
  if (!target || target->getDotProduct(attr).getLanes() == 1)
    return;
  remark::missed(op->getLoc(), remark::RemarkOpts::name("ScalarProduct")
                                   .category("convert-tern-to-kernels"))
      << remark::add("no kernel of this target knows the layout; the portable "
                     "one takes it digit by digit")
      << remark::metric("layout",
                        weight.layout ? weight.layout->str() : "int8 rows");
}

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
    if (Value list = op.getRowIndices()) {
      Value count = b.toIndex(b.load(op.getRowCount(), b.index(0)));
      read = b.mul(count, weight->rowBytes());
      multiplyListedRows(b, *weight, codes, list, count, out);
    } else if (weight->layout && weight->layout->outer == Axis::Column) {
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
}
