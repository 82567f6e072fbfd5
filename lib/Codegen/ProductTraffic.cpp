//===- ProductTraffic.cpp - Bytes of weights that products read -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProductTraffic.h"

#include "tern/Dialect/Tern/IR/ProductShape.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tern;

int64_t tern::getBytesOfWeight(MatmulOp op) {
  RankedTensorType type = op.getWeightTensorType();
  if (LayoutAttr layout = op.getLayout())
    return layout.getStorageBytes(type.getShape());
  return type.getNumElements();
}

int64_t tern::getBytesRead(MatmulOp op) {
  int64_t bytes = getBytesOfWeight(op);
  if (cast<ShapedType>(op.getCodes().getType()).getDimSize(0) == 1)
    return bytes;
  TargetAttr target = TargetAttr::lookup(op);
  bool isMany =
      target && target.getTarget()->wantsFew(target) && !isOfFewTokens(op);
  return bytes * (isMany ? kFewTokens : 2);
}

int64_t tern::getBytesOfLine(MatmulOp op, Axis line) {
  RankedTensorType type = op.getWeightTensorType();
  LayoutAttr attr = op.getLayout();
  if (!attr)
    return type.getDimSize(line == Axis::Row ? 1 : 0);
  Layout layout = attr.getLayout();
  int64_t bytes = attr.getStorageBytes(type.getShape());
  return line == Axis::Row
             ? bytes / layout.paddedRows(type.getDimSize(0)) * layout.wordRows()
             : bytes / layout.paddedColumns(type.getDimSize(1)) *
                   layout.wordColumns();
}

Value tern::buildCount(KernelBuilder &b, Value count) {
  return b.toIndex(tensor::ExtractOp::create(b, count, ValueRange{b.index(0)}));
}

void tern::countRead(MatmulOp op, int64_t columnsAtOnce, OpBuilder &builder) {
  if (!op.getLayout())
    return;
  KernelBuilder b(op.getLoc(), builder);
  int64_t held = getBytesOfWeight(op);
  // A first look at a weight that another product reads.
  if (op.getRowIndices() && op.getRowIndices().getDefiningOp<BoundRowsOp>())
    held = 0;
  // Tokens that take their turns, each with a list of its own, share a weight.
  Operation *turns = nullptr;
  for (Operation *at = op; (at = at->getParentOfType<scf::ForOp>());)
    turns = at;
  if (turns && held) {
    b.setInsertionPoint(turns);
    CountReadOp::create(b, op.getProjectionAttr(), b.index(held), b.index(0));
    held = 0;
  }
  b.setInsertionPointAfter(op);
  Value read = b.index(getBytesOfWeight(op));
  if (op.getRowIndices())
    read = b.mul(buildCount(b, op.getRowCount()),
                 b.index(getBytesOfLine(op, Axis::Row)));
  if (op.getColumnIndices()) {
    Value count =
        b.add(buildCount(b, op.getColumnCount()), b.index(columnsAtOnce - 1));
    Value steps = b.div(count, b.index(columnsAtOnce));
    read =
        b.mul(steps, b.index(columnsAtOnce * getBytesOfLine(op, Axis::Column)));
  }
  CountReadOp::create(b, op.getProjectionAttr(), b.index(held), read);
}
