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
constexpr int64_t kVectors = 4, kTokens = 2;
/// Of columns, a quarter of whose rows has its sums there.
constexpr int64_t kColumnTokens = 4;
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
  /// Of kernels: `most` where there are several, and one.
  SmallVector<int64_t> listTokens(int64_t most) const {
    if (shape.tokens == 1)
      return {1};
    return {most, 1};
  }
};

/// Two tokens share what becomes of weights, and all vectors what becomes of
/// codes.
StrategyAttr makeRowsInLanes(const Maker &make) {
  SmallVector<Attribute> kernels;
  for (int64_t tokens : make.listTokens(kTokens))
    kernels.push_back(RowsInLanesAttr::get(make.dot.getContext(), make.dot,
                                           kVectors, tokens));
  return make.get(kernels, 1);
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

/// Of rows that follow each other, those that share codes, and how many make an
/// iteration of about sixteen.
struct RowBlock {
  RowBlock(const ProductShape &shape, int64_t most)
      : rows(shape.listsRows ? 1 : largestDivisor(shape.rows, most)),
        units(shape.listsRows
                  ? 1
                  : largestDivisor(shape.rows / rows, 16 / rows) * rows) {}
  int64_t rows, units;
};

StrategyAttr makeContiguousRows(const Maker &make) {
  RowBlock block(make.shape, make.shape.tokens == 1 ? 1 : 2);
  SmallVector<Attribute> kernels;
  for (int64_t tokens : make.listTokens(kTokens))
    kernels.push_back(ContiguousRowsAttr::get(make.dot.getContext(), make.dot,
                                              block.rows, tokens,
                                              /*digits=*/4));
  return make.get(kernels, block.units);
}

/// Sums by groups are of all rows of a tile at once.
StrategyAttr makeContiguousColumns(const Maker &make) {
  SmallVector<Attribute> kernels;
  auto add = [&](int64_t quarters, int64_t tokens) {
    kernels.push_back(ContiguousColumnsAttr::get(
        make.dot.getContext(), make.dot, /*first=*/0, quarters, tokens,
        /*digits=*/4));
  };
  if (make.shape.tokens > 1 && !make.shape.groupSize)
    add(1, kColumnTokens);
  add(4, 1);
  return make.get(kernels, 1);
}

/// Of 8 bits, some rows at a time; of 6, 4 and 2 one, with as many vectors as a
/// word has integers.
StrategyAttr makeIntegerRows(const Maker &make) {
  int64_t bits = make.shape.integerBits;
  RowBlock block(make.shape, bits == 8 ? 4 : 1);
  int64_t vectors = bits == 8 ? 1 : bits == 4 ? 2 : 4;
  SmallVector<Attribute> kernels;
  for (int64_t tokens : make.listTokens(kTokens))
    kernels.push_back(IntegerRowsAttr::get(make.dot.getContext(), make.dot,
                                           bits, block.rows, tokens, vectors));
  return make.get(kernels, block.units);
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
