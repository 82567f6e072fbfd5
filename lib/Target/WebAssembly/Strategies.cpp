//===- Strategies.cpp - The table of WebAssembly --------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An engine makes an instruction or a few of each operation, for sixteen
// registers of 16 bytes.
//
//===----------------------------------------------------------------------===//

#include "Strategies.h"

#include "tern/Packing/LayoutFamilies.h"

#include "llvm/Support/MathExtras.h"

using namespace tern;
using namespace tern::wasm;
using llvm::ArrayRef, llvm::SmallVector, llvm::StringLiteral;
using mlir::Attribute;

namespace {

constexpr int64_t kLanes = 4;
/// Vectors of rows whose sums registers hold: of each field, and of each token.
constexpr int64_t kVectors = 4;
/// Rows whose sums are looked up, a byte each, and tokens whose tables and sums
/// a cache holds.
constexpr int64_t kLookupLanes = 16, kLookupVectors = 4, kLookupTokens = 16;

/// The largest divisor of `value` that is at most `limit`.
int64_t largestDivisor(int64_t value, int64_t limit) {
  while (value % limit)
    --limit;
  return limit;
}

/// The tables of a tile of columns, 32 bytes for four columns or twice that,
/// stay in a first level cache; steps are of three bytes of a row.
Layout layPairsInLanes(const ProductShape &shape) {
  constexpr int64_t step = 3, most = 384;
  int64_t bytes = llvm::divideCeil(shape.columns, codecs::t2.wordDigits);
  int64_t tiles = llvm::divideCeil(bytes, most + step);
  int64_t groups = int64_t(llvm::alignTo(llvm::divideCeil(bytes, tiles), step));
  return GroupsInLanes{&codecs::t2, Axis::Column, groups, kLookupVectors,
                       kLookupLanes}
      .layout();
}

struct Maker {
  DotAttr dot;
  const ProductShape &shape;

  StrategyAttr get(ArrayRef<Attribute> kernels, int64_t units) const {
    return StrategyAttr::get(dot.getContext(), kernels, units, /*prefetch=*/0);
  }
};

StrategyAttr makeRowsInLanes(const Maker &make) {
  return make.get(RowsInLanesAttr::get(make.dot.getContext(), make.dot,
                                       kVectors, /*tokens=*/1),
                  1);
}

/// Two digits at a time, of codes of int4 or in two planes.
template <int64_t planes> StrategyAttr makeLookups(const Maker &make) {
  GroupsInLanes groups = *GroupsInLanes::match(layPairsInLanes(make.shape));
  return make.get(
      LookupGroupsAttr::get(make.dot.getContext(), groups.lanes, groups.vectors,
                            groups.groups, planes,
                            make.shape.tokens == 1 ? 1 : kLookupTokens,
                            groups.codec->name),
      1);
}

StrategyAttr makeContiguousRows(const Maker &make) {
  return make.get(ContiguousRowsAttr::get(make.dot.getContext(), make.dot,
                                          /*rows=*/1, /*tokens=*/1,
                                          /*digits=*/4),
                  make.shape.listsRows ? 1
                                       : largestDivisor(make.shape.rows, 16));
}

StrategyAttr makeContiguousColumns(const Maker &make) {
  return make.get(ContiguousColumnsAttr::get(make.dot.getContext(), make.dot,
                                             /*first=*/0, /*quarters=*/4,
                                             /*tokens=*/1, /*digits=*/4),
                  1);
}

/// Of 8 bits, or of 6, 4 and 2 with as many vectors as a word has integers.
StrategyAttr makeIntegerRows(const Maker &make) {
  int64_t bits = make.shape.integerBits;
  return make.get(IntegerRowsAttr::get(make.dot.getContext(), make.dot, bits,
                                       /*rows=*/1, /*tokens=*/1,
                                       bits == 4 ? 2 : 4),
                  largestDivisor(make.shape.rows, 16));
}

Layout layRowsInLanes(const ProductShape &) {
  return RowsInLanes{kLanes, kVectors}.layout();
}
Layout layContiguousRows(const ProductShape &) {
  return ContiguousRows{kLanes}.layout();
}
Layout layContiguousColumns(const ProductShape &) {
  return ContiguousColumns{kLanes}.layout();
}
Layout layIntegerRows(const ProductShape &shape) {
  const Codec *codec = shape.integerBits == 6   ? &codecs::i6
                       : shape.integerBits == 4 ? &codecs::i4
                                                : &codecs::u2;
  return IntegerRows{codec, kLanes}.layout();
}

struct Entry {
  StringLiteral layoutName;
  int64_t integerBits;                         ///< 0: digits
  Layout (*layout)(const ProductShape &shape); ///< null: int8 rows
  StrategyAttr (*kernels)(const Maker &make);
};

constexpr Entry kEntries[] = {
    {"rows_in_lanes", 0, layRowsInLanes, makeRowsInLanes},
    {"pairs_in_lanes", 0, layPairsInLanes, makeLookups<1>},
    {"pairs_in_lanes", 0, layPairsInLanes, makeLookups<2>},
    {"contiguous_rows", 0, layContiguousRows, makeContiguousRows},
    {"contiguous_columns", 0, layContiguousColumns, makeContiguousColumns},
    {"integer_rows", 6, layIntegerRows, makeIntegerRows},
    {"integer_rows", 4, layIntegerRows, makeIntegerRows},
    {"integer_rows", 2, layIntegerRows, makeIntegerRows},
    {"", 8, nullptr, makeIntegerRows},
};

constexpr StringLiteral kNames[] = {"rows_in_lanes", "pairs_in_lanes",
                                    "contiguous_rows", "contiguous_columns",
                                    "integer_rows"};

} // namespace

ArrayRef<StringLiteral> wasm::layoutNames() { return kNames; }

SmallVector<Strategy> wasm::findStrategies(DotAttr dot,
                                           const ProductShape &shape) {
  Maker make{dot, shape};
  SmallVector<Strategy> found;
  for (const Entry &entry : kEntries) {
    if (shape.integerBits != entry.integerBits)
      continue;
    Strategy strategy;
    strategy.layoutName = entry.layoutName;
    if (entry.layout)
      strategy.layout = shape.withScales(entry.layout(shape));
    strategy.kernels = entry.kernels(make);
    found.push_back(std::move(strategy));
  }
  return found;
}
