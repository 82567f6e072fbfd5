//===- KernelOps.cpp - Kernel operations ----------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Expect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tern;
using namespace tern::detail;

//===----------------------------------------------------------------------===//
// Both forms
//===----------------------------------------------------------------------===//

LogicalResult tern::detail::verifyKernelOp(Operation *op) {
  auto kernel = cast<KernelOpInterface>(op);
  OperandRange outs = kernel.getOuts();
  if (outs.empty() == (op->getNumResults() == 0))
    return op->emitOpError("expected either results (tensor form) or outs "
                           "(buffer form), got ")
           << op->getNumResults() << " results and " << outs.size() << " outs";
  for (Type type : op->getOperandTypes()) {
    if (kernel.isBufferForm() && isa<TensorType>(type))
      return op->emitOpError("expected memrefs only in buffer form, got ")
             << type;
    if (!kernel.isBufferForm() && isa<BaseMemRefType>(type))
      return op->emitOpError("expected tensors only in tensor form, got ")
             << type;
  }
  return success();
}

void tern::detail::getKernelOpEffects(
    Operation *op,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  OperandRange outs = cast<KernelOpInterface>(op).getOuts();
  unsigned firstOut =
      outs.empty() ? op->getNumOperands() : outs.getBeginOperandIndex();
  for (OpOperand &operand : op->getOpOperands()) {
    // A cache is memory in both forms.
    if (!isa<MemRefType, KVCacheType>(operand.get().getType()))
      continue;
    unsigned index = operand.getOperandNumber();
    if (index >= firstOut && index < firstOut + outs.size())
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
    else if (isa<KVCacheType>(operand.get().getType()))
      effects.emplace_back(MemoryEffects::Read::get());
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
  }
}

//===----------------------------------------------------------------------===//
// Ends of the model
//===----------------------------------------------------------------------===//

LogicalResult EmbeddingOp::verify() {
  return expectWritten(*this,
                       {{"result",
                         {getSize(getTokens(), 0), getSize(getTable(), 1)},
                         Float32Type::get(getContext())}});
}

