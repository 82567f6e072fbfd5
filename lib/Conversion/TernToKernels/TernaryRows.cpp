//===- TernaryRows.cpp - Rows of tables of digits -------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A row of a weight in any layout, digit by digit. The layout is chosen by the
// products that read the same weight, if there are any; one row for a token is
// little next to them.
//
//===----------------------------------------------------------------------===//

#include "LineWalker.h"

#include "tern/Conversion/TernToKernels.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

/// Writes row `row` of the table, scaled, to row `token` of the result.
class RowWriter {
public:
  RowWriter(KernelBuilder &b, const WeightInfo &table, GatherRowsOp op,
            Value row, Value token)
      : b(b), table(table), row(row), token(token), scales(op.getScales()),
        out(op.getOuts()[0]), columns(op.getTableType().getDimSize(1)),
        tile(table.layout->tileColumns()) {
    groups = 1;
    if (!scales)
      groups = columns / tile;
    else if (auto type = cast<MemRefType>(scales.getType());
             type.getRank() == 2)
      groups = type.getDimSize(1);
  }

  void write() {
    if ((columns / groups) % tile == 0)
      return writeByGroup();
    int64_t whole = columns / tile;
    Value scale = groups == 1 ? loadScale(b.index(0)) : Value();
    auto scaleOf = [&](Value column) {
      return scale ? scale : loadScale(b.div(column, columns / groups));
    };
    walk(b.index(0), b.index(whole), [&](Value digit, Value column) {
      store(digit, scaleOf(column), column);
    });
    if (whole * tile == columns)
      return;
    // Of the last tile, what the layout adds is left out.
    walk(b.index(whole), b.index(whole + 1), [&](Value digit, Value column) {
      b.ifTrue(b.compare(arith::CmpIPredicate::ult, column, columns),
               [&] { store(digit, scaleOf(column), column); });
    });
  }

private:
  void writeByGroup() {
    int64_t tiles = columns / groups / tile;
    b.loop(0, groups, 1, [&](Value group) {
      Value scale = loadScale(group), first = b.mul(group, tiles);
      walk(first, b.add(first, tiles),
           [&](Value digit, Value column) { store(digit, scale, column); });
    });
  }

  void walk(Value firstTile, Value endTile,
            function_ref<void(Value, Value)> body) {
    LineWalker(b, table, Axis::Row, row)
        .walk(firstTile, endTile, ValueRange(),
              [&](Value digit, Value column, ValueRange) -> Values {
                body(digit, column);
                return {};
              });
  }

  Value loadScale(Value group) {
    auto type = scales ? cast<MemRefType>(scales.getType()) : MemRefType();
    if (!type || type.getRank() == 2)
      return table.loadScale(b, scales, row, group);
    return b.load(scales, type.getDimSize(0) == 1 ? b.index(0) : row);
  }

  void store(Value digit, Value scale, Value column) {
    b.store(b.mul(b.toFloat(digit), scale), out, {token, column});
  }

  KernelBuilder &b;
  const WeightInfo &table;
  Value row, token, scales, out;
  int64_t columns, tile, groups;
};

struct ExpandTernaryRows : OpRewritePattern<GatherRowsOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(GatherRowsOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.isBufferForm() || !op.getWeightType())
      return rewriter.notifyMatchFailure(
          op, "expected buffer form and the bytes of a table of digits");
    FailureOr<WeightInfo> table =
        WeightInfo::get(op, op.getTable(), op.getTableType(), rewriter);
    if (failed(table))
      return failure();
    KernelBuilder b(op.getLoc(), rewriter);
    table->flatten(b);
    b.forEachToken(op.getIndices(), [&](Value token) {
      Value row = b.toIndex(b.load(op.getIndices(), token));
      RowWriter(b, *table, op, row, token).write();
    });
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void tern::populateTernaryRowPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandTernaryRows>(patterns.getContext());
}
