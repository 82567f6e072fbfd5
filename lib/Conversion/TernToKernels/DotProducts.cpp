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

/// Builds a kernel and returns how many bytes of the weight it reads.
using BuildKernel = Value (*)(MatmulOp op, const DotKernel &kernel);

template <void (*multiply)(const DotKernel &, Value codes, Value out)>
Value buildDense(MatmulOp op, const DotKernel &kernel) {
  multiply(kernel, op.getCodes(), op.getInit());
  return kernel.b.index(kernel.weight.storageBytes());
}

Value buildListedRows(MatmulOp op, const DotKernel &kernel) {
  KernelBuilder &b = kernel.b;
  Value count = b.toIndex(b.load(op.getRowCount(), b.index(0)));
  multiplyListedRows(kernel, op.getCodes(), op.getRowIndices(), count,
                     op.getInit());
  return b.mul(count, kernel.weight.rowBytes());
}

Value buildListedColumns(MatmulOp op, const DotKernel &kernel) {
  KernelBuilder &b = kernel.b;
  Value count = b.toIndex(b.load(op.getColumnCount(), b.index(0)));
  multiplyListedColumns(kernel, op.getColumnIndices(), op.getCodes(), count,
                        op.getInit());
  Value columnsRead = b.mul(b.div(b.add(count, 3), 4), 4);
  return b.mul(columnsRead, kernel.weight.columnBytes());
}

Value buildScaled(MatmulOp op, const DotKernel &kernel) {
  multiplyScaledRowsInLanes(kernel, op.getCodes(), op.getScales(),
                            op.getGroupSize(), op.getInit());
  return kernel.b.index(kernel.weight.storageBytes());
}

struct BuildDotMatmul : OpRewritePattern<MatmulOp> {
  BuildDotMatmul(MLIRContext *context, const DotProduct &dot)
      : OpRewritePattern(context, /*benefit=*/2), dot(dot) {}

  LogicalResult matchAndRewrite(MatmulOp op,
                                PatternRewriter &rewriter) const override {
    FailureOr<WeightInfo> weight = WeightInfo::get(op, rewriter);
    if (failed(weight) || failed(checkColumns(op, *weight, rewriter)))
      return failure();
    FailureOr<std::pair<StringRef, BuildKernel>> found =
        findKernel(op, *weight, rewriter);
    if (failed(found))
      return failure();
    auto [name, build] = *found;
    KernelBuilder b(op.getLoc(), rewriter);
    weight->flatten(b);
    DotKernel kernel{b, dot, *weight};
    nameProduct(b, op, op.getProjection(), *weight, name, &dot);
    countRead(b, op.getProjectionAttr(), *weight, build(op, kernel));
    rewriter.eraseOp(op);
    return success();
  }

private:
  FailureOr<std::pair<StringRef, BuildKernel>>
  findKernel(MatmulOp op, const WeightInfo &weight,
             PatternRewriter &rewriter) const {
    using Found = std::pair<StringRef, BuildKernel>;
    const std::optional<Layout> &layout = weight.layout;
    int64_t lanes = dot.getLanes();
    bool inLanes = layout && isRowsInLanes(*layout, lanes);
    bool byRows = layout && isContiguousRows(*layout, lanes);
    bool byColumns = layout && isContiguousColumns(*layout, lanes);
    if (bool(op.getRowIndices()) + bool(op.getColumnIndices()) +
            bool(op.getScales()) >
        1)
      return rewriter.notifyMatchFailure(
          op, "expected one of rows, columns and scales at most");
    if (op.getRowIndices()) {
      if (byRows)
        return Found{"listed_rows", buildListedRows};
      return rewriter.notifyMatchFailure(
          op, "expected contiguous rows of this dot product");
    }
    if (op.getColumnIndices()) {
      if (byColumns)
        return Found{"listed_columns", buildListedColumns};
      return rewriter.notifyMatchFailure(
          op, "expected contiguous columns in the order of this dot product");
    }
    if (op.getScales()) {
      if (inLanes && op.getGroupSize() % layout->tileColumns() == 0)
        return Found{"scaled_rows_in_lanes", buildScaled};
      return rewriter.notifyMatchFailure(
          op, "expected rows in lanes and groups of whole tiles");
    }
    if (inLanes)
      return Found{"rows_in_lanes", buildDense<multiplyRowsInLanes>};
    if (byRows || !layout)
      return Found{"contiguous_rows", buildDense<multiplyContiguousRows>};
    if (byColumns)
      return Found{"contiguous_columns", buildDense<multiplyContiguousColumns>};
    return rewriter.notifyMatchFailure(
        op, "the layout is of no family of this dot product");
  }

  const DotProduct &dot;
};

} // namespace

void tern::populateDotProductPatterns(TargetAttr target,
                                      RewritePatternSet &patterns) {
  const DotProduct &dot = target.getTarget()->getDotProduct(target);
  patterns.add<BuildDotMatmul>(patterns.getContext(), dot);
}
