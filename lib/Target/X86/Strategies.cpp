//===- Strategies.cpp - The table of x86-64 -------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Strategies.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Packing/LayoutFamilies.h"

using namespace tern;
using namespace tern::x86;
using llvm::cast, llvm::SmallVector;
using mlir::Attribute, mlir::RankedTensorType, mlir::ShapedType;

//===----------------------------------------------------------------------===//
// Kernels whose costs count
//===----------------------------------------------------------------------===//

static Attribute rowsInLanesOne(DotAttr dot, const Machine &) {
  return RowsInLanesAttr::get(dot.getContext(), dot, 2, 1);
}
static Attribute rowsInLanesMany(DotAttr dot, const Machine &m) {
  return RowsInLanesAttr::get(dot.getContext(), dot, 2, m.tokens);
}
static Attribute contiguousRowsOne(DotAttr dot, const Machine &) {
  return ContiguousRowsAttr::get(dot.getContext(), dot, 1, 1);
}
static Attribute contiguousRowsMany(DotAttr dot, const Machine &m) {
  return ContiguousRowsAttr::get(dot.getContext(), dot, m.rows, 4);
}
static Attribute contiguousColumnsOne(DotAttr dot, const Machine &m) {
  return ContiguousColumnsAttr::get(dot.getContext(), dot, 0, m.rows, 1);
}
static Attribute contiguousColumnsMany(DotAttr dot, const Machine &m) {
  return ContiguousColumnsAttr::get(dot.getContext(), dot, 0, 1, m.rows);
}

static Attribute integerRows(DotAttr dot, int64_t bits, int64_t tokens) {
  return IntegerRowsAttr::get(dot.getContext(), dot, bits, 1, tokens,
                              bits == 6 ? 4 : 2);
}

/// Issue slots of one digit times one code.
static double getSlots(Attribute attr) {
  auto kernel = llvm::cast<MicroKernelAttrInterface>(attr);
  MicroTile tile = kernel.getTile();
  return double(kernel.getCost().slots) /
         double(tile.tokens * tile.rows * tile.columns);
}

/// Of loops that know any layout, digit by digit.
static constexpr double kPortableSlots = 8;

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

namespace {

bool hasWholeTiles(const ProductShape &shape) {
  return shape.groupSize % 16 == 0;
}

struct Row {
  llvm::StringLiteral layoutName;
  ProductKind kind;
  TokenClass least, most;
  int64_t lowest, highest;            ///< codes that it is exact for
  bool (*fits)(const ProductShape &); ///< null: any shape
  llvm::StringLiteral kernel;
  Layout (*layout)(int64_t lanes);
  Walk walk;
  Attribute (*costs)(DotAttr, const Machine &); ///< null: portable loops
  double Machine::*stall;                       ///< null: none
};

Layout rowsInLanes(int64_t lanes) { return RowsInLanes{lanes, 2}.layout(); }
Layout contiguousRows(int64_t lanes) { return ContiguousRows{lanes}.layout(); }
Layout contiguousColumns(int64_t lanes) {
  return ContiguousColumns{lanes}.layout();
}

using Kind = ProductKind;
using Tokens = TokenClass;

constexpr llvm::StringLiteral kNames[] = {"rows_in_lanes", "contiguous_rows",
                                          "contiguous_columns", "integer_rows"};

// clang-format off
const Row kRows[] = {
    // layout, kind, tokens, codes, shape, kernel, layout, walk, costs, stall
    {kNames[0], Kind::Dense, Tokens::One, Tokens::One, -128, 127, nullptr,
     "rows_in_lanes", rowsInLanes, Walk::Stream, rowsInLanesOne, nullptr},
    {kNames[0], Kind::Dense, Tokens::Few, Tokens::Many, -128, 127, nullptr,
     "rows_in_lanes", rowsInLanes, Walk::Stream, rowsInLanesMany, nullptr},
    {kNames[0], Kind::Scaled, Tokens::One, Tokens::Many, -128, 127, hasWholeTiles,
     "scaled_rows_in_lanes", rowsInLanes, Walk::Stream, rowsInLanesOne, nullptr},
    {kNames[0], Kind::Scaled, Tokens::One, Tokens::Many, -128, 127, nullptr,
     "scaled_contiguous_rows", rowsInLanes, Walk::Stream, nullptr, nullptr},
    {kNames[1], Kind::Dense, Tokens::One, Tokens::One, -128, 127, nullptr,
     "contiguous_rows", contiguousRows, Walk::Stream, contiguousRowsOne, nullptr},
    {kNames[1], Kind::Dense, Tokens::Few, Tokens::Many, -128, 127, nullptr,
     "contiguous_rows", contiguousRows, Walk::Stream, contiguousRowsMany,
     &Machine::rowsStall},
    {kNames[1], Kind::ListedRows, Tokens::One, Tokens::One, -128, 127, nullptr,
     "listed_rows", contiguousRows, Walk::Runs, contiguousRowsOne, nullptr},
    {kNames[2], Kind::Dense, Tokens::One, Tokens::One, -128, 127, nullptr,
     "contiguous_columns", contiguousColumns, Walk::Stream, contiguousColumnsOne, nullptr},
    {kNames[2], Kind::Dense, Tokens::Few, Tokens::Many, -128, 127, nullptr,
     "contiguous_columns", contiguousColumns, Walk::Stream, contiguousColumnsMany,
     &Machine::columnsStall},
    {kNames[2], Kind::ListedColumns, Tokens::One, Tokens::One, -128, 127, nullptr,
     "listed_columns", contiguousColumns, Walk::Runs, contiguousColumnsOne, nullptr},
};
// clang-format on

} // namespace

