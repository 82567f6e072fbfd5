//===- LaneRewriter.cpp - Code over vectors as that of a lane -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaneRewriter.h"

#include "tern/Dialect/Tern/IR/ChoiceOps.h"
#include "tern/Dialect/Tern/IR/Launches.h"
#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tern;
using namespace tern::nvptx;

Type nvptx::getElementOf(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? vector.getElementType() : type;
}

int64_t nvptx::getCount(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? vector.getNumElements() : 1;
}

bool nvptx::isWide(Type type) { return getCount(type) >= 8; }

Type nvptx::getHeldType(Type type) {
  int64_t count = getCount(type);
  Type element = getElementOf(type);
  if (count <= kLanes)
    return element;
  return count % kLanes ? Type() : VectorType::get({count / kLanes}, element);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

void LaneRewriter::synchronize() {
  if (isOfBlock)
    b.barrier();
  else
    b.synchronize();
}

Value LaneRewriter::isWriter(int64_t lanes) {
  return isOfBlock ? b.isThreadBelow(lanes) : b.isBelow(lanes);
}

void LaneRewriter::beforeLoad() {
  if (isElementwise)
    return;
  if (hasWritten) {
    synchronize();
    hasRead = hasWritten = false;
  }
  hasRead = true;
}

void LaneRewriter::beforeStore() {
  if (isElementwise)
    return;
  if (hasRead || hasWritten) {
    synchronize();
    hasRead = hasWritten = false;
  }
  hasWritten = true;
}

static bool writes(Operation *op) {
  return isa<memref::StoreOp, vector::StoreOp, vector::TransferWriteOp,
             LLVM::StoreOp, memref::AtomicRMWOp, MicroStoreOp>(op);
}

static bool writesWithin(Operation *op) {
  return op
      ->walk([](Operation *inner) {
        return writes(inner) || isa<AttendOp, AppendOp>(inner)
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      })
      .wasInterrupted();
}

/// Numbers that all lanes have are written by one.
LogicalResult LaneRewriter::storeSame(Operation *op) {
  beforeStore();
  auto branch = scf::IfOp::create(b, op->getLoc(), isWriter(1),
                                  /*withElseRegion=*/false);
  OpBuilder inner = branch.getThenBodyBuilder();
  inner.clone(*op, mapping);
  return success();
}

//===----------------------------------------------------------------------===//
// The same in all lanes
//===----------------------------------------------------------------------===//

LogicalResult LaneRewriter::cloneSame(Operation *op) {
  if (writes(op))
    return storeSame(op);
  if (isa<memref::LoadOp, vector::LoadOp, vector::TransferReadOp, LLVM::LoadOp>(
          op))
    beforeLoad();
  else if (!isMemoryEffectFree(op) && !op->hasTrait<OpTrait::IsTerminator>())
    return failure();
  b.clone(*op, mapping);
  return success();
}

/// True if no lane has a part of it alone.
bool LaneRewriter::isSame(Operation *op) {
  return llvm::none_of(op->getOperands(),
                       [&](Value v) { return lanes.contains(v); }) &&
         llvm::none_of(op->getResultTypes(), isWide);
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

LogicalResult LaneRewriter::rewriteElementwise(Operation *op) {
  if (!OpTrait::hasElementwiseMappableTraits(op) || op->getNumResults() != 1)
    return failure();
  Value result = op->getResult(0);
  Type type = getHeldType(result.getType());
  IRMapping own;
  for (Value operand : op->getOperands()) {
    Value held = isa<VectorType>(operand.getType()) ? getHeld(operand)
                                                    : mapping.lookup(operand);
    if (!held)
      return failure();
    own.map(operand, held);
  }
  Value made = b.clone(*op, own)->getResult(0);
  made.setType(type);
  setHeld(result, made);
  return success(bool(type));
}

LogicalResult LaneRewriter::rewriteOp(Operation *op) {
  if (auto each = dyn_cast<EachWarpOp>(op))
    return rewriteEachWarp(each);
  if (auto atomic = dyn_cast<memref::AtomicRMWOp>(op))
    return rewriteAtomic(atomic);
  if (auto arrive = dyn_cast<ArriveOp>(op))
    return rewriteArrive(arrive);
  if (auto store = dyn_cast<MicroStoreOp>(op))
    return rewriteStore(store);
  if (op->getNumRegions())
    return rewriteRegions(op);
  if (isa<memref::PrefetchOp>(op))
    return success();
  if (isa<SharedOp, memref::AllocaOp>(op))
    return rewriteShared(op);
  if (isa<BarrierOp, CommitOp, WaitOp>(op))
    return rewriteOrder(op);
  if (auto copy = dyn_cast<CopyOp>(op))
    return rewriteCopy(copy);
  if (auto block = dyn_cast<WorkerIndexOp>(op))
    return rewriteBlockNumber(block);
  if (auto attend = dyn_cast<AttendOp>(op))
    return rewriteAttend(attend);
  if (auto append = dyn_cast<AppendOp>(op))
    return rewriteAppend(append);
  if (isSame(op))
    return cloneSame(op);
  DenseElementsAttr elements;
  if (matchPattern(op, m_Constant(&elements)))
    return rewriteConstant(op, elements);
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](vector::LoadOp load) {
        return this->load(op, load.getBase(), load.getIndices());
      })
      .Case([&](vector::TransferReadOp read) {
        if (!read.getPermutationMap().isMinorIdentity() ||
            read.hasOutOfBoundsDim() || read.getMask())
          return LogicalResult(failure());
        return load(op, read.getBase(), read.getIndices());
      })
      .Case([&](vector::StoreOp store) {
        return this->store(op, store.getValueToStore(), store.getBase(),
                           store.getIndices());
      })
      .Case([&](vector::TransferWriteOp write) {
        if (!write.getPermutationMap().isMinorIdentity() ||
            write.hasOutOfBoundsDim() || write.getMask())
          return LogicalResult(failure());
        return store(op, write.getVector(), write.getBase(),
                     write.getIndices());
      })
      .Case([&](ub::PoisonOp poison) {
        Type type = getHeldType(poison.getType());
        if (!type)
          return LogicalResult(failure());
        setHeld(poison, arith::ConstantOp::create(b, op->getLoc(),
                                                  b.getZeroAttr(type)));
        return LogicalResult(success());
      })
      .Case([&](vector::ShapeCastOp cast) {
        Value same = getHeld(cast.getSource());
        setHeld(cast, same);
        return success(bool(same));
      })
      .Case([&](vector::BroadcastOp op) { return rewriteBroadcast(op); })
      .Case([&](vector::ExtractOp op) { return rewriteExtract(op); })
      .Case([&](vector::TransposeOp op) { return rewriteTranspose(op); })
      .Case([&](vector::ToElementsOp op) { return rewriteToElements(op); })
      .Case([&](vector::FromElementsOp op) { return rewriteFromElements(op); })
      .Case([&](vector::ReductionOp op) { return rewriteReduction(op); })
      .Case([&](vector::ShuffleOp op) { return rewriteShuffle(op); })
      .Case([&](vector::BitCastOp op) { return rewriteBitcast(op); })
      .Case([&](MmaOp op) { return rewriteMma(op); })
      .Default([&](Operation *op) { return rewriteElementwise(op); });
}

