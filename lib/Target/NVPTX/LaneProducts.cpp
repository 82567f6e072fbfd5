//===- LaneProducts.cpp - Loops over the steps of a product ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Of a few tokens, warps of a block take a stretch of the columns each: sums
// are exact in any order. Of many, they take rows of their own, and codes come
// by way of shared memory.
//
//===----------------------------------------------------------------------===//

#include "LaneRewriter.h"
#include "MmaSteps.h"

#include "tern/Dialect/Tern/IR/Launches.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace tern;
using namespace tern::nvptx;

/// Steps whose weights are on their way together: 16 registers of a lane.
static int64_t countAhead(MmaAttr kernel) { return kernel.getBytes() ? 2 : 4; }

MmaOp nvptx::findSteps(scf::ForOp loop) {
  if (loop.getNumResults() != 1)
    return {};
  MmaOp found;
  for (Operation &op : loop.getBody()->without_terminator()) {
    if (auto product = dyn_cast<MmaOp>(op)) {
      if (found)
        return {};
      found = product;
    } else if (op.getNumRegions() || !isMemoryEffectFree(&op)) {
      return {};
    }
  }
  bool carries = found && found.getSums() == loop.getRegionIterArg(0) &&
                 loop.getYieldedValues()[0] == found.getResult();
  return carries ? found : MmaOp();
}

bool nvptx::hasBlockProduct(Operation *op) {
  return op
      ->walk([](MmaOp product) {
        return product.getKernel().isOfBlock() ? WalkResult::interrupt()
                                               : WalkResult::advance();
      })
      .wasInterrupted();
}

bool nvptx::areStored(Value sums) {
  return llvm::all_of(sums.getUsers(), [](Operation *user) {
    if (auto product = dyn_cast<MmaOp>(user))
      return areStored(product.getResult());
    return isa<MicroStoreOp>(user);
  });
}

SmallVector<Value> LaneRewriter::getIndices(ValueRange indices) {
  return llvm::map_to_vector(
      indices, [&](Value index) { return mapping.lookup(index); });
}

/// Of the step that the loop's variable is mapped to.
void LaneRewriter::cloneIndices(Block &body) {
  for (Operation &op : body.without_terminator())
    if (!isa<MmaOp, MicroScaleOp>(op) && !op.getNumRegions() &&
        llvm::none_of(op.getResultTypes(), isWide))
      b.clone(op, mapping);
}

//===----------------------------------------------------------------------===//
// Steps by warps
//===----------------------------------------------------------------------===//

/// One step, which warps that share the columns leave to the first one.
LogicalResult LaneRewriter::rewriteMma(MmaOp op) {
  Value held = getHeld(op.getSums());
  if (!held || (isOfBlock && op.getKernel().isOfBlock()))
    return failure();
  Words sums = splitWords(b, held);
  MmaSteps steps(b, op);
  auto add = [&] {
    Words factors = steps.makeFactors(steps.loadWeights(
        mapping.lookup(op.getWeights()), getIndices(op.getWeightIndices())));
    for (int64_t n = 0; n < op.getKernel().countTokenTiles(); ++n)
      steps.multiply(factors,
                     steps.loadCodes(mapping.lookup(op.getCodes()),
                                     getIndices(op.getCodeIndices()), 8 * n),
                     n, sums);
  };
  beforeLoad();
  if (!isOfBlock || !areStored(op.getResult())) {
    add();
    setHeld(op, b.join(sums));
    return success();
  }
  SmallVector<Type> types(sums.size(), b.getI32Type());
  auto branch = scf::IfOp::create(b, b.loc, types, b.isThreadBelow(kLanes),
                                  /*addThenBlock=*/true,
                                  /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, b.loc, sums);
  b.setInsertionPointToStart(branch.thenBlock());
  add();
  scf::YieldOp::create(b, b.loc, sums);
  b.setInsertionPointAfter(branch);
  setHeld(op, b.join(llvm::to_vector_of<Value>(branch.getResults())));
  return success();
}

