//===- LaneTerms.cpp - What groups add to the sums of a product -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A term is made by the lane that has the sum. Terms of groups that other warps
// have taken come by way of shared memory.
//
//===----------------------------------------------------------------------===//

#include "LaneRewriter.h"
#include "MmaSteps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace tern;
using namespace tern::nvptx;

static constexpr int64_t kWords = MmaSteps::kWords;

//===----------------------------------------------------------------------===//
// From sums to terms
//===----------------------------------------------------------------------===//

/// Of row `row` (an i32) of tile `tile`, in the group that indices are of.
Value LaneRewriter::loadScale(MicroScaleOp op, int64_t tile, Value row) {
  Value memory = mapping.lookup(op.getScales());
  Value group = mapping.lookup(op.getGroup());
  auto type = cast<MemRefType>(memory.getType());
  Type f32 = b.getF32Type();
  if (LayoutAttr layout = op.getLayoutAttr()) {
    int64_t size = layout.getLayout().scaleBytes();
    int64_t first = layout.getLayout().digitBytes();
    Value byte = b.toIndex(b.add(b.mul(row, size), first));
    Value number = arith::ConstantIndexOp::create(b, b.loc, tile);
    auto bytes = VectorType::get({size}, b.getI8Type());
    Value stored = vector::LoadOp::create(
        b, b.loc, bytes, memory, ValueRange{number, group, byte},
        /*nontemporal=*/false, llvm::MaybeAlign(size));
    Type element = size == 2 ? Type(b.getF16Type()) : f32;
    Value scale = vector::ExtractOp::create(
        b, b.loc,
        vector::BitCastOp::create(b, b.loc, VectorType::get({1}, element),
                                  stored),
        0);
    return size == 2 ? arith::ExtFOp::create(b, b.loc, f32, scale) : scale;
  }
  Value scale = memref::LoadOp::create(
      b, b.loc, memory,
      ValueRange{b.toIndex(b.add(row, MmaSteps::kRows * tile)), group});
  return type.getElementType().isF32()
             ? scale
             : arith::ExtFOp::create(b, b.loc, f32, scale);
}

/// The terms of a group, in the order of its sums.
Words LaneRewriter::scaleSums(MicroScaleOp op, const Words &sums) {
  auto kernel = cast<MmaAttr>(op.getKernel());
  int64_t tokenTiles = kernel.countTokenTiles();
  bool isOne = kernel.getTokens() == 1;
  Value place = b.div(b.getLane(), 4), pair = b.rem(b.getLane(), 4);
  SmallVector<Value> scales;
  for (int64_t r = 0; r < kernel.countRowTiles(); ++r)
    for (int64_t half : {0, 1})
      scales.push_back(loadScale(op, r, b.add(place, 8 * half)));
  Value group = mapping.lookup(op.getGroup());
  Value ofFactor =
      arith::ConstantIndexOp::create(b, b.loc, op.getGroupsPerFactor());
  Value block = op.getGroupsPerFactor() == 1
                    ? group
                    : arith::DivUIOp::create(b, b.loc, group, ofFactor);
  // A token that is not there is the last one: nobody stores its sums.
  auto load = [&](Value from, Value token, Value column) -> Value {
    Value memory = mapping.lookup(from);
    if (cast<MemRefType>(memory.getType()).isDynamicDim(0)) {
      Value count = memref::DimOp::create(b, b.loc, memory, 0);
      Value last = arith::SubIOp::create(
          b, b.loc, count, arith::ConstantIndexOp::create(b, b.loc, 1));
      token = arith::MinUIOp::create(b, b.loc, token, last);
    }
    return memref::LoadOp::create(b, b.loc, memory, ValueRange{token, column});
  };
  // Of 32 tokens one in each lane: places of all would take registers.
  auto loadAll = [&](Value from, Value column) {
    Words loaded;
    if (from && isOne)
      loaded.push_back(
          load(from, arith::ConstantIndexOp::create(b, b.loc, 0), column));
    else if (from)
      for (int64_t first = 0; first < kernel.getTokens(); first += kLanes)
        loaded.push_back(
            load(from, b.toIndex(b.add(b.getLane(), first)), column));
    return loaded;
  };
  auto getOf = [&](const Words &loaded, int64_t n, int64_t j) -> Value {
    if (loaded.empty() || isOne)
      return loaded.empty() ? Value() : loaded[0];
    Value lane = b.add(b.mul(pair, 2), 8 * n % kLanes + j);
    return b.shuffle(loaded[8 * n / kLanes], lane);
  };
  Words excesses = loadAll(op.getCodeSums(), group);
  Words factors = loadAll(op.getFactors(), block);
  Words terms(sums.size());
  for (int64_t n = 0; n < tokenTiles; ++n)
    for (int64_t j = 0; j < 2; ++j) {
      if (isOne && j)
        continue;
      Value excess = getOf(excesses, n, j), factor = getOf(factors, n, j);
      for (auto [row, scale] : llvm::enumerate(scales)) {
        int64_t at = kWords * (tokenTiles * (row / 2) + n) + 2 * (row % 2) + j;
        Value sum = sums[at];
        if (excess)
          sum = arith::SubIOp::create(b, b.loc, sum, excess);
        Value term = arith::SIToFPOp::create(b, b.loc, b.getF32Type(), sum);
        term = arith::MulFOp::create(b, b.loc, term, scale);
        if (factor)
          term = arith::MulFOp::create(b, b.loc, term, factor);
        terms[at] = term;
      }
    }
  // Other tokens than the one have none.
  for (Value &term : terms)
    if (!term)
      term = b.f32Zero();
  return terms;
}

