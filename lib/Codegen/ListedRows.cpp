//===- ListedRows.cpp - A loop over a list of rows ------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ListedRows.h"

#include "ProductTraffic.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tern;

static Value getEntry(KernelBuilder &b, Value list, Value at) {
  return b.toIndex(
      tensor::ExtractOp::create(b, list, ValueRange{b.index(0), at}));
}

/// The processor does not see the next row coming.
static void prefetchRow(KernelBuilder &b, MatmulOp op, Value entry,
                        Value count) {
  int64_t ahead = op.getStrategyAttr().getPrefetch();
  if (!ahead)
    return;
  Value last = b.sub(count, b.index(1));
  Value then = b.minUnsigned(b.add(entry, b.index(ahead)), last);
  SmallVector<Value> at(cast<ShapedType>(op.getWeight().getType()).getRank(),
                        b.index(0));
  at[op.getRowDimension()] = getEntry(b, op.getRowIndices(), then);
  PrefetchOp::create(b, op.getWeight(), at, getBytesOfLine(op, Axis::Row));
}

/// One of `source` at `at` along `dimension`, all of it along the others.
static Value takeOne(KernelBuilder &b, Value source, unsigned dimension,
                     Value at) {
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(b, b.getLoc(), source);
  SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0)),
      strides(sizes.size(), b.getIndexAttr(1));
  offsets[dimension] = at;
  sizes[dimension] = b.getIndexAttr(1);
  return tensor::ExtractSliceOp::create(b, source, offsets, sizes, strides);
}

/// The product of one row of a list, into a slice of `init`.
static MatmulOp takeRow(KernelBuilder &b, MatmulOp op, Value row, Value init) {
  Value out = takeOne(b, init, 1, row);
  Value weight = takeOne(b, op.getWeight(), op.getRowDimension(), row);
  Value scales = op.getScales() ? takeOne(b, op.getScales(), 0, row) : Value();
  auto product = cast<MatmulOp>(mlir::clone(
      b, op, {out.getType()}, SmallVector<Value>(op->getOperands())));
  product.getWeightMutable().assign(weight);
  product.getInitMutable().assign(out);
  if (scales)
    product.getScalesMutable().assign(scales);
  product.getRowIndicesMutable().clear();
  product.getRowCountMutable().clear();
  // Its distance is in entries of the list.
  StrategyAttr strategy = op.getStrategyAttr();
  product.setStrategyAttr(StrategyAttr::get(
      b.getContext(), strategy.getKernels(), strategy.getUnits(), 0));
  return product;
}

scf::ForallOp tern::buildListedRows(MatmulOp op, OpBuilder &builder) {
  builder.setInsertionPoint(op);
  KernelBuilder b(op.getLoc(), builder);
  Value count = buildCount(b, op.getRowCount());
  SmallVector<OpFoldResult> from = {b.getIndexAttr(0)}, to = {count},
                            step = {b.getIndexAttr(1)};
  auto loop = scf::ForallOp::create(b, from, to, step, op.getInit(),
                                    /*mapping=*/std::nullopt);
  b.setInsertionPointToStart(loop.getBody());
  Value entry = loop.getInductionVar(0);
  prefetchRow(b, op, entry, count);
  Value row = getEntry(b, op.getRowIndices(), entry);
  Value results = loop.getRegionIterArgs()[0];
  MatmulOp product = takeRow(b, op, row, results);
  b.setInsertionPointToStart(loop.getTerminator().getBody());
  SmallVector<OpFoldResult> offsets = {b.getIndexAttr(0), row},
                            ones(2, b.getIndexAttr(1));
  tensor::ParallelInsertSliceOp::create(b, product.getResult(0), results,
                                        offsets, ones, ones);
  return loop;
}
