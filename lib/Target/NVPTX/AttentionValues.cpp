//===- AttentionValues.cpp - Weighted sums of a cache's values -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Of codes, the first factor are 16 dimensions by 32 positions, the second the
// weights p: sum(p*u) = 2*sum(p*c) - n*sum(p). A block is a term of an R32.
//
//===----------------------------------------------------------------------===//

#include "Attention.h"

#include "WarpBuilder.h"

#include "tern/Kernels/R32.h"

using namespace mlir;
using namespace tern;
using namespace tern::nvptx;

void AttentionValues::buildAll() {
  if (layout.isHalf())
    return addHalves();
  // Warps share the groups of dimensions, and the accumulators of each.
  int64_t shares = shape.getShares();
  Value from = b.toIndex(b.div(b.warp, b.i32(shares)));
  b.loop(from, b.index(shape.getGroups()), b.warps / shares,
         [&](Value group) { addCodes(group, group, shares); });
}

void AttentionValues::buildShare() {
  if (layout.isHalf())
    addHalvesOfGroup();
  else
    addCodes(share, b.index(0), b.warps);
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

/// Sums of this warp's blocks of a group to place `number` of Results.
void AttentionValues::addCodes(Value group, Value number, int64_t shares) {
  Value begin = b.toIndex(b.rem(b.warp, shares));
  Words none(4, b.f32(0));
  auto branch = scf::IfOp::create(b, ValueRange(none).getTypes(),
                                  b.isBelow(begin, getBlocks()),
                                  /*addThenBlock=*/true, /*addElseBlock=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    scf::YieldOp::create(b, addResidues(group, begin, shares));
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(b, none);
  }
  for (int64_t c = 0; c < 2; ++c)
    ifColumn(c, [&] {
      for (int64_t half = 0; half < 2; ++half) {
        Value dim = b.add(b.group, half * kMostRows);
        Value at = b.add(b.mul(getColumn(c), kResultPitch), dim);
        b.store(branch.getResult(2 * half + c), uses[Results],
                {number, begin, b.toIndex(at)});
      }
    });
}

/// Accumulators `residue`, `residue` + `step` ... as the tree adds them. Those
/// without a block are +0, and no sum is -0, so nothing is added in their
/// place.
LaneBuilder::Words AttentionValues::addResidues(Value group, Value residue,
                                                int64_t step) {
  Value blocks = getBlocks();
  Words none(4, b.f32(0));
  if (step == kR32Lanes)
    return b.loop(residue, blocks, kR32Lanes, none,
                  [&](Value block, ValueRange carried) {
                    return addBlock(group, block, Words(carried));
                  });
  Value end = b.minUnsigned(b.add(residue, 2 * step), blocks);
  return b.loop(residue, end, step, none, [&](Value i, ValueRange carried) {
    Words sums = addResidues(group, i, 2 * step);
    for (auto [sum, before] : llvm::zip_equal(sums, carried))
      sum = b.add(before, sum);
    return sums;
  });
}

LaneBuilder::Words AttentionValues::addBlock(Value group, Value block,
                                             ArrayRef<Value> before) {
  Value values = b.add(b.add(getBlockAt(block), layout.valuesOffset()),
                       b.mul(group, layout.valueGroupBytes()));
  Value row = b.toIndex(b.clamp(b.group, rows - 1, kMostRows - 1));
  Value lower = b.add(b.group, kMostRows);
  int64_t depth = 4 * fields, turns = layout.valueChunks(planes[0]) / 4;
  Words sums(4, b.i32(0)), left, right;
  for (int64_t turn = 0; turn < turns; ++turn) {
    Value inBlock = b.mul(b.add(b.inGroup, 4 * turn), depth);
    Value position = b.add(b.mul(block, kBlock), b.toIndex(inBlock));
    Words ps = b.loadWords(uses[Weights], {row, position}, fields);
    Words ofUpper = loadPlanes(values, b.group, b.inGroup, turn, false);
    Words ofLower = loadPlanes(values, lower, b.inGroup, turn, false);
    for (int64_t f = 0; f < fields; ++f) {
      left.append({unpack(ofUpper, f), unpack(ofLower, f)});
      right.push_back(ps[f]);
      if (right.size() < 2)
        continue;
      sums = b.mma(left, right, sums, /*isSigned=*/false);
      left.clear(), right.clear();
    }
  }
  Words weightSums = loadColumns(WeightSums, block);
  Words factors = loadColumns(WeightFactors, block);
  for (int64_t i = 0; i < 4; ++i)
    sums[i] = b.sub(b.shiftLeft(sums[i], 1), b.mul(weightSums[i % 2], n));
  if (layout.hasFirstRows())
    sums = addFirst(group, block, sums);
  for (int64_t i = 0; i < 4; ++i)
    sums[i] = b.add(before[i], b.mul(b.toFloat(sums[i]), factors[i % 2]));
  return sums;
}

/// p * u of position 0, whose codes take a byte each.
LaneBuilder::Words AttentionValues::addFirst(Value group, Value block,
                                             ArrayRef<Value> sums) {
  auto branch = scf::IfOp::create(b, ValueRange(sums).getTypes(),
                                  b.isEqual(block, 0), /*addThenBlock=*/true,
                                  /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, sums);
  b.setInsertionPointToStart(branch.thenBlock());
  Words firsts = loadColumns(WeightFirsts, b.index(0)), all;
  Value codes =
      b.add(b.add(first, layout.firstCodeBytes()), b.mul(group, kGroupOf));
  for (int64_t half = 0; half < 2; ++half) {
    Value dim = b.toIndex(b.add(b.group, half * kMostRows));
    Value u = b.zeroExtend(b.load(state, b.add(codes, dim)), b.getI32Type());
    u = b.sub(b.shiftLeft(u, 1), b.i32(largestCode(layout.bosBits)));
    for (int64_t c = 0; c < 2; ++c)
      all.push_back(b.add(sums[2 * half + c], b.mul(firsts[c], u)));
  }
  scf::YieldOp::create(b, all);
  return llvm::to_vector(ValueRange(branch.getResults()));
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// The last steps of the tree, over what warps have, and the division by Z.
void AttentionValues::finish(Value from, int64_t count, int64_t shares) {
  int64_t width = count * kGroupOf, all = rows * width;
  b.loop(b.toIndex(b.thread), b.index(all), b.warps * kLanes, [&](Value i) {
    Value word = b.toWord(i), row = b.div(word, b.i32(width));
    Value inRow = b.rem(word, width);
    Value dim = b.add(inRow, b.mul(b.toWord(from), kGroupOf));
    Value isResult = isThere(row);
    if (layout.headDim % kGroupOf)
      isResult = b.bitAnd(isResult, b.isBelow(dim, layout.headDim));
    b.ifTrue(isResult, [&] {
      Value number = b.toIndex(b.div(inRow, b.i32(kGroupOf)));
      Value place =
          b.toIndex(b.add(b.mul(row, kResultPitch), b.rem(inRow, kGroupOf)));
      Words sums;
      for (int64_t s = 0; s < shares; ++s)
        sums.push_back(b.load(uses[Results], {number, b.index(s), place}));
      for (int64_t half = sums.size() / 2; half >= 1; half /= 2)
        for (int64_t j = 0; j < half; ++j)
          sums[j] = b.add(sums[j], sums[j + half]);
      Value z = b.load(uses[Quotients], {b.index(0), b.toIndex(row)});
      storeResult(row, dim, b.div(sums[0], z));
    });
  });
}
