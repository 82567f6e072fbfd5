//===- DotProducts.cpp - Products over a target's dot product -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DotProducts.h"

#include "tern/Conversion/TernToKernels.h"
#include "tern/Packing/LayoutFamilies.h"

using namespace mlir;
using namespace tern;

//===----------------------------------------------------------------------===//
// Shared by the families
//===----------------------------------------------------------------------===//

Value DotKernel::broadcastCodes(Value codes, Value token, Value column,
                                int64_t count) const {
  Value four = b.padLanes(
      b.load(b.vectorOf(count, b.getI8Type()), codes, {token, column}), 4);
  Value word = b.lane(b.bitcast(b.vectorOf(1, b.getI32Type()), four), 0);
  return b.bitcast(bytesType(), b.splat(sumsType(), word));
}

ArrayRef<int64_t> DotKernel::tokenTiles() const {
  // Machines with vectors of 512 bits have 32 of them, others 16 or so.
  static constexpr int64_t wide[] = {8, 4, 1}, narrow[] = {4, 1};
  if (lanes() >= 16)
    return wide;
  return narrow;
}

void tern::forEachTokenTile(KernelBuilder &b, Value tokens,
                            ArrayRef<int64_t> sizes,
                            function_ref<void(Value, int64_t)> body) {
  if (getConstantIntValue(tokens) == 1)
    return body(b.index(0), 1);
  Value done = b.index(0);
  for (int64_t size : sizes) {
    Value end = b.mul(b.div(tokens, size), size);
    b.loop(done, end, size, [&](Value first) { body(first, size); });
    done = end;
  }
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

namespace {

bool isRowsInLanes(const Layout &layout, int64_t lanes) {
  std::optional<RowsInLanes> family = RowsInLanes::match(layout);
  return family && family->lanes == lanes;
}

bool isContiguousRows(const Layout &layout, int64_t lanes) {
  return layout == ContiguousRows{lanes}.layout();
}

bool isContiguousColumns(const Layout &layout, int64_t lanes) {
  return layout == ContiguousColumns{lanes}.layout();
}

/// Digits in place are up to 128; with codes down to -128, so many products fit
/// a sum.
LogicalResult checkColumns(Operation *op, const WeightInfo &weight,
                           PatternRewriter &rewriter) {
  constexpr int64_t limit = int64_t(1) << (31 - 7 - 7);
  if (!weight.layout || weight.columns < limit)
    return success();
  return rewriter.notifyMatchFailure(
      op, "expected fewer columns, so that shifted sums fit 32 bits");
}

struct BuildDotMatmul : OpRewritePattern<MatmulOp> {
  BuildDotMatmul(MLIRContext *context, const DotProduct &dot)
      : OpRewritePattern(context, /*benefit=*/2), dot(dot) {}

  LogicalResult matchAndRewrite(MatmulOp op,
                                PatternRewriter &rewriter) const override {
    FailureOr<WeightInfo> weight = WeightInfo::get(op, rewriter);
    if (failed(weight) || failed(checkColumns(op, *weight, rewriter)))
      return failure();
    KernelBuilder b(op.getLoc(), rewriter);
    DotKernel kernel{b, dot, *weight};
    Value read = op.getRowIndices() ? multiplyListed(op, kernel)
                                    : multiplyAll(op, kernel);
    if (!read)
      return rewriter.notifyMatchFailure(
          op, "the layout is of no family of this dot product");
    countRead(b, op.getProjectionAttr(), *weight, read);
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// Both build nothing and return null for a layout of no family, and
  /// otherwise how many bytes are read.
  static Value multiplyAll(MatmulOp op, const DotKernel &kernel) {
    const std::optional<Layout> &layout = kernel.weight.layout;
    int64_t lanes = kernel.lanes();
    if (layout && isRowsInLanes(*layout, lanes)) {
      kernel.name(op, "rows_in_lanes");
      multiplyRowsInLanes(kernel, op.getCodes(), op.getOuts()[0]);
    } else if (!layout || isContiguousRows(*layout, lanes)) {
      kernel.name(op, "contiguous_rows");
      multiplyContiguousRows(kernel, op.getCodes(), op.getOuts()[0]);
    } else if (isContiguousColumns(*layout, lanes)) {
      kernel.name(op, "contiguous_columns");
      multiplyContiguousColumns(kernel, op.getCodes(), op.getOuts()[0]);
    } else {
      return nullptr;
    }
    return kernel.b.index(kernel.weight.storageBytes());
  }

  static Value multiplyListed(MatmulOp op, const DotKernel &kernel) {
    KernelBuilder &b = kernel.b;
    const std::optional<Layout> &layout = kernel.weight.layout;
    if (!layout || !isContiguousRows(*layout, kernel.lanes()))
      return nullptr;
    kernel.name(op, "listed_rows");
    Value count = b.toIndex(b.load(op.getRowCount(), b.index(0)));
    multiplyListedRows(kernel, op.getCodes(), op.getRowIndices(), count,
                       op.getOuts()[0]);
    return b.mul(count, kernel.weight.rowBytes());
  }

  const DotProduct &dot;
};

struct BuildDotSparseMatmul : OpRewritePattern<SparseMatmulOp> {
  BuildDotSparseMatmul(MLIRContext *context, const DotProduct &dot)
      : OpRewritePattern(context, /*benefit=*/2), dot(dot) {}

  LogicalResult matchAndRewrite(SparseMatmulOp op,
                                PatternRewriter &rewriter) const override {
    FailureOr<WeightInfo> weight = WeightInfo::get(op, rewriter);
    if (failed(weight) || failed(checkColumns(op, *weight, rewriter)))
      return failure();
    if (!isContiguousColumns(*weight->layout, dot.getLanes()))
      return rewriter.notifyMatchFailure(
          op, "expected contiguous columns in the order of this dot product");
    KernelBuilder b(op.getLoc(), rewriter);
    DotKernel kernel{b, dot, *weight};
    kernel.name(op, "listed_columns");
    Value count = b.toIndex(b.load(op.getCount(), b.index(0)));
    multiplyListedColumns(kernel, op.getIndices(), op.getValues(), count,
                          op.getOuts()[0]);
    Value columnsRead = b.mul(b.div(b.add(count, 3), 4), 4);
    countRead(b, op.getProjectionAttr(), *weight,
              b.mul(columnsRead, weight->columnBytes()));
    rewriter.eraseOp(op);
    return success();
  }

private:
  const DotProduct &dot;
};

struct BuildDotGroupedMatmul : OpRewritePattern<GroupedMatmulOp> {
  BuildDotGroupedMatmul(MLIRContext *context, const DotProduct &dot)
      : OpRewritePattern(context, /*benefit=*/2), dot(dot) {}

  LogicalResult matchAndRewrite(GroupedMatmulOp op,
                                PatternRewriter &rewriter) const override {
    FailureOr<WeightInfo> weight = WeightInfo::get(op, rewriter);
    if (failed(weight) || failed(checkColumns(op, *weight, rewriter)))
      return failure();
    if (!isRowsInLanes(*weight->layout, dot.getLanes()) ||
        op.getGroupSize() % weight->layout->tileColumns())
      return rewriter.notifyMatchFailure(
          op, "expected rows in lanes and groups of whole tiles");
    KernelBuilder b(op.getLoc(), rewriter);
    DotKernel kernel{b, dot, *weight};
    kernel.name(op, "grouped_rows_in_lanes");
    multiplyGroupedRowsInLanes(kernel, op.getCodes(), op.getScale(),
                               op.getGroupSize(), op.getOuts()[0]);
    countRead(b, op.getProjectionAttr(), *weight,
              b.index(weight->storageBytes()));
    rewriter.eraseOp(op);
    return success();
  }

private:
  const DotProduct &dot;
};

} // namespace

void tern::populateDotProductPatterns(TargetAttr target,
                                      RewritePatternSet &patterns) {
  const DotProduct &dot = target.getTarget()->getDotProduct(target);
  patterns.add<BuildDotMatmul, BuildDotSparseMatmul, BuildDotGroupedMatmul>(
      patterns.getContext(), dot);
}
