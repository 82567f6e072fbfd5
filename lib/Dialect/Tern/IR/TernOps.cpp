//===- TernOps.cpp - Operations of the tern dialect -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace tern;

#include "tern/Dialect/Tern/IR/TernInterfaces.cpp.inc"

#define GET_OP_CLASSES
#include "tern/Dialect/Tern/IR/TernOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Kernel operations
//===----------------------------------------------------------------------===//

LogicalResult tern::detail::verifyKernelOp(Operation *op) {
  OperandRange outs = cast<KernelOpInterface>(op).getOuts();
  if (outs.empty() == (op->getNumResults() == 0))
    return op->emitOpError("expected either results (tensor form) or outs "
                           "(buffer form), got ")
           << op->getNumResults() << " results and " << outs.size() << " outs";
  return success();
}

void tern::detail::getKernelOpEffects(
    Operation *op,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  if (op->getNumResults() != 0)
    return;
  unsigned firstOut = op->getNumOperands();
  OperandRange outs = cast<KernelOpInterface>(op).getOuts();
  if (!outs.empty())
    firstOut = outs.getBeginOperandIndex();
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    unsigned index = operand.getOperandNumber();
    bool isOut = index >= firstOut && index < firstOut + outs.size();
    if (isOut)
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
  }
}

void KVAppendOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  effects.emplace_back(MemoryEffects::Write::get());
}

RankedTensorType MatmulOp::getWeightTensorType() {
  if (auto type = getWeightType())
    return cast<RankedTensorType>(*type);
  return cast<RankedTensorType>(getWeight().getType());
}

LayoutAttr MatmulOp::getLayout() {
  return dyn_cast_or_null<LayoutAttr>(getWeightTensorType().getEncoding());
}

RankedTensorType SparseMatmulOp::getWeightTensorType() {
  if (auto type = getWeightType())
    return cast<RankedTensorType>(*type);
  return cast<RankedTensorType>(getWeight().getType());
}

LayoutAttr SparseMatmulOp::getLayout() {
  return dyn_cast_or_null<LayoutAttr>(getWeightTensorType().getEncoding());
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

LogicalResult GetWeightOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto weight = symbols.lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  if (!weight)
    return emitOpError("expected a tern.weight named ") << getWeightAttr();
  return success();
}

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

LogicalResult WeightOp::verify() { return success(); }
LogicalResult RMSNormOp::verify() { return success(); }
LogicalResult BitLinearOp::verify() { return success(); }
LogicalResult RopeOp::verify() { return success(); }
LogicalResult EmbeddingOp::verify() { return success(); }
LogicalResult LmHeadOp::verify() { return success(); }
LogicalResult ReduceOp::verify() { return success(); }
LogicalResult QuantizeOp::verify() { return success(); }
LogicalResult KeepTopKOp::verify() { return success(); }
LogicalResult SparsifyOp::verify() { return success(); }
LogicalResult ActiveRowsOp::verify() { return success(); }
LogicalResult MatmulOp::verify() { return success(); }
LogicalResult SparseMatmulOp::verify() { return success(); }
LogicalResult DequantizeOp::verify() { return success(); }
LogicalResult KVAppendOp::verify() { return success(); }
LogicalResult AttentionOp::verify() { return success(); }
