//===- Repack.cpp - Weights in another layout -----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Expect.h"

#include "tern/Packing/LayoutFamilies.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace tern;
using namespace tern::detail;

using Folds = SmallVector<OpFoldResult>;

LayoutAttr RepackOp::getWeightLayout() {
  return dyn_cast_or_null<LayoutAttr>(getWeightType().getEncoding());
}

RankedTensorType RepackOp::getResultWeightType(RankedTensorType weightType,
                                               LayoutAttr layout) {
  Layout from = cast<LayoutAttr>(weightType.getEncoding()).getLayout();
  SmallVector<int64_t> shape = {from.paddedRows(weightType.getDimSize(0)),
                                from.paddedColumns(weightType.getDimSize(1))};
  return RankedTensorType::get(shape, weightType.getElementType(), layout);
}

/// Four columns of L rows in a vector, as all of these can bring them there.
static bool fitsUnpackedRows(const Layout &from, const UnpackedRows &panel) {
  // Vectors of other lengths are the same bytes.
  if (RowsInLanes::match(from))
    return panel.lanes * panel.vectors % from.tileRows() == 0;
  if (auto rows = ContiguousRows::match(from))
    return rows->lanes == panel.lanes && rows->rows == 1;
  if (auto columns = ContiguousColumns::match(from))
    return columns->lanes == panel.lanes && panel.vectors == 4;
  if (auto groups = GroupsInLanes::match(from))
    return groups->codec == &codecs::s5 && groups->outer == Axis::Column &&
           groups->lanes == 4 * panel.lanes && panel.vectors == 4 &&
           panel.lanes % 4 == 0;
  return false;
}

/// A vector of bytes is made of the same rows in all layouts.
/// Scales are widened on the way, group by group.
static bool fitsScales(const Layout &from, const Layout &panel) {
  if (!from.hasScales() && !panel.hasScales())
    return true;
  return RowsInLanes::match(from) && panel.scales == ScaleFormat::F32 &&
         from.hasScales() && from.tileColumns() == panel.tileColumns();
}

static bool fitsGroups(const Layout &from, const GroupsInLanes &panel) {
  if (auto inLanes = RowsInLanes::match(from))
    return panel.lanes % (inLanes->lanes * inLanes->vectors) == 0;
  if (auto rows = ContiguousRows::match(from))
    return rows->codec == &codecs::b2 && rows->rows == 1 &&
           panel.lanes % rows->lanes == 0;
  if (auto columns = ContiguousColumns::match(from))
    return columns->codec == &codecs::b2 && panel.lanes == 4 * columns->lanes;
  if (auto groups = GroupsInLanes::match(from))
    return groups->outer == Axis::Column && groups->lanes == panel.lanes &&
           groups->codec ==
               (panel.codec == &codecs::t4 ? &codecs::s5 : &codecs::t2);
  return false;
}

StringRef RepackOp::getReasonAgainst(const Layout &from, const Layout &to,
                                     ArrayRef<int64_t> shape) {
  int64_t fromRows = from.tileRows(), toRows = to.tileRows();
  StringRef notWhole = "expected a weight of whole tiles of the panel";
  if (auto panel = UnpackedRows::match(to)) {
    if (!fitsUnpackedRows(from, *panel))
      return "expected a layout of rows in lanes, contiguous rows, contiguous "
             "columns or groups in lanes that fill the panel's lanes to repack "
             "from";
    if (!fitsScales(from, to))
      return "expected scales stored with the digits of rows in lanes, and of "
             "the same groups in f32 in the panel";
    // Groups may end within a tile of the panel.
    if (from.paddedRows(shape[0]) % toRows ||
        (!GroupsInLanes::match(from) &&
         from.paddedColumns(shape[1]) % to.tileColumns()))
      return notWhole;
    return "";
  }
  auto panel = GroupsInLanes::match(to);
  if (from.hasScales())
    return "expected unpacked rows to repack a layout with scales to";
  if (!panel || panel->outer != Axis::Row ||
      (panel->codec != &codecs::t4 && panel->codec != &codecs::n2))
    return "expected unpacked rows or groups of codec t4 or n2 as layout to "
           "repack to";
  if (!fitsGroups(from, *panel))
    return "expected a layout of rows in lanes, contiguous rows, contiguous "
           "columns or groups of codec s5 or t2 that fill the panel's lanes to "
           "repack from";
  if (from.paddedRows(shape[0]) % toRows ||
      (fromRows % toRows && toRows % fromRows))
    return notWhole;
  return "";
}

