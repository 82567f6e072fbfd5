//===- Strategies.cpp - The table of AArch64 ------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// All CPUs read the same layouts, and choose them by the costs of one of them:
// a program may have code for several and weights once.
//
//===----------------------------------------------------------------------===//

#include "Strategies.h"

#include "tern/Packing/LayoutFamilies.h"

#include "llvm/Support/MathExtras.h"

using namespace tern;
using namespace tern::aarch64;
using llvm::ArrayRef, llvm::SmallVector, llvm::StringLiteral;
using mlir::Attribute;

namespace {

constexpr int64_t kLanes = 4;
/// Vectors of a tile of rows in lanes: a load of codes is for all of them.
constexpr int64_t kVectors = 4;
/// How far ahead rows and columns of a list are asked for.
constexpr int64_t kRowsAhead = 8, kColumnsAhead = 8;
/// Costs count on such a CPU.
constexpr Dot kRated = Dot::Sdot;

/// The largest divisor of `value` that is at most `limit`.
int64_t largestDivisor(int64_t value, int64_t limit) {
  while (value % limit)
    --limit;
  return limit;
}

/// Makes kernels for products of one shape.
struct Maker {
  mlir::MLIRContext *context;
  const ProductShape &shape;
  DotAttr dot;

  bool takesOne() const { return shape.tokens == 1; }
  StrategyAttr get(ArrayRef<Attribute> kernels, int64_t units,
                   int64_t ahead) const {
    return StrategyAttr::get(context, kernels, units, ahead);
  }
  int64_t getRowsAhead() const { return shape.listsRows ? kRowsAhead : 0; }
};

/// Codes of int4 are looked up in one table.
bool hasOnePlane(const ProductShape &shape) {
  return CodeRange{-8, 8}.contains(shape.codes);
}

/// Of 32 registers, sums take up to 16; those of a vector without dot products
/// are two of 16 bits.
StrategyAttr makeRowsInLanes(const Maker &make) {
  SmallVector<Attribute> kernels;
  int64_t tokens = make.dot.isPlain() ? 4 : 8;
  if (!make.takesOne())
    kernels = {
        RowsInLanesAttr::get(make.context, make.dot, 2, tokens, 0, kVectors),
        RowsInLanesAttr::get(make.context, make.dot, kVectors, tokens / 2)};
  kernels.push_back(RowsInLanesAttr::get(make.context, make.dot, kVectors, 1));
  return make.get(kernels, 1, 0);
}

/// Of whole tiles, as scales that are not stored with them need it.
StrategyAttr makeWholeRowsInLanes(const Maker &make) {
  return make.get({RowsInLanesAttr::get(make.context, make.dot, kVectors,
                                        make.dot.isPlain() ? 2 : 4),
                   RowsInLanesAttr::get(make.context, make.dot, kVectors, 1)},
                  1, 0);
}

StrategyAttr makeMatrixRows(const Maker &make) {
  return make.get({MatrixRowsAttr::get(make.context, kVectors, 0, 2, 8),
                   MatrixRowsAttr::get(make.context, kVectors, 0, kVectors, 4),
                   RowsInLanesAttr::get(make.context, make.dot, kVectors, 1)},
                  1, 0);
}

constexpr int64_t kWordColumns = 24, kLookupLanes = 16;
/// Tokens whose tables and sums the first level cache holds.
constexpr int64_t kLookupTokens = 8;

/// Two planes of codes have twice the tables that registers hold, so sums stay
/// there instead: of one vector, as LLVM loads many tables at a time.
int64_t vectorsOfLookups(const ProductShape &shape) {
  return hasOnePlane(shape) ? 2 : 1;
}

/// Columns are cut into tiles whose tables, 512 bytes a word, stay in a first
/// level cache beside the stream of weights: the fewest equal tiles.
int64_t wordsOfTile(const ProductShape &shape) {
  if (hasOnePlane(shape))
    return 1;
  int64_t words = llvm::divideCeil(shape.columns, kWordColumns);
  return llvm::divideCeil(words, llvm::divideCeil(words, 40));
}

StrategyAttr makeLookups(const Maker &make) {
  return make.get(LookupWordsAttr::get(
                      make.context, kLookupLanes, vectorsOfLookups(make.shape),
                      wordsOfTile(make.shape), hasOnePlane(make.shape) ? 1 : 2,
                      make.takesOne() ? 1 : kLookupTokens),
                  1, 0);
}

/// Of rows that follow each other, those that one kernel takes, and how many
/// rows make an iteration of about sixteen.
struct RowBlock {
  explicit RowBlock(const ProductShape &shape)
      : rows(shape.tokens == 1 || shape.listsRows
                 ? 1
                 : largestDivisor(shape.rows, 4)),
        units(shape.listsRows
                  ? 1
                  : largestDivisor(shape.rows / rows, 16 / rows) * rows) {}
  int64_t rows, units;
};

StrategyAttr makeContiguousRows(const Maker &make) {
  RowBlock block(make.shape);
  SmallVector<Attribute> kernels;
  for (int64_t tokens : {4, 1})
    if (!make.takesOne() || tokens == 1)
      kernels.push_back(ContiguousRowsAttr::get(make.context, make.dot,
                                                block.rows, tokens, 4));
  return make.get(kernels, block.units, make.getRowsAhead());
}

StrategyAttr makeContiguousColumns(const Maker &make) {
  auto get = [&](int64_t quarters, int64_t tokens) -> Attribute {
    return ContiguousColumnsAttr::get(make.context, make.dot, 0, quarters,
                                      tokens, 4);
  };
  int64_t ahead = make.shape.listsColumns ? kColumnsAhead : 0;
  // Sums by groups are of all rows of a tile at once.
  if (make.takesOne() || make.shape.groupSize)
    return make.get(get(4, 1), 1, ahead);
  return make.get({get(1, 4), get(4, 1)}, 1, ahead);
}

StrategyAttr makeInt8Rows(const Maker &make) {
  RowBlock block(make.shape);
  SmallVector<Attribute> kernels;
  for (int64_t tokens : {4, 1})
    if (!make.takesOne() || tokens == 1)
      kernels.push_back(IntegerRowsAttr::get(make.context, make.dot,
                                             /*bits=*/8, block.rows, tokens,
                                             make.takesOne() ? 4 : 1));
  return make.get(kernels, block.units, 0);
}

/// Of 6, 4 and 2 bits, with as many vectors as a word has integers.
StrategyAttr makeIntegerRows(const Maker &make) {
  int64_t bits = make.shape.integerBits;
  SmallVector<Attribute> kernels;
  for (int64_t tokens : {4, 1})
    kernels.push_back(IntegerRowsAttr::get(make.context, make.dot, bits,
                                           /*rows=*/1, tokens,
                                           bits == 4 ? 2 : 4));
  return make.get(kernels, largestDivisor(make.shape.rows, 16), 0);
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
Layout layGroupsInLanes(const ProductShape &shape) {
  return GroupsInLanes{&codecs::t3p5, Axis::Column, wordsOfTile(shape),
                       vectorsOfLookups(shape), kLookupLanes}
      .layout();
}
Layout layIntegerRows(const ProductShape &shape) {
  const Codec *codec = shape.integerBits == 6   ? &codecs::i6
                       : shape.integerBits == 4 ? &codecs::i4
                                                : &codecs::u2;
  return IntegerRows{codec, kLanes}.layout();
}

using Tokens = TokenClass;

struct Entry {
  StringLiteral layoutName;
  bool needsMatrices;
  int64_t integerBits; ///< 0: digits
  Tokens least, most;
  Layout (*layout)(const ProductShape &shape); ///< null: int8 rows
  StrategyAttr (*kernels)(const Maker &make);
};

/// Of equal costs the first one counts.
constexpr Entry kEntries[] = {
    {"rows_in_lanes", true, 0, Tokens::Few, Tokens::Many, layRowsInLanes,
     makeMatrixRows},
    {"rows_in_lanes", false, 0, Tokens::One, Tokens::Many, layRowsInLanes,
     makeRowsInLanes},
    {"rows_in_lanes", false, 0, Tokens::Few, Tokens::Many, layRowsInLanes,
     makeWholeRowsInLanes},
    {"contiguous_rows", false, 0, Tokens::One, Tokens::Many, layContiguousRows,
     makeContiguousRows},
    {"contiguous_columns", false, 0, Tokens::One, Tokens::Many,
     layContiguousColumns, makeContiguousColumns},
    {"groups_in_lanes", false, 0, Tokens::One, Tokens::Many, layGroupsInLanes,
     makeLookups},
    {"integer_rows", false, 6, Tokens::One, Tokens::Many, layIntegerRows,
     makeIntegerRows},
    {"integer_rows", false, 4, Tokens::One, Tokens::Many, layIntegerRows,
     makeIntegerRows},
    {"integer_rows", false, 2, Tokens::One, Tokens::Many, layIntegerRows,
     makeIntegerRows},
    {"", false, 8, Tokens::One, Tokens::Many, nullptr, makeInt8Rows},
};

constexpr StringLiteral kNames[] = {"rows_in_lanes", "contiguous_rows",
                                    "contiguous_columns", "groups_in_lanes",
                                    "integer_rows"};

} // namespace

ArrayRef<StringLiteral> aarch64::layoutNames() { return kNames; }

SmallVector<Strategy> aarch64::findStrategies(mlir::MLIRContext *context,
                                              Dot dot, bool hasMatrices,
                                              const ProductShape &shape) {
  Maker make{context, shape, DotAttr::get(context, dot)};
  Maker rated{context, shape, DotAttr::get(context, kRated)};
  Tokens tokens = shape.getTokenClass();
  SmallVector<Strategy> found;
  for (const Entry &entry : kEntries) {
    if (shape.integerBits != entry.integerBits || tokens < entry.least ||
        entry.most < tokens || (entry.needsMatrices && !hasMatrices))
      continue;
    Strategy strategy;
    strategy.layoutName = entry.layoutName;
    if (entry.layout)
      strategy.layout = shape.withScales(entry.layout(shape));
    strategy.kernels = entry.kernels(make);
    strategy.rated =
        entry.needsMatrices ? makeRowsInLanes(rated) : entry.kernels(rated);
    found.push_back(std::move(strategy));
  }
  return found;
}
