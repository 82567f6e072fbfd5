//===- MatmulTiling.cpp - Tiles of a product ------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The domain is (tokens, steps of rows). A step is a row, or all rows of a tile
// once the weight is a grid; a slice of rows is a slice of the grid.
//
//===----------------------------------------------------------------------===//

#include "Expect.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace tern;
using namespace tern::detail;

using Folds = SmallVector<OpFoldResult>;

int64_t MatmulOp::getRowsPerStep() {
  LayoutAttr layout = getLayout();
  return layout ? layout.getLayout().tileRows() : 1;
}

unsigned MatmulOp::getRowDimension() {
  LayoutAttr layout = getLayout();
  return layout && layout.getLayout().outer == Axis::Column ? 1 : 0;
}

StringRef MatmulOp::getReasonForWholeRows() {
  if (getRowIndices())
    return "a list of rows is of all rows";
  if (getScales() && getSize(getScales(), 0) != getSize(getInit(), 1) &&
      !ShapedType::isDynamic(getSize(getInit(), 1)))
    return "rows that only the layout adds have no scales";
  return "";
}

//===----------------------------------------------------------------------===//
// The domain
//===----------------------------------------------------------------------===//

SmallVector<utils::IteratorType> MatmulOp::getLoopIteratorTypes() {
  return SmallVector<utils::IteratorType>(2, utils::IteratorType::parallel);
}

SmallVector<Range> MatmulOp::getIterationDomain(OpBuilder &b) {
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  return {{zero, tensor::getMixedSize(b, getLoc(), getCodes(), 0), one},
          {zero,
           tensor::getMixedSize(b, getLoc(), getWeight(), getRowDimension()),
           one}};
}

static OpFoldResult multiply(OpBuilder &b, Location loc, OpFoldResult x,
                             int64_t by) {
  return affine::makeComposedFoldedAffineApply(b, loc,
                                               b.getAffineDimExpr(0) * by, {x});
}

static OpFoldResult divide(OpBuilder &b, Location loc, OpFoldResult x,
                           int64_t by) {
  return affine::makeComposedFoldedAffineApply(
      b, loc, b.getAffineDimExpr(0).floorDiv(by), {x});
}

/// One token, known at compile time, is in every tile.
static bool hasOneToken(MatmulOp op) { return getSize(op.getCodes(), 0) == 1; }

