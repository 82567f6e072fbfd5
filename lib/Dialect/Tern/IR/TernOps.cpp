//===- TernOps.cpp - Weights and operations of models ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Operations that importers make, and the definitions of all. Kernel operations
// are verified in KernelOps.cpp.
//
//===----------------------------------------------------------------------===//

#include "Expect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace tern;
using namespace tern::detail;

#include "tern/Dialect/Tern/IR/TernInterfaces.cpp.inc"

#define GET_OP_CLASSES
#include "tern/Dialect/Tern/IR/TernOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// The tables of a rotary embedding come from two numbers, not from a file.
static LogicalResult verifyRopeTable(WeightOp op, RankedTensorType type) {
  auto headDim = op->getAttrOfType<IntegerAttr>("head_dim");
  if (!headDim || !op->getAttrOfType<FloatAttr>("theta"))
    return op.emitOpError("expected attributes head_dim and theta, which a "
                          "rotary table is made from");
  if (!op.getSources().empty() || op.getPerLayer())
    return op.emitOpError("expected a rotary table to have no sources and to "
                          "be the same for all layers");
  if (type.getRank() == 2 && type.getDimSize(1) * 2 != headDim.getInt())
    return op.emitOpError("expected half of head_dim ")
           << headDim.getInt() << " columns, got " << type.getDimSize(1);
  auto divisors = op->getAttrOfType<DenseF64ArrayAttr>("divisors");
  if (divisors && divisors.size() * 2 != headDim.getInt())
    return op.emitOpError("expected half of head_dim ")
           << headDim.getInt() << " divisors, got " << divisors.size();
  auto factor = op->getAttrOfType<FloatAttr>("factor");
  if (factor && !(factor.getValueAsDouble() > 0))
    return op.emitOpError("expected a factor above 0, got ") << factor;
  return success();
}

static LogicalResult verifySources(WeightOp op) {
  if (op.getSources().empty())
    return op.emitOpError("expected at least one source");
  for (auto source : op.getSources().getAsRange<StringAttr>()) {
    bool hasHole = source.getValue().contains("{}");
    if (hasHole != op.getPerLayer())
      return op.emitOpError("expected ")
             << (op.getPerLayer() ? "{} for the layer's number in source "
                                  : "no {} in a source of all layers, got ")
             << source;
  }
  return success();
}

LogicalResult WeightOp::verify() {
  auto type = cast<RankedTensorType>(getType());
  Type element = type.getElementType();
  if (!type.hasStaticShape())
    return emitOpError("expected a static shape, got ") << type;
  if (type.getEncoding() && !isa<LayoutAttr>(type.getEncoding()))
    return emitOpError("expected no encoding but a layout, got ") << type;
  if (getOffset() && static_cast<int64_t>(*getOffset()) < 0)
    return emitOpError("expected an offset of at least 0, got ")
           << static_cast<int64_t>(*getOffset());

  auto expect = [&](bool holds, StringRef sentence) -> LogicalResult {
    if (holds)
      return success();
    return emitOpError("expected ") << sentence << ", got " << type;
  };
  switch (getEncoding()) {
  case WeightEncoding::Digits:
    if (failed(expect(isa<TritType>(element) && type.getRank() == 2,
                      "digits to be a matrix of !tern.trit")))
      return failure();
    break;
  case WeightEncoding::Values:
    if (failed(expect(isa<FloatType>(element), "values to be floats")))
      return failure();
    break;
  case WeightEncoding::IntegerRows:
    if (failed(expect(isIntegerWeight(element) && !element.isInteger(2) &&
                          type.getRank() == 2,
                      "integer_rows to be a matrix of i8, i6 or i4")))
      return failure();
    break;
  case WeightEncoding::UpperBits:
    if (failed(expect(element.isInteger(6) && type.getRank() == 2,
                      "upper_bits to be a matrix of i6")))
      return failure();
    break;
  case WeightEncoding::LowerBits:
    if (failed(expect(element.isInteger(2) && type.getRank() == 2,
                      "lower_bits to be a matrix of i2")))
      return failure();
    break;
  case WeightEncoding::Scale:
    if (failed(expect(
            ((element.isF32() && type.getRank() == 1) ||
             ((element.isF32() || element.isF16()) && type.getRank() == 2)) &&
                type.getDimSize(0) >= static_cast<int64_t>(getSources().size()),
            "scale to be f32, one or more per source, or a matrix of "
            "rows and groups, f16 or f32")))
      return failure();
    break;
  case WeightEncoding::OnePlus:
  case WeightEncoding::MinusExp:
    if (failed(expect(element.isF32() && type.getRank() == 1,
                      "one_plus and minus_exp to be vectors of f32")))
      return failure();
    break;
  case WeightEncoding::Taps:
    if (failed(expect(element.isF32() && type.getRank() == 2,
                      "taps to be a matrix of f32")))
      return failure();
    break;
  case WeightEncoding::IntegerScales:
  case WeightEncoding::LowerNorms:
    if (failed(expect(element.isF32() && type.getRank() == 1,
                      "integer_scales and lower_norms to be vectors of f32")))
      return failure();
    break;
  case WeightEncoding::RopeCos:
  case WeightEncoding::RopeSin:
    if (failed(expect(element.isF32() && type.getRank() == 2,
                      "a rotary table to be a matrix of f32")))
      return failure();
    return verifyRopeTable(*this, type);
  }
  return verifySources(*this);
}

