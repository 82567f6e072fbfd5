//===- LaunchSteps.cpp - What a launch on a device may do at once ---------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaunchSteps.h"

#include "TokenRows.h"

#include "tern/Dialect/Tern/IR/Launches.h"
#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetOperations.h"

using namespace mlir;
using namespace tern;

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

/// True for an operation on a few rows, that is, a number that is known.
static bool isRun(Operation *op) {
  auto kernel = dyn_cast<KernelOpInterface>(op);
  if (!isa<linalg::LinalgOp, memref::CopyOp>(op) &&
      !(kernel && kernel.isBufferForm() && kernel.isRowWise()))
    return false;
  return op->getNumResults() == 0 &&
         llvm::all_of(op->getOperandTypes(), [](Type type) {
           auto memory = dyn_cast<MemRefType>(type);
           return !memory || memory.hasStaticShape();
         });
}

static bool hasOneRow(Value rows) {
  return cast<ShapedType>(rows.getType()).getDimSize(0) == 1;
}

static LaunchStep::Kind classify(Operation *op) {
  if (auto append = dyn_cast<KVAppendOp>(op))
    return hasOneRow(append.getKeys()) ? LaunchStep::Heads : LaunchStep::Other;
  if (auto attention = dyn_cast<AttentionOp>(op)) {
    auto when = op->getAttrOfType<StringAttr>(kWhenAttr);
    bool isLong = when && when == kWhenLong;
    return hasOneRow(attention.getQuery()) && !isLong ? LaunchStep::Heads
                                                      : LaunchStep::Other;
  }
  if (isa<MatmulOp, LmHeadOp>(op))
    return LaunchStep::Product;
  if (auto loop = dyn_cast<scf::ParallelOp>(op))
    return loop.getNumLoops() == 1 && loop.getNumReductions() == 0
               ? LaunchStep::Loop
               : LaunchStep::Other;
  return isRun(op) ? LaunchStep::Run : LaunchStep::Other;
}

