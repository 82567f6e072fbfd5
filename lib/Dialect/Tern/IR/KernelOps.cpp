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
  if (outs.empty() && op->getNumResults() == 0)
    return op->emitOpError("expected results (tensor form) or outs (buffer "
                           "form), got neither");
  for (Type type : op->getOperandTypes()) {
    if (kernel.isBufferForm() && isa<TensorType>(type))
      return op->emitOpError("expected memrefs only in buffer form, got ")
             << type;
    if (!kernel.isBufferForm() && isa<BaseMemRefType>(type))
      return op->emitOpError("expected tensors only in tensor form, got ")
             << type;
  }
  if (!kernel.isBufferForm() && !outs.empty() &&
      outs.getTypes() != op->getResultTypes())
    return op->emitOpError("expected outs of the results' types, got ")
           << outs.getTypes();
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
    // A cache is memory in both forms, and so is a state, which steps change.
    if (isa<StateType>(operand.get().getType())) {
      effects.emplace_back(MemoryEffects::Read::get());
      effects.emplace_back(MemoryEffects::Write::get());
      continue;
    }
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

void GatherRowsOp::build(OpBuilder &b, OperationState &state, Type result,
                         Value indices, Value table, Value scales) {
  build(b, state, TypeRange(result), indices, table, scales, ValueRange(),
        TypeAttr());
}

RankedTensorType GatherRowsOp::getTableType() {
  if (std::optional<RankedTensorType> type = getWeightType())
    return *type;
  ShapedType type = getShaped(getTable());
  return RankedTensorType::get(type.getShape(), type.getElementType());
}

/// The table is what `weight_type` says, or a matrix without a layout.
static LogicalResult verifyTable(GatherRowsOp op) {
  ShapedType actual = getShaped(op.getTable());
  Type element = actual.getElementType();
  if (std::optional<RankedTensorType> type = op.getWeightType()) {
    auto layout = dyn_cast_or_null<LayoutAttr>(type->getEncoding());
    if (!layout || !isa<TritType>(type->getElementType()))
      return op.emitOpError("expected weight_type to be !tern.trit with a "
                            "layout, got ")
             << *type;
    RankedTensorType grid = layout.getGridType(type->getShape());
    if (actual.getShape() == grid.getShape() &&
        element == grid.getElementType())
      return success();
    return op.emitOpError("expected table to be ")
           << grid << ", as weight_type takes, got " << actual;
  }
  if (actual.getRank() != 2 ||
      !(isa<TritType>(element) || element.isInteger(8) || element.isF32() ||
        element.isF16() || element.isBF16()))
    return op.emitOpError("expected a matrix of f32, f16, bf16, i8 or "
                          "!tern.trit as table, or bytes and their "
                          "weight_type, got ")
           << actual;
  auto tensor = dyn_cast<RankedTensorType>(actual);
  if (tensor && getReadType(tensor) != tensor)
    return op.emitOpError("expected a table with a layout as ")
           << getReadType(tensor) << " and its weight_type, got " << tensor;
  return success();
}

static LogicalResult verifyTableScales(GatherRowsOp op) {
  RankedTensorType table = op.getTableType();
  auto layout = dyn_cast_or_null<LayoutAttr>(table.getEncoding());
  bool areStored = layout && layout.getLayout().hasScales();
  bool isInteger = table.getElementType().isInteger(8);
  bool needsScales = isInteger || isa<TritType>(table.getElementType());
  if (!areStored && needsScales != bool(op.getScales()))
    return op.emitOpError("expected scales exactly if table is of i8 or "
                          "!tern.trit, got ")
           << (op.getScales() ? "scales" : "none") << " for " << table;
  if (!op.getScales())
    return success();
  if (isInteger && getShaped(op.getScales()).getRank() != 1)
    return op.emitOpError("expected one scale per row of integers, got ")
           << op.getScales().getType();
  int64_t rows = table.getDimSize(0), scales = getSize(op.getScales(), 0);
  if (getShaped(op.getScales()).getRank() == 2) {
    if (failed(expectSize(op, "scales", "rows", rows, "one per row of table",
                          scales)))
      return failure();
    return expectGroups(op, table.getDimSize(1), getSize(op.getScales(), 1));
  }
  if (mayAgree(scales, 1) || mayAgree(scales, rows))
    return success();
  return op.emitOpError("expected one scale or one per row of table (")
         << rows << "), got " << scales;
}

