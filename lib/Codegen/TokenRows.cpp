//===- TokenRows.cpp - What an operation does with a token ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TokenRows.h"

#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace tern;

static bool isRows(Value value) {
  auto type = dyn_cast<MemRefType>(value.getType());
  return type && type.getRank() > 0 && type.isDynamicDim(0);
}

/// The source of `view`, if that has the same number of rows by the kind of
/// view alone; null otherwise.
static Value getSourceOfRows(Value view) {
  Operation *op = view.getDefiningOp();
  if (auto cast = dyn_cast_or_null<memref::CastOp>(op))
    return cast.getSource();
  auto keepsRows = [](auto reshape) {
    return reshape.getReassociationIndices()[0].size() == 1;
  };
  if (auto expand = dyn_cast_or_null<memref::ExpandShapeOp>(op))
    return keepsRows(expand) ? expand.getSrc() : nullptr;
  if (auto collapse = dyn_cast_or_null<memref::CollapseShapeOp>(op))
    return keepsRows(collapse) ? collapse.getSrc() : nullptr;
  return nullptr;
}

RowBase tern::getRowBase(Value buffer) {
  bool sameRows = true;
  while (Operation *op = buffer.getDefiningOp()) {
    if (Value source = getSourceOfRows(buffer)) {
      buffer = source;
      continue;
    }
    auto view = dyn_cast<ViewLikeOpInterface>(op);
    if (!view)
      break;
    auto subview = dyn_cast<memref::SubViewOp>(op);
    sameRows &= subview && !subview.getDroppedDims().test(0) &&
                isZeroInteger(subview.getMixedOffsets()[0]) &&
                isOneInteger(subview.getMixedStrides()[0]);
    buffer = view.getViewSource();
  }
  return {buffer, sameRows};
}

//===----------------------------------------------------------------------===//
// How many rows
//===----------------------------------------------------------------------===//

/// The value that decides how many rows `buffer` has: an index, or a buffer
/// from elsewhere.
static const void *getCountKey(Value buffer) {
  if (Value source = getSourceOfRows(buffer))
    return getCountKey(source);
  OpFoldResult size;
  if (auto alloc = buffer.getDefiningOp<memref::AllocOp>())
    size = alloc.getMixedSizes().front();
  else if (auto view = buffer.getDefiningOp<memref::SubViewOp>())
    if (!view.getDroppedDims().test(0))
      size = view.getMixedSizes().front();
  auto index = dyn_cast_if_present<Value>(size);
  if (!index)
    return buffer.getAsOpaquePointer();
  auto dim = index.getDefiningOp<memref::DimOp>();
  return dim && dim.getConstantIndex() == 0 ? getCountKey(dim.getSource())
                                            : index.getAsOpaquePointer();
}

/// The buffers that the first loop of `op` walks through row by row.
static SmallVector<Value> getBuffersOfFirstLoop(linalg::LinalgOp op) {
  SmallVector<Value> buffers;
  AffineExpr first = getAffineDimExpr(0, op.getContext());
  for (OpOperand &operand : op->getOpOperands())
    if (isRows(operand.get()) &&
        op.getMatchingIndexingMap(&operand).getResult(0) == first)
      buffers.push_back(operand.get());
  return buffers;
}

RowCounts::RowCounts(func::FuncOp function) {
  function.walk([&](Operation *op) {
    if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
      unite(getBuffersOfFirstLoop(linalgOp));
    else if (isa<KernelOpInterface, MatmulOp, KVAppendOp, memref::CopyOp>(op))
      unite(llvm::filter_to_vector(op->getOperands(), isRows));
  });
}

void RowCounts::unite(ArrayRef<Value> buffers) {
  for (Value buffer : buffers)
    classes.unionSets(getCountKey(buffers.front()), getCountKey(buffer));
}

bool RowCounts::areEqual(Value a, Value b) const {
  return classes.isEquivalent(getCountKey(a), getCountKey(b));
}

//===----------------------------------------------------------------------===//
// Row-wise operations
//===----------------------------------------------------------------------===//

using Accesses = std::optional<SmallVector<Access>>;

static Accesses getLinalgAccesses(linalg::LinalgOp op) {
  if (!op.hasPureBufferSemantics() || op.hasIndexSemantics() ||
      op.getNumLoops() == 0 ||
      op.getIteratorTypesArray()[0] != utils::IteratorType::parallel)
    return std::nullopt;
  AffineExpr token = getAffineDimExpr(0, op.getContext());
  SmallVector<Access> accesses;
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    bool byRow = map.getNumResults() > 0 && map.getResult(0) == token;
    bool elsewhere =
        llvm::any_of(map.getResults().drop_front(byRow),
                     [](AffineExpr expr) { return expr.isFunctionOfDim(0); });
    bool writes = op.isDpsInit(&operand);
    if (elsewhere || (writes && !byRow) || (byRow && !isRows(operand.get())))
      return std::nullopt;
    if (isa<MemRefType>(operand.get().getType()))
      accesses.push_back({operand.get(), byRow, writes});
  }
  for (const Access &a : accesses)
    for (const Access &b : accesses)
      if (a.buffer == b.buffer && a.byRow != b.byRow)
        return std::nullopt;
  return accesses;
}

/// Bytes of a row of a weight with a layout.
static int64_t getRowBytes(RankedTensorType type) {
  auto layout = cast<LayoutAttr>(type.getEncoding());
  return llvm::divideCeil(layout.getStorageBytes(type.getShape()),
                          type.getDimSize(0));
}

static Accesses getKernelAccesses(KernelOpInterface op) {
  if (!op.isBufferForm() || !op.isRowWise())
    return std::nullopt;
  SmallVector<Access> accesses;
  for (Value operand : op->getOperands())
    accesses.push_back({operand, isRows(operand), /*writes=*/false});
  if (auto gather = dyn_cast<GatherRowsOp>(op.getOperation()))
    for (Access &access : accesses) {
      access.picksRow = llvm::is_contained(
          {gather.getTable(), gather.getScales()}, access.buffer);
      if (access.buffer == gather.getTable() && gather.getWeightType())
        access.rowBytes = getRowBytes(*gather.getWeightType());
    }
  for (Access &out : MutableArrayRef(accesses).take_back(op.getOuts().size())) {
    if (!out.byRow)
      return std::nullopt; // a static number of tokens, that is, one
    out.writes = true;
  }
  return accesses;
}

std::optional<SmallVector<Access>> tern::getTokenAccesses(Operation *op) {
  if (auto kernel = dyn_cast<KernelOpInterface>(op))
    return getKernelAccesses(kernel);
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return getLinalgAccesses(linalgOp);
  auto copy = dyn_cast<memref::CopyOp>(op);
  if (!copy || !isRows(copy.getSource()) || !isRows(copy.getTarget()))
    return std::nullopt;
  return SmallVector<Access>{{copy.getSource(), true, false},
                             {copy.getTarget(), true, true}};
}
