//===- Makers.cpp - Kernels for products of any size ----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Makers.h"

#include "tern/Packing/LayoutFamilies.h"

#include "llvm/Support/MathExtras.h"

using namespace tern;
using namespace tern::x86;
using llvm::ArrayRef, llvm::SmallVector;
using mlir::Attribute;

/// Vectors of a tile of rows in lanes.
static constexpr int64_t kRowVectors = 2;

/// The largest divisor of `value` that is at most `limit`.
static int64_t largestDivisor(int64_t value, int64_t limit) {
  while (value % limit)
    --limit;
  return limit;
}

namespace {
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
} // namespace

StrategyAttr x86::makeRowsInLanes(const Maker &make, const Layout &layout) {
  // Of a tile for longer vectors, two at a time.
  int64_t tile = layout.tileRows() / make.dot.getLanes();
  int64_t vectors = std::min(tile, kRowVectors);
  SmallVector<Attribute> kernels;
  for (int64_t tokens : {8, 4, 1})
    if (make.takesOne() ? tokens == 1 : tokens <= make.machine.tokens)
      kernels.push_back(
          RowsInLanesAttr::get(make.context(), make.dot, vectors, tokens,
                               /*first=*/0, tile == vectors ? 0 : tile));
  return make.get(kernels, 1, make.getRowsAhead());
}

StrategyAttr x86::makeContiguousRows(const Maker &make, const Layout &layout) {
  int64_t digits = layout.codec->wordDigits;
  RowBlock block(make);
  SmallVector<Attribute> kernels;
  for (int64_t tokens : {4, 1})
    if (!make.takesOne() || tokens == 1)
      kernels.push_back(ContiguousRowsAttr::get(make.context(), make.dot,
                                                block.rows, tokens, digits));
  return make.get(kernels, block.units, make.getRowsAhead());
}

/// Integers of `bits` bits. Tokens share what is unpacked of a row. With eight
/// of them no addition waits for the one before, and rows are one stream; fewer
/// tokens, or registers, take as many sums with two rows.
static StrategyAttr makeIntegers(const Maker &make, int64_t bits,
                                 int64_t vectors, int64_t vectorsOfMore,
                                 int64_t ahead) {
  int64_t units = largestDivisor(make.shape.rows, 16);
  SmallVector<Attribute> kernels;
  for (int64_t tokens : {8, 4})
    if (!make.takesOne() && (tokens == 4 || make.dot.getLanes() == 16))
      kernels.push_back(IntegerRowsAttr::get(make.context(), make.dot, bits,
                                             largestDivisor(units, 8 / tokens),
                                             tokens, vectorsOfMore));
  kernels.push_back(IntegerRowsAttr::get(make.context(), make.dot, bits,
                                         /*rows=*/1, /*tokens=*/1, vectors));
  return make.get(kernels, units, ahead);
}

StrategyAttr x86::makeInt8Rows(const Maker &make) {
  return makeIntegers(make, /*bits=*/8, /*vectors=*/4, /*vectorsOfMore=*/1,
                      /*ahead=*/0);
}

/// Of 6, 4 and 2 bits, with as many vectors as a word has integers.
StrategyAttr x86::makeIntegerRows(const Maker &make, const Layout &) {
  int64_t vectors = make.shape.integerBits == 4 ? 2 : 4;
  return makeIntegers(make, make.shape.integerBits, vectors, vectors,
                      make.getRowsAhead());
}

StrategyAttr x86::makeContiguousColumns(const Maker &make,
                                        const Layout &layout) {
  int64_t digits = layout.codec->wordDigits;
  auto get = [&](int64_t quarters, int64_t tokens) -> Attribute {
    return ContiguousColumnsAttr::get(make.context(), make.dot, 0, quarters,
                                      tokens, digits);
  };
  int64_t ahead = make.shape.listsColumns ? make.machine.family.columnsAhead
                  : make.takesOne()       ? 0
                                          : make.getStreamAhead();
  // Sums by groups are of all rows of a tile at once.
  if (make.shape.groupSize)
    return make.get(get(4, 1), 1, ahead);
  if (make.takesOne())
    return make.get(get(make.machine.rows, 1), 1, ahead);
  return make.get({get(1, make.machine.rows), get(make.machine.rows, 1)}, 1,
                  ahead);
}

