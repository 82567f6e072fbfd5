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

/// Warps share groups of dimensions, each in halves or less, and rows.
void AttentionValues::addHalves() {
  int64_t whole = layout.headDim / kGroupOf;
  int64_t units = kGroupOf / kWidth * whole;
  b.loop(b.toIndex(b.warp), b.index(units), b.warps, [&](Value unit) {
    Value group = b.div(unit, b.index(kGroupOf / kWidth));
    Value inGroup = b.mul(b.rem(unit, kGroupOf / kWidth), kWidth);
    addUnit(group, kGroupOf, inGroup, kWidth);
  });
  // The last group has fewer dimensions.
  int64_t rest = layout.headDim % kGroupOf, number = units;
  for (int64_t from = 0; from < rest;) {
    int64_t count = kWidth;
    while (count > rest - from || from % count != 0 || rest % count != 0)
      count /= 2;
    b.ifTrue(b.isEqual(b.warp, number++ % b.warps),
             [&] { addUnit(b.index(whole), rest, b.index(from), count); });
    from += count;
  }
}

/// `count` dimensions from `from` on, of a group of `width`.
void AttentionValues::addUnit(Value group, int64_t width, Value from,
                              int64_t count) {
  auto least = b.div(b.toIndex(seen), b.index(kLanes));
  auto most = b.div(b.toIndex(b.add(end, kLanes - 1)), b.index(kLanes));
  Value start = b.add(b.mul(group, layout.valueGroupBytes()),
                      b.add(b.mul(from, 2), layout.valuesOffset()));
  auto add = [&](Value i, ValueRange before, bool isMasked) {
    Value position = b.add(b.mul(b.toWord(i), kLanes), b.laneId);
    Value inBlock = b.mul(b.rem(i, kBlock / kLanes), kLanes);
    inBlock = b.add(inBlock, b.toIndex(b.laneId));
    Value at = b.add(getBlockAt(b.div(i, b.index(kBlock / kLanes))), start);
    at = b.add(at, b.mul(inBlock, 2 * width));
    Words vs;
    if (count == 1)
      vs.push_back(b.loadHalf(state, at));
    else
      for (Value word : b.loadWords(state, at, count / 2))
        llvm::append_range(vs, widen(b, word));
    Words sums(before);
    for (int64_t r = 0; r < rows; ++r) {
      Value e = b.load(uses[Exponentials], {b.index(r), b.toIndex(position)});
      // Values of positions that are not seen may be anything, NaN too.
      Value isSeen;
      if (isMasked)
        isSeen = b.isBelow(position, getSeen(b.i32(r)));
      for (int64_t k = 0; k < count; ++k) {
        Value term = b.mul(e, vs[k]);
        if (isSeen)
          term = b.select(isSeen, term, b.f32(0));
        sums[r * count + k] = b.add(sums[r * count + k], term);
      }
    }
    return sums;
  };
  Words sums(rows * count, b.f32(0));
  sums = b.loop(b.index(0), least, 1, sums, [&](Value i, ValueRange before) {
    return add(i, before, /*isMasked=*/false);
  });
  sums = b.loop(least, most, 1, sums, [&](Value i, ValueRange before) {
    return add(i, before, /*isMasked=*/true);
  });
  // Of pairs of lanes one keeps the first half of the sums, the other the rest.
  Value number = b.i32(0);
  int64_t all = sums.size();
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
    b.ifTrue(b.isBelow(index, all), [&, sum = sum] {
      Value row = b.div(index, b.i32(count));
      Value dim = b.add(b.toWord(from), b.rem(index, count));
      Value place = b.add(b.mul(row, kResultPitch), dim);
      b.store(sum, uses[Results], {group, b.index(0), b.toIndex(place)});
    });
  }
}
