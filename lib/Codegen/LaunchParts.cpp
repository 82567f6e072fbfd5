//===- LaunchParts.cpp - Where a function is cut into launches ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaunchParts.h"

#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace tern;

llvm::SetVector<Value> tern::getUsedFromOutside(Operation *op) {
  llvm::SetVector<Value> used(op->operand_begin(), op->operand_end());
  for (Region &region : op->getRegions())
    getUsedValuesDefinedAbove(region, used);
  return used;
}

/// True if `address` is a field of the rows: nobody writes to them.
static bool isFieldOfRows(Value address) {
  if (auto field = address.getDefiningOp<LLVM::GEPOp>())
    address = field.getBase();
  auto argument = dyn_cast<BlockArgument>(address);
  return argument && isa<LLVM::LLVMPointerType>(argument.getType());
}

/// True if `op` reads what a field of the rows points to, and nobody writes it:
/// tokens, positions.
static bool readsInput(memref::LoadOp op) {
  auto view = op.getMemRef().getDefiningOp<FromAddressOp>();
  if (!view || !llvm::all_of(view->getUsers(), llvm::IsaPred<memref::LoadOp>))
    return false;
  Value address = view.getAddress();
  while (Operation *cast = address.getDefiningOp())
    if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(cast))
      address = cast->getOperand(0);
    else
      break;
  auto load = address.getDefiningOp<LLVM::LoadOp>();
  return load && isFieldOfRows(load.getAddr());
}

/// True if launches may do `op` again: numbers and addresses.
static bool isRepeatable(Operation &op) {
  if (op.hasTrait<OpTrait::ConstantLike>())
    return true;
  if (op.getNumRegions() ||
      llvm::any_of(op.getResultTypes(), llvm::IsaPred<VectorType>))
    return false;
  if (auto load = dyn_cast<LLVM::LoadOp>(op))
    return isFieldOfRows(load.getAddr());
  if (auto load = dyn_cast<memref::LoadOp>(op))
    return readsInput(load);
  return isPure(&op);
}

void LaunchParts::cut(Block &body) {
  bool isOpen = false;
  for (Operation &op : body.without_terminator()) {
    if (isRepeatable(op)) {
      repeated.insert(&op);
    } else if (auto loop = dyn_cast<scf::ParallelOp>(op)) {
      parts.push_back({loop, {}});
      isOpen = false;
    } else {
      if (!isOpen)
        parts.emplace_back();
      isOpen = true;
      parts.back().operations.push_back(&op);
    }
  }
}

LogicalResult LaunchParts::findLeft() {
  for (const LaunchPart &part : parts) {
    DenseSet<Operation *> own(part.operations.begin(), part.operations.end());
    SmallVector<Value> wanted;
    auto add = [&](Operation *op) {
      llvm::append_range(wanted, getUsedFromOutside(op));
    };
    if (part.loop)
      add(part.loop);
    for (Operation *op : part.operations)
      add(op);
    DenseSet<Value> seen;
    while (!wanted.empty()) {
      Value value = wanted.pop_back_val();
      Operation *op = value.getDefiningOp();
      if (!op || own.contains(op) || !seen.insert(value).second)
        continue;
      if (isRepeated(op)) {
        llvm::append_range(wanted, op->getOperands());
        continue;
      }
      if (!value.getType().isIntOrIndexOrFloat())
        return op->emitOpError("expected launches to leave numbers for later "
                               "ones, got ")
               << value.getType();
      left.insert(value);
    }
  }
  return success();
}

FailureOr<LaunchParts> LaunchParts::of(func::FuncOp function) {
  WalkResult nested = function.walk([&](scf::ParallelOp loop) {
    if (loop->getParentOp() == function && loop.getNumLoops() == 1 &&
        loop.getNumReductions() == 0 &&
        getConstantIntValue(loop.getLowerBound()[0]) == 0 &&
        getConstantIntValue(loop.getStep()[0]) == 1)
      return WalkResult::advance();
    loop.emitOpError("expected one dimension, from 0 by 1, without reductions, "
                     "and no operation around it");
    return WalkResult::interrupt();
  });
  if (nested.wasInterrupted())
    return failure();
  LaunchParts parts;
  parts.cut(function.getBody().front());
  if (failed(parts.findLeft()))
    return failure();
  return parts;
}

std::optional<unsigned> LaunchParts::getSlot(Value value) const {
  auto *at = llvm::find(left, value);
  if (at == left.end())
    return std::nullopt;
  return at - left.begin();
}