/// True if steps `offset` .. `offset + size` of the rows may be cut out.
static bool mayTakeRows(MatmulOp op, OpFoldResult offset, OpFoldResult size) {
  if (op.getReasonForWholeRows().empty())
    return true;
  int64_t all = getSize(op.getWeight(), op.getRowDimension());
  return isZeroInteger(offset) && getConstantIntValue(size) == all;
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

namespace {

/// Offsets and sizes of a tile, along tokens and along rows.
struct Tile {
  OpFoldResult token, tokens;
  OpFoldResult step, steps; ///< of rows, as the weight is cut
  OpFoldResult row, rows;   ///< as scales and init are cut
};

/// Cuts a product's operands.
struct Slicer {
  OpBuilder &b;
  MatmulOp op;
  SmallVector<Operation *> slices;

  /// All of `source` but `size` from `offset` along `dimension`.
  Value cut(Value source, unsigned dimension, OpFoldResult offset,
            OpFoldResult size) {
    int64_t rank = cast<RankedTensorType>(source.getType()).getRank();
    Folds offsets(rank, b.getIndexAttr(0));
    Folds sizes = tensor::getMixedSizes(b, op.getLoc(), source);
    offsets[dimension] = offset;
    sizes[dimension] = size;
    return cut(source, offsets, sizes);
  }

  Value cut(Value source, ArrayRef<OpFoldResult> offsets,
            ArrayRef<OpFoldResult> sizes) {
    Folds strides(offsets.size(), b.getIndexAttr(1));
    slices.push_back(tensor::ExtractSliceOp::create(b, op.getLoc(), source,
                                                    offsets, sizes, strides));
    return slices.back()->getResult(0);
  }
};

} // namespace

/// `op` on a tile; lists are passed on whole.
static TilingResult takeTile(OpBuilder &b, MatmulOp op, const Tile &tile) {
  Slicer slicer{b, op, {}};
  IRMapping cuts;
  cuts.map(op.getCodes(),
           slicer.cut(op.getCodes(), 0, tile.token, tile.tokens));
  cuts.map(op.getWeight(), slicer.cut(op.getWeight(), op.getRowDimension(),
                                      tile.step, tile.steps));
  for (Value ofTokens : {op.getCodeSums(), op.getFactors()})
    if (ofTokens)
      cuts.map(ofTokens, slicer.cut(ofTokens, 0, tile.token, tile.tokens));
  if (Value scales = op.getScales())
    if (op.getReasonForWholeRows().empty())
      cuts.map(scales, slicer.cut(scales, 0, tile.row, tile.rows));
  Value init = slicer.cut(op.getInit(), Folds{tile.token, tile.row},
                          Folds{tile.tokens, tile.rows});
  SmallVector<Value> operands;
  for (OpOperand &operand : op->getOpOperands())
    operands.push_back(
        op.isDpsInit(&operand) ? init : cuts.lookupOrDefault(operand.get()));
  Operation *tiled = mlir::clone(b, op, {init.getType()}, operands);
  return {{tiled}, SmallVector<Value>(tiled->getResults()), slicer.slices};
}

FailureOr<TilingResult>
MatmulOp::getTiledImplementation(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                 ArrayRef<OpFoldResult> sizes) {
  if (!mayTakeRows(*this, offsets[1], sizes[1]))
    return failure();
  Folds results, resultSizes;
  if (failed(getResultTilePosition(b, 0, offsets, sizes, results, resultSizes)))
    return failure();
  return takeTile(b, *this,
                  {results[0], resultSizes[0], offsets[1], sizes[1], results[1],
                   resultSizes[1]});
}

LogicalResult MatmulOp::getResultTilePosition(
    OpBuilder &b, unsigned, ArrayRef<OpFoldResult> offsets,
    ArrayRef<OpFoldResult> sizes, SmallVector<OpFoldResult> &resultOffsets,
    SmallVector<OpFoldResult> &resultSizes) {
  bool one = hasOneToken(*this);
  int64_t rows = getRowsPerStep();
  resultOffsets = {one ? b.getIndexAttr(0) : offsets[0],
                   multiply(b, getLoc(), offsets[1], rows)};
  resultSizes = {one ? b.getIndexAttr(1) : sizes[0],
                 multiply(b, getLoc(), sizes[1], rows)};
  return success();
}

//===----------------------------------------------------------------------===//
// Tiles that a consumer asks for
//===----------------------------------------------------------------------===//

/// Whole steps, as far as is known; an unknown number is for the caller to be
/// right about.
bool MatmulOp::isOpFusableWithConsumerSlice(unsigned,
                                            ArrayRef<OpFoldResult> offsets,
                                            ArrayRef<OpFoldResult> sizes) {
  int64_t rows = getRowsPerStep();
  auto isWhole = [&](OpFoldResult x) {
    std::optional<int64_t> value = getConstantIntValue(x);
    return !value || *value % rows == 0;
  };
  if (!isWhole(offsets[1]) || !isWhole(sizes[1]))
    return false;
  return getReasonForWholeRows().empty() ||
         (isZeroInteger(offsets[1]) &&
          getConstantIntValue(sizes[1]) == getSize(getInit(), 1));
}

LogicalResult MatmulOp::getIterationDomainTileFromResultTile(
    OpBuilder &b, unsigned, ArrayRef<OpFoldResult> offsets,
    ArrayRef<OpFoldResult> sizes, SmallVectorImpl<OpFoldResult> &domainOffsets,
    SmallVectorImpl<OpFoldResult> &domainSizes) {
  int64_t rows = getRowsPerStep();
  domainOffsets = Folds{offsets[0], divide(b, getLoc(), offsets[1], rows)};
  domainSizes = Folds{sizes[0], divide(b, getLoc(), sizes[1], rows)};
  return success();
}

/// Offsets of the result stay as they are, not rows * (offset floordiv rows):
/// affine cannot cancel that, and slices of the init would not be seen to be
/// the consumer's.
FailureOr<TilingResult>
MatmulOp::generateResultTileValue(OpBuilder &b, unsigned result,
                                  ArrayRef<OpFoldResult> offsets,
                                  ArrayRef<OpFoldResult> sizes) {
  Folds domainOffsets, domainSizes;
  if (!isOpFusableWithConsumerSlice(result, offsets, sizes) ||
      failed(getIterationDomainTileFromResultTile(b, result, offsets, sizes,
                                                  domainOffsets, domainSizes)))
    return failure();
  return takeTile(b, *this,
                  {offsets[0], sizes[0], domainOffsets[1], domainSizes[1],
                   offsets[1], sizes[1]});
}