std::optional<StepStretch> StepStretch::of(scf::ForOp loop, int64_t warps) {
  MmaOp op = findSteps(loop);
  std::optional<int64_t> first = getConstantIntValue(loop.getLowerBound()),
                         last = getConstantIntValue(loop.getUpperBound());
  if (!op || !first || !last || getConstantIntValue(loop.getStep()) != 1)
    return std::nullopt;
  StepStretch stretch = {*first, *last, warps, 0};
  stretch.ahead = std::min(countAhead(op.getKernel()), stretch.most());
  return stretch;
}

std::pair<Value, Value> StepStretch::getBounds(WarpBuilder &b) const {
  Value warp = warps > 1 ? b.getWarp() : b.i32(0);
  auto boundOf = [&](Value number) {
    return b.add(b.div(b.mul(number, last - first), warps), first);
  };
  return {boundOf(warp), boundOf(b.add(warp, 1))};
}

/// A stretch of the steps, so many at a time that loads are on their way
/// together. Weights of steps behind the last one count as zeros.
LogicalResult LaneRewriter::rewriteSteps(scf::ForOp loop, MmaOp op) {
  bool isSplit = isOfBlock && areStored(loop.getResult(0));
  std::optional<StepStretch> stretch =
      StepStretch::of(loop, isSplit ? b.countWarps() : 1);
  Value held = getHeld(loop.getInitArgs()[0]);
  if (!held || !stretch)
    return failure();
  MmaAttr kernel = op.getKernel();
  if (!isOfBlock)
    beforeLoad();
  int64_t most = stretch->most(), least = stretch->least();
  int64_t ahead = stretch->ahead;
  auto [from, end] = stretch->getBounds(b);
  Value to = end;
  Words sums = splitWords(b, held);
  MmaSteps steps(b, op);

  auto addSteps = [&](Value at, Words &sums) {
    SmallVector<Words> weights;
    SmallVector<SmallVector<Value>> codes;
    for (int64_t u = 0; u < ahead; ++u) {
      Value step = b.add(at, u);
      bool isSure =
          most <= ahead ? u < least : most == least && most % ahead == 0;
      Value isThere;
      if (!isSure) {
        isThere = arith::CmpIOp::create(b, b.loc, arith::CmpIPredicate::ult,
                                        step, to);
        step = arith::MinUIOp::create(b, b.loc, step, b.i32(stretch->last - 1));
      }
      mapping.map(loop.getInductionVar(), b.toIndex(step));
      cloneIndices(*loop.getBody());
      weights.push_back(steps.loadWeights(mapping.lookup(op.getWeights()),
                                          getIndices(op.getWeightIndices())));
      codes.push_back(getIndices(op.getCodeIndices()));
      if (!isSure)
        for (Value &word : weights.back())
          word = arith::SelectOp::create(b, b.loc, isThere, word, b.i32(0));
    }
    for (int64_t u = 0; u < ahead; ++u) {
      Words factors = steps.makeFactors(weights[u]);
      for (int64_t n = 0; n < kernel.countTokenTiles(); ++n)
        steps.multiply(
            factors,
            steps.loadCodes(mapping.lookup(op.getCodes()), codes[u], 8 * n), n,
            sums);
    }
  };

  if (most <= ahead) {
    addSteps(from, sums);
  } else {
    auto made = scf::ForOp::create(b, b.loc, from, to, b.i32(ahead), sums);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(made.getBody());
    Words inner = llvm::to_vector_of<Value>(made.getRegionIterArgs());
    addSteps(made.getInductionVar(), inner);
    scf::YieldOp::create(b, b.loc, inner);
    sums = llvm::to_vector_of<Value>(made.getResults());
  }
  setHeld(loop.getResult(0), b.join(sums));
  return success();
}

//===----------------------------------------------------------------------===//
// Blocks of many tokens
//===----------------------------------------------------------------------===//

/// Each warp has rows of its own, one of `units` from number `first` on. Those
/// behind the last unit compute it too, and store nothing.
Value LaneRewriter::takeUnit(Value first, int64_t units) {
  Value unit = b.add(first, b.getWarp());
  if (units % b.countWarps())
    isOfWarp = arith::CmpIOp::create(b, b.loc, arith::CmpIPredicate::ult, unit,
                                     b.i32(units));
  blocks = llvm::divideCeil(units, b.countWarps());
  return b.toIndex(arith::MinUIOp::create(b, b.loc, unit, b.i32(units - 1)));
}

