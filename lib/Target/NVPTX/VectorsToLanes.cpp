//===- VectorsToLanes.cpp - Kernels as the work of a warp -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Codegen/Launches.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/NVPTX/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"

namespace tern::nvptx {
#define GEN_PASS_DEF_VECTORSTOLANESPASS
#include "tern/Target/NVPTX/Passes.h.inc"
} // namespace tern::nvptx

using namespace mlir;
using namespace tern;

namespace {

Value readRegister(OpBuilder &b, Location loc, StringRef name) {
  return LLVM::CallIntrinsicOp::create(
             b, loc, b.getI32Type(),
             b.getStringAttr(("llvm.nvvm.read.ptx.sreg." + name).str()),
             ValueRange())
      .getResult(0);
}

/// All but the first lane leave.
void runByOneLane(func::FuncOp kernel) {
  Block &body = kernel.getBody().front();
  Location loc = kernel.getLoc();
  SmallVector<Operation *> operations;
  for (Operation &op : body.without_terminator())
    operations.push_back(&op);
  OpBuilder b = OpBuilder::atBlockBegin(&body);
  Value lane = readRegister(b, loc, "tid.x");
  Value zero = arith::ConstantIntOp::create(b, loc, b.getI32Type(), 0);
  Value isFirst =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, lane, zero);
  auto branch = scf::IfOp::create(b, loc, isFirst, /*withElseRegion=*/false);
  for (Operation *op : operations)
    op->moveBefore(branch.thenBlock()->getTerminator());
}

void readBlockNumber(func::FuncOp kernel) {
  kernel.walk([](WorkerIndexOp op) {
    OpBuilder b(op);
    Value block = readRegister(b, op.getLoc(), "ctaid.x");
    op.replaceAllUsesWith(arith::IndexCastUIOp::create(
                              b, op.getLoc(), b.getIndexType(), block)
                              .getResult());
    op.erase();
  });
}

struct VectorsToLanes : nvptx::impl::VectorsToLanesPassBase<VectorsToLanes> {
  void runOnOperation() override {
    for (auto kernel : getOperation().getOps<func::FuncOp>()) {
      if (!kernel->hasAttr(kBlocksAttr))
        continue;
      runByOneLane(kernel);
      readBlockNumber(kernel);
      ++numAlone;
    }
  }
};

} // namespace
