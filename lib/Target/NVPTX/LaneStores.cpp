//===- LaneStores.cpp - Sums of products to memory ------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From the lanes that have them: of eight tokens and 16 rows, lane 4 g + t has
// tokens 2 t and 2 t + 1 of rows g and g + 8.
//
//===----------------------------------------------------------------------===//

#include "LaneRewriter.h"
#include "MmaSteps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace tern;
using namespace tern::nvptx;

constexpr int64_t kWords = MmaSteps::kWords;

/// Bytes by way of which warps exchange what they have of one tile of rows.
static int64_t countExchanged(func::FuncOp kernel, int64_t warps) {
  int64_t words = 0;
  kernel.walk([&](Operation *inner) {
    int64_t slots = warps;
    auto op = dyn_cast<MmaOp>(inner);
    auto loop = dyn_cast<scf::ForOp>(inner);
    if (std::optional<GroupLoop> groups =
            loop ? GroupLoop::of(loop) : std::nullopt) {
      op = groups->product;
      // Of one token, a lane of eight has two words.
      slots = GroupShare(*groups, warps).countSlots();
      if (op.getKernel().getTokens() == 1)
        slots = llvm::divideCeil(slots, 8);
    }
    if (op && !op.getKernel().isOfBlock())
      words =
          std::max(words, slots * kWords * op.getKernel().countTokenTiles());
  });
  return words * kLanes * 4;
}

/// Of the block, for `shape` elements of `type`: one memory for all products of
/// the kernel, with a barrier in front of what is written next.
Value LaneRewriter::getExchange(ArrayRef<int64_t> shape, Type type) {
  auto function = b.getBlock()->getParent()->getParentOfType<func::FuncOp>();
  if (!exchanged)
    exchanged = countExchanged(source, b.countWarps());
  auto space = b.getI64IntegerAttr(kSharedSpace);
  auto bytes = MemRefType::get({exchanged}, b.getI8Type(),
                               MemRefLayoutAttrInterface(), space);
  Value all = b.allocateShared(bytes, (function.getName() + "_sums").str());
  Value zero = arith::ConstantIndexOp::create(b, b.loc, 0);
  return memref::ViewOp::create(
      b, b.loc,
      MemRefType::get(shape, type, MemRefLayoutAttrInterface(), space), all,
      zero, ValueRange());
}

/// Sums that warps have of their columns each are added by way of shared
/// memory. Returns the tile of tokens that the warp then has, which is none if
/// it is beyond the last one.
Value LaneRewriter::meetWarps(SmallVectorImpl<Value> &sums) {
  int64_t warps = b.countWarps(), tiles = sums.size() / kWords;
  Value memory =
      getExchange({warps, int64_t(sums.size()), kLanes}, b.getI32Type());
  Value lane = b.toIndex(b.getLane()), warp = b.toIndex(b.getWarp());
  auto index = [&](int64_t number) -> Value {
    return arith::ConstantIndexOp::create(b, b.loc, number);
  };
  // Sums of the unit before were read, and these are there.
  b.barrier();
  for (auto [i, sum] : llvm::enumerate(sums))
    memref::StoreOp::create(b, b.loc, sum, memory,
                            ValueRange{warp, index(i), lane});
  b.barrier();
  Value first = b.mul(b.getWarp(), kWords);
  if (tiles < warps)
    first =
        arith::MinUIOp::create(b, b.loc, first, b.i32(kWords * (tiles - 1)));
  sums.clear();
  for (int64_t i = 0; i < kWords; ++i) {
    Value at = b.toIndex(b.add(first, i)), sum;
    for (int64_t w = 0; w < warps; ++w) {
      Value part = memref::LoadOp::create(b, b.loc, memory,
                                          ValueRange{index(w), at, lane});
      sum = sum ? b.add(sum, part) : part;
    }
    sums.push_back(sum);
  }
  return b.getWarp();
}