//===----------------------------------------------------------------------===//
// Regions
//===----------------------------------------------------------------------===//

/// Types with those of lanes in place of wide vectors.
static SmallVector<Type> getCarriedTypes(TypeRange types) {
  return llvm::map_to_vector(
      types, [](Type type) { return isWide(type) ? getHeldType(type) : type; });
}

/// Values that regions carry; nulls for those without a form.
SmallVector<Value> LaneRewriter::carry(ValueRange values) {
  return llvm::map_to_vector(values, [&](Value value) {
    return isWide(value.getType()) ? getHeld(value) : getWhole(value);
  });
}

void LaneRewriter::bind(ValueRange were, ValueRange are) {
  for (auto [was, is] : llvm::zip_equal(were, are))
    if (isWide(was.getType()))
      setHeld(was, is);
    else
      mapping.map(was, is);
}

/// Fills `to`, whose arguments stand for those of `from`.
LogicalResult LaneRewriter::rewriteRegion(Region &from, Block *to) {
  OpBuilder::InsertionGuard guard(b);
  if (!to->empty())
    to->back().erase();
  b.setInsertionPointToEnd(to);
  bool isWritten = writesWithin(from.getParentOp());
  forgetMemory(isWritten);
  bind(from.front().getArguments(), to->getArguments());
  LogicalResult result = rewriteBlock(from.front());
  forgetMemory(isWritten);
  return result;
}

/// Lanes go on without each other, from what they see together.
LogicalResult LaneRewriter::rewriteElements(Operation *op) {
  if (hasRead || hasWritten)
    synchronize();
  hasRead = hasWritten = false;
  isElementwise = true;
  LogicalResult result = rewriteRegions(op);
  isElementwise = false;
  forgetMemory(true);
  return result;
}