LogicalResult GetWeightOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto weight =
      symbols.lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  if (!weight)
    return emitOpError("expected a tern.weight named ") << getWeightAttr();
  if (weight.getPerLayer() && !getLayer())
    return emitOpError("expected a layer, as ")
           << getWeightAttr() << " has one instance per layer";
  if (!weight.getPerLayer() && getLayer())
    return emitOpError("expected no layer, as ")
           << getWeightAttr() << " has only one instance";

  RankedTensorType type = getReadType(cast<RankedTensorType>(weight.getType()));
  if (getResult().getType() == type)
    return success();
  auto buffer = dyn_cast<MemRefType>(getResult().getType());
  if (buffer && buffer.getShape() == type.getShape() &&
      buffer.getElementType() == type.getElementType())
    return success();
  InFlightDiagnostic error = emitOpError("expected ")
                             << getWeightAttr() << " to be read as " << type;
  if (buffer)
    error << ", as a memref";
  error << ", got " << getResult().getType();
  error.attachNote(weight.getLoc()) << "the weight is defined here";
  return error;
}

//===----------------------------------------------------------------------===//
// Model operations
//===----------------------------------------------------------------------===//

LogicalResult RMSNormOp::verify() {
  int64_t features = getSize(getInput(), 1);
  int64_t headDim = getHeadDim().value_or(features);
  if (getHeadDim() && headDim < 1)
    return emitOpError("expected a head_dim of at least 1, got ") << headDim;
  if (getHeadDim() && !ShapedType::isDynamic(features) && features % headDim)
    return emitOpError("expected features to be a multiple of head_dim ")
           << headDim << ", got " << features;
  if (failed(expectSize(*this, "weight", "elements", headDim,
                        getHeadDim() ? "one per feature of a head"
                                     : "one per feature",
                        getSize(getWeight(), 0))))
    return failure();
  if (getEps().isNegative() || !getEps().isFinite())
    return emitOpError("expected eps to be finite and not negative, got ")
           << getEpsAttr();
  return success();
}

LogicalResult ScaleOp::verify() {
  if (getFactor().isFinite() && !getFactor().isZero())
    return success();
  return emitOpError("expected a factor that is finite and not 0, got ")
         << getFactorAttr();
}

/// Factors of blocks and sums of floats are parts of the product, as scales of
/// groups are.
static LogicalResult verifyActQuant(BitLinearOp op, int64_t features) {
  ActQuantAttr scheme = op.getActQuant();
  if (scheme.isFloat() && op.getTopK())
    return op.emitOpError("expected no top_k under f32, which has no codes");
  if (!scheme.isFloat() && !scheme.getBlock())
    return success();
  if (getShaped(op.getScale()).getRank() != 2)
    return op.emitOpError("expected a matrix of scales of groups under ")
           << scheme << ", got " << op.getScale().getType();
  if (scheme.isFloat())
    return success();
  if (failed(expectBlocks(op, scheme, features)))
    return failure();
  int64_t blocks = scheme.getNumBlocks(features),
          groups = getSize(op.getScale(), 1);
  if (groups % blocks == 0)
    return success();
  return op.emitOpError("expected each of ")
         << blocks << " blocks of " << scheme.getBlock()
         << " features to be whole groups, got " << groups << " groups";
}

static LogicalResult verifyScale(BitLinearOp op, int64_t features,
                                 int64_t rows) {
  int64_t scales = getSize(op.getScale(), 0);
  if (cast<ShapedType>(op.getScale().getType()).getRank() == 2) {
    if (failed(expectSize(op, "scale", "rows", rows, "one per row of weight",
                          scales)) ||
        failed(expectGroups(op, features, getSize(op.getScale(), 1))))
      return failure();
    return verifyActQuant(op, features);
  }
  if (failed(verifyActQuant(op, features)))
    return failure();
  if (!mayAgree(scales, op.getNumResults()) && !mayAgree(scales, rows))
    return op.emitOpError("expected one scale per result (")
           << op.getNumResults() << ") or per row of weight (" << rows
           << "), got " << scales;
  return success();
}

