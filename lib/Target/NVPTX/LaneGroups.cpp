//===- LaneGroups.cpp - Products with scales of groups --------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Terms are floats, added by rising group. Warps that share the columns take
// groups each, whose terms lie in shared memory until one warp adds those of a
// tile of tokens.
//
//===----------------------------------------------------------------------===//

#include "LaneRewriter.h"
#include "MmaSteps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace tern;
using namespace tern::nvptx;

static constexpr int64_t kWords = MmaSteps::kWords;

std::optional<GroupLoop> GroupLoop::of(scf::ForOp loop) {
  std::optional<int64_t> count = getConstantIntValue(loop.getUpperBound());
  if (loop.getNumResults() != 1 || !count ||
      getConstantIntValue(loop.getLowerBound()) != 0 ||
      getConstantIntValue(loop.getStep()) != 1)
    return std::nullopt;
  GroupLoop found;
  found.loop = loop;
  found.groups = *count;
  for (Operation &op : loop.getBody()->without_terminator()) {
    if (auto scale = dyn_cast<MicroScaleOp>(op)) {
      if (found.scale)
        return std::nullopt;
      found.scale = scale;
    } else if (auto steps = dyn_cast<scf::ForOp>(op)) {
      found.steps = steps;
      found.product = findSteps(steps);
    } else if (auto product = dyn_cast<MmaOp>(op)) {
      found.product = product;
    } else if (op.getNumRegions() || !isMemoryEffectFree(&op)) {
      return std::nullopt;
    }
  }
  if (!found.scale || !found.product ||
      found.scale.getTotal() != loop.getRegionIterArg(0) ||
      loop.getYieldedValues()[0] != found.scale.getResult())
    return std::nullopt;
  if (found.steps) {
    std::optional<APInt> steps = found.steps.getStaticTripCount();
    if (!steps || found.scale.getFragment() != found.steps.getResult(0))
      return std::nullopt;
    found.stepsOfGroup = steps->getSExtValue();
  }
  return found;
}

/// As many as are on their way together in a product without groups, and no
/// more than the last round leaves. Terms of many tokens need memory.
GroupShare::GroupShare(const GroupLoop &loop, int64_t warps) : warps(warps) {
  int64_t tokens = MmaOp(loop.product).getKernel().getTokens();
  int64_t ofOne = MmaOp(loop.product).getKernel().getColumns() == 128 ? 4 : 8;
  int64_t most = tokens == 1 ? ofOne : 2;
  most = std::max<int64_t>(most / loop.stepsOfGroup, 1);
  int64_t rounds = llvm::divideCeil(loop.groups, most * warps);
  ahead = llvm::divideCeil(loop.groups, rounds * warps);
}

//===----------------------------------------------------------------------===//
// Groups by rows
//===----------------------------------------------------------------------===//

