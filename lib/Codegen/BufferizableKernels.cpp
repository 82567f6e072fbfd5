//===- BufferizableKernels.cpp - Bufferization of tern operations ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace tern;

namespace {

/// Operands of `op` as buffers; other operands as they are.
FailureOr<SmallVector<Value>> getBuffers(RewriterBase &rewriter, Operation *op,
                                         const BufferizationOptions &options,
                                         BufferizationState &state) {
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    if (!isa<TensorType>(operand.getType())) {
      operands.push_back(operand);
      continue;
    }
    FailureOr<Value> buffer =
        bufferization::getBuffer(rewriter, operand, options, state);
    if (failed(buffer))
      return failure();
    operands.push_back(*buffer);
  }
  return operands;
}

/// Reads its tensors, writes buffers of its own.
template <typename ConcreteModel, typename OpTy>
struct ReadingModel
    : BufferizableOpInterface::ExternalModel<ConcreteModel, OpTy> {
  bool bufferizesToMemoryRead(Operation *, OpOperand &,
                              const AnalysisState &) const {
    return true;
  }
  bool bufferizesToMemoryWrite(Operation *, OpOperand &,
                               const AnalysisState &) const {
    return false;
  }
  AliasingValueList getAliasingValues(Operation *, OpOperand &,
                                      const AnalysisState &) const {
    return {};
  }
};

/// Tensor form to buffer form: the same operation with an out for each result.
template <typename OpTy>
struct KernelModel : ReadingModel<KernelModel<OpTy>, OpTy> {
  bool bufferizesToAllocation(Operation *, Value) const { return true; }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    FailureOr<SmallVector<Value>> operands =
        getBuffers(rewriter, op, options, state);
    if (failed(operands))
      return failure();
    FailureOr<SmallVector<Value>> outs =
        allocateResults(rewriter, op, operands->front(), options);
    if (failed(outs))
      return failure();
    buildBufferForm(rewriter, cast<OpTy>(op), *operands, *outs);
    replaceOpWithBufferizedValues(rewriter, op, *outs);
    return success();
  }

private:
  /// The first operand of every kernel operation has the tokens.
  static FailureOr<SmallVector<Value>>
  allocateResults(RewriterBase &rewriter, Operation *op, Value tokens,
                  const BufferizationOptions &options) {
    SmallVector<Value> outs;
    for (Type type : op->getResultTypes()) {
      auto tensor = cast<RankedTensorType>(type);
      auto buffer = MemRefType::get(tensor.getShape(), tensor.getElementType());
      SmallVector<Value> sizes;
      if (buffer.isDynamicDim(0))
        sizes.push_back(
            memref::DimOp::create(rewriter, op->getLoc(), tokens, 0));
      FailureOr<Value> out =
          options.createAlloc(rewriter, op->getLoc(), buffer, sizes);
      if (failed(out))
        return failure();
      outs.push_back(*out);
    }
    return outs;
  }

  static void buildBufferForm(RewriterBase &rewriter, OpTy op,
                              ArrayRef<Value> operands, ValueRange outs) {
    constexpr bool segmented =
        OpTy::template hasTrait<OpTrait::AttrSizedOperandSegments>();
    OperationState newState(op.getLoc(), op->getName());
    newState.addOperands(operands);
    newState.addOperands(outs);
    newState.propertiesAttr = op->getPropertiesAsAttribute();
    newState.addAttributes(op->getDiscardableAttrDictionary().getValue());
    auto created = cast<OpTy>(rewriter.create(newState));
    if constexpr (segmented) {
      auto sizes = llvm::to_vector(op.getProperties().operandSegmentSizes);
      sizes.back() = outs.size();
      llvm::copy(sizes, created.getProperties().operandSegmentSizes.begin());
    }
  }
};

/// Writes its init's buffer, and reads that only where rows keep what they
/// have.
struct MatmulModel
    : DstBufferizableOpInterfaceExternalModel<MatmulModel, MatmulOp> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    auto product = cast<MatmulOp>(op);
    return !product.isDpsInit(&operand) || product.getRowIndices();
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    FailureOr<SmallVector<Value>> operands =
        getBuffers(rewriter, op, options, state);
    if (failed(operands))
      return failure();
    auto product =
        cast<MatmulOp>(mlir::clone(rewriter, op, TypeRange(), *operands));
    replaceOpWithBufferizedValues(rewriter, op, product.getInit());
    return success();
  }
};

struct KVAppendModel : ReadingModel<KVAppendModel, KVAppendOp> {
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    FailureOr<SmallVector<Value>> operands =
        getBuffers(rewriter, op, options, state);
    if (failed(operands))
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op->setOperands(*operands); });
    return success();
  }
};

struct PrefetchModel : ReadingModel<PrefetchModel, PrefetchOp> {
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    FailureOr<SmallVector<Value>> operands =
        getBuffers(rewriter, op, options, state);
    if (failed(operands))
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op->setOperands(*operands); });
    return success();
  }
};

struct GetWeightModel
    : BufferizableOpInterface::ExternalModel<GetWeightModel, GetWeightOp> {
  FailureOr<BufferLikeType> getBufferType(Operation *op, Value value,
                                          const BufferizationOptions &,
                                          const BufferizationState &,
                                          SmallVector<Value> &) const {
    auto type = cast<RankedTensorType>(value.getType());
    if (!MemRefType::isValidElementType(type.getElementType()))
      return op->emitOpError("expected the bytes of a weight with a layout, "
                             "which have a buffer, got ")
             << type;
    return cast<BufferLikeType>(
        Type(MemRefType::get(type.getShape(), type.getElementType())));
  }
  bool isWritable(Operation *, Value, const AnalysisState &) const {
    return false;
  }
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto read = cast<GetWeightOp>(op);
    FailureOr<BufferLikeType> buffer =
        bufferization::getBufferType(read.getResult(), options, state);
    if (failed(buffer))
      return failure();
    replaceOpWithNewBufferizedOp<GetWeightOp>(
        rewriter, op, Type(*buffer), read.getWeightAttr(), read.getLayer());
    return success();
  }
};

template <typename... Ops> void attachKernels(MLIRContext *context) {
  (Ops::template attachInterface<KernelModel<Ops>>(*context), ...);
}

} // namespace

void tern::registerBufferization(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, TernDialect *) {
    attachKernels<ActiveRowsOp, AttentionOp, DequantizeOp, GatherRowsOp,
                  HadamardOp, KeepTopKOp, LmHeadOp, QuantizeOp, ReduceOp,
                  SparsifyOp, SumCodesOp>(context);
    MatmulOp::attachInterface<MatmulModel>(*context);
    KVAppendOp::attachInterface<KVAppendModel>(*context);
    PrefetchOp::attachInterface<PrefetchModel>(*context);
    GetWeightOp::attachInterface<GetWeightModel>(*context);
  });
}
