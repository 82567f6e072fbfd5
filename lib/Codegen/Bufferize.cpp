//===- Bufferize.cpp - Tensors to buffers ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Transforms.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"

#define DEBUG_TYPE "tern-bufferize"

namespace tern {
#define GEN_PASS_DEF_BUFFERIZEPASS
#include "tern/Codegen/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

MemRefType getBuffer(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return MemRefType::get(tensor.getShape(), tensor.getElementType());
}

/// Tensor arguments to buffers that are read.
void convertArguments(func::FuncOp function) {
  Block &entry = function.getBody().front();
  OpBuilder b = OpBuilder::atBlockBegin(&entry);
  for (BlockArgument argument : entry.getArguments()) {
    auto tensor = dyn_cast<RankedTensorType>(argument.getType());
    if (!tensor)
      continue;
    argument.setType(getBuffer(tensor));
    auto read = bufferization::ToTensorOp::create(b, function.getLoc(), tensor,
                                                  argument, /*restrict=*/true);
    argument.replaceAllUsesExcept(read, read);
  }
}

/// Results to further arguments that are written.
void convertResults(func::FuncOp function) {
  Block &entry = function.getBody().front();
  auto end = cast<func::ReturnOp>(entry.getTerminator());
  OpBuilder b(end);
  SmallVector<Value> kept;
  for (Value result : end.getOperands()) {
    if (!isa<RankedTensorType>(result.getType())) {
      kept.push_back(result);
      continue;
    }
    Value out = entry.addArgument(getBuffer(result.getType()), end.getLoc());
    bufferization::MaterializeInDestinationOp::create(
        b, end.getLoc(), /*result=*/Type(), result, out, /*restrict=*/true,
        /*writable=*/true);
  }
  end.getOperandsMutable().assign(kept);
  function.setFunctionType(
      b.getFunctionType(entry.getArgumentTypes(), ValueRange(kept).getTypes()));
}

/// Fails, with a message, on what no buffer can hold: digits without a layout.
LogicalResult checkTypes(func::FuncOp function) {
  if (!function.getBody().hasOneBlock())
    return function.emitOpError("expected one block, got ")
           << function.getBody().getBlocks().size();
  auto check = [](Operation *op, TypeRange types) -> LogicalResult {
    for (Type type : types) {
      auto tensor = dyn_cast<TensorType>(type);
      if (tensor &&
          !(isa<RankedTensorType>(type) &&
            BaseMemRefType::isValidElementType(tensor.getElementType())))
        return op->emitOpError("expected tensors of numbers, which a buffer "
                               "can hold, got ")
               << type;
    }
    return success();
  };
  WalkResult result = function.walk([&](Operation *op) {
    if (failed(check(op, op->getResultTypes())))
      return WalkResult::interrupt();
    for (Region &region : op->getRegions())
      for (Block &block : region)
        if (failed(check(op, block.getArgumentTypes())))
          return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

struct Bufferize : tern::impl::BufferizePassBase<Bufferize> {
  void getDependentDialects(DialectRegistry &registry) const override {
    BufferizePassBase::getDependentDialects(registry);
    registerBufferization(registry);
  }

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      if (failed(checkTypes(function)))
        return signalPassFailure();
      convertArguments(function);
      convertResults(function);
      function.walk([](KernelOpInterface kernel) { addDestinations(kernel); });
    }
    // A value that is copied elsewhere in the end is written there at once.
    IRRewriter rewriter(&getContext());
    if (failed(bufferization::eliminateEmptyTensors(rewriter, getOperation())))
      return signalPassFailure();
    bufferization::OneShotBufferizationOptions options;
    options.memCpyFn = [](OpBuilder &b, Location loc, Value from, Value to) {
      if (from != to)
        linalg::CopyOp::create(b, loc, from, to);
      return success();
    };
    options.bufferAlignment = 64;
    bufferization::BufferizationState state;
    if (failed(
            bufferization::runOneShotBufferize(getOperation(), options, state)))
      return signalPassFailure();
    getOperation().walk([&](memref::AllocOp) { ++numBuffers; });
  }
};

} // namespace