//===----------------------------------------------------------------------===//
// Terms in shared memory
//===----------------------------------------------------------------------===//

/// One token has sums in every fourth lane alone, two of them.
static bool isNarrow(MmaAttr kernel) { return kernel.getTokens() == 1; }

Value LaneRewriter::getTerms(MmaAttr kernel, int64_t slots) {
  if (isNarrow(kernel))
    return getExchange({slots, 2, kLanes / 4}, b.getF32Type());
  return getExchange({slots, kWords * kernel.countTokenTiles(), kLanes},
                     b.getF32Type());
}

void LaneRewriter::storeTerms(MmaAttr kernel, Value memory, Value slot,
                              const Words &terms) {
  OpBuilder::InsertionGuard guard(b);
  Value lane = b.getLane();
  int64_t step = isNarrow(kernel) ? 2 : 1;
  if (isNarrow(kernel)) {
    auto branch = scf::IfOp::create(b, b.loc, b.isEqual(b.rem(lane, 4), 0),
                                    /*withElseRegion=*/false);
    b.setInsertionPointToStart(branch.thenBlock());
    lane = b.div(lane, 4);
  }
  for (size_t i = 0; i < terms.size(); i += step) {
    Value word = arith::ConstantIndexOp::create(b, b.loc, i / step);
    memref::StoreOp::create(b, b.loc, terms[i], memory,
                            ValueRange{b.toIndex(slot), word, b.toIndex(lane)});
  }
}

/// The first warps have a tile of tokens each. A term that is not there is
/// +0, which changes no sum that began with it.
Words LaneRewriter::addTerms(MmaAttr kernel, Value memory,
                             const Words &totals) {
  int64_t tiles = kernel.countTokenTiles();
  int64_t step = isNarrow(kernel) ? 2 : 1;
  int64_t slots = cast<MemRefType>(memory.getType()).getDimSize(0);
  SmallVector<Type> types(totals.size(), b.getF32Type());
  auto branch =
      scf::IfOp::create(b, b.loc, types, b.isThreadBelow(tiles * kLanes),
                        /*addThenBlock=*/true, /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, b.loc, totals);
  b.setInsertionPointToStart(branch.thenBlock());
  Value first = b.mul(b.getWarp(), isNarrow(kernel) ? 0 : kWords);
  Value lane = b.getLane();
  if (isNarrow(kernel))
    lane = b.div(lane, 4);
  Words sums = totals;
  for (int64_t slot = 0; slot < slots; ++slot)
    for (size_t i = 0; i < sums.size(); i += step) {
      Value number = arith::ConstantIndexOp::create(b, b.loc, slot);
      Value term = memref::LoadOp::create(
          b, b.loc, memory,
          ValueRange{number, b.toIndex(b.add(first, i / step)),
                     b.toIndex(lane)});
      sums[i] = arith::AddFOp::create(b, b.loc, sums[i], term);
    }
  scf::YieldOp::create(b, b.loc, sums);
  return llvm::to_vector_of<Value>(branch.getResults());
}
