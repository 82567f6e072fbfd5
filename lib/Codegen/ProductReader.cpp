//===- ProductReader.cpp - Operands of the steps of a product -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProductReader.h"

#include "StoredScales.h"

#include "tern/Kernels/FloatBits.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

ProductReader::ProductReader(MatmulOp op, MicroKernelAttrInterface kernel,
                             RewriterBase &rewriter)
    : op(op), kernel(kernel), tile(kernel.getTile()), b(op.getLoc(), rewriter),
      weight(op.getWeight()), zero(b.index(0)) {
  if (LayoutAttr attr = op.getLayout()) {
    layout = attr.getLayout();
    weightAxis = layout->outer;
  }
}

//===----------------------------------------------------------------------===//
// Codes and weights
//===----------------------------------------------------------------------===//

Value ProductReader::index(Value list, Value at) {
  Value entry = tensor::ExtractOp::create(b, list, ValueRange{zero, at});
  return b.toIndex(entry);
}

Value ProductReader::read(VectorType type, Value from, ValueRange at,
                          ArrayRef<int64_t> dimensions) {
  int64_t rank = cast<ShapedType>(from.getType()).getRank();
  SmallVector<AffineExpr> results;
  for (int64_t dimension : dimensions)
    results.push_back(b.getAffineDimExpr(dimension));
  auto map = AffineMap::get(rank, 0, results, b.getContext());
  SmallVector<bool> inBounds(type.getRank(), true);
  // Of kernels whose tokens need not all be there.
  for (auto [i, dimension] : llvm::enumerate(dimensions))
    if (cast<ShapedType>(from.getType()).isDynamicDim(dimension))
      inBounds[i] = false;
  Value padding = b.zero(type.getElementType());
  return vector::TransferReadOp::create(b, type, from, at, padding,
                                        AffineMapAttr::get(map),
                                        b.getBoolArrayAttr(inBounds));
}

/// `part` in front, zeros behind along the last dimensions; or `before`
/// zeros in front along the last one.
static Value widen(KernelBuilder &b, Value part, VectorType type,
                   int64_t before = 0) {
  if (part.getType() == type)
    return part;
  SmallVector<int64_t> offsets(type.getRank(), 0), strides(type.getRank(), 1);
  offsets.back() = before;
  return vector::InsertStridedSliceOp::create(b, part, b.zero(type), offsets,
                                              strides);
}

Value ProductReader::readCodes(Value column, int64_t width, int64_t before) {
  VectorType type = kernel.getCodesType();
  auto part =
      VectorType::get({type.getDimSize(0), width}, type.getElementType());
  return widen(b, read(part, op.getCodes(), {zero, column}, {0, 1}), type,
               before);
}

Values ProductReader::readWeights(Value step, int64_t width) {
  VectorType type = kernel.getWeightTypes().front();
  if (!layout) {
    auto part =
        VectorType::get({type.getDimSize(0), width}, type.getElementType());
    return {widen(b, read(part, weight, {zero, columnOf(step)}, {0, 1}), type)};
  }
  if (layout->hasScales())
    return {readOfGroup(step)};
  if (takesTiles())
    return {readTiles(columnOf(step))};
  Value first = columnOf(step);
  if (group)
    step = b.add(b.mul(group, b.index(stepsOfGroup())), step);
  if (weightAxis == Axis::Row)
    return {type.getRank() == 1
                ? read(type, weight, {zero, step, zero}, {2})
                : read(type, weight, {zero, step, zero}, {0, 2})};
  if (kernel.getWeightTypes().size() == 1)
    return {read(type, weight, {step, zero, zero}, {2})};
  // Tiles of one column each.
  Values columns;
  for (int64_t j = 0; j < tile.columns; ++j) {
    Value column = b.add(first, b.index(j));
    columns.push_back(j < width ? read(type, weight, {column, zero, zero}, {2})
                                : b.zero(type));
  }
  return columns;
}

/// Step `step` of a group, which is a tile with scales. Several tiles of the
/// layout without them are rows of bytes.
Value ProductReader::readOfGroup(Value step) {
  VectorType type = kernel.getWeightTypes().front();
  if (layout->withoutScales().tileColumns() == tile.columns) {
    Value byte = b.mul(step, b.index(type.getShape().back()));
    SmallVector<int64_t> dimensions = {0, 2};
    return read(type, weight, {zero, group, byte},
                ArrayRef(dimensions).take_back(type.getRank()));
  }
  auto grid = cast<RankedTensorType>(weight.getType());
  int64_t rows = type.getDimSize(0), width = type.getDimSize(1);
  SmallVector<int64_t> shape = {grid.getDimSize(0), grid.getDimSize(1),
                                grid.getDimSize(2) / width, width};
  SmallVector<ReassociationIndices> parts = {{0}, {1}, {2, 3}};
  Value cut =
      tensor::ExpandShapeOp::create(b, grid.clone(shape), weight, parts);
  return read(type, cut, {zero, group, b.mul(step, b.index(rows)), zero},
              {2, 3});
}

