//===- Strategies.cpp - The table of x86-64 -------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An entry reads one layout; Makers.cpp makes its kernels for a product of any
// shape, and `getReasonAgainst` says which products they do not fit.
//
//===----------------------------------------------------------------------===//

#include "Makers.h"

#include "tern/Packing/LayoutFamilies.h"

#include <cmath>

using namespace tern;
using namespace tern::x86;
using llvm::ArrayRef, llvm::SmallVector, llvm::StringLiteral;

namespace {

/// Issue slots of repacking a byte: of its vector, four fields are shifted,
/// masked and stored, after some shuffles; five digits of a group are looked up
/// and negated.
constexpr double kRepackSlots = 0.25, kRepackGroupSlots = 0.45;

/// The share of groups of four codes with one that is not zero.
double listedShare(const ProductShape &shape) {
  return 1 - std::pow(1 - shape.density, codecs::t4.wordDigits);
}

struct Entry {
  StringLiteral layoutName; ///< by which files of strategies ask for it
  StringLiteral features;   ///< that it needs beside those of the machine
  int64_t integerBits;      ///< 0: digits
  TokenClass least, most;
  Layout (*layout)(const Maker &);
  StrategyAttr (*kernels)(const Maker &, const Layout &);
  KernelSpeed Family::*one; ///< with one token
  KernelSpeed Family::*more;
};

using Tokens = TokenClass;

constexpr StringLiteral kPermutes = "avx512vbmi",
                        kGroupDots = "avx512vbmi,avx512vnni";
/// Tiles are of sixteen lanes, as the panel's vectors.
constexpr StringLiteral kTiles = "avx512vnni,amx-tile,amx-int8",
                        kTilesOfGroups =
                            "avx512vbmi,avx512vnni,amx-tile,amx-int8";

constexpr Entry kEntries[] = {
    {"rows_in_lanes", "", 0, Tokens::One, Tokens::Many, layRowsInLanes,
     makeRowsInLanes, &Family::lanes, &Family::lanes},
    {"rows_in_lanes", "", 0, Tokens::Many, Tokens::Many, layRowsInLanes,
     makePanelOfFour, &Family::lanes, &Family::lanes},
    {"rows_in_lanes", "", 0, Tokens::Many, Tokens::Many, layRowsInLanes,
     makePanelOfTwo, &Family::lanes, &Family::lanes},
    {"contiguous_rows", "", 0, Tokens::One, Tokens::Many, layContiguousRows,
     makeContiguousRows, &Family::row, &Family::rows},
    {"contiguous_rows", "", 0, Tokens::Many, Tokens::Many, layContiguousRows,
     makePanelOfFour, &Family::lanes, &Family::lanes},
    {"contiguous_rows", "", 0, Tokens::Many, Tokens::Many, layContiguousRows,
     makePanelOfTwo, &Family::lanes, &Family::lanes},
    {"rows_in_lanes", kTiles, 0, Tokens::Many, Tokens::Many, layRowsInLanes,
     makeTilesOfFour, &Family::lanes, &Family::lanes},
    {"rows_in_lanes", kTiles, 0, Tokens::Many, Tokens::Many, layRowsInLanes,
     makeTilesOfTwo, &Family::lanes, &Family::lanes},
    {"contiguous_rows", kTiles, 0, Tokens::Many, Tokens::Many,
     layContiguousRows, makeTilesOfFour, &Family::lanes, &Family::lanes},
    {"contiguous_rows", kTiles, 0, Tokens::Many, Tokens::Many,
     layContiguousRows, makeTilesOfTwo, &Family::lanes, &Family::lanes},
    {"contiguous_columns", "", 0, Tokens::One, Tokens::Many,
     layContiguousColumns, makeContiguousColumns, &Family::column,
     &Family::columns},
    {"contiguous_columns", "", 0, Tokens::Many, Tokens::Many,
     layContiguousColumns, makePanelOfFour, &Family::lanes, &Family::lanes},
    {"contiguous_columns", kTiles, 0, Tokens::Many, Tokens::Many,
     layContiguousColumns, makeTilesOfFour, &Family::lanes, &Family::lanes},
    {"pairs_in_lanes", "", 0, Tokens::One, Tokens::Few, layPairsInLanes,
     makePairs, &Family::pairs, &Family::pairsOfFew},
    {"pairs_in_lanes", "", 0, Tokens::Many, Tokens::Many, layPairsInLanes,
     makePairPanel, &Family::pairs, &Family::pairsOfMany},
    {"rows_in_lanes", "", 0, Tokens::Many, Tokens::Many, layRowsInLanes,
     makePairPanel, &Family::lanes, &Family::pairsOfMany},
    {"contiguous_rows", "", 0, Tokens::Many, Tokens::Many, layContiguousRows,
     makePairPanel, &Family::lanes, &Family::pairsOfMany},
    {"contiguous_columns", "", 0, Tokens::Many, Tokens::Many,
     layContiguousColumns, makePairPanel, &Family::lanes, &Family::pairsOfMany},
    {"groups_in_lanes", kPermutes, 0, Tokens::One, Tokens::Many,
     layGroupsInLanes, makePlane, &Family::plane, &Family::planeOfMany},
    {"groups_in_lanes", kPermutes, 0, Tokens::One, Tokens::Many,
     layGroupsInLanes, makePlanes, &Family::planes, &Family::planesOfMany},
    {"groups_in_lanes", kGroupDots, 0, Tokens::Few, Tokens::Few,
     layGroupsInLanes, makeGroupDots, &Family::lanes, &Family::lanes},
    {"rows_in_lanes", kPermutes, 0, Tokens::Many, Tokens::Many, layRowsInLanes,
     makeLookupPanel, &Family::lanes, &Family::lookupsOfMany},
    {"contiguous_rows", kPermutes, 0, Tokens::Many, Tokens::Many,
     layContiguousRows, makeLookupPanel, &Family::lanes,
     &Family::lookupsOfMany},
    {"contiguous_columns", kPermutes, 0, Tokens::Many, Tokens::Many,
     layContiguousColumns, makeLookupPanel, &Family::lanes,
     &Family::lookupsOfMany},
    {"groups_in_lanes", kPermutes, 0, Tokens::Many, Tokens::Many,
     layGroupsInLanes, makeLookupPanel, &Family::plane, &Family::lookupsOfMany},
    {"rows_in_lanes", kPermutes, 0, Tokens::Many, Tokens::Many, layRowsInLanes,
     makeListedPanel, &Family::lanes, &Family::lookupsOfMany},
    {"contiguous_rows", kPermutes, 0, Tokens::Many, Tokens::Many,
     layContiguousRows, makeListedPanel, &Family::lanes,
     &Family::lookupsOfMany},
    {"contiguous_columns", kPermutes, 0, Tokens::Many, Tokens::Many,
     layContiguousColumns, makeListedPanel, &Family::lanes,
     &Family::lookupsOfMany},
    {"groups_in_lanes", kPermutes, 0, Tokens::Many, Tokens::Many,
     layGroupsInLanes, makeListedPanel, &Family::plane, &Family::lookupsOfMany},
    {"groups_in_lanes", kTilesOfGroups, 0, Tokens::Many, Tokens::Many,
     layGroupsInLanes, makeTilesOfFour, &Family::lanes, &Family::lanes},
    {"groups_in_lanes", kPermutes, 0, Tokens::Many, Tokens::Many,
     layGroupsInLanes, makePanelOfFour, &Family::lanes, &Family::lanes},
    {"groups_in_rows", kPermutes, 0, Tokens::One, Tokens::Many, layGroupsInRows,
     makeContiguousRows, &Family::groupsOfRow, &Family::rows},
    {"groups_in_rows", kPermutes, 0, Tokens::Many, Tokens::Many,
     layGroupsInRows, makePanelOfFour, &Family::lanes, &Family::lanes},
    {"groups_in_columns", kPermutes, 0, Tokens::One, Tokens::Many,
     layGroupsInColumns, makeContiguousColumns, &Family::groupsOfColumn,
     &Family::columns},
    {"groups_in_columns", kPermutes, 0, Tokens::Many, Tokens::Many,
     layGroupsInColumns, makePanelOfFour, &Family::lanes, &Family::lanes},
    {"integer_rows", "", 6, Tokens::One, Tokens::Many, layIntegerRows,
     makeIntegerRows, &Family::row, &Family::rows},
    {"integer_rows", "", 4, Tokens::One, Tokens::Many, layIntegerRows,
     makeIntegerRows, &Family::row, &Family::rows},
    {"integer_rows", "", 2, Tokens::One, Tokens::Many, layIntegerRows,
     makeIntegerRows, &Family::row, &Family::rows},
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
      if (!llvm::is_contained(distinct, entry.layoutName))
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
  auto speedOf = [&](KernelSpeed Family::*one, KernelSpeed Family::*more) {
    return machine.family.*(tokens == Tokens::One ? one : more);
  };
  if (shape.integerBits == 8) {
    Strategy strategy;
    strategy.kernels = makeInt8Rows(make);
    strategy.speed = speedOf(&Family::row, &Family::rows);
    return {strategy};
  }
  for (const Entry &entry : kEntries) {
    if (shape.integerBits != entry.integerBits || tokens < entry.least ||
        entry.most < tokens || !hasFeatures(target, entry.features))
      continue;
    Strategy strategy;
    strategy.layoutName = entry.layoutName;
    Layout layout = entry.layout(make);
    strategy.kernels = entry.kernels(make, layout);
    if (!strategy.kernels)
      continue;
    strategy.layout = make.shape.withScales(layout);
    if (strategy.kernels.getPanel()) {
      strategy.recodeSlots = strategy.layout->codec == &codecs::s5
                                 ? kRepackGroupSlots
                                 : kRepackSlots;
      strategy.recodeTokens = shape.tokens;
    }
    strategy.speed = speedOf(entry.one, entry.more);
    if (llvm::isa<ListedGroupsAttr>(strategy.kernels.getKernels()[0]))
      strategy.speed.stall *= listedShare(shape);
    found.push_back(std::move(strategy));
  }
  return found;
}
