//===- LaneBlocks.cpp - Several warps, and the memory they share ----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaneRewriter.h"

#include "tern/Dialect/Tern/IR/ChoiceOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace tern::nvptx;

//===----------------------------------------------------------------------===//
// Each warp for itself
//===----------------------------------------------------------------------===//

/// Each warp sees all that was done before.
void LaneRewriter::enterWarps() {
  if (hasRead || hasWritten)
    synchronize();
  isOfBlock = false;
  forgetMemory(false);
  hasRead = false;
}

/// Whoever touches memory next waits for all warps.
void LaneRewriter::leaveWarps() {
  isOfBlock = b.countWarps() > 1;
  forgetMemory(true);
}

LogicalResult LaneRewriter::rewriteEachWarp(EachWarpOp op) {
  if (b.countWarps() > 1 && !isOfBlock)
    return failure();
  enterWarps();
  mapping.map(op.getBody().getArgument(0), b.toIndex(b.getWarp()));
  if (failed(rewriteBlock(op.getBody().front())))
    return failure();
  leaveWarps();
  return success();
}

LogicalResult LaneRewriter::rewriteLoopByWarps(scf::ForOp loop) {
  enterWarps();
  Value step = mapping.lookup(loop.getStep());
  Value warps = arith::ConstantIndexOp::create(b, b.loc, b.countWarps());
  Value first = b.add(mapping.lookup(loop.getLowerBound()),
                      b.mul(step, b.toIndex(b.getWarp())));
  auto made = scf::ForOp::create(b, loop.getLoc(), first,
                                 mapping.lookup(loop.getUpperBound()),
                                 b.mul(step, warps));
  if (failed(rewriteRegion(loop.getRegion(), made.getBody())))
    return failure();
  leaveWarps();
  return success();
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

LogicalResult LaneRewriter::rewriteShared(Operation *op) {
  auto type = cast<MemRefType>(op->getResult(0).getType());
  if (isa<SharedOp>(op)) {
    auto none = MemRefType::get({0}, b.getI8Type(), MemRefLayoutAttrInterface(),
                                type.getMemorySpace());
    Value all = b.allocateShared(none, "tern_shared");
    Value zero = arith::ConstantIndexOp::create(b, b.loc, 0);
    Value made =
        memref::ViewOp::create(b, b.loc, type, all, zero, ValueRange());
    mapping.map(op->getResult(0), made);
    return success();
  }
  if (type.getMemorySpaceAsInt() != kSharedSpace)
    return cloneSame(op);
  auto kernel = op->getParentOfType<func::FuncOp>();
  std::string name = (kernel.getName() + "_shared_").str();
  Value made = b.allocateShared(type, name + std::to_string(sharedCount++));
  mapping.map(op->getResult(0), made);
  return success();
}

LogicalResult LaneRewriter::rewriteCopy(CopyOp op) {
  copyRows(mapping.lookup(op.getFrom()), getIndices(op.getFromIndices()),
           mapping.lookup(op.getTo()), getIndices(op.getToIndices()),
           op.getRows(), op.getWidth(), mapping.lookup(op.getCount()));
  return success();
}

/// Thread t takes pieces t, t + threads ...
void LaneRewriter::copyRows(Value from, ArrayRef<Value> fromIndices, Value to,
                            ArrayRef<Value> toIndices, int64_t rows,
                            int64_t width, Value count) {
  int64_t ofRow = width / CopyOp::kPiece, pieces = rows * ofRow;
  int64_t threads = kLanes * (isOfBlock ? b.countWarps() : 1);
  Value thread = isOfBlock ? b.getThread() : b.getLane();
  auto placeOf = [&](ArrayRef<Value> indices, Value row, Value byte) {
    SmallVector<Value> place(indices);
    size_t last = place.size() - 1;
    place[last - 1] = b.add(place[last - 1], row);
    place[last] = b.add(place[last], byte);
    return place;
  };
  for (int64_t first = 0; first < pieces; first += threads) {
    OpBuilder::InsertionGuard guard(b);
    Value piece = b.add(thread, first);
    if (pieces - first < threads) {
      Value isThere = arith::CmpIOp::create(b, b.loc, arith::CmpIPredicate::ult,
                                            piece, b.i32(pieces));
      auto branch = scf::IfOp::create(b, b.loc, isThere, false);
      b.setInsertionPointToStart(branch.thenBlock());
    }
    Value row = b.toIndex(b.div(piece, ofRow));
    Value byte = b.toIndex(b.mul(b.rem(piece, ofRow), CopyOp::kPiece));
    Value isThere =
        arith::CmpIOp::create(b, b.loc, arith::CmpIPredicate::ult, row, count);
    b.copyAsync(b.pointTo(to, placeOf(toIndices, row, byte)),
                b.pointTo(from, placeOf(fromIndices, row, byte)),
                CopyOp::kPiece, isThere);
  }
}

LogicalResult LaneRewriter::rewriteOrder(Operation *op) {
  if (isa<CommitOp>(op)) {
    b.commitCopies();
    return success();
  }
  if (auto wait = dyn_cast<WaitOp>(op)) {
    b.waitForCopies(wait.getPending());
    synchronize();
  } else if (b.countWarps() > 1) {
    b.barrier();
  } else {
    b.synchronize();
  }
  hasRead = hasWritten = false;
  return success();
}

/// One lane does it, of each warp or of the block.
LogicalResult LaneRewriter::rewriteAtomic(memref::AtomicRMWOp op) {
  if (!op.getResult().use_empty())
    return failure();
  beforeStore();
  auto branch = scf::IfOp::create(b, b.loc, isWriter(1),
                                  /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  Value at =
      b.pointTo(mapping.lookup(op.getMemref()), getIndices(op.getIndices()));
  return success(
      bool(b.atomic(op.getKind(), at, mapping.lookup(op.getValue()))));
}

//===----------------------------------------------------------------------===//
// The last one of several
//===----------------------------------------------------------------------===//

/// Counters of the kernel, all 0 when the module is loaded.
static Value allocateCounters(WarpBuilder &b, func::FuncOp kernel,
                              int64_t count) {
  auto module = kernel->getParentOfType<ModuleOp>();
  std::string name = (kernel.getName() + "_arrived").str();
  auto type =
      MemRefType::get({count}, b.getI32Type(), MemRefLayoutAttrInterface(),
                      b.getI64IntegerAttr(kGlobalSpace));
  auto values = RankedTensorType::get({count}, b.getI32Type());
  OpBuilder outside = OpBuilder::atBlockBegin(module.getBody());
  if (!module.lookupSymbol(name))
    memref::GlobalOp::create(outside, b.loc, name, b.getStringAttr("private"),
                             type, DenseElementsAttr::get(values, APInt(32, 0)),
                             /*constant=*/false, b.getI64IntegerAttr(4));
  return memref::GetGlobalOp::create(b, b.loc, type, name);
}

/// The lane's reads and writes so far come before those behind, for all of the
/// device.
static void fence(WarpBuilder &b) {
  LLVM::FenceOp::create(b, b.loc, LLVM::AtomicOrdering::acq_rel, "device");
}

/// A warp counts when others can see all that it has written, and the last one
/// sees all of theirs. A count begins again by itself.
LogicalResult LaneRewriter::rewriteArrive(ArriveOp op) {
  if (b.countWarps() > 1)
    return failure();
  synchronize();
  auto kernel = op->getParentOfType<func::FuncOp>();
  Value counters = allocateCounters(b, kernel, op.getGroups());
  Value at = b.pointTo(counters, mapping.lookup(op.getGroup()));
  auto branch = scf::IfOp::create(b, b.loc, TypeRange(b.getI32Type()),
                                  b.isBelow(1), /*addThenBlock=*/true,
                                  /*addElseBlock=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    fence(b);
    Value before = LLVM::AtomicRMWOp::create(
        b, b.loc, LLVM::AtomicBinOp::uinc_wrap, at, b.i32(op.getCount() - 1),
        LLVM::AtomicOrdering::monotonic, /*syncscope=*/"device");
    fence(b);
    scf::YieldOp::create(b, b.loc, before);
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(b, b.loc, b.i32(0));
  }
  Value before = b.shuffle(branch.getResult(0), b.i32(0));
  b.synchronize();
  hasRead = hasWritten = false;
  mapping.map(op.getLast(), b.isEqual(before, op.getCount() - 1));
  return success();
}
