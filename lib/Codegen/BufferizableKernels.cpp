//===- BufferizableKernels.cpp - Bufferization of tern operations ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/ChoiceOps.h"
#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

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

/// Reads its tensors and writes none.
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

/// Tensor form to buffer form: the same operation without results. Its outs are
/// written and not read.
template <typename OpTy>
struct KernelModel
    : BufferizableOpInterface::ExternalModel<KernelModel<OpTy>, OpTy> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    return !getOut(op, operand);
  }
  bool bufferizesToMemoryWrite(Operation *op, OpOperand &operand,
                               const AnalysisState &) const {
    return getOut(op, operand).has_value();
  }
  AliasingValueList getAliasingValues(Operation *op, OpOperand &operand,
                                      const AnalysisState &) const {
    std::optional<unsigned> out = getOut(op, operand);
    if (!out)
      return {};
    return {{op->getResult(*out), BufferRelation::Equivalent}};
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    if (cast<OpTy>(op).getOuts().empty())
      return op->emitOpError("expected a destination for each result, which "
                             "tern-bufferize adds");
    FailureOr<SmallVector<Value>> operands =
        getBuffers(rewriter, op, options, state);
    if (failed(operands))
      return failure();
    auto kernel = cast<OpTy>(mlir::clone(rewriter, op, TypeRange(), *operands));
    replaceOpWithBufferizedValues(rewriter, op,
                                  llvm::to_vector(kernel.getOuts()));
    return success();
  }

private:
  /// Which of the outs `operand` is, if it is one.
  static std::optional<unsigned> getOut(Operation *op, OpOperand &operand) {
    OperandRange outs = cast<OpTy>(op).getOuts();
    unsigned number = operand.getOperandNumber();
    if (outs.empty() || number < outs.getBeginOperandIndex() ||
        number >= outs.getBeginOperandIndex() + outs.size())
      return std::nullopt;
    return number - outs.getBeginOperandIndex();
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

/// Writes its init's buffer, element by element, after it has read what it
/// makes of it.
struct MicroStoreModel
    : DstBufferizableOpInterfaceExternalModel<MicroStoreModel, MicroStoreOp> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    return !cast<MicroStoreOp>(op).isDpsInit(&operand);
  }
  bool bufferizesToElementwiseAccess(Operation *op, const AnalysisState &,
                                     ArrayRef<OpOperand *>) const {
    return llvm::all_of(
        cast<MicroStoreOp>(op).getMaps().getAsValueRange<AffineMapAttr>(),
        [](AffineMap map) { return map.isIdentity(); });
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    FailureOr<SmallVector<Value>> operands =
        getBuffers(rewriter, op, options, state);
    if (failed(operands))
      return failure();
    auto store =
        cast<MicroStoreOp>(mlir::clone(rewriter, op, TypeRange(), *operands));
    replaceOpWithBufferizedValues(rewriter, op, store.getInit());
    return success();
  }
};

/// Has no tensors for results: takes buffers instead of its own.
template <typename OpTy>
struct OperandsModel : ReadingModel<OperandsModel<OpTy>, OpTy> {
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

/// Operations with outs.
template <typename... Ops> struct Kernels {
  static void attach(MLIRContext *context) {
    (Ops::template attachInterface<KernelModel<Ops>>(*context), ...);
  }
  /// Appends `outs` to `op` if it is one of them.
  static void append(Operation *op, ValueRange outs) {
    llvm::TypeSwitch<Operation *>(op).template Case<Ops...>(
        [&](auto kernel) { kernel.getOutsMutable().append(outs); });
  }
};
using AllKernels =
    Kernels<ActiveRowsOp, ArgmaxOp, AttentionOp, BestRowOp, BoundRowsOp,
            CandidateRowsOp, CausalConvOp, DeltaRuleOp, DequantizeOp,
            GatherRowsOp, HadamardOp, KeepTopKOp, LmHeadOp, QuantizeOp,
            ReduceOp, SparsifyOp, SumCodesOp, TopLogitsOp>;

} // namespace

void tern::addDestinations(Operation *op) {
  auto kernel = cast<KernelOpInterface>(op);
  if (kernel.isBufferForm() || !kernel.getOuts().empty())
    return;
  OpBuilder b(op);
  SmallVector<Value> outs;
  for (Type type : op->getResultTypes()) {
    auto tensor = cast<RankedTensorType>(type);
    SmallVector<Value> sizes;
    // The first operand of every kernel operation has the tokens.
    if (tensor.isDynamicDim(0))
      sizes.push_back(
          tensor::DimOp::create(b, op->getLoc(), op->getOperand(0), 0));
    outs.push_back(tensor::EmptyOp::create(b, op->getLoc(), tensor, sizes));
  }
  AllKernels::append(op, outs);
}

void tern::registerBufferization(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, TernDialect *) {
    AllKernels::attach(context);
    MatmulOp::attachInterface<MatmulModel>(*context);
    MicroStoreOp::attachInterface<MicroStoreModel>(*context);
    KVAppendOp::attachInterface<OperandsModel<KVAppendOp>>(*context);
    MicroScaleOp::attachInterface<OperandsModel<MicroScaleOp>>(*context);
    PrefetchOp::attachInterface<OperandsModel<PrefetchOp>>(*context);
    GetWeightOp::attachInterface<GetWeightModel>(*context);
  });
}