LogicalResult BitLinearOp::verify() {
  int64_t features = getSize(getInput(), 1), rows = getSize(getWeight(), 0);
  if (failed(expectSize(*this, "weight", "columns", features,
                        "one per feature of input", getSize(getWeight(), 1))))
    return failure();
  if (getResults().empty())
    return emitOpError("expected at least one result, got 0");

  int64_t width = 0;
  for (Value result : getResults()) {
    if (failed(expectSameTokens(*this,
                                {{"input", getInput()}, {"result", result}})))
      return failure();
    if (ShapedType::isDynamic(getSize(result, 1)))
      return emitOpError("expected results of static width, got ")
             << result.getType();
    width += getSize(result, 1);
  }
  if (!mayAgree(width, rows))
    return emitOpError("expected the widths of the results to sum to ")
           << rows << ", the rows of weight, got " << width;

  if (failed(verifyScale(*this, features, rows)))
    return failure();
  if (getBias() &&
      failed(expectSize(*this, "bias", "elements", rows,
                        "one per row of weight", getSize(getBias(), 0))))
    return failure();
  if (getTopK() && !ShapedType::isDynamic(features) &&
      getTopK()->getKeep() > features)
    return emitOpError("expected top_k to keep at most ")
           << features << " features, got " << getTopK()->getKeep();
  return success();
}

/// Keeping all features is keeping what there is.
LogicalResult BitLinearOp::canonicalize(BitLinearOp op,
                                        PatternRewriter &rewriter) {
  if (!op.getTopK() || op.getTopK()->getKeep() != getSize(op.getInput(), 1))
    return rewriter.notifyMatchFailure(op, "no top_k that keeps all features");
  rewriter.modifyOpInPlace(op, [&] { op.removeTopKAttr(); });
  return success();
}

LogicalResult RopeOp::verify() {
  int64_t headDim = getHeadDim(), features = getSize(getInput(), 1);
  int64_t rotaryDim = getRotaryDim().value_or(headDim);
  if (headDim < 2 || headDim % 2)
    return emitOpError("expected an even head_dim, got ") << headDim;
  if (rotaryDim < 2 || rotaryDim % 2 || rotaryDim > headDim)
    return emitOpError("expected an even rotary_dim of at most head_dim ")
           << headDim << ", got " << rotaryDim;
  if (!ShapedType::isDynamic(features) && features % headDim)
    return emitOpError("expected features to be a multiple of head_dim ")
           << headDim << ", got " << features;
  if (failed(expectSameTokens(
          *this, {{"input", getInput()}, {"positions", getPositions()}})))
    return failure();
  for (const Named &table : {Named{"cos", getCos()}, Named{"sin", getSin()}})
    if (failed(expectSize(*this, table.name, "columns", rotaryDim / 2,
                          getRotaryDim() ? "half of rotary_dim"
                                         : "half of head_dim",
                          getSize(table.value, 1))))
      return failure();
  return expectSize(*this, "sin", "positions", getSize(getCos(), 0),
                    "as cos has", getSize(getSin(), 0));
}

//===----------------------------------------------------------------------===//
// KV cache
//===----------------------------------------------------------------------===//

LogicalResult KVAppendOp::verify() {
  for (Value value : {getValues(), Value(getPositions())})
    if (isa<MemRefType>(value.getType()) !=
        isa<MemRefType>(getKeys().getType()))
      return emitOpError("expected keys, values and positions to be all "
                         "tensors or all memrefs, got ")
             << getKeys().getType() << " and " << value.getType();
  if (failed(expectSameTokens(*this, {{"keys", getKeys()},
                                      {"values", getValues()},
                                      {"positions", getPositions()}})))
    return failure();
  auto cache = cast<KVCacheType>(getCache().getType());
  for (const Named &rows :
       {Named{"keys", getKeys()}, Named{"values", getValues()}})
    if (failed(expectSize(
            *this, rows.name, "columns", cache.getHeads() * cache.getHeadDim(),
            "heads * head_dim of the cache", getSize(rows.value, 1))))
      return failure();
  return success();
}

void KVAppendOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  for (OpOperand &operand : getOperation()->getOpOperands())
    if (isa<MemRefType>(operand.get().getType()))
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
  effects.emplace_back(MemoryEffects::Write::get());
}
