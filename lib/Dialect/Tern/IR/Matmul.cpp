//===- Matmul.cpp - Products with weights ---------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Expect.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tern;
using namespace tern::detail;

void MatmulOp::build(OpBuilder &b, OperationState &state, StringRef projection,
                     Value codes, Value weight, Value init,
                     ArrayRef<int64_t> codeRange) {
  SmallVector<Type> results;
  if (isa<RankedTensorType>(init.getType()))
    results.push_back(init.getType());
  build(b, state, results, projection, codes, weight, Value(), Value(), Value(),
        Value(), Value(), Value(), Value(), init, codeRange, TypeAttr(),
        StrategyAttr());
}

MutableOperandRange MatmulOp::getDpsInitsMutable() { return getInitMutable(); }

void MatmulOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  for (OpOperand &operand : getOperation()->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    if (!isDpsInit(&operand) || getRowIndices())
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
    if (isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
  }
}

RankedTensorType MatmulOp::getWeightTensorType() {
  if (std::optional<RankedTensorType> type = getWeightType())
    return *type;
  ShapedType type = getShaped(getWeight());
  return RankedTensorType::get(type.getShape(), type.getElementType());
}

LayoutAttr MatmulOp::getLayout() {
  return dyn_cast_or_null<LayoutAttr>(getWeightTensorType().getEncoding());
}

int64_t MatmulOp::getGroups() {
  if (getScales())
    return getSize(getScales(), 1);
  LayoutAttr layout = getLayout();
  if (!layout || !layout.getLayout().hasScales())
    return 0;
  return getWeightTensorType().getDimSize(1) / layout.getLayout().tileColumns();
}

int64_t MatmulOp::getGroupsPerFactor() {
  return getGroups() / getSize(getFactors(), 1);
}

