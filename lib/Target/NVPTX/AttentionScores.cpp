//===- AttentionScores.cpp - Scores against a cache of codes -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The first factor are 16 positions by 32 dimensions of the cache's codes c,
// the second those of the queries: sum(Q*u) = 2*sum(Q*c) - n*sum(Q).
//
//===----------------------------------------------------------------------===//

#include "Attention.h"

#include "WarpBuilder.h"

#include "tern/Kernels/FloatBits.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace tern;
using namespace tern::nvptx;

void AttentionScores::build(Value from, Value to) {
  if (layout.isHalf())
    copyQueries();
  else
    quantizeQueries();
  b.barrier();
  int64_t count = layout.isHalf() ? rows : 2;
  Value least = b.f32(-std::numeric_limits<double>::infinity());
  Words codes, tops(count, least);
  if (!layout.isHalf())
    codes = loadCodes();
  from = b.add(from, b.toIndex(b.warp));
  tops = b.loop(from, to, b.warps, tops, [&](Value i, ValueRange carried) {
    Words next(carried);
    if (layout.isHalf())
      scoreHalves(i, next);
    else
      scoreGroup(i, codes, next);
    return next;
  });
  storeTops(tops);
}

void AttentionScores::buildAll() {
  build(b.index(0), getScored());
  if (layout.hasFirstRows())
    scoreFirst();
}

void AttentionScores::buildShare() {
  Value from = b.mul(share, b.warps);
  build(from, b.minUnsigned(b.add(from, b.warps), getScored()));
  if (layout.hasFirstRows())
    b.ifTrue(b.isEqual(share, 0), [&] { scoreFirst(); });
}

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

/// A warp has a row, lanes its dimensions.
void AttentionScores::quantizeQueries() {
  const float scale = 1.0f / std::sqrt(static_cast<float>(layout.headDim));
  int64_t width = shape.getCodeWidth();
  b.loop(b.toIndex(b.warp), b.index(rows), b.warps, [&](Value index) {
    Value row = b.toWord(index), most = b.i32(0);
    Words xs, areThere;
    for (int64_t first = 0; first < layout.headDim; first += kLanes) {
      Value dim = b.add(b.laneId, first), isThere;
      if (first + kLanes > layout.headDim) {
        isThere = b.isBelow(dim, layout.headDim);
        dim = b.minUnsigned(dim, b.i32(layout.headDim - 1));
      }
      xs.push_back(loadQuery(row, dim));
      areThere.push_back(isThere);
      most = b.maxUnsigned(b.magnitudeBits(xs.back()), most);
    }
    most = b.bitcast(b.getF32Type(), b.mostOfLanes(most));
    most = b.max(b.f32(1e-5), most);
    int64_t n = largestCode(shape.qBits);
    Value factor, multiplier;
    if (shape.qBits == 8) {
      multiplier = b.div(b.f32(127.0), most);
      factor = b.div(most, 127.0);
    } else {
      Value bits = buildFloatToHalf(b, b.getLoc(), most);
      most = buildHalfToFloat(b, b.getLoc(), bits);
      factor = b.div(most, static_cast<double>(n));
    }
    Value sum = b.i32(0);
    for (int64_t i = 0; i * kLanes < width; ++i) {
      Value q = b.zero(b.getI8Type());
      if (i < int64_t(xs.size())) {
        // Of the largest magnitude, so only NaN has to be clipped.
        q = shape.qBits == 8
                ? b.roundToInteger(b.getI8Type(),
                                   b.max(b.mul(xs[i], multiplier), -128.0))
                : b.sub(b.shiftLeft(buildCodes(b, xs[i], most, shape.qBits), 1),
                        b.constant(b.getI8Type(), n));
        if (areThere[i])
          q = b.select(areThere[i], q, b.zero(b.getI8Type()));
        sum = b.add(sum, b.signExtend(q, b.getI32Type()));
      }
      Value dim = b.toIndex(b.add(b.laneId, i * kLanes));
      b.store(q, uses[Queries], {index, dim});
    }
    sum = b.sumOfLanes(sum);
    b.onFirstLane([&] {
      b.store(sum, uses[QuerySums], {b.index(0), index});
      b.store(b.mul(factor, scale), uses[QueryFactors], {b.index(0), index});
    });
  });
}

/// The lane's part of the second factors: fours of codes, of each field of each
/// of its chunks.
LaneBuilder::Words AttentionScores::loadCodes() {
  Words codes;
  int64_t chunks = layout.keyChunks(planes[0]), depth = 4 * fields;
  Value row = b.toIndex(b.clamp(b.group, rows - 1, kMostRows - 1));
  Value start = b.mul(b.inGroup, depth);
  for (int64_t first = 0; first < chunks; first += 4)
    llvm::append_range(
        codes,
        b.loadWords(uses[Queries],
                    {row, b.toIndex(b.add(start, first * depth))}, fields));
  return codes;
}

//===----------------------------------------------------------------------===//
// Positions
//===----------------------------------------------------------------------===//

/// f32(2*sum(Q*c) - n*sum(Q)) * ((fq * scale) * (g/n))
Value AttentionScores::scale(Value sum, Value querySum, Value factor,
                             int64_t n) {
  sum = b.sub(b.shiftLeft(sum, 1), b.mul(querySum, n));
  return b.mul(b.toFloat(sum), factor);
}