llvm::ArrayRef<llvm::StringLiteral> x86::layoutNames() { return kNames; }

llvm::SmallVector<Strategy> x86::findStrategies(mlir::MLIRContext *context,
                                                const Machine &machine,
                                                const ProductShape &shape) {
  DotAttr dot = DotAttr::get(context, machine.dot);
  int64_t lanes = dot.getLanes();
  llvm::SmallVector<Strategy> found;
  if (shape.integerBits) {
    const Codec *codec = shape.integerBits == 6 ? &codecs::i6 : &codecs::i4;
    double slots = getSlots(integerRows(dot, shape.integerBits,
                                        shape.tokens == Tokens::One ? 1 : 4));
    return {{kNames[3], "integer_rows", IntegerRows{codec, lanes}.layout(),
             Walk::Stream, slots}};
  }
  for (const Row &row : kRows) {
    if (row.kind != shape.kind || shape.tokens < row.least ||
        row.most < shape.tokens || shape.lowest < row.lowest ||
        row.highest < shape.highest || (row.fits && !row.fits(shape)))
      continue;
    double slots =
        row.costs ? getSlots(row.costs(dot, machine)) : kPortableSlots;
    found.push_back({row.layoutName, row.kernel, row.layout(lanes), row.walk,
                     slots * (row.stall ? machine.*row.stall : 1)});
  }
  return found;
}

//===----------------------------------------------------------------------===//
// Kernels of a product
//===----------------------------------------------------------------------===//

/// The largest divisor of `value` that is at most `limit`.
static int64_t largestDivisor(int64_t value, int64_t limit) {
  while (value % limit)
    --limit;
  return limit;
}

StrategyAttr x86::pickKernels(const Machine &machine, MatmulOp product) {
  mlir::MLIRContext *context = product.getContext();
  DotAttr dot = DotAttr::get(context, machine.dot);
  RankedTensorType type = product.getWeightTensorType();
  bool one = cast<ShapedType>(product.getCodes().getType()).getDimSize(0) == 1;
  // Sums by groups are of one token at a time.
  bool single = one || product.getScales();
  SmallVector<Attribute> kernels;
  int64_t units = 1, prefetch = 0;
  std::optional<Layout> layout;
  if (product.getLayout())
    layout = product.getLayout().getLayout();
  if (!layout || ContiguousRows::match(*layout)) {
    int64_t rows = one ? 1 : largestDivisor(type.getDimSize(0), machine.rows);
    units = product.getRowIndices()
                ? 1
                : largestDivisor(type.getDimSize(0) / rows, 16 / rows) * rows;
    prefetch = product.getRowIndices() ? 8 : 0;
    for (int64_t tokens : {4, 1})
      if (!single || tokens == 1)
        kernels.push_back(layout ? Attribute(ContiguousRowsAttr::get(
                                       context, dot, rows, tokens))
                                 : IntegerRowsAttr::get(context, dot, 8, rows,
                                                        tokens, one ? 4 : 1));
  } else if (auto family = IntegerRows::match(*layout)) {
    units = largestDivisor(type.getDimSize(0), 16);
    for (int64_t tokens : {4, 1})
      kernels.push_back(integerRows(dot, family->codec->fields.bits, tokens));
  } else if (RowsInLanes::match(*layout)) {
    for (int64_t tokens : {8, 4, 1})
      if (single ? tokens == 1 : tokens <= machine.tokens)
        kernels.push_back(RowsInLanesAttr::get(context, dot, 2, tokens));
  } else if (ContiguousColumns::match(*layout)) {
    prefetch = product.getColumnIndices() ? 8 : 0;
    if (!single)
      kernels.push_back(
          ContiguousColumnsAttr::get(context, dot, 0, 1, machine.rows));
    kernels.push_back(ContiguousColumnsAttr::get(
        context, dot, 0, product.getScales() ? 4 : machine.rows, 1));
  } else {
    return {};
  }
  auto strategy = StrategyAttr::get(context, kernels, units, prefetch);
  return product.getReasonAgainst(strategy).empty() ? strategy : StrategyAttr();
}
