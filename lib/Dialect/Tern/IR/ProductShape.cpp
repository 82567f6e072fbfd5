//===- ProductShape.cpp - Products by size --------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/ProductShape.h"

#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace tern;

/// Of modules that do not say.
static constexpr int64_t kDefaultMaxTokens = 32;

bool tern::isOfFewTokens(MatmulOp product) {
  auto function = product->getParentOfType<FunctionOpInterface>();
  return function && function.getName().ends_with(".few");
}

static int64_t getTokens(MatmulOp product) {
  int64_t tokens = cast<ShapedType>(product.getCodes().getType()).getDimSize(0);
  if (!ShapedType::isDynamic(tokens))
    return tokens;
  IntegerAttr most;
  for (Operation *op = product; op && !most; op = op->getParentOp())
    most = op->getAttrOfType<IntegerAttr>(TernDialect::kMaxTokensAttr);
  int64_t all = most ? most.getInt() : kDefaultMaxTokens;
  return isOfFewTokens(product) ? std::min(all, kFewTokens) : all;
}

/// True if the weight is to get a layout, and its scales are a weight made of
/// the same tensors.
static bool mayStoreScales(MatmulOp product) {
  if (!product.getScales() || product.getLayout())
    return false;
  auto digits = product.getWeight().getDefiningOp<GetWeightOp>(),
       scales = product.getScales().getDefiningOp<GetWeightOp>();
  if (!digits || !scales || digits.getLayer() != scales.getLayer())
    return false;
  auto find = [&](GetWeightOp read) {
    return SymbolTable::lookupNearestSymbolFrom<WeightOp>(read,
                                                          read.getWeightAttr());
  };
  WeightOp ofDigits = find(digits), ofScales = find(scales);
  return ofDigits && ofScales && ofDigits.getSources() == ofScales.getSources();
}

ProductShape ProductShape::of(MatmulOp product) {
  RankedTensorType type = product.getWeightTensorType();
  ProductShape shape{type.getDimSize(0), type.getDimSize(1)};
  shape.tokens = getTokens(product);
  shape.isOfFloats = product.hasFloatCodes();
  if (!shape.isOfFloats)
    shape.codes = {product.getCodeRange()[0], product.getCodeRange()[1]};
  if (auto integer = dyn_cast<IntegerType>(type.getElementType()))
    shape.integerBits = integer.getWidth();
  shape.listsRows = bool(product.getRowIndices());
  shape.listsColumns = bool(product.getColumnIndices());
  if (product.getGroups())
    shape.groupSize = product.getGroupSize();
  if (mayStoreScales(product))
    shape.scales = getElementTypeOrSelf(product.getScales()).isF16()
                       ? ScaleFormat::F16
                       : ScaleFormat::F32;
  shape.hasFactors = bool(product.getFactors());
  if (LayoutAttr layout = product.getLayout()) {
    shape.layout = layout.getLayout();
    shape.scales = shape.layout->scales;
  }
  return shape;
}

std::string ProductShape::str() const {
  std::string text = llvm::formatv("{0}x{1}/", rows, columns);
  text += isOfFloats ? std::string("f32")
                     : llvm::formatv("{0}..{1}", codes.low, codes.high).str();
  int64_t percent = std::lround(100 * share);
  if (integerBits)
    text += llvm::formatv("/int{0}", integerBits).str();
  if (density < 1)
    text += llvm::formatv("/nonzero{0}", std::lround(100 * density)).str();
  if (listsRows)
    text += llvm::formatv("/rows{0}", percent).str();
  if (listsColumns)
    text += llvm::formatv("/columns{0}", percent).str();
  if (groupSize)
    text += llvm::formatv("/scales{0}{1}", groupSize,
                          scales == ScaleFormat::F16 ? "f16" : "")
                .str();
  if (hasFactors)
    text += "/factors";
  return text + llvm::formatv("/t{0}", tokens).str();
}

bool ProductShape::storesScales(const Layout &layout) const {
  return scales != ScaleFormat::None && layout.outer == Axis::Row &&
         groupSize % layout.tileColumns() == 0;
}

Layout ProductShape::withScales(const Layout &layout) const {
  return storesScales(layout) ? layout.withScales(groupSize, scales) : layout;
}

StringRef
ProductShape::getReasonAgainst(MicroKernelAttrInterface kernel) const {
  MicroTile tile = kernel.getTile();
  size_t parts = kernel.getParts().size();
  if (isOfFloats)
    return "expected codes that are integers, not floats";
  if (!kernel.reads(layout))
    return "expected a layout that the kernel reads";
  if (!kernel.getCodeRange().contains(codes))
    return "expected codes for which the kernel's sums are exact";
  if ((groupSize ? groupSize : columns) > kernel.getMaxColumns())
    return "expected so few columns that the kernel's sums are exact";
  if (layout && layout->outer == Axis::Row &&
      layout->tileColumns() < tile.columns &&
      layout->paddedColumns(columns) < tile.columns)
    return "expected the columns of at least one step of the kernel";
  if (listsRows && tile.rows * parts != 1)
    return "expected a kernel of one row for a list of rows";
  MicroPreparation preparation = kernel.getPreparation();
  bool takesSteps = preparation.steps && !preparation.listedPlanes;
  bool areWhole = layout
                      ? layout->outer != Axis::Row ||
                            layout->tileColumns() >= tile.columns ||
                            layout->paddedColumns(columns) % tile.columns == 0
                      : columns % tile.columns == 0 && rows % tile.rows == 0;
  if (takesSteps && !areWhole)
    return "expected whole steps of a kernel that has codes prepared";
  // A list of columns ends with zeros up to a multiple of four.
  if (listsColumns && (!layout || layout->outer != Axis::Column ||
                       layout->tileColumns() != 1 || 4 % tile.columns))
    return "expected a layout of single columns for a list of columns";
  if (!groupSize)
    return "";
  if (preparation.steps)
    return "expected a kernel that takes codes as they are for scales";
  if (listsColumns)
    return "expected no list of columns together with scales";
  if (groupSize % tile.columns)
    return "expected groups of whole steps of the kernel";
  if (layout && layout->hasScales())
    return "";
  if (layout && layout->paddedRows(rows) != rows)
    return "rows that only the layout adds have no scales";
  if (parts != 1)
    return "expected a kernel of one part for scales";
  return "";
}

StringRef ProductShape::getReasonAgainst(StrategyAttr strategy) const {
  if (LayoutAttr panel = strategy.getPanel()) {
    if (!layout)
      return "expected a weight with a layout to repack";
    if (listsRows || listsColumns)
      return "expected a product of all rows and columns to repack its weight "
             "for";
    if (groupSize && !layout->hasScales())
      return "expected scales stored with the digits to repack";
    StringRef reason =
        RepackOp::getReasonAgainst(*layout, panel.getLayout(), {rows, columns});
    if (!reason.empty())
      return reason;
    ProductShape repacked = *this;
    repacked.layout = panel.getLayout();
    repacked.rows = layout->paddedRows(rows);
    repacked.columns = layout->paddedColumns(columns);
    return repacked.getReasonAgainst(strategy.getKernels());
  }
  return getReasonAgainst(strategy.getKernels());
}

StringRef ProductShape::getReasonAgainst(ArrayRef<Attribute> kernels) const {
  for (Attribute attr : kernels)
    if (StringRef reason =
            getReasonAgainst(cast<MicroKernelAttrInterface>(attr));
        !reason.empty())
      return reason;
  return "";
}