bool ProductReader::takesTiles() {
  return layout && weightAxis == Axis::Row &&
         layout->tileColumns() < tile.columns;
}

Value ProductReader::readTiles(Value column) {
  int64_t columnsOfTile = layout->tileColumns();
  Value first = b.div(column, b.index(columnsOfTile));
  return read(kernel.getWeightTypes().front(), weight, {zero, first, zero},
              {1, 2});
}

Value ProductReader::columnOf(Value step) {
  Value column = b.mul(step, b.index(tile.columns));
  return group ? b.add(b.mul(group, b.index(op.getGroupSize())), column)
               : column;
}

Values ProductReader::readListedWeights(Value first) {
  Values columns;
  for (auto [j, type] : llvm::enumerate(kernel.getWeightTypes())) {
    Value column = index(op.getColumnIndices(), b.add(first, b.index(j)));
    columns.push_back(read(type, weight, {column, zero, zero}, {2}));
  }
  return columns;
}

/// Columns of a list lie far apart.
void ProductReader::prefetch(Value step, Value steps) {
  int64_t ahead = op.getStrategyAttr().getPrefetch();
  if (!ahead)
    return;
  Value last = b.sub(steps, b.index(1));
  Value then = b.mul(b.minUnsigned(b.add(step, b.index(ahead)), last),
                     b.index(tile.columns));
  int64_t bytes = kernel.getWeightTypes().front().getNumElements();
  for (int64_t j = 0; j < tile.columns; ++j) {
    Value column = index(op.getColumnIndices(), b.add(then, b.index(j)));
    PrefetchOp::create(b, op.getWeight(), ValueRange{column, zero, zero},
                       bytes);
  }
}

/// The next row follows the last tile. Several rows at a time ask for those
/// that follow them, columns for later ones.
void ProductReader::prefetchStream(Value step) {
  int64_t ahead = op.getStrategyAttr().getPrefetch();
  if (!ahead || !layout || takesTiles())
    return;
  VectorType type = kernel.getWeightTypes().front();
  int64_t bytes = type.getShape().back();
  if (weightAxis == Axis::Column) {
    Value first =
        b.add(columnOf(step), b.index(llvm::divideCeil(ahead, bytes)));
    for (size_t j = 0; j < kernel.getWeightTypes().size(); ++j)
      PrefetchOp::create(b, op.getWeight(),
                         ValueRange{b.add(first, b.index(j)), zero, zero},
                         bytes);
    return;
  }
  int64_t rows = type.getRank() == 1 ? 1 : type.getDimSize(0);
  if (rows > 1) {
    if (layout->hasScales() || group)
      return;
    for (int64_t row = 0; row < rows; ++row)
      PrefetchOp::create(b, op.getWeight(),
                         ValueRange{b.index(rows + row), step, zero}, bytes);
    return;
  }
  if (layout->hasScales()) {
    Value byte = b.add(b.mul(step, b.index(bytes)), b.index(ahead));
    PrefetchOp::create(b, op.getWeight(), ValueRange{zero, group, byte}, bytes);
    return;
  }
  if (group)
    step = b.add(b.mul(group, b.index(stepsOfGroup())), step);
  Value then = b.add(step, b.index(llvm::divideCeil(ahead, bytes)));
  PrefetchOp::create(b, op.getWeight(), ValueRange{zero, then, zero}, bytes);
}

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

Value ProductReader::readScales(Value byGroup) {
  Type element = cast<ShapedType>(byGroup.getType()).getElementType();
  Value scales =
      read(b.vectorOf(tile.rows, element), byGroup, {group, zero}, {1});
  if (element.isF32())
    return scales;
  Value bits = b.bitcast(b.vectorOf(tile.rows, b.getI16Type()), scales);
  return buildHalfToFloat(b, b.getLoc(), bits, hasHalfFloats(op));
}

/// Of some tiles, or a part of one.
Value ProductReader::readStoredScales() {
  int64_t size = layout->scaleBytes();
  int64_t ofTile = std::min(layout->tileRows(), tile.rows);
  int64_t tiles = tile.rows / ofTile;
  auto type = VectorType::get({tiles, ofTile * size}, b.getI8Type());
  Value first = b.index(layout->digitBytes() + tile.firstRow * size);
  Value bytes = read(type, weight, {zero, group, first}, {0, 2});
  return widenScales(b, op, *layout, b.reshape(bytes, {type.getNumElements()}));
}

Value ProductReader::readFactors(VectorType type) {
  Value block = b.div(group, b.index(op.getGroupsPerFactor()));
  if (tile.tokens == 1)
    return b.splat(type, tensor::ExtractOp::create(b, op.getFactors(),
                                                   ValueRange{zero, block}));
  auto ofTokens = VectorType::get({tile.tokens, 1}, b.getF32Type());
  Value factors = read(ofTokens, op.getFactors(), {zero, block}, {0, 1});
  return vector::BroadcastOp::create(b, type, factors);
}