/// The number of a block, or of the unit that a warp has where a block is of
/// several and has no loop over them.
LogicalResult LaneRewriter::rewriteBlockNumber(WorkerIndexOp op) {
  Value number = b.readRegister("ctaid.x");
  auto kernel = op->getParentOfType<func::FuncOp>();
  bool hasLoop = llvm::any_of(op.getResult().getUses(), [](OpOperand &use) {
    auto loop = dyn_cast<scf::ForOp>(use.getOwner());
    return loop && loop.getLowerBound() == use.get();
  });
  bool isUnit = isOfBlock && !hasLoop && hasBlockProduct(kernel);
  if (isUnit && isOfWarp)
    return failure();
  mapping.map(op.getResult(), isUnit ? takeUnit(b.mul(number, b.countWarps()),
                                                tern::getBlocks(kernel))
                                     : b.toIndex(number));
  return success();
}

LogicalResult LaneRewriter::rewriteUnits(scf::ForOp loop) {
  std::optional<int64_t> units = getConstantIntValue(loop.getUpperBound());
  if (!units || isOfWarp || loop.getNumResults())
    return failure();
  int64_t warps = b.countWarps();
  Value block = b.mul(b.readRegister("ctaid.x"), warps);
  auto made =
      scf::ForOp::create(b, loop.getLoc(), block, b.i32(*units),
                         b.i32(llvm::divideCeil(*units, warps) * warps));
  OpBuilder::InsertionGuard guard(b);
  made.getBody()->back().erase();
  b.setInsertionPointToEnd(made.getBody());
  mapping.map(loop.getInductionVar(), takeUnit(made.getInductionVar(), *units));
  LogicalResult result = rewriteBlock(*loop.getBody());
  isOfWarp = Value();
  return result;
}

/// Blocks along the second dimension of the grid have tokens of their own.
LogicalResult LaneRewriter::rewriteTokens(scf::ForOp loop) {
  std::optional<int64_t> step = getConstantIntValue(loop.getStep());
  if (!step || loop.getNumResults())
    return failure();
  tokensOfBlock = *step;
  Value first = b.mul(b.readRegister("ctaid.y"), *step);
  Value all = b.mul(b.readRegister("nctaid.y"), *step);
  auto made =
      scf::ForOp::create(b, loop.getLoc(), b.toIndex(first),
                         mapping.lookup(loop.getUpperBound()), b.toIndex(all));
  OpBuilder::InsertionGuard guard(b);
  made.getBody()->back().erase();
  b.setInsertionPointToEnd(made.getBody());
  mapping.map(loop.getInductionVar(), made.getInductionVar());
  return rewriteBlock(*loop.getBody());
}