LogicalResult GatherRowsOp::verify() {
  if (failed(verifyTable(*this)) || failed(verifyTableScales(*this)))
    return failure();
  return expectWritten(
      *this, {{"result",
               {getSize(getIndices(), 0), getTableType().getDimSize(1)},
               Float32Type::get(getContext())}});
}

LogicalResult LmHeadOp::verify() {
  int64_t rows = getSize(getWeight(), 0);
  if (failed(expectSize(*this, "weight", "columns", getSize(getInput(), 1),
                        "one per feature of input", getSize(getWeight(), 1))))
    return failure();
  bool isInteger = isIntegerWeight(getShaped(getWeight()).getElementType());
  if (isInteger && getOperation()->getNumResults() == 0)
    return emitOpError("expected a weight of floats in buffer form, got ")
           << getWeight().getType();
  if (isInteger != bool(getScales()))
    return emitOpError(
               "expected scales exactly if weight is of i8, i6 or i4, got ")
           << (getScales() ? "scales" : "none") << " for "
           << getWeight().getType();
  if (getScales() &&
      failed(expectSize(*this, "scales", "elements", rows,
                        "one per row of weight", getSize(getScales(), 0))))
    return failure();
  if (getLow() && failed(expectPlanes(*this, getWeight(), getLow())))
    return failure();
  return expectWritten(*this, {{"logits",
                                {getSize(getInput(), 0), rows},
                                Float32Type::get(getContext())}});
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

LogicalResult ReduceOp::verify() {
  ArrayRef<int64_t> shape = getShaped(getInput()).getShape();
  return expectWritten(*this, {{"result", llvm::to_vector(shape.drop_back()),
                                Float32Type::get(getContext())}});
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
  int64_t tokens = getSize(getInput(), 0), features = getSize(getInput(), 1);
  Written factors = {"factors", {tokens}, b.getF32Type()};
  if (getActQuant().isFloat())
    return emitOpError("expected a scheme of integers, got f32");
  if (getActQuant().getBlock()) {
    if (failed(expectBlocks(*this, getActQuant(), features)))
      return failure();
    factors.shape.push_back(getActQuant().getNumBlocks(features));
  }
  return expectWritten(*this,
                       {{"codes", {tokens, features}, b.getI8Type()}, factors});
}

LogicalResult ArgmaxOp::verify() {
  if (ShapedType::isDynamic(getSize(getInput(), 1)))
    return emitOpError("expected a static number of columns");
  return expectWritten(*this, {{"result",
                                {getSize(getInput(), 0), 2},
                                IntegerType::get(getContext(), 32)}});
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

LogicalResult SumCodesOp::verify() {
  Builder b(getContext());
  int64_t tokens = getSize(getCodes(), 0), columns = getSize(getCodes(), 1);
  Value sums = isBufferForm() ? getOuts().front() : getResults().front();
  int64_t groups = getSize(sums, 1);
  if (groups < 1 || columns % groups)
    return emitOpError("expected groups of equal size, got ")
           << groups << " groups of " << columns << " columns";
  if (getCount() && (tokens != 1 || groups != 1))
    return emitOpError("expected one token and one group with a count, got ")
           << tokens << " and " << groups;
  return expectWritten(*this, {{"sums", {tokens, groups}, b.getI32Type()}});
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
  if (getFactor() && failed(expectSameTokens(
                         *this, {{"acc", getAcc()}, {"factor", getFactor()}})))
    return failure();
  bool isInteger = getShaped(getAcc()).getElementType().isInteger();
  if (isInteger != bool(getScale()))
    return emitOpError("expected a scale exactly if acc is of i32, got ")
           << (getScale() ? "one" : "none") << " for " << getAcc().getType();
  if (!getFactor() && (isInteger || !getBias()))
    return emitOpError("expected a factor, or of floats a bias alone, got "
                       "neither");
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
