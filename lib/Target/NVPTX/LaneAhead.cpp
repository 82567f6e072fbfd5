//===- LaneAhead.cpp - Weights that are asked for early -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A block begins with a run of rows, whose results its product waits for. No
// launch writes weights, so they are on their way from the device's memory
// meanwhile. They wait in its cache, not in registers, which the run needs.
//
//===----------------------------------------------------------------------===//

#include "LaneRewriter.h"
#include "MmaSteps.h"

#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace tern;
using namespace tern::nvptx;

/// Computes `value` of block `block` at the builder's place, as far as it
/// depends on `known`; null if memory or another loop has a say.
static Value compute(OpBuilder &b, Value value, IRMapping &known, Value block) {
  if (known.contains(value))
    return known.lookup(value);
  Operation *op = value.getDefiningOp();
  if (isa_and_nonnull<WorkerIndexOp>(op))
    return block;
  if (!op || op->getNumRegions() || !isMemoryEffectFree(op))
    return {};
  for (Value operand : op->getOperands())
    if (Value made = compute(b, operand, known, block))
      known.map(operand, made);
    else
      return {};
  b.clone(*op, known);
  return known.lookup(value);
}

/// The loop over the tiles of rows of a block, the first of which has its
/// number; null if it has one tile.
static scf::ForOp findUnits(Operation *op) {
  while (auto loop = op->getParentOfType<scf::ForOp>()) {
    if (loop.getLowerBound().getDefiningOp<WorkerIndexOp>())
      return loop;
    op = loop;
  }
  return {};
}

/// Asks for the weights of one step of the block's first tile of rows, `at`
/// being what the loops around it count. False where those depend on more.
bool LaneRewriter::askForStep(MmaOp op, const IRMapping &at) {
  auto kernel = op->getParentOfType<func::FuncOp>();
  Value block = b.toIndex(b.readRegister("ctaid.x"));
  IRMapping known = at;
  for (BlockArgument argument : kernel.getArguments())
    known.map(argument, mapping.lookup(argument));
  if (scf::ForOp units = findUnits(op))
    known.map(units.getInductionVar(), block);
  Value memory = compute(b, op.getWeights(), known, block);
  SmallVector<Value> place;
  for (Value index : op.getWeightIndices())
    place.push_back(compute(b, index, known, block));
  if (!memory || llvm::is_contained(place, Value()))
    return false;
  place.back() =
      b.add(place.back(),
            b.toIndex(b.mul(b.getLane(), op.getKernel().getLaneBytes())));
  // LLVM has an intrinsic for it from PTX 8.0 on only.
  LLVM::InlineAsmOp::create(
      b, b.loc, TypeRange(), ValueRange{b.pointTo(memory, place)},
      "prefetch.global.L2 [$0];", "l", /*has_side_effects=*/true,
      /*is_align_stack=*/false, LLVM::TailCallKind::None,
      /*asm_dialect=*/LLVM::AsmDialectAttr(),
      /*operand_attrs=*/ArrayAttr());
  return true;
}

void LaneRewriter::askAhead(func::FuncOp kernel) {
  auto isAsked = [](scf::ForOp loop, MmaOp op) {
    return !op.getKernel().isOfBlock() && !op.getKernel().getBytes() &&
           areStored(loop.getResult(0));
  };
  kernel.walk([&](scf::ForOp loop) {
    IRMapping at;
    if (std::optional<GroupLoop> groups = GroupLoop::of(loop)) {
      if (!isAsked(loop, groups->product))
        return;
      GroupShare share(*groups, b.countWarps());
      Value own = b.mul(b.getWarp(), share.ahead);
      for (int64_t u = 0; u < share.ahead; ++u) {
        Value group = arith::MinUIOp::create(b, b.loc, b.add(own, u),
                                             b.i32(groups->groups - 1));
        at.map(loop.getInductionVar(), b.toIndex(group));
        if (groups->steps)
          at.map(groups->steps.getInductionVar(),
                 arith::ConstantIndexOp::create(b, b.loc, 0));
        if (!askForStep(groups->product, at))
          return;
      }
      return;
    }
    MmaOp op = findSteps(loop);
    std::optional<StepStretch> stretch = StepStretch::of(loop, b.countWarps());
    if (!op || !stretch || !isAsked(loop, op))
      return;
    auto [from, to] = stretch->getBounds(b);
    for (int64_t u = 0; u < stretch->ahead; ++u) {
      Value step = arith::MinUIOp::create(b, b.loc, b.add(from, u),
                                          b.i32(stretch->last - 1));
      at.map(loop.getInductionVar(), b.toIndex(step));
      if (!askForStep(op, at))
        return;
    }
  });
}