LogicalResult LaneRewriter::rewriteRegions(Operation *op) {
  if (op->hasAttr(kElementwiseAttr) && !isElementwise)
    return rewriteElements(op);
  Location loc = op->getLoc();
  auto hasForm = [](TypeRange types) {
    return llvm::all_of(
        types, [](Type type) { return !isWide(type) || getHeldType(type); });
  };
  if (!hasForm(op->getResultTypes()))
    return failure();
  bool isWritten = writesWithin(op);
  // Steps of products in it read without a barrier of their own.
  if (hasWritten && !isElementwise && (!isWritten || isOfBlock))
    synchronize();
  forgetMemory(isWritten);
  if (auto loop = dyn_cast<scf::ForOp>(op)) {
    if (isOfBlock && !loop.getNumResults() && loop->hasAttr(kByWarpsAttr))
      return rewriteLoopByWarps(loop);
    if (MmaOp op = findSteps(loop))
      return op.getKernel().isOfBlock() ? rewriteStaged(loop, op)
                                        : rewriteSteps(loop, op);
    if (std::optional<GroupLoop> groups = GroupLoop::of(loop)) {
      MmaOp op = groups->product;
      return op.getKernel().isOfBlock() ? rewriteStaged(loop, op, &*groups)
                                        : rewriteGroups(*groups);
    }
    if (isOfBlock && hasBlockProduct(loop))
      return loop.getLowerBound().getDefiningOp<WorkerIndexOp>()
                 ? rewriteUnits(loop)
                 : rewriteTokens(loop);
    SmallVector<Value> inits = carry(loop.getInitArgs());
    if (llvm::is_contained(inits, Value()))
      return failure();
    auto made = scf::ForOp::create(b, loc, mapping.lookup(loop.getLowerBound()),
                                   mapping.lookup(loop.getUpperBound()),
                                   mapping.lookup(loop.getStep()), inits);
    if (failed(rewriteRegion(loop.getRegion(), made.getBody())))
      return failure();
    bind(loop.getResults(), made.getResults());
    return success();
  }
  if (auto branch = dyn_cast<scf::IfOp>(op)) {
    bool hasElse = !branch.getElseRegion().empty();
    auto made =
        scf::IfOp::create(b, loc, getCarriedTypes(branch.getResultTypes()),
                          mapping.lookup(branch.getCondition()),
                          /*addThenBlock=*/true, hasElse);
    if (failed(rewriteRegion(branch.getThenRegion(), made.thenBlock())) ||
        (hasElse &&
         failed(rewriteRegion(branch.getElseRegion(), made.elseBlock()))))
      return failure();
    bind(branch.getResults(), made.getResults());
    return success();
  }
  auto loop = dyn_cast<scf::WhileOp>(op);
  if (!loop)
    return failure();
  SmallVector<Value> inits = carry(loop.getInits());
  if (llvm::is_contained(inits, Value()))
    return failure();
  auto made = scf::WhileOp::create(
      b, loc, getCarriedTypes(loop.getResultTypes()), inits);
  auto addBlock = [&](Region &region, Region &from) {
    SmallVector<Type> types = getCarriedTypes(from.getArgumentTypes());
    OpBuilder::InsertionGuard guard(b);
    return b.createBlock(&region, {}, types,
                         SmallVector<Location>(types.size(), loc));
  };
  if (failed(rewriteRegion(loop.getBefore(),
                           addBlock(made.getBefore(), loop.getBefore()))) ||
      failed(rewriteRegion(loop.getAfter(),
                           addBlock(made.getAfter(), loop.getAfter()))))
    return failure();
  bind(loop.getResults(), made.getResults());
  return success();
}

LogicalResult LaneRewriter::rewriteBlock(Block &block) {
  for (Operation &op : block) {
    LogicalResult result = success();
    if (isa<scf::YieldOp, scf::ConditionOp>(op)) {
      SmallVector<Value> values = carry(op.getOperands());
      if (llvm::is_contained(values, Value()))
        result = failure();
      else if (isa<scf::YieldOp>(op))
        scf::YieldOp::create(b, op.getLoc(), values);
      else
        scf::ConditionOp::create(b, op.getLoc(), values[0],
                                 ArrayRef(values).drop_front());
    } else {
      result = rewriteOp(&op);
    }
    if (failed(result)) {
      if (!culprit)
        culprit = &op;
      return failure();
    }
  }
  return success();
}

LogicalResult LaneRewriter::rewrite(func::FuncOp from, func::FuncOp to,
                                    int64_t warps) {
  Block *entry = &to.getBody().front();
  b.setInsertionPointToStart(entry);
  b.begin(warps);
  source = from;
  isOfBlock = warps > 1;
  bind(from.getArguments(), entry->getArguments());
  askAhead(from);
  return rewriteBlock(from.getBody().front());
}
