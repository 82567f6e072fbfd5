//===- AttentionWeights.cpp - Scores to weights --------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Attention.h"

#include "WarpBuilder.h"

#include "tern/Kernels/Numerics.h"

#include <limits>

using namespace mlir;
using namespace tern;
using namespace tern::nvptx;

/// A warp has 64 positions of a row. Those of a row go to other warps than the
/// same of the next.
void AttentionWeights::buildAll() {
  Value blocks = getBlocks();
  b.loop(0, rows, 1, [&](Value index) {
    Value row = b.toWord(index), most = b.load(uses[Tops], {b.index(1), index});
    for (int64_t part = 2; part <= b.warps; ++part)
      most = b.max(b.load(uses[Tops], {b.index(part), index}), most);
    if (layout.hasFirstRows())
      most = b.max(b.load(uses[Tops], {b.index(0), index}), most);
    Value begin = b.bitAnd(b.sub(b.warp, row), b.warps - 1);
    Value seenBy = getSeen(row);
    b.loop(b.toIndex(begin), blocks, b.warps,
           [&](Value block) { weigh(index, most, seenBy, block); });
  });
}

void AttentionWeights::buildShare() {
  // Those of all warps of all tiles.
  Value tiles = b.div(b.add(getScored(), b.warps - 1), b.index(b.warps));
  Value parts = b.add(b.mul(tiles, b.warps), 1);
  Value least = b.f32(-std::numeric_limits<double>::infinity());
  Value from = b.toIndex(b.add(b.laneId, layout.hasFirstRows() ? 0 : 1));
  Value most = b.loop(
      from, parts, kLanes, least, [&](Value part, ValueRange carried) -> Words {
        return {b.max(b.load(uses[Tops], {part, share}), carried[0])};
      })[0];
  most = b.reduceLanes(most, {1, 2, 4, 8, 16},
                       [&](Value x, Value y) { return b.max(x, y); });
  b.loop(b.toIndex(b.warp), getBlocks(), b.warps,
         [&](Value block) { weigh(share, most, seen, block); });
  b.barrier();
  b.ifTrue(b.isEqual(b.warp, 0), [&] { addUp(share); });
}

void AttentionWeights::addUpAll() {
  b.loop(b.toIndex(b.warp), b.index(rows), b.warps,
         [&](Value row) { addUp(row); });
}

Value AttentionWeights::loadScore(Value row, Value position, Value isSeen) {
  auto branch = scf::IfOp::create(b, TypeRange(b.getF32Type()), isSeen,
                                  /*addThenBlock=*/true, /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  Value score = b.load(uses[Exponentials], {row, b.toIndex(position)});
  scf::YieldOp::create(b, score);
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, b.f32(0));
  return branch.getResult(0);
}

void AttentionWeights::weigh(Value row, Value most, Value seenBy, Value block) {
  Value start = b.mul(b.toWord(block), kBlock), zero = b.f32(0);
  Words es, positions;
  for (int64_t half = 0; half < 2; ++half) {
    Value position = b.add(start, b.add(b.laneId, half * kLanes));
    Value isSeen = b.isBelow(position, seenBy);
    // Nobody has written scores of the others.
    Value score = loadScore(row, position, isSeen);
    Value e = buildExp(b, b.getLoc(), b.sub(score, most));
    es.push_back(b.select(isSeen, e, zero));
    positions.push_back(b.toIndex(position));
  }
  for (auto [e, position] : llvm::zip_equal(es, positions))
    b.store(e, uses[Exponentials], {row, position});
  if (layout.isHalf())
    return;

  Value isFirst;
  if (layout.hasFirstRows())
    isFirst = b.bitAnd(b.isEqual(block, 0), b.isEqual(b.laneId, 0));
  Value scales = b.add(getBlockAt(block), layout.valueScalesOffset());
  Value bits = b.i32(0);
  Words ws;
  for (int64_t half = 0; half < 2; ++half) {
    Value at =
        b.add(scales, b.toIndex(b.mul(b.add(b.laneId, half * kLanes), 2)));
    Value divisor = b.f32(n);
    if (isFirst && half == 0) {
      // The scales of first rows: the key's, then the value's.
      Value its = b.add(first, layout.firstScalesOffset() + 2);
      at = b.select(isFirst, its, at);
      divisor = b.select(isFirst, b.f32(largestCode(layout.bosBits)), divisor);
    }
    Value factor = b.div(b.loadHalf(state, at), divisor);
    // Scales of tokens that are not seen may be anything; their e is 0.
    Value w = b.mul(es[half], factor);
    w = b.select(b.isGreater(es[half], zero), w, zero);
    bits = b.maxUnsigned(b.bitcast(b.getI32Type(), w), bits);
    ws.push_back(w);
  }
  // None is negative, so their bits are ordered as they are, NaN last.
  Value largest = b.bitcast(b.getF32Type(), b.mostOfLanes(bits));
  Value isTiny = b.isLess(largest, b.f32(1e-30));
  largest = b.select(isTiny, zero, largest);
  Value scale = b.select(isTiny, zero, b.div(b.f32(255.0), largest));
  Value sum;
  for (int64_t half = 0; half < 2; ++half) {
    Value p = b.roundToInteger(b.getI32Type(), b.mul(ws[half], scale));
    if (isFirst && half == 0) {
      Value whole = p;
      b.ifTrue(isFirst,
               [&] { b.store(whole, uses[WeightFirsts], {b.index(0), row}); });
      p = b.select(isFirst, b.i32(0), p);
    }
    b.store(arith::TruncIOp::create(b, b.getI8Type(), p), uses[Weights],
            {row, positions[half]});
    sum = sum ? b.add(sum, p) : p;
  }
  sum = b.sumOfLanes(sum);
  b.onFirstLane([&] {
    b.store(sum, uses[WeightSums], {block, row});
    b.store(b.div(largest, 255.0), uses[WeightFactors], {block, row});
  });
}

/// R32: a lane has an accumulator. Some terms are loaded before they are added,
/// as additions wait for each other anyway.
void AttentionWeights::addUp(Value row) {
  constexpr int64_t kAhead = 8;
  Value terms = b.mul(getBlocks(), kBlock / kLanes), zero = b.f32(0);
  Value last = b.sub(terms, 1);
  Value z = b.loop(b.index(0), terms, kAhead, zero,
                   [&](Value i, ValueRange carried) -> Words {
                     Words es;
                     for (int64_t k = 0; k < kAhead; ++k) {
                       Value term = b.add(i, k);
                       Value there = b.minUnsigned(term, last);
                       Value at =
                           b.add(b.mul(there, kLanes), b.toIndex(b.laneId));
                       Value e = b.load(uses[Exponentials], {row, at});
                       es.push_back(b.select(b.isBelow(term, terms), e, zero));
                     }
                     Value sum = carried[0];
                     for (Value e : es)
                       sum = b.add(sum, e);
                     return {sum};
                   })[0];
  for (int64_t half = kLanes / 2; half >= 1; half /= 2)
    z = b.add(z, b.shuffleDown(z, half));
  b.onFirstLane([&] { b.store(z, uses[Quotients], {b.index(0), row}); });
}