LogicalResult LmHeadOp::verify() {
  int64_t rows = getSize(getWeight(), 0);
  if (failed(expectSize(*this, "weight", "columns", getSize(getInput(), 1),
                        "one per feature of input", getSize(getWeight(), 1))))
    return failure();
  bool isInt8 = getShaped(getWeight()).getElementType().isInteger(8);
  if (isInt8 && getOperation()->getNumResults() == 0)
    return emitOpError("expected a weight of floats in buffer form, got ")
           << getWeight().getType();
  if (isInt8 != bool(getScales()))
    return emitOpError("expected scales exactly if weight is of i8, got ")
           << (getScales() ? "scales" : "none") << " for "
           << getWeight().getType();
  if (getScales() &&
      failed(expectSize(*this, "scales", "elements", rows,
                        "one per row of weight", getSize(getScales(), 0))))
    return failure();
  return expectWritten(*this, {{"logits",
                                {getSize(getInput(), 0), rows},
                                Float32Type::get(getContext())}});
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

LogicalResult ReduceOp::verify() {
  return expectWritten(
      *this,
      {{"result", {getSize(getInput(), 0)}, Float32Type::get(getContext())}});
}

LogicalResult HadamardOp::verify() {
  int64_t block = getBlock(), features = getSize(getInput(), 1);
  if (block < 2 || !llvm::isPowerOf2_64(block))
    return emitOpError("expected a block of 2, 4, 8, ... features, got ")
           << block;
  if (!ShapedType::isDynamic(features) && features % block)
    return emitOpError("expected a multiple of block = ")
           << block << " features, got " << features;
  return expectWritten(*this, {{"result",
                                {getSize(getInput(), 0), features},
                                Float32Type::get(getContext())}});
}

LogicalResult QuantizeOp::verify() {
  Builder b(getContext());
  int64_t tokens = getSize(getInput(), 0);
  return expectWritten(
      *this, {{"codes", {tokens, getSize(getInput(), 1)}, b.getI8Type()},
              {"factors", {tokens}, b.getF32Type()}});
}

LogicalResult KeepTopKOp::verify() {
  int64_t features = getSize(getInput(), 1);
  if (failed(expectSameTokens(
          *this, {{"input", getInput()}, {"codes", getCodes()}})) ||
      failed(expectSize(*this, "codes", "columns", features, "as input has",
                        getSize(getCodes(), 1))))
    return failure();
  if (!ShapedType::isDynamic(features) && getTopK().getKeep() > features)
    return emitOpError("expected to keep at most ")
           << features << " features, got " << getTopK().getKeep();
  return expectWritten(*this, {{"result",
                                {getSize(getInput(), 0), features},
                                IntegerType::get(getContext(), 8)}});
}

/// Keeping all features is keeping what there is.
LogicalResult KeepTopKOp::fold(FoldAdaptor,
                               SmallVectorImpl<OpFoldResult> &results) {
  if (getNumResults() == 0 || getTopK().getKeep() != getSize(getInput(), 1) ||
      getCodes().getType() != getResult(0).getType())
    return failure();
  results.push_back(getCodes());
  return success();
}

/// Of the same activations, the k largest lie among the m >= k largest: ties go
/// to the lower index in both. So of two in a row only the smaller one keeps
/// its say.
LogicalResult KeepTopKOp::canonicalize(KeepTopKOp op,
                                       PatternRewriter &rewriter) {
  auto inner = op.getCodes().getDefiningOp<KeepTopKOp>();
  if (!inner || inner.getInput() != op.getInput())
    return rewriter.notifyMatchFailure(op, "codes are not the largest of the "
                                           "same activations");
  bool outerIsSmaller = op.getTopK().getKeep() <= inner.getTopK().getKeep();
  if (!outerIsSmaller && inner.getResultTypes() != op.getResultTypes())
    return rewriter.notifyMatchFailure(op, "types differ in unknown sizes");
  if (outerIsSmaller)
    rewriter.modifyOpInPlace(
        op, [&] { op.getCodesMutable().assign(inner.getCodes()); });
  else
    rewriter.replaceOp(op, inner);
  return success();
}

LogicalResult SparsifyOp::verify() {
  Builder b(getContext());
  int64_t tokens = getSize(getInput(), 0), width = getSize(getInput(), 1);
  if (!ShapedType::isDynamic(width))
    width = llvm::alignTo(width, 4);
  return expectWritten(*this, {{"indices", {tokens, width}, b.getI32Type()},
                               {"values", {tokens, width}, b.getI8Type()},
                               {"count", {tokens}, b.getI32Type()}});
}

LogicalResult ActiveRowsOp::verify() {
  Builder b(getContext());
  int64_t tokens = getSize(getGate(), 0);
  return expectWritten(
      *this, {{"indices", {tokens, getSize(getGate(), 1)}, b.getI32Type()},
              {"count", {tokens}, b.getI32Type()}});
}

LogicalResult DequantizeOp::verify() {
  int64_t outputs = getSize(getAcc(), 1);
  if (failed(expectSameTokens(*this,
                              {{"acc", getAcc()}, {"factor", getFactor()}})))
    return failure();
  bool isInteger = getShaped(getAcc()).getElementType().isInteger();
  if (isInteger != bool(getScale()))
    return emitOpError("expected a scale exactly if acc is of i32, got ")
           << (getScale() ? "one" : "none") << " for " << getAcc().getType();
  if (getScale()) {
    int64_t scales = getSize(getScale(), 0);
    if (!mayAgree(scales, 1) && !mayAgree(scales, outputs))
      return emitOpError("expected one scale or one per output (")
             << outputs << "), got " << scales;
  }
  if (getBias() && failed(expectSize(*this, "bias", "elements", outputs,
                                     "one per output", getSize(getBias(), 0))))
    return failure();
  return expectWritten(*this, {{"result",
                                {getSize(getAcc(), 0), outputs},
                                Float32Type::get(getContext())}});
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// Sizes of a product: those of its weight, padded to the layout if there is
/// one.
namespace {
struct ProductSizes {
  int64_t rows, columns, paddedRows, paddedColumns;
};
} // namespace

static LayoutAttr getLayoutOf(RankedTensorType type) {
  return dyn_cast_or_null<LayoutAttr>(type.getEncoding());
}

/// The weight is a matrix of digits or i8 in tensor form, and in buffer form
/// the memref that `weight_type` becomes.
static FailureOr<ProductSizes>
verifyWeight(Operation *op, Value weight,
             std::optional<RankedTensorType> weightType) {
  bool isBuffer = isa<MemRefType>(weight.getType());
  if (isBuffer != weightType.has_value())
    return op->emitOpError(
               "expected weight_type exactly if weight is a memref, "
               "got ")
           << (weightType ? "one" : "none") << " for " << weight.getType();
  RankedTensorType type =
      isBuffer ? *weightType : cast<RankedTensorType>(weight.getType());
  if (type.getRank() != 2 || !type.hasStaticShape() ||
      (!isa<TritType>(type.getElementType()) &&
       !type.getElementType().isInteger(8)))
    return op->emitOpError("expected a static matrix of !tern.trit or i8 as "
                           "weight, got ")
           << type;
  if (isBuffer) {
    auto actual = cast<MemRefType>(weight.getType());
    MemRefType buffer = getWeightBufferType(type);
    if (!buffer)
      return op->emitOpError("expected weight_type to have a layout, got ")
             << type;
    if (actual.getShape() != buffer.getShape() ||
        actual.getElementType() != buffer.getElementType())
      return op->emitOpError("expected weight to be of type ")
             << buffer << ", as weight_type takes, got " << actual;
  }
  ProductSizes sizes = {type.getDimSize(0), type.getDimSize(1),
                        type.getDimSize(0), type.getDimSize(1)};
  if (LayoutAttr layout = getLayoutOf(type)) {
    sizes.paddedRows = layout.getLayout().paddedRows(sizes.rows);
    sizes.paddedColumns = layout.getLayout().paddedColumns(sizes.columns);
  }
  return sizes;
}

LogicalResult MatmulOp::verify() {
  FailureOr<ProductSizes> sizes =
      verifyWeight(*this, getWeight(), getWeightType());
  if (failed(sizes) ||
      failed(expectSize(*this, "codes", "columns", sizes->paddedColumns,
                        "as the weight and its layout have",
                        getSize(getCodes(), 1))))
    return failure();

  if (bool(getRowIndices()) != bool(getRowCount()))
    return emitOpError("expected indices and count of rows together, got only "
                       "one");
  if (getRowIndices()) {
    if (failed(expectOneToken(*this, {"codes", getCodes()})) ||
        failed(expectOneToken(*this, {"row indices", getRowIndices()})) ||
        failed(expectOneToken(*this, {"row count", getRowCount()})))
      return failure();
    int64_t listed = getSize(getRowIndices(), 1);
    if (!ShapedType::isDynamic(listed) && listed < sizes->rows)
      return emitOpError("expected room for ")
             << sizes->rows << " row indices, as the weight has rows, got "
             << listed;
  }
  return expectWritten(*this, {{"result",
                                {getSize(getCodes(), 0), sizes->paddedRows},
                                IntegerType::get(getContext(), 32)}});
}

LogicalResult SparseMatmulOp::verify() {
  FailureOr<ProductSizes> sizes =
      verifyWeight(*this, getWeight(), getWeightType());
  if (failed(sizes) ||
      failed(expectOneToken(*this, {"indices", getIndices()})) ||
      failed(expectOneToken(*this, {"values", getValues()})) ||
      failed(expectOneToken(*this, {"count", getCount()})))
    return failure();
  int64_t listed = getSize(getIndices(), 1);
  if (failed(expectSize(*this, "values", "columns", listed, "as indices have",
                        getSize(getValues(), 1))))
    return failure();
  int64_t needed = llvm::alignTo(sizes->columns, 4);
  if (!ShapedType::isDynamic(listed) && listed < needed)
    return emitOpError("expected room for ")
           << needed
           << " column indices, the weight's columns rounded up to a multiple "
              "of four, got "
           << listed;
  return expectWritten(
      *this,
      {{"result", {1, sizes->paddedRows}, IntegerType::get(getContext(), 32)}});
}

LogicalResult GroupedMatmulOp::verify() {
  FailureOr<ProductSizes> sizes =
      verifyWeight(*this, getWeight(), getWeightType());
  if (failed(sizes) ||
      failed(expectSize(*this, "codes", "columns", sizes->paddedColumns,
                        "as the weight and its layout have",
                        getSize(getCodes(), 1))) ||
      failed(expectSize(*this, "scale", "rows", sizes->rows,
                        "one per row of weight", getSize(getScale(), 0))) ||
      failed(expectGroups(*this, sizes->columns, getSize(getScale(), 1))))
    return failure();
  if (!isa<TritType>(getWeightTensorType().getElementType()))
    return emitOpError("expected a matrix of !tern.trit as weight, got ")
           << getWeightTensorType();
  return expectWritten(*this, {{"result",
                                {getSize(getCodes(), 0), sizes->paddedRows},
                                Float32Type::get(getContext())}});
}

int64_t GroupedMatmulOp::getGroupSize() {
  return getWeightTensorType().getDimSize(1) / getSize(getScale(), 1);
}

template <typename ProductOp>
static RankedTensorType getWeightTensorTypeOf(ProductOp op) {
  if (std::optional<RankedTensorType> type = op.getWeightType())
    return *type;
  return cast<RankedTensorType>(op.getWeight().getType());
}

RankedTensorType MatmulOp::getWeightTensorType() {
  return getWeightTensorTypeOf(*this);
}

RankedTensorType SparseMatmulOp::getWeightTensorType() {
  return getWeightTensorTypeOf(*this);
}

RankedTensorType GroupedMatmulOp::getWeightTensorType() {
  return getWeightTensorTypeOf(*this);
}

LayoutAttr MatmulOp::getLayout() { return getLayoutOf(getWeightTensorType()); }

LayoutAttr SparseMatmulOp::getLayout() {
  return getLayoutOf(getWeightTensorType());
}

LayoutAttr GroupedMatmulOp::getLayout() {
  return getLayoutOf(getWeightTensorType());
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

LogicalResult AttentionOp::verify() {
  auto cache = cast<KVCacheType>(getCache().getType());
  int64_t width = getSize(getQuery(), 1);
  if (failed(expectSameTokens(
          *this, {{"query", getQuery()}, {"positions", getPositions()}})))
    return failure();
  if (!ShapedType::isDynamic(width)) {
    if (width % cache.getHeadDim())
      return emitOpError("expected the width of query to be a multiple of "
                         "head_dim ")
             << cache.getHeadDim() << ", got " << width;
    int64_t heads = width / cache.getHeadDim();
    if (heads == 0 || heads % cache.getHeads())
      return emitOpError(
                 "expected query heads to be a multiple of the cache's ")
             << cache.getHeads() << " heads, got " << heads;
  }
  return expectWritten(*this, {{"result",
                                {getSize(getQuery(), 0), width},
                                Float32Type::get(getContext())}});
}
