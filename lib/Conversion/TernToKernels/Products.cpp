//===- Products.cpp - What all product kernels share ----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Products.h"

#include "tern/Kernels/Digits.h"
#include "tern/Kernels/FloatBits.h"
#include "tern/Packing/Codec.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

FailureOr<WeightInfo> WeightInfo::get(Operation *op, Value bytes,
                                      RankedTensorType type,
                                      PatternRewriter &rewriter) {
  auto attr = cast<LayoutAttr>(type.getEncoding());
  auto actual = cast<MemRefType>(bytes.getType());
  if (actual.getShape() != attr.getGridType(type.getShape()).getShape() ||
      !actual.getLayout().isIdentity())
    return rewriter.notifyMatchFailure(op, "expected the whole grid of the "
                                           "weight, in one piece");
  Layout layout = attr.getLayout();
  return WeightInfo{bytes, layout, layout.paddedRows(type.getDimSize(0)),
                    layout.paddedColumns(type.getDimSize(1))};
}

FailureOr<WeightInfo> WeightInfo::get(MatmulOp op, PatternRewriter &rewriter) {
  if (!op.isBufferForm())
    return rewriter.notifyMatchFailure(op, "expected buffer form");
  RankedTensorType type = op.getWeightTensorType();
  WeightInfo info{op.getWeight(), std::nullopt, type.getDimSize(0),
                  type.getDimSize(1)};
  auto actual = cast<MemRefType>(op.getWeight().getType());
  if (op.getLayout()) {
    FailureOr<WeightInfo> packed =
        get(op.getOperation(), op.getWeight(), type, rewriter);
    if (failed(packed))
      return failure();
    info = *packed;
  } else if (!actual.hasStaticShape()) {
    return rewriter.notifyMatchFailure(op, "expected a static weight");
  }
  auto codes = cast<MemRefType>(op.getCodes().getType());
  if (!op.getColumnIndices() && codes.getDimSize(1) != info.columns)
    return rewriter.notifyMatchFailure(op, [&](Diagnostic &reason) {
      reason << "expected codes of the layout's " << info.columns
             << " columns, got " << codes.getDimSize(1);
    });
  return info;
}

void WeightInfo::flatten(KernelBuilder &b) {
  if (layout)
    bytes = memref::CollapseShapeOp::create(
        b, bytes, ArrayRef<ReassociationIndices>{{0, 1, 2}});
}

Value WeightInfo::loadWord(KernelBuilder &b, Value first) const {
  int64_t stride = layout->byteStride();
  return buildWord(b, *layout->codec, [&](int64_t i) {
    return b.load(bytes, i == 0 ? first : b.add(first, double(i * stride)));
  });
}

static Value widenHalf(KernelBuilder &b, Value bits) {
  Operation *parent = b.getInsertionBlock()->getParentOp();
  return buildHalfToFloat(b, b.getLoc(), bits, hasHalfFloats(parent));
}

Value WeightInfo::loadScale(KernelBuilder &b, Value scales, Value row,
                            Value group) const {
  if (scales) {
    Value scale = b.load(scales, {row, group});
    return scale.getType().isF16()
               ? widenHalf(b, b.bitcast(b.getI16Type(), scale))
               : scale;
  }
  int64_t size = layout->scaleBytes(), tileRows = layout->tileRows();
  Value tileRow = b.div(row, b.index(tileRows));
  bool isByRows = layout->outer == Axis::Row;
  int64_t along = isByRows ? columns / layout->tileColumns() : rows / tileRows;
  Value tile = b.add(b.mul(isByRows ? tileRow : group, along),
                     isByRows ? group : tileRow);
  Value byte = b.add(b.mul(tile, layout->tileBytes()),
                     b.mul(b.rem(row, tileRows), size));
  byte = b.add(byte, b.index(layout->digitBytes()));
  // Byte by byte: a vector's load is not folded into a grid of tiles.
  Type bits = b.getIntegerType(8 * size);
  Value scale = b.zeroExtend(b.load(bytes, byte), bits);
  for (int64_t i = 1; i < size; ++i) {
    Value part = b.zeroExtend(b.load(bytes, b.add(byte, b.index(i))), bits);
    scale = b.bitOr(scale, b.shiftLeft(part, 8 * i));
  }
  return size == 4 ? b.bitcast(b.getF32Type(), scale) : widenHalf(b, scale);
}

int64_t WeightInfo::storageBytes() const {
  return layout ? layout->storageBytes(rows, columns) : rows * columns;
}

int64_t WeightInfo::rowBytes() const {
  return storageBytes() / rows * (layout ? layout->wordRows() : 1);
}

int64_t WeightInfo::columnBytes() const {
  return storageBytes() / columns * (layout ? layout->wordColumns() : 1);
}

//===----------------------------------------------------------------------===//
// Prologues
//===----------------------------------------------------------------------===//

void tern::countRead(KernelBuilder &b, StringAttr projection,
                     const WeightInfo &weight, Value read) {
  if (weight.layout)
    CountReadOp::create(b, projection, b.index(weight.storageBytes()), read);
}

void tern::reportScalarProduct(Operation *op, const WeightInfo &weight) {
  TargetAttr attr = TargetAttr::lookup(op);
  const Target *target = attr ? attr.getTarget() : nullptr;
  if (!target || target->getDotProduct(attr).getLanes() == 1)
    return;
  remark::missed(op->getLoc(),
                 remark::RemarkOpts::name("ScalarProduct")
                     .category("convert-tern-to-kernels")
                     .function(op->getParentOfType<func::FuncOp>().getName()))
      << remark::add("no kernel of this target knows the layout; the portable "
                     "one takes it digit by digit")
      << remark::metric("layout",
                        weight.layout ? weight.layout->str() : "int8 rows");
}

void tern::nameProduct(KernelBuilder &b, Operation *op, StringRef projection,
                       const WeightInfo &weight, StringRef kernel) {
  b.nameLoops(projection + "." + kernel);
  remark::passed(op->getLoc(),
                 remark::RemarkOpts::name("Kernel")
                     .category("convert-tern-to-kernels")
                     .function(op->getParentOfType<func::FuncOp>().getName()))
      << remark::add("{0}: portable loops, {1}, for {2} x {3} {4}", projection,
                     kernel, weight.rows, weight.columns,
                     weight.layout ? "digits in " + weight.layout->str()
                                   : std::string("int8 rows"));
}
