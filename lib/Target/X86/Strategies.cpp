//===- Strategies.cpp - The table of x86-64 -------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An entry reads one layout, or rows of int8. It makes the kernels for a
// product of any shape; `getReasonAgainst` says which products they do not fit.
//
//===----------------------------------------------------------------------===//

#include "Strategies.h"

#include "tern/Packing/LayoutFamilies.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace tern;
using namespace tern::x86;
using llvm::ArrayRef, llvm::SmallVector, llvm::StringLiteral;
using mlir::Attribute;

namespace {

/// The largest divisor of `value` that is at most `limit`.
int64_t largestDivisor(int64_t value, int64_t limit) {
  while (value % limit)
    --limit;
  return limit;
}

/// Vectors of rows that two planes have registers for.
constexpr int64_t kLookupVectors = 2, kLookupLanes = 64;
/// Tokens whose tables and sums the second level cache holds.
constexpr int64_t kLookupTokens = 16;

/// Columns are cut into tiles whose tables, 256 bytes a group at most, stay in
/// a first level cache beside the stream of weights and the sums of rows: with
/// 57 groups, 14 KiB, a stream from memory is a quarter slower. Of the sizes
/// that are steps of three groups and, for repacking, fours of them, the one
/// with least to read: a tile costs its sums about as much as a group.
int64_t groupsOfTile(int64_t columns) {
  constexpr int64_t unit = 12, most = 4 * unit;
  int64_t groups = llvm::divideCeil(columns, codecs::s5.wordDigits);
  if (groups <= most)
    return int64_t(llvm::alignTo(groups, unit));
  int64_t best = 0, least = 0;
  for (int64_t size = most; size >= most / 2; size -= unit) {
    int64_t cost = int64_t(llvm::divideCeil(groups, size)) * (size + 1);
    if (!best || cost < least) {
      best = size;
      least = cost;
    }
  }
  return best;
}

/// Tokens whose tables and sums of panels the second level cache holds, and
/// groups of four columns whose tables and bytes of a panel the first one
/// holds.
constexpr int64_t kPanelTokens = 32, kPanelGroups = 36;

/// Makes kernels for products of one shape.
struct Maker {
  const Machine &machine;
  const ProductShape &shape;
  DotAttr dot;