LogicalResult RepackOp::verify() {
  RankedTensorType type = getWeightType();
  LayoutAttr from = getWeightLayout();
  if (!from)
    return emitOpError("expected weight_type to have a layout, got ") << type;
  StringRef reason = getReasonAgainst(from.getLayout(), getLayout().getLayout(),
                                      type.getShape());
  if (!reason.empty())
    return emitOpError(reason);
  RankedTensorType grid = from.getGridType(type.getShape());
  unsigned rows = from.getLayout().outer == Axis::Row ? 0 : 1;
  auto weight = cast<RankedTensorType>(getWeight().getType());
  bool fits = weight.getRank() == 3;
  for (unsigned i = 0; fits && i < 3; ++i)
    fits = i == rows ? weight.isDynamicDim(i) ||
                           weight.getDimSize(i) <= grid.getDimSize(i)
                     : weight.getDimSize(i) == grid.getDimSize(i);
  if (!fits)
    return emitOpError("expected weight to be ")
           << grid << " or a slice of its rows, as weight_type takes, got "
           << weight;
  RankedTensorType whole = getLayout().getGridType(
      getResultWeightType(type, getLayout()).getShape());
  auto result = cast<RankedTensorType>(getType());
  if (result.getRank() != 3 ||
      result.getShape().drop_front() != whole.getShape().drop_front() ||
      result.getElementType() != whole.getElementType())
    return emitOpError("expected a result of ")
           << whole << " or a slice of its rows, got " << result;
  return success();
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

SmallVector<utils::IteratorType> RepackOp::getLoopIteratorTypes() {
  return {utils::IteratorType::parallel};
}

SmallVector<Range> RepackOp::getIterationDomain(OpBuilder &b) {
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  auto type = cast<RankedTensorType>(getType());
  return {{zero, b.getIndexAttr(type.getDimSize(0)), one}};
}

LogicalResult RepackOp::getResultTilePosition(
    OpBuilder &b, unsigned, ArrayRef<OpFoldResult> offsets,
    ArrayRef<OpFoldResult> sizes, SmallVector<OpFoldResult> &resultOffsets,
    SmallVector<OpFoldResult> &resultSizes) {
  auto type = cast<RankedTensorType>(getType());
  OpFoldResult zero = b.getIndexAttr(0);
  resultOffsets = {offsets[0], zero, zero};
  resultSizes = {sizes[0], b.getIndexAttr(type.getDimSize(1)),
                 b.getIndexAttr(type.getDimSize(2))};
  return success();
}

FailureOr<TilingResult>
RepackOp::getTiledImplementation(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                 ArrayRef<OpFoldResult> sizes) {
  Location loc = getLoc();
  std::optional<int64_t> size = getConstantIntValue(sizes[0]);
  if (!size)
    return failure();
  Layout from = getWeightLayout().getLayout();
  int64_t fromRows = from.tileRows(), rows = getLayout().getLayout().tileRows();
  AffineExpr x = b.getAffineDimExpr(0), y = b.getAffineDimExpr(1);
  auto apply = [&](AffineExpr expr, Folds operands) {
    return affine::makeComposedFoldedAffineApply(b, loc, expr, operands);
  };
  // Tiles of the weight that these tiles of the result are made of, and the
  // first one among those made of them.
  OpFoldResult tile, tiles, first;
  OpFoldResult start =
      apply(x + y, {getAsOpFoldResult(getFirst()), offsets[0]});
  if (rows % fromRows == 0) {
    tile = apply(x * (rows / fromRows), {start});
    tiles = b.getIndexAttr(*size * (rows / fromRows));
    first = b.getIndexAttr(0);
  } else {
    int64_t parts = fromRows / rows;
    if (*size != 1)
      return failure();
    tile = apply(x.floorDiv(parts), {start});
    tiles = b.getIndexAttr(1);
    first = apply(x % parts, {start});
  }
  unsigned dimension = from.outer == Axis::Row ? 0 : 1;
  Folds at(3, b.getIndexAttr(0)), strides(3, b.getIndexAttr(1));
  Folds shape = tensor::getMixedSizes(b, loc, getWeight());
  at[dimension] = tile;
  shape[dimension] = tiles;
  auto slice =
      tensor::ExtractSliceOp::create(b, loc, getWeight(), at, shape, strides);
  auto type = cast<RankedTensorType>(getType());
  auto tiled = RepackOp::create(
      b, loc, type.clone({*size, type.getDimSize(1), type.getDimSize(2)}),
      slice, getValueOrCreateConstantIndexOp(b, loc, first),
      getWeightTypeAttr(), getLayout());
  return TilingResult{{tiled}, {tiled.getResult()}, {slice}};
}

FailureOr<TilingResult>
RepackOp::generateResultTileValue(OpBuilder &b, unsigned,
                                  ArrayRef<OpFoldResult> offsets,
                                  ArrayRef<OpFoldResult> sizes) {
  return getTiledImplementation(b, offsets.take_front(), sizes.take_front());
}
