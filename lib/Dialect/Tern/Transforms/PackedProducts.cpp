//===- PackedProducts.cpp - Products of weights with a layout -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PackedProducts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tern;

//===----------------------------------------------------------------------===//
// Lists
//===----------------------------------------------------------------------===//

/// The compaction that made the codes and their list; null if none did.
static SparsifyOp getSparsify(MatmulOp product) {
  Value indices = product.getColumnIndices();
  auto sparsify = indices ? indices.getDefiningOp<SparsifyOp>() : SparsifyOp();
  bool isWhole = sparsify && indices == sparsify.getResult(0) &&
                 product.getCodes() == sparsify.getResult(1) &&
                 product.getColumnCount() == sparsify.getResult(2);
  return isWhole ? sparsify : SparsifyOp();
}

bool tern::mayReadAllColumns(MatmulOp product) {
  return bool(getSparsify(product));
}

void tern::readAllColumns(MatmulOp product) {
  SparsifyOp sparsify = getSparsify(product);
  product.getCodesMutable().assign(sparsify.getInput());
  product.getColumnIndicesMutable().clear();
  product.getColumnCountMutable().clear();
  if (sparsify->use_empty())
    sparsify->erase();
}

/// The result is scaled, if it lacks a factor or a bias, and goes to the ReLU^2
/// unit of the gate that the list was made of, which is 0 outside of the list.
bool tern::mayReadAllRows(MatmulOp product) {
  Value indices = product.getRowIndices();
  auto active =
      indices ? indices.getDefiningOp<ActiveRowsOp>() : ActiveRowsOp();
  if (!active || !product->hasOneUse())
    return false;
  Value up = product.getResult(0);
  if (auto scaled = dyn_cast<DequantizeOp>(*product->user_begin()))
    up = scaled.getResult(0);
  if (!up.hasOneUse())
    return false;
  auto unit = dyn_cast<GluOp>(*up.user_begin());
  return unit && unit.getKind() == GluKind::ReLU2 &&
         unit.getGate() == active.getGate() && unit.getUp() == up;
}

void tern::readAllRows(MatmulOp product) {
  auto active = product.getRowIndices().getDefiningOp<ActiveRowsOp>();
  product.getRowIndicesMutable().clear();
  product.getRowCountMutable().clear();
  if (active->use_empty())
    active->erase();
  auto fill = product.getInit().getDefiningOp<linalg::FillOp>();
  if (!fill)
    return;
  product.getInitMutable().assign(fill.getOutputs()[0]);
  if (fill->use_empty())
    fill->erase();
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

/// `codes` with zero columns up to `width`.
static Value padColumns(OpBuilder &b, Location loc, Value codes,
                        int64_t width) {
  auto type = cast<RankedTensorType>(codes.getType());
  int64_t columns = type.getDimSize(1);
  if (columns == width)
    return codes;
  Value zero =
      arith::ConstantOp::create(b, loc, b.getZeroAttr(type.getElementType()));
  auto padded =
      RankedTensorType::get({type.getDimSize(0), width}, type.getElementType());
  SmallVector<OpFoldResult> low(2, b.getIndexAttr(0));
  SmallVector<OpFoldResult> high = {b.getIndexAttr(0),
                                    b.getIndexAttr(width - columns)};
  return tensor::PadOp::create(b, loc, padded, codes, low, high, zero);
}

/// `init` with `width` columns.
static Value widenInit(OpBuilder &b, Location loc, Value init, int64_t width) {
  auto type = cast<RankedTensorType>(init.getType());
  if (auto fill = init.getDefiningOp<linalg::FillOp>()) {
    Value out = widenInit(b, loc, fill.getOutputs()[0], width);
    return linalg::FillOp::create(b, loc, fill.getInputs(), out).getResult(0);
  }
  if (!init.getDefiningOp<tensor::EmptyOp>())
    return padColumns(b, loc, init, width);
  SmallVector<OpFoldResult> sizes = {tensor::getMixedSize(b, loc, init, 0),
                                     b.getIndexAttr(width)};
  return tensor::EmptyOp::create(b, loc, sizes, type.getElementType());
}

/// Gives the product's result `width` columns; its users see the first ones, as
/// many as there were.
static void widenResult(MatmulOp product, int64_t width) {
  Value result = product.getResult(0);
  auto type = cast<RankedTensorType>(result.getType());
  if (type.getDimSize(1) == width)
    return;
  OpBuilder b(product);
  Value init = widenInit(b, product.getLoc(), product.getInit(), width);
  product.getInitMutable().assign(init);
  result.setType(cast<RankedTensorType>(init.getType()));
  b.setInsertionPointAfter(product);
  SmallVector<OpFoldResult> offsets(2, b.getIndexAttr(0));
  SmallVector<OpFoldResult> sizes = {
      tensor::getMixedSize(b, product->getLoc(), result, 0),
      b.getIndexAttr(type.getDimSize(1))};
  SmallVector<OpFoldResult> strides(2, b.getIndexAttr(1));
  auto slice = tensor::ExtractSliceOp::create(b, product->getLoc(), type,
                                              result, offsets, sizes, strides);
  result.replaceUsesWithIf(slice, [&](OpOperand &use) {
    return use.getOwner() != slice && !isa<tensor::DimOp>(use.getOwner());
  });
}

void tern::packProduct(MatmulOp product, RankedTensorType packed) {
  const Layout &layout = cast<LayoutAttr>(packed.getEncoding()).getLayout();
  product.setWeightType(packed);
  if (layout.hasScales())
    product.getScalesMutable().clear();
  if (!product.getColumnIndices()) {
    OpBuilder b(product);
    product.getCodesMutable().assign(
        padColumns(b, product.getLoc(), product.getCodes(),
                   layout.paddedColumns(packed.getDimSize(1))));
  }
  widenResult(product, layout.paddedRows(packed.getDimSize(0)));
}