  mlir::MLIRContext *context() const { return dot.getContext(); }
  bool takesOne() const { return shape.tokens == 1; }
  StrategyAttr get(ArrayRef<Attribute> kernels, int64_t units,
                   int64_t ahead) const {
    return StrategyAttr::get(context(), kernels, units, ahead);
  }
  /// Of rows that one token reads as a stream or as a list; more of them are
  /// read from the cache by all but the first.
  int64_t getRowsAhead() const {
    if (shape.listsRows)
      return machine.family.rowsAhead;
    return shape.tokens == 1 ? machine.family.bytesAhead : 0;
  }
};

/// Of rows that follow each other, those that one kernel takes, and how many
/// rows make an iteration of about sixteen.
struct RowBlock {
  explicit RowBlock(const Maker &make)
      : rows(make.shape.tokens == 1 || make.shape.listsRows
                 ? 1
                 : largestDivisor(make.shape.rows, make.machine.rows)),
        units(make.shape.listsRows
                  ? 1
                  : largestDivisor(make.shape.rows / rows, 16 / rows) * rows) {}
  int64_t rows, units;
};

StrategyAttr makeRowsInLanes(const Maker &make) {
  SmallVector<Attribute> kernels;
  for (int64_t tokens : {8, 4, 1})
    if (make.takesOne() ? tokens == 1 : tokens <= make.machine.tokens)
      kernels.push_back(
          RowsInLanesAttr::get(make.context(), make.dot, 2, tokens));
  return make.get(kernels, 1, make.getRowsAhead());
}

template <int64_t digits> StrategyAttr makeContiguousRows(const Maker &make) {
  RowBlock block(make);
  SmallVector<Attribute> kernels;
  for (int64_t tokens : {4, 1})
    if (!make.takesOne() || tokens == 1)
      kernels.push_back(ContiguousRowsAttr::get(make.context(), make.dot,
                                                block.rows, tokens, digits));
  return make.get(kernels, block.units, make.getRowsAhead());
}

StrategyAttr makeInt8Rows(const Maker &make) {
  RowBlock block(make);
  SmallVector<Attribute> kernels;
  for (int64_t tokens : {4, 1})
    if (!make.takesOne() || tokens == 1)
      kernels.push_back(IntegerRowsAttr::get(make.context(), make.dot,
                                             /*bits=*/8, block.rows, tokens,
                                             make.shape.tokens == 1 ? 4 : 1));
  return make.get(kernels, block.units, 0);
}

/// Of 6, 4 and 2 bits, with as many vectors as a word has integers.
StrategyAttr makeIntegerRows(const Maker &make) {
  int64_t bits = make.shape.integerBits;
  SmallVector<Attribute> kernels;
  for (int64_t tokens : {4, 1})
    kernels.push_back(IntegerRowsAttr::get(make.context(), make.dot, bits,
                                           /*rows=*/1, tokens,
                                           bits == 4 ? 2 : 4));
  return make.get(kernels, largestDivisor(make.shape.rows, 16),
                  make.shape.listsRows ? make.getRowsAhead() : 0);
}

template <int64_t digits>
StrategyAttr makeContiguousColumns(const Maker &make) {
  auto get = [&](int64_t quarters, int64_t tokens) -> Attribute {
    return ContiguousColumnsAttr::get(make.context(), make.dot, 0, quarters,
                                      tokens, digits);
  };
  int64_t ahead =
      make.shape.listsColumns ? make.machine.family.columnsAhead : 0;
  // Sums by groups are of all rows of a tile at once.
  if (make.shape.groupSize)
    return make.get(get(4, 1), 1, ahead);
  if (make.takesOne())
    return make.get(get(make.machine.rows, 1), 1, ahead);
  return make.get({get(1, make.machine.rows), get(make.machine.rows, 1)}, 1,
                  ahead);
}

/// Issue slots of repacking a byte: of its vector, four fields are shifted,
/// masked and stored, after some shuffles; five digits of a group are looked up
/// and negated.
constexpr double kRepackSlots = 0.25, kRepackGroupSlots = 0.45;

/// Rows in a panel of `vectors` vectors, for many tokens.
template <int64_t vectors> StrategyAttr makePanel(const Maker &make) {
  // Of 32 or 16 registers, those that a step's loads and products leave.
  int64_t sums = make.dot.getLanes() == 16    ? 24
                 : make.dot.getNarrowSteps(2) ? 8
                                              : 12;
  SmallVector<Attribute> kernels;
  for (int64_t tokens : {sums / vectors, int64_t(4), int64_t(1)})
    if (kernels.empty() || tokens < sums / vectors)
      kernels.push_back(
          UnpackedRowsAttr::get(make.context(), make.dot, vectors, tokens));
  // As many bytes for a row's scale as for a step of its digits.
  Layout panel = UnpackedRows{make.dot.getLanes(), vectors}.layout();
  if (make.shape.storesScales(panel))
    panel = panel.withScales(make.shape.groupSize, ScaleFormat::F32);
  return StrategyAttr::get(make.context(), kernels, 1, 0,
                           LayoutAttr::get(make.context(), panel));
}

/// The same panel for AMX, which takes sixteen tokens at least, vectors the
/// rest.
template <int64_t vectors> StrategyAttr makeTiles(const Maker &make) {
  SmallVector<Attribute> kernels = {
      TilesAttr::get(make.context(), vectors, 0, 2, 32),
      TilesAttr::get(make.context(), vectors, 0, vectors, 16)};
  StrategyAttr rest = makePanel<vectors>(make);
  for (unsigned i = 0; i < rest.getKernels().size(); ++i)
    if (rest.getKernel(i).getTile().tokens < 16)
      kernels.push_back(rest.getKernels()[i]);
  return StrategyAttr::get(make.context(), kernels, rest.getUnits(),
                           rest.getPrefetch(), rest.getPanel());
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

Layout layRowsInLanes(const Maker &make) {
  return RowsInLanes{make.dot.getLanes(), 2}.layout();
}
template <const Codec &codec> Layout layContiguousRows(const Maker &make) {
  return ContiguousRows{make.dot.getLanes(), 1, &codec}.layout();
}
template <const Codec &codec> Layout layContiguousColumns(const Maker &make) {
  return ContiguousColumns{make.dot.getLanes(), &codec}.layout();
}
Layout layIntegerRows(const Maker &make) {
  const Codec *codec = make.shape.integerBits == 6   ? &codecs::i6
                       : make.shape.integerBits == 4 ? &codecs::i4
                                                     : &codecs::u2;
  return IntegerRows{codec, make.dot.getLanes()}.layout();
}

Layout layGroupsInLanes(const Maker &make) {
  return GroupsInLanes{&codecs::s5, Axis::Column,
                       groupsOfTile(make.shape.columns), kLookupVectors,
                       kLookupLanes}
      .layout();
}

StrategyAttr makeLookups(const Maker &make, int64_t planes) {
  return make.get(
      LookupGroupsAttr::get(make.context(), kLookupLanes, kLookupVectors,
                            groupsOfTile(make.shape.columns), planes,
                            make.shape.tokens == 1 ? 1 : kLookupTokens),
      1, make.getRowsAhead());
}
/// Of codes of int4.
StrategyAttr makePlane(const Maker &make) { return makeLookups(make, 1); }
StrategyAttr makePlanes(const Maker &make) { return makeLookups(make, 2); }

/// Vectors of rows in a panel of lookups, of those that whole tiles of a weight
/// in `layout` make: as many as there are registers for, `most`.
int64_t vectorsOfPanel(const Layout &layout, int64_t rows, int64_t most) {
  int64_t padded = layout.paddedRows(rows), of = layout.tileRows();
  for (int64_t vectors = most; vectors > 1; --vectors) {
    int64_t taken = vectors * kLookupLanes;
    if (padded % taken == 0 && (taken % of == 0 || of % taken == 0))
      return vectors;
  }
  return 1;
}

/// Of codes of int4, with weights in a layout repacked to groups of four.
template <Layout (*lay)(const Maker &)>
StrategyAttr makeLookupPanel(const Maker &make) {
  Layout layout = lay(make);
  constexpr int64_t step = 3;
  int64_t steps = llvm::divideCeil(layout.paddedColumns(make.shape.columns),
                                   step * codecs::t4.wordDigits);
  int64_t blocks = llvm::divideCeil(steps, kPanelGroups / step);
  auto kernel = LookupGroupsAttr::get(
      make.context(), kLookupLanes, vectorsOfPanel(layout, make.shape.rows, 8),
      step * llvm::divideCeil(steps, blocks), /*planes=*/1, kPanelTokens,
      codecs::t4.name);
  return StrategyAttr::get(
      make.context(), Attribute(kernel), 1, 0,
      LayoutAttr::get(make.context(), kernel.getTileLayout()));
}

/// Of codes of int8 most of which are zero. A step counts itself in a register
/// of its own, and a list leaves out about half of the groups.
template <Layout (*lay)(const Maker &)>
StrategyAttr makeListedPanel(const Maker &make) {
  Layout layout = lay(make);
  int64_t vectors = vectorsOfPanel(layout, make.shape.rows, 6);
  int64_t groups = 8 * kPanelGroups / vectors / 3 * 3;
  auto kernel = ListedGroupsAttr::get(make.context(), kLookupLanes, vectors,
                                      groups, /*planes=*/2, kPanelTokens);
  return StrategyAttr::get(
      make.context(), Attribute(kernel), 1, 0,
      LayoutAttr::get(make.context(), kernel.getTileLayout()));
}

/// The share of groups of four codes with one that is not zero.
double listedShare(const ProductShape &shape) {
  return 1 - std::pow(1 - shape.density, codecs::t4.wordDigits);
}

struct Entry {
  StringLiteral layoutName;
  StringLiteral features; ///< that it needs beside those of the machine
  int64_t integerBits;    ///< 0: digits
  TokenClass least, most;
  Layout (*layout)(const Maker &); ///< null: int8 rows
  StrategyAttr (*kernels)(const Maker &);
  KernelSpeed Family::*one; ///< with one token
  KernelSpeed Family::*more;
};

using Tokens = TokenClass;

constexpr StringLiteral kPermutes = "avx512vbmi";
/// Tiles are of sixteen lanes, as the panel's vectors.
constexpr StringLiteral kTiles = "avx512vnni,amx-tile,amx-int8",
                        kTilesOfGroups =
                            "avx512vbmi,avx512vnni,amx-tile,amx-int8";

constexpr Entry kEntries[] = {
    {"rows_in_lanes", "", 0, Tokens::One, Tokens::Many, layRowsInLanes,
     makeRowsInLanes, &Family::lanes, &Family::lanes},
    {"rows_in_lanes", "", 0, Tokens::Many, Tokens::Many, layRowsInLanes,
     makePanel<4>, &Family::lanes, &Family::lanes},
    {"rows_in_lanes", "", 0, Tokens::Many, Tokens::Many, layRowsInLanes,
     makePanel<2>, &Family::lanes, &Family::lanes},
    {"contiguous_rows", "", 0, Tokens::One, Tokens::Many,
     layContiguousRows<codecs::b2>, makeContiguousRows<4>, &Family::row,
     &Family::rows},
    {"contiguous_rows", "", 0, Tokens::Many, Tokens::Many,
     layContiguousRows<codecs::b2>, makePanel<4>, &Family::lanes,
     &Family::lanes},
    {"contiguous_rows", "", 0, Tokens::Many, Tokens::Many,
     layContiguousRows<codecs::b2>, makePanel<2>, &Family::lanes,
     &Family::lanes},
    {"rows_in_lanes", kTiles, 0, Tokens::Many, Tokens::Many, layRowsInLanes,
     makeTiles<4>, &Family::lanes, &Family::lanes},
    {"rows_in_lanes", kTiles, 0, Tokens::Many, Tokens::Many, layRowsInLanes,
     makeTiles<2>, &Family::lanes, &Family::lanes},
    {"contiguous_rows", kTiles, 0, Tokens::Many, Tokens::Many,
     layContiguousRows<codecs::b2>, makeTiles<4>, &Family::lanes,
     &Family::lanes},
    {"contiguous_rows", kTiles, 0, Tokens::Many, Tokens::Many,
     layContiguousRows<codecs::b2>, makeTiles<2>, &Family::lanes,
     &Family::lanes},
    {"contiguous_columns", "", 0, Tokens::One, Tokens::Many,
     layContiguousColumns<codecs::b2>, makeContiguousColumns<4>,
     &Family::column, &Family::columns},
    {"contiguous_columns", "", 0, Tokens::Many, Tokens::Many,
     layContiguousColumns<codecs::b2>, makePanel<4>, &Family::lanes,
     &Family::lanes},
    {"contiguous_columns", kTiles, 0, Tokens::Many, Tokens::Many,
     layContiguousColumns<codecs::b2>, makeTiles<4>, &Family::lanes,
     &Family::lanes},
    {"groups_in_lanes", kPermutes, 0, Tokens::One, Tokens::Many,
     layGroupsInLanes, makePlane, &Family::plane, &Family::planeOfMany},
    {"groups_in_lanes", kPermutes, 0, Tokens::One, Tokens::Many,
     layGroupsInLanes, makePlanes, &Family::planes, &Family::planesOfMany},
    {"rows_in_lanes", kPermutes, 0, Tokens::Many, Tokens::Many, layRowsInLanes,
     makeLookupPanel<layRowsInLanes>, &Family::lanes, &Family::lookupsOfMany},
    {"contiguous_rows", kPermutes, 0, Tokens::Many, Tokens::Many,
     layContiguousRows<codecs::b2>,
     makeLookupPanel<layContiguousRows<codecs::b2>>, &Family::lanes,
     &Family::lookupsOfMany},
    {"contiguous_columns", kPermutes, 0, Tokens::Many, Tokens::Many,
     layContiguousColumns<codecs::b2>,
     makeLookupPanel<layContiguousColumns<codecs::b2>>, &Family::lanes,
     &Family::lookupsOfMany},
    {"groups_in_lanes", kPermutes, 0, Tokens::Many, Tokens::Many,
     layGroupsInLanes, makeLookupPanel<layGroupsInLanes>, &Family::plane,
     &Family::lookupsOfMany},
    {"rows_in_lanes", kPermutes, 0, Tokens::Many, Tokens::Many, layRowsInLanes,
     makeListedPanel<layRowsInLanes>, &Family::lanes, &Family::lookupsOfMany},
    {"contiguous_rows", kPermutes, 0, Tokens::Many, Tokens::Many,
     layContiguousRows<codecs::b2>,
     makeListedPanel<layContiguousRows<codecs::b2>>, &Family::lanes,
     &Family::lookupsOfMany},
    {"contiguous_columns", kPermutes, 0, Tokens::Many, Tokens::Many,
     layContiguousColumns<codecs::b2>,
     makeListedPanel<layContiguousColumns<codecs::b2>>, &Family::lanes,
     &Family::lookupsOfMany},
    {"groups_in_lanes", kPermutes, 0, Tokens::Many, Tokens::Many,
     layGroupsInLanes, makeListedPanel<layGroupsInLanes>, &Family::plane,
     &Family::lookupsOfMany},
    {"groups_in_lanes", kTilesOfGroups, 0, Tokens::Many, Tokens::Many,
     layGroupsInLanes, makeTiles<4>, &Family::lanes, &Family::lanes},
    {"groups_in_lanes", kPermutes, 0, Tokens::Many, Tokens::Many,
     layGroupsInLanes, makePanel<4>, &Family::lanes, &Family::lanes},
    {"groups_in_rows", kPermutes, 0, Tokens::One, Tokens::Many,
     layContiguousRows<codecs::s5>, makeContiguousRows<5>, &Family::groupsOfRow,
     &Family::rows},
    {"groups_in_rows", kPermutes, 0, Tokens::Many, Tokens::Many,
     layContiguousRows<codecs::s5>, makePanel<4>, &Family::lanes,
     &Family::lanes},
    {"groups_in_columns", kPermutes, 0, Tokens::One, Tokens::Many,
     layContiguousColumns<codecs::s5>, makeContiguousColumns<5>,
     &Family::groupsOfColumn, &Family::columns},
    {"groups_in_columns", kPermutes, 0, Tokens::Many, Tokens::Many,
     layContiguousColumns<codecs::s5>, makePanel<4>, &Family::lanes,
     &Family::lanes},
    {"integer_rows", "", 6, Tokens::One, Tokens::Many, layIntegerRows,
     makeIntegerRows, &Family::row, &Family::rows},
    {"integer_rows", "", 4, Tokens::One, Tokens::Many, layIntegerRows,
     makeIntegerRows, &Family::row, &Family::rows},
    {"integer_rows", "", 2, Tokens::One, Tokens::Many, layIntegerRows,
     makeIntegerRows, &Family::row, &Family::rows},
    {"", "", 8, Tokens::One, Tokens::Many, nullptr, makeInt8Rows, &Family::row,
     &Family::rows},
};

bool hasFeatures(TargetAttr target, llvm::StringRef features) {
  SmallVector<llvm::StringRef> needed;
  features.split(needed, ',', -1, /*KeepEmpty=*/false);
  return llvm::all_of(needed,
                      [&](llvm::StringRef f) { return target.hasFeature(f); });
}

} // namespace

ArrayRef<StringLiteral> x86::layoutNames() {
  static const SmallVector<StringLiteral> names = [] {
    SmallVector<StringLiteral> distinct;
    for (const Entry &entry : kEntries)
      if (!entry.layoutName.empty() &&
          !llvm::is_contained(distinct, entry.layoutName))
        distinct.push_back(entry.layoutName);
    return distinct;
  }();
  return names;
}

SmallVector<Strategy> x86::findStrategies(TargetAttr target,
                                          const Machine &machine,
                                          const ProductShape &shape) {
  Maker make{machine, shape, DotAttr::get(target.getContext(), machine.dot)};
  Tokens tokens = shape.getTokenClass();
  SmallVector<Strategy> found;
  for (const Entry &entry : kEntries) {
    if (shape.integerBits != entry.integerBits || tokens < entry.least ||
        entry.most < tokens || !hasFeatures(target, entry.features))
      continue;
    Strategy strategy;
    strategy.layoutName = entry.layoutName;
    if (entry.layout)
      strategy.layout = make.shape.withScales(entry.layout(make));
    strategy.kernels = entry.kernels(make);
    if (strategy.kernels.getPanel()) {
      strategy.recodeSlots = strategy.layout->codec == &codecs::s5
                                 ? kRepackGroupSlots
                                 : kRepackSlots;
      strategy.recodeTokens = shape.tokens;
    }
    strategy.speed =
        machine.family.*(tokens == Tokens::One ? entry.one : entry.more);
    if (llvm::isa<ListedGroupsAttr>(strategy.kernels.getKernels()[0])) {
      if (shape.density == 1)
        continue;
      strategy.speed.stall *= listedShare(shape);
    }
    found.push_back(std::move(strategy));
  }
  return found;
}