/// Codes of a step, for all warps, and the place that they have while those of
/// two later ones are on their way. 16 bytes behind a row keep lanes off each
/// other's banks.
LogicalResult LaneRewriter::rewriteStaged(scf::ForOp loop, MmaOp op,
                                          const GroupLoop *groups) {
  constexpr int64_t kStages = 3;
  MmaAttr kernel = op.getKernel();
  int64_t columns = kernel.getColumns(), pitch = columns + 16;
  std::optional<int64_t> first = getConstantIntValue(loop.getLowerBound()),
                         last = getConstantIntValue(loop.getUpperBound());
  int64_t ofGroup = groups ? groups->stepsOfGroup : 1;
  if (last)
    *last *= ofGroup;
  Value held = getHeld(loop.getInitArgs()[0]);
  if (!held || !isOfBlock || first != 0 || !last || op.getWidth() != columns ||
      getConstantIntValue(loop.getStep()) != 1)
    return failure();
  int64_t tokens = kernel.getTokens();
  auto type = MemRefType::get({kStages * tokens, pitch}, b.getI8Type(),
                              MemRefLayoutAttrInterface(),
                              b.getI64IntegerAttr(kSharedSpace));
  auto function = loop->getParentOfType<func::FuncOp>();
  std::string name = (function.getName() + "_codes").str();
  Value stages = b.allocateShared(type, name);
  MmaSteps steps(b, op);
  auto atStep = [&](Value step) {
    if (groups) {
      Value count = arith::ConstantIndexOp::create(b, b.loc, ofGroup);
      enterGroup(*groups, arith::DivUIOp::create(b, b.loc, step, count));
      enterStep(*groups, arith::RemUIOp::create(b, b.loc, step, count));
      return;
    }
    mapping.map(loop.getInductionVar(), step);
    cloneIndices(*loop.getBody());
  };
  auto copy = [&](Value step, Value stage) {
    atStep(step);
    Value memory = mapping.lookup(op.getCodes());
    unsigned dimension = cast<MemRefType>(memory.getType()).getRank() - 2;
    Value count = memref::DimOp::create(b, b.loc, memory, dimension);
    Value row = b.toIndex(b.mul(stage, tokens));
    Value zero = arith::ConstantIndexOp::create(b, b.loc, 0);
    copyRows(memory, getIndices(op.getCodeIndices()), stages, {row, zero},
             tokens, columns, count);
  };
  auto loadWeights = [&](Value step) {
    atStep(step);
    return steps.loadWeights(mapping.lookup(op.getWeights()),
                             getIndices(op.getWeightIndices()));
  };

  // The last tokens' codes were read, and the run's were written.
  b.barrier();
  for (int64_t s = 0; s + 1 < kStages; ++s) {
    if (s < *last)
      copy(arith::ConstantIndexOp::create(b, b.loc, s), b.i32(s));
    b.commitCopies();
  }
  // Totals of groups, and behind them the sums of one.
  Words carried = groups ? splitParts(b, held) : splitWords(b, held);
  size_t totalCount = groups ? carried.size() : 0;
  if (groups)
    carried.append(carried.size(), b.i32(0));
  size_t sumCount = carried.size();
  carried.append(loadWeights(arith::ConstantIndexOp::create(b, b.loc, 0)));
  auto made =
      scf::ForOp::create(b, b.loc, b.i32(0), b.i32(*last), b.i32(1), carried);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(made.getBody());
    Value step = made.getInductionVar();
    auto arguments = llvm::to_vector_of<Value>(made.getRegionIterArgs());
    Words totals(ArrayRef(arguments).take_front(totalCount));
    Words sums(ArrayRef(arguments).slice(totalCount, sumCount - totalCount));
    Words weights(ArrayRef(arguments).drop_front(sumCount));
    Value next =
        arith::MinUIOp::create(b, b.loc, b.add(step, 1), b.i32(*last - 1));
    Words ahead = loadWeights(b.toIndex(next));
    b.waitForCopies(kStages - 2);
    b.barrier();
    Value later = b.add(step, kStages - 1);
    Value isThere = arith::CmpIOp::create(b, b.loc, arith::CmpIPredicate::ult,
                                          later, b.i32(*last));
    auto branch = scf::IfOp::create(b, b.loc, isThere, false);
    b.setInsertionPointToStart(branch.thenBlock());
    copy(b.toIndex(later), b.rem(later, kStages));
    b.setInsertionPointAfter(branch);
    b.commitCopies();
    Words factors = steps.makeFactors(weights);
    Value row =
        b.add(b.mul(b.rem(step, kStages), tokens), b.div(b.getLane(), 4));
    Value byte = b.toIndex(b.mul(b.rem(b.getLane(), 4), steps.countCodes()));
    for (int64_t n = 0; n < kernel.countTokenTiles(); ++n)
      steps.multiply(
          factors, steps.loadShared(stages, b.toIndex(b.add(row, 8 * n)), byte),
          n, sums);
    if (groups)
      addGroup(*groups, step, totals, sums);
    totals.append(sums);
    totals.append(ahead);
    scf::YieldOp::create(b, b.loc, totals);
  }
  auto results = llvm::to_vector_of<Value>(made.getResults());
  setHeld(loop.getResult(0),
          b.join(ArrayRef(results).take_front(groups ? totalCount : sumCount)));
  return success();
}