bool MatmulOp::hasFloatCodes() {
  return getShaped(getCodes()).getElementType().isF32();
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

namespace {
/// Sizes of the weight as this product sees it; dynamic rows belong to a slice.
struct WeightSizes {
  int64_t rows;       ///< that scales exist for
  int64_t paddedRows; ///< that the result has
  int64_t columns, paddedColumns;
};
} // namespace

static LogicalResult verifyForm(MatmulOp op) {
  bool isBuffer = isa<MemRefType>(op.getInit().getType());
  for (Type type : op->getOperandTypes())
    if (isa<MemRefType>(type) != isBuffer)
      return op.emitOpError("expected all operands to be ")
             << (isBuffer ? "memrefs" : "tensors") << ", as init is, got "
             << type;
  return success();
}

/// A logical weight: digits or integers.
static FailureOr<WeightSizes> verifyMatrix(MatmulOp op) {
  ShapedType type = getShaped(op.getWeight());
  Type element = type.getElementType();
  bool isMatrix = type.getRank() == 2 &&
                  (isa<TritType>(element) || isIntegerWeight(element)) &&
                  !ShapedType::isDynamic(type.getDimSize(1));
  if (!isMatrix)
    return op.emitOpError("expected a matrix of !tern.trit, i8, i6, i4 or i2 "
                          "as weight, or bytes and their weight_type, got ")
           << type;
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    if (getReadType(tensor) != tensor)
      return op.emitOpError("expected a weight with a layout as ")
             << getReadType(tensor) << " and its weight_type, got " << type;
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  return WeightSizes{rows, rows, columns, columns};
}

/// A physical weight: the grid that `weightType` is stored as, or a slice of
/// its rows.
static FailureOr<WeightSizes> verifyGrid(MatmulOp op,
                                         RankedTensorType weightType) {
  auto layout = dyn_cast_or_null<LayoutAttr>(weightType.getEncoding());
  if (!layout)
    return op.emitOpError("expected weight_type to have a layout, got ")
           << weightType;
  RankedTensorType grid = layout.getGridType(weightType.getShape());
  ShapedType actual = getShaped(op.getWeight());
  unsigned rowDimension = op.getRowDimension();
  bool fits =
      actual.getRank() == 3 && actual.getElementType() == grid.getElementType();
  for (unsigned i = 0; fits && i < 3; ++i)
    fits = i == rowDimension && ShapedType::isStatic(actual.getDimSize(i))
               ? actual.getDimSize(i) <= grid.getDimSize(i)
               : mayAgree(actual.getDimSize(i), grid.getDimSize(i));
  if (!fits)
    return op.emitOpError("expected weight to be ")
           << grid << " or a slice of its rows, as weight_type takes, got "
           << actual;
  int64_t steps = actual.getDimSize(rowDimension);
  int64_t rows = ShapedType::isDynamic(steps) ? ShapedType::kDynamic
                                              : steps * op.getRowsPerStep();
  bool isWhole = steps == grid.getDimSize(rowDimension);
  return WeightSizes{
      isWhole ? weightType.getDimSize(0) : rows, rows, weightType.getDimSize(1),
      layout.getLayout().paddedColumns(weightType.getDimSize(1))};
}

/// Both operands of a list of rows or columns, of one token.
static LogicalResult verifyList(MatmulOp op, StringRef axis, Value indices,
                                Value count, int64_t needed, StringRef why) {
  if (bool(indices) != bool(count))
    return op.emitOpError("expected indices and count of ")
           << axis << "s together, got only one";
  if (!indices)
    return success();
  if (failed(expectOneToken(op, {"codes", op.getCodes()})) ||
      failed(expectOneToken(op, {"indices", indices})) ||
      failed(expectOneToken(op, {"count", count})))
    return failure();
  int64_t room = getSize(indices, 1);
  if (!ShapedType::isDynamic(room) && room < needed)
    return op.emitOpError("expected room for ")
           << needed << ' ' << axis << " indices, " << why << ", got " << room;
  return success();
}

static LogicalResult verifyScales(MatmulOp op, const WeightSizes &sizes) {
  LayoutAttr attr = op.getLayout();
  bool areStored = attr && attr.getLayout().hasScales();
  if (areStored && sizes.paddedColumns != sizes.columns)
    return op.emitOpError("expected columns that are whole groups of ")
           << attr << ", got " << sizes.columns;
  if (!op.getScales())
    return success();
  if (areStored)
    return op.emitOpError("expected no scales beside those of ") << attr;
  if (!isa<TritType>(op.getWeightTensorType().getElementType()))
    return op.emitOpError("expected a weight of !tern.trit under scales, got ")
           << op.getWeightTensorType();
  if (failed(expectSize(op, "scales", "rows", sizes.rows,
                        "one per row of weight", getSize(op.getScales(), 0))))
    return failure();
  return expectGroups(op, sizes.columns, getSize(op.getScales(), 1));
}

static LogicalResult verifyFactors(MatmulOp op) {
  Value factors = op.getFactors();
  if (!factors)
    return success();
  if (!op.getGroups())
    return op.emitOpError("expected scales of groups under factors, got none");
  if (failed(expectSameTokens(
          op, {{"codes", op.getCodes()}, {"factors", factors}})))
    return failure();
  int64_t groups = op.getGroups(), blocks = getSize(factors, 1);
  if (blocks > 0 && groups % blocks == 0)
    return success();
  return op.emitOpError("expected a number of factors that divides ")
         << groups << " groups, got " << blocks;
}

/// Of products of activations that stay floats.
static LogicalResult verifyFloats(MatmulOp op) {
  if (!op.getCodeRange().empty())
    return op.emitOpError("expected no range of codes that are floats, got [")
           << op.getCodeRange() << "]";
  if (!op.getGroups() || op.getFactors() || op.getRowIndices() ||
      op.getColumnIndices() || op.getCodeSums())
    return op.emitOpError("expected scales and no other modifier of codes that "
                          "are floats");
  return success();
}

static LogicalResult verifyRange(MatmulOp op) {
  ArrayRef<int64_t> range = op.getCodeRange();
  if (op.hasFloatCodes())
    return verifyFloats(op);
  if (range.size() != 2 || range[0] > 0 || range[1] < 0 || range[0] < -128 ||
      range[1] > 127)
    return op.emitOpError("expected codes in a range [lowest, highest] that "
                          "holds 0 and fits i8, got [")
           << range << "]";
  return success();
}

static LogicalResult verifyCodes(MatmulOp op, const WeightSizes &sizes) {
  if (failed(verifyRange(op)))
    return failure();
  int64_t width = getSize(op.getCodes(), 1);
  if (op.getColumnIndices())
    return expectSize(op, "codes", "columns", getSize(op.getColumnIndices(), 1),
                      "as column indices have", width);
  return expectSize(op, "codes", "columns", sizes.paddedColumns,
                    "as the weight and its layout have", width);
}

LogicalResult MatmulOp::verify() {
  if (failed(verifyForm(*this)))
    return failure();
  std::optional<RankedTensorType> weightType = getWeightType();
  FailureOr<WeightSizes> sizes =
      weightType ? verifyGrid(*this, *weightType) : verifyMatrix(*this);
  if (failed(sizes) ||
      failed(verifyList(*this, "row", getRowIndices(), getRowCount(),
                        sizes->rows, "as the weight has rows")) ||
      failed(verifyList(*this, "column", getColumnIndices(), getColumnCount(),
                        llvm::alignTo(sizes->columns, 4),
                        "the weight's columns rounded up to a multiple of "
                        "four")) ||
      failed(verifyCodes(*this, *sizes)) ||
      failed(verifyScales(*this, *sizes)) || failed(verifyFactors(*this)))
    return failure();

  Builder b(getContext());
  Type element = getGroups() ? Type(b.getF32Type()) : Type(b.getI32Type());
  ShapedType init = getShaped(getInit());
  int64_t tokens = getSize(getCodes(), 0);
  if (init.getElementType() == element &&
      mayAgree(init.getDimSize(0), tokens) &&
      mayAgree(init.getDimSize(1), sizes->paddedRows))
    return success();
  return emitOpError("expected init of type ")
         << RankedTensorType::get({tokens, sizes->paddedRows}, element)
         << (isBufferForm() ? " as a memref" : "") << ", got " << init;
}