LogicalResult LaneRewriter::rewriteStore(MicroStoreOp op) {
  auto kernel = dyn_cast<MmaAttr>(op.getKernel());
  Value held = getHeld(op.getFragment());
  bool isSimple = llvm::all_of(
      op.getMaps().getAsValueRange<AffineMapAttr>(), [](AffineMap map) {
        return llvm::all_of(map.getResults(), [](AffineExpr e) {
          return isa<AffineDimExpr, AffineConstantExpr>(e);
        });
      });
  if (!kernel || !held || !isSimple)
    return failure();
  // Scaled sums of groups have met.
  bool areTotals = getElementOf(op.getFragment().getType()).isF32();
  Words sums = areTotals ? splitParts(b, held)
                         : addFields(b, kernel, splitWords(b, held));
  int64_t tiles = kernel.countTokenTiles();
  if (isOfBlock && !kernel.isOfBlock()) {
    if (tiles > b.countWarps())
      return failure();
    Value tile = areTotals ? b.getWarp() : meetWarps(sums);
    auto branch = scf::IfOp::create(b, b.loc, b.isThreadBelow(tiles * kLanes),
                                    /*withElseRegion=*/false);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(branch.thenBlock());
      storeTile(op, tile, sums);
    }
    hasRead = hasWritten = true;
    return success();
  }
  if (!isOfBlock)
    beforeStore();
  OpBuilder::InsertionGuard guard(b);
  scf::IfOp branch;
  if (isOfWarp) {
    branch = scf::IfOp::create(b, b.loc, isOfWarp, /*withElseRegion=*/false);
    b.setInsertionPointToStart(branch.thenBlock());
  }
  for (int64_t n = 0; n < tiles; ++n) {
    Words ofTile;
    for (int64_t r = 0; r < kernel.countRowTiles(); ++r)
      ofTile.append(
          Words(ArrayRef(sums).slice(kWords * (tiles * r + n), kWords)));
    storeTile(op, b.i32(n), ofTile);
  }
  hasRead = hasWritten = true;
  return success();
}

/// Two tokens of two rows in each tile of rows.
void LaneRewriter::storeTile(MicroStoreOp op, Value tile,
                             ArrayRef<Value> sums) {
  Value group = b.div(b.getLane(), 4), pair = b.rem(b.getLane(), 4);
  SmallVector<Value> rows;
  for (size_t i = 0; i < sums.size() / 2; ++i)
    rows.push_back(b.toIndex(b.add(group, 8 * i)));
  Value init = mapping.lookup(op.getInit());
  auto type = cast<MemRefType>(init.getType());
  auto kernel = cast<MmaAttr>(op.getKernel());
  bool isOne = kernel.getTokens() == 1;
  for (int64_t j = 0; j < (isOne ? 1 : 2); ++j) {
    OpBuilder::InsertionGuard guard(b);
    Value token = b.toIndex(b.add(b.add(b.mul(tile, 8), b.mul(pair, 2)), j));
    if (type.getDimSize(0) != 8 * kernel.countTokenTiles()) {
      Value count = memref::DimOp::create(b, b.loc, init, 0);
      Value isThere = arith::CmpIOp::create(b, b.loc, arith::CmpIPredicate::ult,
                                            token, count);
      auto branch = scf::IfOp::create(b, b.loc, isThere,
                                      /*withElseRegion=*/false);
      b.setInsertionPointToStart(branch.thenBlock());
    }
    if (isOne)
      token = arith::ConstantIndexOp::create(b, b.loc, 0);
    SmallVector<Value> ofToken;
    for (size_t i = j; i < sums.size(); i += 2)
      ofToken.push_back(sums[i]);
    storeElements(op, token, rows, ofToken);
  }
}

/// All are read before the first one is written.
void LaneRewriter::storeElements(MicroStoreOp op, Value token,
                                 ArrayRef<Value> rows, ArrayRef<Value> sums) {
  SmallVector<Value> results;
  Value excess;
  if (op.getCodeSums()) {
    Value zero = arith::ConstantIndexOp::create(b, b.loc, 0);
    excess = memref::LoadOp::create(b, b.loc, mapping.lookup(op.getCodeSums()),
                                    ValueRange{token, zero});
  }
  Block &body = op.getBody().front();
  for (auto [row, sum] : llvm::zip_equal(rows, sums)) {
    Value net = sum;
    if (excess)
      net = arith::SubIOp::create(b, b.loc, sum, excess);
    mapping.map(body.getArgument(0), net);
    for (auto [input, map, argument] : llvm::zip_equal(
             op.getInputs(), op.getMaps().getAsValueRange<AffineMapAttr>(),
             body.getArguments().drop_front())) {
      SmallVector<Value> place;
      for (AffineExpr e : map.getResults()) {
        if (auto dim = dyn_cast<AffineDimExpr>(e))
          place.push_back(dim.getPosition() ? row : token);
        else
          place.push_back(arith::ConstantIndexOp::create(
              b, b.loc, cast<AffineConstantExpr>(e).getValue()));
      }
      Value element =
          memref::LoadOp::create(b, b.loc, mapping.lookup(input), place);
      mapping.map(argument, element);
    }
    for (Operation &inner : body.without_terminator())
      b.clone(inner, mapping);
    results.push_back(mapping.lookupOrDefault(op.getYield().getValue()));
  }
  Value init = mapping.lookup(op.getInit());
  for (auto [row, result] : llvm::zip_equal(rows, results))
    memref::StoreOp::create(b, b.loc, result, init, ValueRange{token, row});
}
