//===- AttentionHalves.cpp - Attention over a 16 bit cache ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Scores are sums within lanes, of a part of the dimensions of two positions.
// Of values, a lane has an accumulator of each of some dimensions.
//
//===----------------------------------------------------------------------===//

#include "Attention.h"

#include "WarpBuilder.h"

#include "tern/Kernels/FloatBits.h"
#include "tern/Kernels/R32.h"

#include <cmath>

using namespace mlir;
using namespace tern;
using namespace tern::nvptx;

/// Accumulators of a lane are 4i + its number / 8.
constexpr int64_t kResidues = 4, kPairs = kGroupOf / 2;
/// Rows that are loaded together.
constexpr int64_t kRowsAtOnce = 4;

/// Dimensions and rows whose sums a warp has.
constexpr int64_t kWidth = 8;

static SmallVector<Value> widen(LaneBuilder &b, Value word) {
  Value bits = b.bitcast(b.vectorOf(2, b.getI16Type()),
                         b.splat(b.vectorOf(1, b.getI32Type()), word));
  SmallVector<Value> floats;
  for (int64_t i = 0; i < 2; ++i)
    floats.push_back(
        buildHalfToFloat(b, b.getLoc(), b.lane(bits, i), /*byCpu=*/true));
  return floats;
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

void AttentionScores::copyQueries() {
  b.loop(b.toIndex(b.warp), b.index(rows), b.warps, [&](Value index) {
    Value row = b.toWord(index);
    for (int64_t first = 0; first < layout.headDim; first += kLanes) {
      Value dim = b.add(b.laneId, first);
      auto copy = [&] {
        b.store(loadQuery(row, dim), uses[Queries], {b.toIndex(dim), index});
      };
      if (first + kLanes > layout.headDim)
        b.ifTrue(b.isBelow(dim, layout.headDim), copy);
      else
        copy();
    }
  });
}

/// R32(q * k) * scale
void AttentionScores::scoreHalves(Value i, Words &tops) {
  const float scale = 1.0f / std::sqrt(static_cast<float>(layout.headDim));
  constexpr int64_t perBlock = kBlock / kGroupOf;
  Value block = getBlockAt(b.div(i, b.index(perBlock)));
  Value keys = b.add(b.add(block, layout.keysOffset()),
                     b.mul(b.rem(i, perBlock), layout.keyGroupBytes()));
  Value pair = b.rem(b.laneId, kPairs), part = b.div(b.laneId, b.i32(kPairs));
  Value position = b.add(b.mul(b.toWord(i), kGroupOf), b.mul(pair, 2));
  for (int64_t from = 0; from < rows; from += kRowsAtOnce) {
    int64_t count = std::min(kRowsAtOnce, rows - from);
    // Keys are loaded again: kept, they would take more registers than there
    // are.
    if (from)
      b.meetWarp();
    Words sums = sumResidues(keys, 0, 1, from, count);
    for (auto [index, sum] : llvm::enumerate(sums)) {
      for (int64_t bits : {2 * kPairs, kPairs})
        sum = b.add(sum, b.shuffleXor(sum, bits));
      sum = b.mul(sum, scale);
      int64_t r = from + index / 2;
      Value at = b.add(position, index % 2);
      Value isSeen = b.isBelow(at, getSeen(b.i32(r)));
      tops[r] = b.max(b.select(isSeen, sum, tops[r]), tops[r]);
      isSeen = b.bitAnd(isSeen, b.isEqual(part, r % kResidues));
      b.ifTrue(isSeen, [&, sum = sum] {
        b.store(sum, uses[Exponentials], {b.index(r), b.toIndex(at)});
      });
    }
  }
}

/// Of accumulators `residue`, `residue` + `step` ... of the eight that a lane
/// has, as the tree adds them: sums of two positions of each row.
LaneBuilder::Words AttentionScores::sumResidues(Value keys, int64_t residue,
                                                int64_t step, int64_t firstRow,
                                                int64_t count) {
  if (step == kR32Lanes / kResidues)
    return addTerms(keys, residue, firstRow, count);
  Words sums = sumResidues(keys, residue, 2 * step, firstRow, count);
  Words others = sumResidues(keys, residue + step, 2 * step, firstRow, count);
  for (auto [sum, other] : llvm::zip_equal(sums, others))
    sum = b.add(sum, other);
  return sums;
}

LaneBuilder::Words AttentionScores::addTerms(Value keys, int64_t residue,
                                             int64_t firstRow, int64_t count) {
  Words sums(2 * count, b.f32(0));
  Value part = b.div(b.laneId, b.i32(kPairs));
  Value pair = b.rem(b.laneId, kPairs);
  for (int64_t start = kResidues * residue; start < layout.headDim;
       start += kR32Lanes) {
    Value dim = b.add(part, start), isThere;
    if (start + kResidues > layout.headDim) {
      isThere = b.isBelow(dim, layout.headDim);
      dim = b.minUnsigned(dim, b.i32(layout.headDim - 1));
    }
    Value inGroup = b.add(b.mul(dim, 2 * kGroupOf), b.mul(pair, 4));
    Words ks =
        widen(b, b.loadWords(state, b.add(keys, b.toIndex(inGroup)), 1)[0]);
    Words qs;
    for (int64_t r = 0; r < count; ++r)
      qs.push_back(
          b.load(uses[Queries], {b.toIndex(dim), b.index(firstRow + r)}));
    for (auto [index, sum] : llvm::enumerate(sums)) {
      Value term = b.mul(qs[index / 2], ks[index % 2]);
      if (isThere)
        term = b.select(isThere, term, b.f32(0));
      sum = b.add(sum, term);
    }
  }
  return sums;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// Dimensions that a warp has at a time of those from `from` on, of `width`:
/// places of 16 bytes at most, where rows of them begin.
static int64_t countDims(int64_t width, int64_t from) {
  int64_t count = kWidth;
  while (count > width - from || from % count != 0 || width % count != 0)
    count /= 2;
  return count;
}

/// Warps share groups of dimensions, each in halves or less.
void AttentionValues::addHalves() {
  int64_t whole = layout.headDim / kGroupOf;
  int64_t units = kGroupOf / kWidth * whole;
  b.loop(b.toIndex(b.warp), b.index(units), b.warps, [&](Value unit) {
    Value group = b.div(unit, b.index(kGroupOf / kWidth));
    Value from = b.mul(b.rem(unit, kGroupOf / kWidth), kWidth);
    addUnit({group, kGroupOf, from, kWidth, b.i32(0), rows, group});
  });
  // The last group has fewer dimensions.
  int64_t rest = layout.headDim % kGroupOf, number = units;
  for (int64_t from = 0, count; from < rest; from += count) {
    count = countDims(rest, from);
    b.ifTrue(b.isEqual(b.warp, number++ % b.warps), [&] {
      addUnit({b.index(whole), rest, b.index(from), count, b.i32(0), rows,
               b.index(whole)});
    });
  }
}

/// Warps share halves of a group, and rows.
void AttentionValues::addHalvesOfGroup() {
  int64_t whole = layout.headDim / kGroupOf, rest = layout.headDim % kGroupOf;
  auto addRows = [&](int64_t width, Value from, int64_t dims, Value part,
                     int64_t parts) {
    int64_t count = llvm::divideCeil(rows, parts);
    Value firstRow = b.mul(part, count);
    b.ifTrue(b.isBelow(firstRow, rows), [&] {
      addUnit({share, width, from, dims, firstRow, count, b.index(0)});
    });
  };
  auto addWhole = [&] {
    constexpr int64_t halves = kGroupOf / kWidth;
    Value from = b.mul(b.rem(b.warp, halves), kWidth);
    addRows(kGroupOf, b.toIndex(from), kWidth, b.div(b.warp, b.i32(halves)),
            b.warps / halves);
  };
  if (!rest)
    return addWhole();
  if (whole)
    b.ifTrue(b.isBelow(share, whole), addWhole);
  b.ifTrue(b.isEqual(share, whole), [&] {
    for (int64_t from = 0, dims; from < rest; from += dims) {
      dims = countDims(rest, from);
      addRows(rest, b.index(from), dims, b.warp, b.warps);
    }
  });
}

/// Adds e * v of 32 positions, one in each lane.
LaneBuilder::Words AttentionValues::addPositions(const Unit &unit, Value i,
                                                 ValueRange before,
                                                 bool isMasked) {
  constexpr int64_t perBlock = kBlock / kLanes;
  Value position = b.add(b.mul(b.toWord(i), kLanes), b.laneId);
  Value inBlock = b.add(b.mul(b.rem(i, perBlock), kLanes), b.toIndex(b.laneId));
  Value start = b.add(b.mul(unit.group, layout.valueGroupBytes()),
                      b.add(b.mul(unit.from, 2), layout.valuesOffset()));
  Value at = b.add(getBlockAt(b.div(i, b.index(perBlock))), start);
  at = b.add(at, b.mul(inBlock, 2 * unit.width));
  Words vs;
  if (unit.dims == 1)
    vs.push_back(b.loadHalf(state, at));
  else
    for (Value word : b.loadWords(state, at, unit.dims / 2))
      llvm::append_range(vs, widen(b, word));
  Words sums(before);
  for (int64_t r = 0; r < unit.rows; ++r) {
    Value row = b.add(unit.firstRow, r);
    if (unit.rows != rows)
      row = b.minUnsigned(row, b.i32(rows - 1));
    Value e = b.load(uses[Exponentials], {b.toIndex(row), b.toIndex(position)});
    // Values of positions that are not seen may be anything, NaN too.
    Value isSeen;
    if (isMasked)
      isSeen = b.isBelow(position, getSeen(row));
    for (int64_t k = 0; k < unit.dims; ++k) {
      Value term = b.mul(e, vs[k]);
      if (isSeen)
        term = b.select(isSeen, term, b.f32(0));
      Value &sum = sums[r * unit.dims + k];
      sum = b.add(sum, term);
    }
  }
  return sums;
}

void AttentionValues::addUnit(const Unit &unit) {
  Value least = b.div(b.toIndex(seen), b.index(kLanes));
  Value most = b.div(b.toIndex(b.add(end, kLanes - 1)), b.index(kLanes));
  int64_t all = unit.rows * unit.dims;
  Words sums(all, b.f32(0));
  sums = b.loop(b.index(0), least, 1, sums, [&](Value i, ValueRange before) {
    return addPositions(unit, i, before, /*isMasked=*/false);
  });
  sums = b.loop(least, most, 1, sums, [&](Value i, ValueRange before) {
    return addPositions(unit, i, before, /*isMasked=*/true);
  });
  // Of pairs of lanes one keeps the first half of the sums, the other the rest.
  Value number = b.i32(0);
  sums.resize(roundUp(all, kLanes), b.f32(0));
  for (int64_t half = kLanes / 2; half >= 1; half /= 2) {
    int64_t kept = sums.size() / 2;
    Value isUpper = b.compare(arith::CmpIPredicate::ne,
                              b.bitAnd(b.laneId, half), int64_t(0));
    Words next;
    for (int64_t k = 0; k < kept; ++k) {
      Value mine = b.select(isUpper, sums[kept + k], sums[k]);
      Value given = b.select(isUpper, sums[k], sums[kept + k]);
      next.push_back(b.add(mine, b.shuffleXor(given, half)));
    }
    number = b.add(number, b.select(isUpper, b.i32(kept), b.i32(0)));
    sums = next;
  }
  for (auto [k, sum] : llvm::enumerate(sums)) {
    Value index = b.add(number, int64_t(k));
    Value row = b.add(unit.firstRow, b.div(index, b.i32(unit.dims)));
    Value isSum = b.bitAnd(b.isBelow(index, all), b.isBelow(row, rows));
    b.ifTrue(isSum, [&, sum = sum] {
      Value dim = b.add(b.toWord(unit.from), b.rem(index, unit.dims));
      Value place = b.add(b.mul(row, kResultPitch), dim);
      b.store(sum, uses[Results], {unit.number, b.index(0), b.toIndex(place)});
    });
  }
}