/// Behind the last step of a group (`step`, an i32, is one of all), its terms
/// are added to `totals`, and `sums` begin again.
void LaneRewriter::addGroup(const GroupLoop &groups, Value step, Words &totals,
                            Words &sums) {
  int64_t steps = groups.stepsOfGroup;
  auto add = [&] {
    enterGroup(groups, b.toIndex(b.div(step, steps)));
    Words terms = scaleSums(groups.scale, sums), next;
    for (auto [total, term] : llvm::zip_equal(totals, terms))
      next.push_back(arith::AddFOp::create(b, b.loc, total, term));
    next.append(sums.size(), b.i32(0));
    return next;
  };
  Words next;
  if (steps == 1) {
    next = add();
  } else {
    Words all = totals;
    all.append(sums);
    auto branch = scf::IfOp::create(b, b.loc, ValueRange(all).getTypes(),
                                    b.isEqual(b.rem(step, steps), steps - 1),
                                    /*addThenBlock=*/true,
                                    /*addElseBlock=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(b, b.loc, all);
    b.setInsertionPointToStart(branch.thenBlock());
    scf::YieldOp::create(b, b.loc, add());
    next = llvm::to_vector_of<Value>(branch.getResults());
  }
  size_t count = totals.size();
  totals.assign(next.begin(), next.begin() + count);
  sums.assign(next.begin() + count, next.end());
}

//===----------------------------------------------------------------------===//
// Groups by warps
//===----------------------------------------------------------------------===//

/// Maps what is needed of a group, or of a step of it.
void LaneRewriter::enterGroup(const GroupLoop &groups, Value group) {
  mapping.map(scf::ForOp(groups.loop).getInductionVar(), group);
  cloneIndices(*scf::ForOp(groups.loop).getBody());
}
void LaneRewriter::enterStep(const GroupLoop &groups, Value step) {
  if (!groups.steps)
    return;
  mapping.map(scf::ForOp(groups.steps).getInductionVar(), step);
  cloneIndices(*scf::ForOp(groups.steps).getBody());
}

/// Sums of groups that are taken together, each an index. Weights of all are
/// on their way before the first ones are taken.
SmallVector<Words> LaneRewriter::sumGroups(const GroupLoop &groups,
                                           ArrayRef<Value> numbers) {
  MmaOp op = groups.product;
  MmaAttr kernel = op.getKernel();
  MmaSteps steps(b, op);
  int64_t tiles = kernel.countTokenTiles();
  auto index = [&](int64_t number) -> Value {
    return arith::ConstantIndexOp::create(b, b.loc, number);
  };
  auto load = [&] {
    return steps.loadWeights(mapping.lookup(op.getWeights()),
                             getIndices(op.getWeightIndices()));
  };
  auto add = [&](const Words &weights, ArrayRef<Value> place, Words &sums) {
    Words factors = steps.makeFactors(weights);
    for (int64_t n = 0; n < tiles; ++n)
      steps.multiply(
          factors, steps.loadCodes(mapping.lookup(op.getCodes()), place, 8 * n),
          n, sums);
  };
  SmallVector<Words> all(
      numbers.size(), Words(kWords * tiles * kernel.countFields(), b.i32(0)));
  constexpr int64_t kUnrolled = 4;
  if (groups.stepsOfGroup <= kUnrolled) {
    SmallVector<Words> weights;
    SmallVector<SmallVector<Value>> codes;
    for (Value number : numbers) {
      enterGroup(groups, number);
      for (int64_t s = 0; s < groups.stepsOfGroup; ++s) {
        enterStep(groups, index(s));
        weights.push_back(load());
        codes.push_back(getIndices(op.getCodeIndices()));
      }
    }
    for (size_t i = 0; i < weights.size(); ++i)
      add(weights[i], codes[i], all[i / groups.stepsOfGroup]);
  } else {
    for (auto [number, sums] : llvm::zip_equal(numbers, all)) {
      enterGroup(groups, number);
      auto loop = scf::ForOp::create(
          b, b.loc, index(0), index(groups.stepsOfGroup), index(1), sums);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      Words inner = llvm::to_vector_of<Value>(loop.getRegionIterArgs());
      enterStep(groups, loop.getInductionVar());
      add(load(), getIndices(op.getCodeIndices()), inner);
      scf::YieldOp::create(b, b.loc, inner);
      sums = llvm::to_vector_of<Value>(loop.getResults());
    }
  }
  for (Words &sums : all)
    sums = addFields(b, kernel, sums);
  return all;
}

LogicalResult LaneRewriter::rewriteGroups(const GroupLoop &groups) {
  scf::ForOp loop = groups.loop;
  MmaOp op = groups.product;
  MmaAttr kernel = op.getKernel();
  int64_t tiles = kernel.countTokenTiles();
  if (!areStored(loop.getResult(0)) || kernel.countRowTiles() != 1)
    return failure();
  int64_t warps = isOfBlock ? b.countWarps() : 1;
  if (isOfBlock && tiles > warps)
    return failure();
  if (!isOfBlock)
    beforeLoad();
  GroupShare share(groups, warps);
  int64_t slots = share.countSlots();
  bool areAllThere = groups.groups % slots == 0;
  Value terms = isOfBlock ? getTerms(kernel, slots) : Value();
  Words totals(isOfBlock ? kWords : kWords * tiles, b.f32Zero());

  auto addRound = [&](Value round, Words totals) -> Words {
    Value own = b.add(round, b.mul(b.getWarp(), share.ahead));
    SmallVector<Value> numbers, areThere;
    for (int64_t u = 0; u < share.ahead; ++u) {
      Value group = b.add(own, u), isThere;
      if (!areAllThere) {
        isThere = arith::CmpIOp::create(b, b.loc, arith::CmpIPredicate::ult,
                                        group, b.i32(groups.groups));
        group =
            arith::MinUIOp::create(b, b.loc, group, b.i32(groups.groups - 1));
      }
      numbers.push_back(b.toIndex(group));
      areThere.push_back(isThere);
    }
    SmallVector<Words> all = sumGroups(groups, numbers);
    for (auto [number, isThere, ofGroup] :
         llvm::zip_equal(numbers, areThere, all)) {
      enterGroup(groups, number);
      ofGroup = scaleSums(groups.scale, ofGroup);
      if (isThere)
        for (Value &term : ofGroup)
          term = arith::SelectOp::create(b, b.loc, isThere, term, b.f32Zero());
    }
    if (!terms) {
      for (const Words &ofGroup : all)
        for (auto [total, term] : llvm::zip_equal(totals, ofGroup))
          total = arith::AddFOp::create(b, b.loc, total, term);
      return totals;
    }
    b.barrier(); // Terms of the round before were added.
    for (auto [u, ofGroup] : llvm::enumerate(all))
      storeTerms(kernel, terms,
                 b.add(b.mul(b.getWarp(), share.ahead), int64_t(u)), ofGroup);
    b.barrier();
    return addTerms(kernel, terms, totals);
  };

  if (groups.groups <= slots) {
    totals = addRound(b.i32(0), totals);
  } else {
    auto made = scf::ForOp::create(b, b.loc, b.i32(0), b.i32(groups.groups),
                                   b.i32(slots), totals);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(made.getBody());
    Words next = addRound(made.getInductionVar(),
                          llvm::to_vector_of<Value>(made.getRegionIterArgs()));
    scf::YieldOp::create(b, b.loc, next);
    totals = llvm::to_vector_of<Value>(made.getResults());
  }
  setHeld(loop.getResult(0), b.join(totals));
  return success();
}