void AttentionScores::scoreGroup(Value i, ArrayRef<Value> codes, Words &tops) {
  constexpr int64_t perBlock = kBlock / kGroupOf;
  Value block = getBlockAt(b.div(i, b.index(perBlock)));
  Value inBlock = b.rem(i, perBlock);
  Value keys = b.add(b.add(block, layout.keysOffset()),
                     b.mul(inBlock, layout.keyGroupBytes()));
  Value scales = b.add(b.add(block, layout.keyScalesOffset()),
                       b.mul(inBlock, 2 * kGroupOf));
  // Two lanes compute the factor of a position, for all.
  Value own = b.toIndex(b.mul(b.rem(b.laneId, kGroupOf), 2));
  Value factor = b.div(b.loadHalf(state, b.add(scales, own)), double(n));
  Value others = b.add(b.group, kMostRows);
  Value factors[] = {b.shuffle(factor, b.group), b.shuffle(factor, others)};

  int64_t turns = codes.size() / fields;
  Words sums(4, b.i32(0)), left, right;
  for (int64_t turn = 0; turn < turns; ++turn) {
    Words upper = loadPlanes(keys, b.group, b.inGroup, turn, /*isKey=*/true);
    Words lower = loadPlanes(keys, others, b.inGroup, turn, /*isKey=*/true);
    for (int64_t f = 0; f < fields; ++f) {
      left.append({unpack(upper, f), unpack(lower, f)});
      right.push_back(codes[turn * fields + f]);
      if (right.size() < 2)
        continue;
      sums = b.mma(left, right, sums, /*isSigned=*/true);
      left.clear(), right.clear();
    }
  }
  if (!right.empty()) {
    left.append(2, b.i32(0));
    right.push_back(b.i32(0));
    sums = b.mma(left, right, sums, /*isSigned=*/true);
  }

  Words querySums = loadColumns(QuerySums, b.index(0));
  Words queryFactors = loadColumns(QueryFactors, b.index(0));
  Value position = b.add(b.mul(b.toWord(i), kGroupOf), b.group);
  for (int64_t c = 0; c < 2; ++c) {
    Value row = b.clamp(getColumn(c), rows - 1, kMostRows - 1);
    Value seenBy = getSeen(row);
    for (int64_t half = 0; half < 2; ++half) {
      Value at = b.add(position, half * kMostRows);
      Value score = scale(sums[2 * half + c], querySums[c],
                          b.mul(queryFactors[c], factors[half]), n);
      Value isSeen = b.isBelow(at, seenBy);
      if (layout.hasFirstRows() && half == 0) {
        Value isLater = b.compare(arith::CmpIPredicate::ne, at, int64_t(0));
        isSeen = b.bitAnd(isSeen, isLater);
      }
      tops[c] = b.max(b.select(isSeen, score, tops[c]), tops[c]);
      if (rows <= 6 + c)
        isSeen = b.bitAnd(isSeen, b.isBelow(getColumn(c), rows));
      b.ifTrue(isSeen, [&] {
        b.store(score, uses[Exponentials], {b.toIndex(row), b.toIndex(at)});
      });
    }
  }
}

/// Position 0, which has its own width and lies elsewhere, a byte per code.
void AttentionScores::scoreFirst() {
  int64_t n = largestCode(layout.bosBits);
  b.loop(b.toIndex(b.warp), b.index(rows), b.warps, [&](Value row) {
    Value sum = b.i32(0);
    for (int64_t i = 0; i < layout.headDim; i += kLanes) {
      Value dim = b.toIndex(b.add(b.laneId, i));
      Value code = b.load(state, b.add(first, dim));
      Value q = b.load(uses[Queries], {row, dim});
      sum = b.add(sum, b.mul(b.zeroExtend(code, b.getI32Type()),
                             b.signExtend(q, b.getI32Type())));
    }
    sum = b.sumOfLanes(sum);
    Value g = b.loadHalf(state, b.add(first, layout.firstScalesOffset()));
    Value factor = b.mul(b.load(uses[QueryFactors], {b.index(0), row}),
                         b.div(g, static_cast<double>(n)));
    Value score =
        scale(sum, b.load(uses[QuerySums], {b.index(0), row}), factor, n);
    b.onFirstLane([&] {
      b.store(score, uses[Exponentials], {row, b.index(0)});
      b.store(score, uses[Tops], {b.index(0), row});
    });
  });
}

/// Of all lanes that have the same columns (codes) or pairs of positions.
void AttentionScores::storeTops(ArrayRef<Value> tops) {
  auto larger = [&](Value x, Value y) { return b.max(x, y); };
  Value part = b.add(b.add(b.mul(share, b.warps), b.toIndex(b.warp)), 1);
  if (layout.isHalf()) {
    for (int64_t r = 0; r < rows; ++r) {
      Value most = b.reduceLanes(tops[r], {1, 2, 4}, larger);
      b.onFirstLane([&] { b.store(most, uses[Tops], {part, b.index(r)}); });
    }
    return;
  }
  for (int64_t c = 0; c < 2; ++c) {
    Value most = b.reduceLanes(tops[c], {4, 8, 16}, larger);
    Value isOne =
        b.bitAnd(b.isEqual(b.group, 0), b.isBelow(getColumn(c), rows));
    b.ifTrue(isOne, [&] {
      b.store(most, uses[Tops], {part, b.toIndex(getColumn(c))});
    });
  }
}
