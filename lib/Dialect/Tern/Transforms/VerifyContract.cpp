//===- VerifyContract.cpp - What each phase promises ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/ChoiceOps.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Dialect/Tern/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

#define DEBUG_TYPE "tern-verify-contract"

namespace tern {
#define GEN_PASS_DEF_VERIFYCONTRACTPASS
#include "tern/Dialect/Tern/Transforms/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

/// Says what was expected of `op`; success if the promise is kept.
using Promise = LogicalResult (*)(Operation *op);

/// Types of the values that `op` makes: results, and arguments of its regions.
SmallVector<Type> getMadeTypes(Operation *op) {
  SmallVector<Type> types(op->getResultTypes());
  for (Region &region : op->getRegions())
    for (Block &block : region)
      llvm::append_range(types, block.getArgumentTypes());
  return types;
}

bool isPackable(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && needsLayout(tensor.getElementType());
}

/// Passes look into every function.
LogicalResult hasBody(Operation *op) {
  auto function = dyn_cast<func::FuncOp>(op);
  if (function && function.isExternal())
    return op->emitOpError("expected a body");
  return success();
}

LogicalResult isModel(Operation *op) {
  if (isa<QuantizeOp, KeepTopKOp, SparsifyOp, ActiveRowsOp, MatmulOp,
          DequantizeOp, ReduceOp, BoundRowsOp, CandidateRowsOp, BestRowOp,
          ArgmaxOp, TopLogitsOp>(op))
    return op->emitOpError("expected model operations only, as tern.bitlinear; "
                           "this is a kernel operation");
  return hasBody(op);
}

LogicalResult isQuantized(Operation *op) {
  if (isa<BitLinearOp, BestTokenOp>(op))
    return op->emitOpError("expected to be decomposed into kernel operations");
  if (auto head = dyn_cast<LmHeadOp>(op); head && head.getScales())
    return op->emitOpError("expected a quantized head to be decomposed");
  return hasBody(op);
}

LogicalResult isPacked(Operation *op) {
  if (failed(isQuantized(op)))
    return failure();
  if (auto weight = dyn_cast<WeightOp>(op)) {
    if (!weight.getOffset())
      return op->emitOpError("expected an offset in the artifact");
    if (isPackable(weight.getType()) &&
        !cast<RankedTensorType>(weight.getType()).getEncoding())
      return op->emitOpError("expected a layout on a weight of ")
             << cast<RankedTensorType>(weight.getType()).getElementType();
  }
  for (Type type : getMadeTypes(op))
    if (isPackable(type))
      return op->emitOpError("expected the bytes of every packed weight, got ")
             << type;
  return success();
}

LogicalResult isTiled(Operation *op) {
  if (failed(isPacked(op)))
    return failure();
  if (isa<RMSNormOp, L2NormOp, ScaleOp, RopeOp, GluOp, SplitOp, DeltaGatesOp,
          QuantizeOp, DequantizeOp>(op))
    return op->emitOpError("expected to be linalg operations");
  auto product = dyn_cast<MatmulOp>(op);
  if (product && product.getStrategyAttr())
    return op->emitOpError("expected loops around the micro kernels of its "
                           "strategy");
  return success();
}

LogicalResult isKernel(Operation *op) {
  if (llvm::any_of(getMadeTypes(op), llvm::IsaPred<TensorType>))
    return op->emitOpError("expected buffers instead of tensors");
  if (isa<KernelOpInterface, MatmulOp, KVAppendOp, GetWeightOp, StateAddressOp,
          WorkerIndexOp, WorkerCountOp, IterationOp, ArriveOp, CountReadOp,
          MicroBeginOp, MicroPrepareOp, MicroOp, MicroWidenOp, MicroFinishOp,
          MicroScaleOp, MicroStoreOp, PrefetchOp>(op))
    return op->emitOpError("expected to be lowered to loops");
  return hasBody(op);
}

LogicalResult isLLVM(Operation *op) {
  if (isa<ModuleOp, WeightOp>(op) || isa<LLVM::LLVMDialect>(op->getDialect()))
    return success();
  return op->emitOpError("expected operations of the LLVM dialect only");
}

constexpr std::pair<StringLiteral, Promise> promises[] = {
    {"import", isModel},  {"fused", isModel}, {"quantized", isQuantized},
    {"packed", isPacked}, {"tiled", isTiled}, {"kernels", isKernel},
    {"llvm", isLLVM},
};

struct VerifyContract : tern::impl::VerifyContractPassBase<VerifyContract> {
  using VerifyContractPassBase::VerifyContractPassBase;

  void runOnOperation() override {
    const auto *promise = llvm::find_if(
        promises, [&](const auto &entry) { return entry.first == phase; });
    if (promise == std::end(promises)) {
      getOperation().emitError("unknown phase ") << phase;
      return signalPassFailure();
    }
    if (!ModelAttr::lookup(getOperation())) {
      getOperation().emitError("expected a `tern.model` attribute");
      return signalPassFailure();
    }
    WalkResult result =
        getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) {
          return failed(promise->second(op)) ? WalkResult::interrupt()
                                             : WalkResult::advance();
        });
    if (result.wasInterrupted())
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