/// Rows in a panel of `vectors` vectors, for many tokens.
static StrategyAttr makePanel(const Maker &make, int64_t vectors) {
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
static StrategyAttr makeTiles(const Maker &make, int64_t vectors) {
  SmallVector<Attribute> kernels = {
      TilesAttr::get(make.context(), vectors, 0, 2, 32),
      TilesAttr::get(make.context(), vectors, 0, vectors, 16)};
  StrategyAttr rest = makePanel(make, vectors);
  for (unsigned i = 0; i < rest.getKernels().size(); ++i)
    if (rest.getKernel(i).getTile().tokens < 16)
      kernels.push_back(rest.getKernels()[i]);
  return StrategyAttr::get(make.context(), kernels, rest.getUnits(),
                           rest.getPrefetch(), rest.getPanel());
}

StrategyAttr x86::makePanelOfFour(const Maker &make, const Layout &) {
  return makePanel(make, 4);
}
StrategyAttr x86::makePanelOfTwo(const Maker &make, const Layout &) {
  return makePanel(make, 2);
}
StrategyAttr x86::makeTilesOfFour(const Maker &make, const Layout &) {
  return makeTiles(make, 4);
}
StrategyAttr x86::makeTilesOfTwo(const Maker &make, const Layout &) {
  return makeTiles(make, 2);
}

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

/// Vectors of rows that two planes have registers for.
constexpr int64_t kLookupVectors = 2, kLookupLanes = 64;
/// The same for one plane of tables of 16 bytes, in sixteen registers.
constexpr int64_t kPairVectors = 2;
/// Tokens whose tables and sums the second level cache holds.
constexpr int64_t kLookupTokens = 16;

/// Columns are cut into tiles whose tables, 256 bytes a group at most, stay in
/// a first level cache beside the stream of weights and the sums of rows: with
/// 57 groups, 14 KiB, a stream from memory is a quarter slower. Of the sizes
/// that are steps of three groups and, for repacking, fours of them, the one
/// with least to read: a tile costs its sums about as much as a group.
static int64_t groupsOfTile(int64_t columns) {
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

/// The same for two numbers in a byte, whose tables have 16 bytes each: with
/// 642 bytes, 20 KiB, a stream from memory takes half as long again as with
/// 216.
static int64_t bytesOfPairs(int64_t columns) {
  constexpr int64_t unit = 3, most = 216;
  int64_t bytes = llvm::divideCeil(columns, codecs::t2.wordDigits);
  int64_t tiles = llvm::divideCeil(bytes, most);
  return int64_t(llvm::alignTo(llvm::divideCeil(bytes, tiles), unit));
}

Layout x86::layRowsInLanes(const Maker &make) {
  int64_t lanes = make.dot.getLanes();
  // That of a machine with other vectors is as many rows of the same bytes.
  if (make.shape.layout && RowsInLanes::match(*make.shape.layout) &&
      make.shape.layout->tileRows() % lanes == 0)
    return make.shape.layout->withoutScales();
  return RowsInLanes{lanes, kRowVectors}.layout();
}
Layout x86::layContiguousRows(const Maker &make) {
  return ContiguousRows{make.dot.getLanes()}.layout();
}
Layout x86::layGroupsInRows(const Maker &make) {
  return ContiguousRows{make.dot.getLanes(), 1, &codecs::s5}.layout();
}
Layout x86::layContiguousColumns(const Maker &make) {
  return ContiguousColumns{make.dot.getLanes()}.layout();
}
Layout x86::layGroupsInColumns(const Maker &make) {
  return ContiguousColumns{make.dot.getLanes(), &codecs::s5}.layout();
}
Layout x86::layIntegerRows(const Maker &make) {
  const Codec *codec = make.shape.integerBits == 6   ? &codecs::i6
                       : make.shape.integerBits == 4 ? &codecs::i4
                                                     : &codecs::u2;
  return IntegerRows{codec, make.dot.getLanes()}.layout();
}

Layout x86::layGroupsInLanes(const Maker &make) {
  return GroupsInLanes{&codecs::s5, Axis::Column,
                       groupsOfTile(make.shape.columns), kLookupVectors,
                       kLookupLanes}
      .layout();
}

Layout x86::layPairsInLanes(const Maker &make) {
  return GroupsInLanes{&codecs::t2, Axis::Column,
                       bytesOfPairs(make.shape.columns), kPairVectors,
                       4 * make.dot.getLanes()}
      .layout();
}

//===----------------------------------------------------------------------===//
// Lookups
//===----------------------------------------------------------------------===//

/// Of the groups in the lanes of `layout`.
static StrategyAttr makeLookups(const Maker &make, const Layout &layout,
                                int64_t planes) {
  GroupsInLanes groups = *GroupsInLanes::match(layout);
  return make.get(LookupGroupsAttr::get(make.context(), groups.lanes,
                                        groups.vectors, groups.groups, planes,
                                        make.takesOne() ? 1 : kLookupTokens,
                                        layout.codec->name),
                  1, make.takesOne() ? make.getStreamAhead() : 0);
}
/// Of codes of int4.
StrategyAttr x86::makePlane(const Maker &make, const Layout &layout) {
  return makeLookups(make, layout, 1);
}
StrategyAttr x86::makePlanes(const Maker &make, const Layout &layout) {
  return makeLookups(make, layout, 2);
}

/// Tokens that the sums of 64 rows leave registers for.
constexpr int64_t kGroupTokens = 4;

StrategyAttr x86::makeGroupDots(const Maker &make, const Layout &layout) {
  GroupsInLanes groups = *GroupsInLanes::match(layout);
  return make.get(GroupDotsAttr::get(make.context(), make.dot, groups.vectors,
                                     /*first=*/0, groups.groups, kGroupTokens),
                  1, make.getStreamAhead());
}

/// An instruction that adds its products itself is as fast as small tables.
static bool gainsByPairs(const Maker &make) {
  return make.dot.getNarrowSteps(2) != 0;
}
StrategyAttr x86::makePairs(const Maker &make, const Layout &layout) {
  return gainsByPairs(make) ? makeLookups(make, layout, 1) : StrategyAttr();
}

/// Tokens whose tables and sums of panels the second level cache holds, and
/// groups of four columns whose tables and bytes of a panel the first one
/// holds.
constexpr int64_t kPanelTokens = 32, kPanelGroups = 36;
/// LLVM loads all bytes of a step first: with as many vectors they, the sums
/// and a table fill 32 registers, and with eight a third of the sums would go
/// through memory in every step.
constexpr int64_t kPanelVectors = 6;

/// Vectors of rows in a panel of lookups, of those that whole tiles of a weight
/// of `lanes` lanes in `layout` make: as many as there are registers for,
/// `most`.
static int64_t vectorsOfPanel(const Layout &layout, int64_t rows, int64_t most,
                              int64_t lanes) {
  int64_t padded = layout.paddedRows(rows), of = layout.tileRows();
  for (int64_t vectors = most; vectors > 1; --vectors) {
    int64_t taken = vectors * lanes;
    if (padded % taken == 0 && (taken % of == 0 || of % taken == 0))
      return vectors;
  }
  return 1;
}

/// Of codes of int4, with weights in `layout` repacked to groups of `codec`:
/// steps of twelve columns, `most` of them with one set of tables.
static StrategyAttr makePanelOfGroups(const Maker &make, const Layout &layout,
                                      const Codec &codec, int64_t lanes,
                                      int64_t vectors, int64_t most) {
  constexpr int64_t columns = 12;
  int64_t steps =
      llvm::divideCeil(layout.paddedColumns(make.shape.columns), columns);
  int64_t blocks = llvm::divideCeil(steps, most);
  auto kernel = LookupGroupsAttr::get(
      make.context(), lanes,
      vectorsOfPanel(layout, make.shape.rows, vectors, lanes),
      llvm::divideCeil(steps, blocks) * (columns / codec.wordDigits),
      /*planes=*/1, kPanelTokens, codec.name);
  return StrategyAttr::get(
      make.context(), Attribute(kernel), 1, 0,
      LayoutAttr::get(make.context(), kernel.getTileLayout()));
}
StrategyAttr x86::makeLookupPanel(const Maker &make, const Layout &layout) {
  return makePanelOfGroups(make, layout, codecs::t4, kLookupLanes,
                           kPanelVectors, kPanelGroups / 3);
}

/// Vectors of a panel that sixteen registers have the sums and tables of, and
/// steps whose tables and bytes the first level cache holds.
constexpr int64_t kPairPanelVectors = 4, kPairSteps = 24;

StrategyAttr x86::makePairPanel(const Maker &make, const Layout &layout) {
  if (!gainsByPairs(make))
    return {};
  return makePanelOfGroups(make, layout, codecs::n2, 4 * make.dot.getLanes(),
                           kPairPanelVectors, kPairSteps);
}

/// Of codes of int8 most of which are zero. A step counts itself in a register
/// of its own, and a list leaves out about half of the groups.
StrategyAttr x86::makeListedPanel(const Maker &make, const Layout &layout) {
  // Nothing is left out if no code is expected to be zero.
  if (make.shape.density == 1)
    return {};
  int64_t vectors =
      vectorsOfPanel(layout, make.shape.rows, kPanelVectors, kLookupLanes);
  int64_t groups = 8 * kPanelGroups / vectors / 3 * 3;
  auto kernel = ListedGroupsAttr::get(make.context(), kLookupLanes, vectors,
                                      groups, /*planes=*/2, kPanelTokens);
  return StrategyAttr::get(
      make.context(), Attribute(kernel), 1, 0,
      LayoutAttr::get(make.context(), kernel.getTileLayout()));
}
