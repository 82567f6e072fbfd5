//===- VectorsToLanes.cpp - Kernels as the work of a warp -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Attention.h"
#include "LaneRewriter.h"

#include "tern/Dialect/Tern/IR/Launches.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/NVPTX/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"

#define DEBUG_TYPE "tern-vectors-to-lanes"

namespace tern::nvptx {
#define GEN_PASS_DEF_VECTORSTOLANESPASS
#include "tern/Target/NVPTX/Passes.h.inc"
} // namespace tern::nvptx

using namespace mlir;
using namespace tern;

namespace {

/// All but the first lane leave.
void runByOneLane(func::FuncOp kernel) {
  Block &body = kernel.getBody().front();
  SmallVector<Operation *> operations;
  for (Operation &op : body.without_terminator())
    operations.push_back(&op);
  nvptx::WarpBuilder b(OpBuilder::atBlockBegin(&body), kernel.getLoc());
  b.begin();
  auto branch = scf::IfOp::create(b, b.loc, b.isBelow(1),
                                  /*withElseRegion=*/false);
  for (Operation *op : operations)
    op->moveBefore(branch.thenBlock()->getTerminator());
  kernel.walk([](WorkerIndexOp op) {
    nvptx::WarpBuilder b(OpBuilder(op), op.getLoc());
    Value block = b.readRegister("ctaid.x");
    op.replaceAllUsesWith(
        arith::IndexCastUIOp::create(b, b.loc, b.getIndexType(), block)
            .getResult());
    op.erase();
  });
}

/// As many as have two steps or iterations each, up to eight; eight if that is
/// not known, four of products whose warps take rows of their own.
int64_t countWarpsOfLoops(func::FuncOp kernel) {
  int64_t warps = 1;
  bool haveRows = false;
  kernel.walk([&](scf::ForOp loop) {
    nvptx::MmaOp op = nvptx::findSteps(loop);
    if (std::optional<nvptx::GroupLoop> groups = nvptx::GroupLoop::of(loop))
      op = groups->product;
    haveRows |= op && op.getKernel().isOfBlock();
    bool isShared =
        op ? nvptx::areStored(loop.getResult(0)) : loop->hasAttr(kByWarpsAttr);
    if (!isShared)
      return;
    std::optional<APInt> count = loop.getStaticTripCount();
    while (warps < 8 && (!count || 4 * warps <= count->getSExtValue()))
      warps *= 2;
  });
  return haveRows ? 4 : warps;
}

/// Warps of the blocks that `kernel` is launched with.
FailureOr<int64_t> countWarps(func::FuncOp kernel) {
  int64_t warps = getThreads(kernel) / nvptx::kLanes;
  WalkResult result = kernel.walk([&](Operation *op) {
    int64_t wanted = warps;
    if (auto each = dyn_cast<nvptx::EachWarpOp>(op))
      wanted = each.getWarps();
    if (isa<nvptx::AttendOp>(op))
      wanted = nvptx::AttentionShape::warps;
    if (warps != 1 && warps != wanted) {
      op->emitOpError("expected ")
          << warps << " warps as elsewhere in the block";
      return WalkResult::interrupt();
    }
    warps = wanted;
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  return warps == 1 ? countWarpsOfLoops(kernel) : warps;
}

/// Registers of a product, 0 of other kernels: four blocks of eight warps have
/// room for those of one token and of a few, three for two products of a few
/// or groups of them, two of four warps for those of many.
int64_t countRegisters(func::FuncOp kernel) {
  int64_t tokens = 0, stores = 0;
  kernel.walk([&](nvptx::MmaOp op) {
    tokens = std::max(tokens, op.getKernel().getTokens());
  });
  kernel.walk([&](MicroStoreOp op) {
    auto own = dyn_cast<nvptx::MmaAttr>(op.getKernel());
    stores += own && own.getTokens() == tokens;
  });
  bool hasGroups =
      kernel.walk([](MicroScaleOp) { return WalkResult::interrupt(); })
          .wasInterrupted();
  if (tokens > 16)
    return 232;
  bool isLarge = tokens > 1 && (stores > 1 || hasGroups);
  return tokens == 0 ? 0 : isLarge ? 80 : 64;
}

/// Bytes that are asked for besides those of the kernel's own.
int64_t countSharedBytes(func::FuncOp kernel) {
  int64_t bytes = 0;
  kernel.walk([&](nvptx::SharedOp op) {
    MemRefType type = op.getType();
    bytes = std::max(bytes, type.getNumElements() *
                                int64_t(type.getElementTypeBitWidth()) / 8);
  });
  return bytes;
}

/// True if all lanes of a warp have their part of it.
bool runByAllLanes(func::FuncOp kernel, int64_t warps) {
  OpBuilder b(kernel);
  auto made = func::FuncOp::create(b, kernel.getLoc(), kernel.getName(),
                                   kernel.getFunctionType());
  made->setAttrs(kernel->getAttrs());
  made.addEntryBlock();
  nvptx::LaneRewriter rewriter(b, kernel.getLoc());
  int64_t bytes = countSharedBytes(kernel);
  int64_t registers = countRegisters(kernel);
  if (succeeded(rewriter.rewrite(kernel, made, warps))) {
    if (warps > 1)
      kernel->setAttr(kThreadsAttr, b.getI64IntegerAttr(warps * nvptx::kLanes));
    if (bytes)
      kernel->setAttr(kSharedBytesAttr, b.getI64IntegerAttr(bytes));
    if (registers)
      kernel->setAttr(nvptx::kRegistersAttr, b.getI64IntegerAttr(registers));
    if (int64_t blocks = rewriter.getBlocks())
      kernel->setAttr(kBlocksAttr, b.getI64IntegerAttr(blocks));
    if (int64_t tokens = rewriter.getTokensOfBlock())
      kernel->setAttr(kRowsPerBlockAttr, b.getI64IntegerAttr(tokens));
    kernel.getBody().takeBody(made.getBody());
    made.erase();
    return true;
  }
  made.erase();
  remark::missed(kernel.getLoc(), remark::RemarkOpts::name("OneLane")
                                      .category(DEBUG_TYPE)
                                      .function(kernel.getName()))
      << remark::reason("one lane of a warp does all, as {0} has no form for a "
                        "warp",
                        rewriter.getCulprit()->getName().getStringRef());
  return false;
}

struct VectorsToLanes : nvptx::impl::VectorsToLanesPassBase<VectorsToLanes> {
  void runOnOperation() override {
    for (auto kernel : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      if (!kernel->hasAttr(kBlocksAttr))
        continue;
      FailureOr<int64_t> warps = countWarps(kernel);
      if (failed(warps))
        return signalPassFailure();
      if (runByAllLanes(kernel, *warps)) {
        ++numWarps;
        continue;
      }
      if (*warps > 1) {
        kernel.emitOpError("expected operations with a form for warps");
        return signalPassFailure();
      }
      runByOneLane(kernel);
      ++numAlone;
    }
  }
};

} // namespace