/// `value` without casts to other shapes.
static Value skipReshapes(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<memref::ExpandShapeOp, memref::CollapseShapeOp, memref::CastOp>(
            op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

/// The buffer that `op` writes in all places and does not read, as far as is
/// seen from `operand`; null if there is none.
static Value getFilled(OpOperand &operand) {
  Operation *op = operand.getOwner();
  Value buffer = skipReshapes(operand.get());
  if (auto kernel = dyn_cast<KernelOpInterface>(op))
    return llvm::is_contained(kernel.getOuts(), operand.get()) ? buffer
                                                               : Value();
  if (auto copy = dyn_cast<memref::CopyOp>(op))
    return &operand == &copy.getTargetMutable() ? buffer : Value();
  auto generic = dyn_cast<linalg::LinalgOp>(op);
  bool isFilled = generic && generic.isDpsInit(&operand) &&
                  !generic.payloadUsesValueFromOperand(&operand) &&
                  generic.getNumParallelLoops() == generic.getNumLoops() &&
                  generic.getMatchingIndexingMap(&operand).isPermutation();
  return isFilled ? buffer : Value();
}

LaunchStep::LaunchStep(Operation *op) : op(op), kind(classify(op)) {
  std::optional<SmallVector<MemoryEffects::EffectInstance>> effects =
      getEffectsRecursively(op);
  if (!effects || op->getNumResults())
    kind = Other;
  for (const MemoryEffects::EffectInstance &effect :
       effects.value_or(SmallVector<MemoryEffects::EffectInstance>())) {
    Value value = effect.getValue();
    if (!value || !isa<MemRefType>(value.getType()))
      continue;
    Value buffer = getRowBase(value).buffer;
    Operation *maker = buffer.getDefiningOp();
    if (isa_and_nonnull<GetWeightOp>(maker) ||
        op->isAncestor(buffer.getParentBlock()->getParentOp()))
      continue;
    if (isa<MemoryEffects::Read>(effect.getEffect()))
      read.insert(buffer);
    if (isa<MemoryEffects::Write>(effect.getEffect()))
      written.insert(buffer);
  }
  for (OpOperand &operand : op->getOpOperands())
    if (Value buffer = getFilled(operand); buffer && !read.contains(buffer))
      filled.insert(buffer);
  for (Value operand : op->getOperands())
    if (Value buffer = skipReshapes(operand); read.contains(buffer))
      readWhole.insert(buffer);
}

/// True if `op` is done wherever its result is needed, or where it stands.
static bool isFree(Operation *op) {
  return isa<memref::AllocOp, CountReadOp>(op) || isMemoryEffectFree(op);
}

std::vector<LaunchStep> tern::findSteps(func::FuncOp function) {
  std::vector<LaunchStep> steps;
  for (Operation &op : function.getBody().front().without_terminator())
    if (!isFree(&op))
      steps.emplace_back(&op);
  return steps;
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// True if `x` is computed from `i` as `y` is from `j`.
static bool areAlike(Value x, Value y, Value i, Value j) {
  if (x == y || (x == i && y == j))
    return true;
  Operation *a = x.getDefiningOp(), *b = y.getDefiningOp();
  if (!a || !b || a->getName() != b->getName() || a->getNumRegions() ||
      a->getNumResults() != 1 || !isMemoryEffectFree(a) ||
      a->getAttrDictionary() != b->getAttrDictionary() ||
      a->getNumOperands() != b->getNumOperands())
    return false;
  return llvm::all_of(llvm::zip_equal(a->getOperands(), b->getOperands()),
                      [&](auto pair) {
                        auto [u, v] = pair;
                        return areAlike(u, v, i, j);
                      });
}

static bool areAlike(ArrayRef<OpFoldResult> xs, ArrayRef<OpFoldResult> ys,
                     Value i, Value j) {
  return xs.size() == ys.size() &&
         llvm::all_of(llvm::zip_equal(xs, ys), [&](auto pair) {
           auto [x, y] = pair;
           if (isEqualConstantIntOrValue(x, y))
             return true;
           auto u = dyn_cast<Value>(x), v = dyn_cast<Value>(y);
           return u && v && areAlike(u, v, i, j);
         });
}

/// The parts of `buffer` that iterations use; nothing if they use it otherwise.
static std::optional<SmallVector<memref::SubViewOp>>
getParts(scf::ParallelOp loop, Value buffer) {
  SmallVector<memref::SubViewOp> parts;
  WalkResult result = loop.walk([&](Operation *op) {
    for (Value operand : op->getOperands()) {
      if (!isa<MemRefType>(operand.getType()) ||
          getRowBase(operand).buffer != buffer)
        continue;
      auto view = dyn_cast<memref::SubViewOp>(op);
      if (view && operand == buffer)
        parts.push_back(view);
      else if (!loop->isAncestor(operand.getParentBlock()->getParentOp()))
        return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return std::nullopt;
  return parts;
}

/// True if iteration i of both uses one part of `buffer`, and no other.
static bool useSameParts(scf::ParallelOp a, scf::ParallelOp b, Value buffer) {
  std::optional<SmallVector<memref::SubViewOp>> ofA = getParts(a, buffer),
                                                ofB = getParts(b, buffer);
  if (!ofA || !ofB)
    return false;
  Value i = a.getInductionVars()[0], j = b.getInductionVars()[0];
  for (memref::SubViewOp x : *ofA)
    for (memref::SubViewOp y : *ofB)
      if (!areAlike(x.getMixedOffsets(), y.getMixedOffsets(), i, j) ||
          !areAlike(x.getMixedSizes(), y.getMixedSizes(), i, j) ||
          !areAlike(x.getMixedStrides(), y.getMixedStrides(), i, j))
        return false;
  return true;
}

static bool haveSameRange(scf::ParallelOp a, scf::ParallelOp b) {
  auto getRange = [](scf::ParallelOp loop) {
    return SmallVector<OpFoldResult>{
        loop.getLowerBound()[0], loop.getUpperBound()[0], loop.getStep()[0]};
  };
  return areAlike(getRange(a), getRange(b), Value(), Value());
}

/// True if a block may do its iterations of `next` behind those of `step`.
static bool goTogether(const LaunchStep &step, const LaunchStep &next) {
  if (step.kind != next.kind)
    return false;
  // A head's part of the cache is its iteration's.
  if (step.kind == LaunchStep::Heads)
    return llvm::none_of(step.written,
                         [&](Value buffer) { return next.uses(buffer); });
  if (step.kind != LaunchStep::Loop)
    return false;
  auto a = cast<scf::ParallelOp>(step.op), b = cast<scf::ParallelOp>(next.op);
  if (!haveSameRange(a, b))
    return false;
  llvm::SmallDenseSet<Value> changed = step.written;
  llvm::set_union(changed, next.written);
  return llvm::all_of(changed, [&](Value buffer) {
    return !step.uses(buffer) || !next.uses(buffer) ||
           useSameParts(a, b, buffer);
  });
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

/// True if each block may do `run` for itself, and then its part of `loop`.
static bool mayRepeat(ArrayRef<const LaunchStep *> run,
                      const LaunchStep &loop) {
  return llvm::all_of(run, [&](const LaunchStep *step) {
    return llvm::all_of(step->written,
                        [](Value buffer) {
                          return isa_and_nonnull<memref::AllocOp>(
                              buffer.getDefiningOp());
                        }) &&
           llvm::none_of(loop.written,
                         [&](Value buffer) { return step->uses(buffer); });
  });
}

std::vector<Launch> tern::groupSteps(ArrayRef<LaunchStep> steps) {
  std::vector<Launch> launches;
  Launch launch;
  auto close = [&] {
    if (!launch.empty())
      launches.push_back(std::move(launch));
    launch = Launch();
  };
  for (const LaunchStep &step : steps) {
    if (step.kind == LaunchStep::Other) {
      close();
      launch.loops.push_back(&step);
      close();
      continue;
    }
    if (step.kind == LaunchStep::Run) {
      if (!launch.loops.empty())
        close();
      launch.run.push_back(&step);
      continue;
    }
    bool joins = mayRepeat(launch.run, step) &&
                 llvm::all_of(launch.loops, [&](const LaunchStep *loop) {
                   return goTogether(*loop, step);
                 });
    if (!joins)
      close();
    launch.loops.push_back(&step);
  }
  close();
  return launches;
}
