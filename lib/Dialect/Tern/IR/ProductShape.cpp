//===- ProductShape.cpp - Products by size --------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/ProductShape.h"

#include "tern/Dialect/Tern/IR/Tern.h"

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
  if (product.getScales())
    shape.groupSize = product.getGroupSize();
  shape.hasFactors = bool(product.getFactors());
  if (LayoutAttr layout = product.getLayout())
    shape.layout = layout.getLayout();
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
    text += llvm::formatv("/scales{0}", groupSize).str();
  if (hasFactors)
    text += "/factors";
  return text + llvm::formatv("/t{0}", tokens).str();
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
  if (columns > kernel.getMaxColumns())
    return "expected so few columns that the kernel's sums are exact";
  if (layout && layout->outer == Axis::Row &&
      layout->tileColumns() < tile.columns &&
      layout->paddedColumns(columns) < tile.columns)
    return "expected the columns of at least one step of the kernel";
  if (listsRows && tile.rows * parts != 1)
    return "expected a kernel of one row for a list of rows";
  // A list of columns ends with zeros up to a multiple of four.
  if (listsColumns && (!layout || layout->outer != Axis::Column ||
                       layout->tileColumns() != 1 || 4 % tile.columns))
    return "expected a layout of single columns for a list of columns";
  if (!groupSize)
    return "";
  if (kernel.getPreparation().steps)
    return "expected a kernel that takes codes as they are for scales";
  if (listsRows || listsColumns)
    return "expected no list together with scales";
  if (layout && layout->paddedRows(rows) != rows)
    return "rows that only the layout adds have no scales";
  if (groupSize % tile.columns)
    return "expected groups of whole steps of the kernel";
  if (parts != 1)
    return "expected a kernel of one part for scales";
  return "";
}

StringRef ProductShape::getReasonAgainst(StrategyAttr strategy) const {
  if (LayoutAttr panel = strategy.getPanel()) {
    if (!layout)
      return "expected a weight with a layout to repack";
    if (groupSize || listsRows || listsColumns)
      return "expected a product of all rows and columns without scales to "
             "repack its weight for";
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
