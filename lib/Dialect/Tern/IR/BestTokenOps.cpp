//===- BestTokenOps.cpp - The best token without all logits ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Expect.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace tern;
using namespace tern::detail;

/// Twice a sum of codes of int8, plus its bound, fits 32 bits.
static constexpr int64_t kMaxColumns = int64_t(1) << 15;

LogicalResult tern::detail::expectPlanes(Operation *op, Value upper,
                                         Value low) {
  if (!getShaped(upper).getElementType().isInteger(6))
    return op->emitOpError("expected a weight of i6 beside low, got ")
           << upper.getType();
  if (failed(expectSize(op, "low", "rows", getSize(upper, 0), "as weight has",
                        getSize(low, 0))))
    return failure();
  return expectSize(op, "low", "columns", getSize(upper, 1), "as weight has",
                    getSize(low, 1));
}

static LogicalResult expectFewColumns(Operation *op, int64_t columns) {
  if (columns <= kMaxColumns)
    return success();
  return op->emitOpError("expected at most ")
         << kMaxColumns << " columns, for which bounds fit 32 bits, got "
         << columns;
}

/// Vectors with an element for each row.
static LogicalResult expectElements(Operation *op, int64_t rows,
                                    ArrayRef<Named> vectors) {
  for (Named vector : vectors)
    if (failed(expectSize(op, vector.name, "elements", rows, "one per row",
                          getSize(vector.value, 0))))
      return failure();
  return success();
}

/// Matrices of one token with a column for each row of the weight.
static LogicalResult expectColumns(Operation *op, int64_t rows,
                                   ArrayRef<Named> matrices) {
  for (Named matrix : matrices)
    if (failed(expectOneToken(op, matrix)) ||
        failed(expectSize(op, matrix.name, "columns", rows, "one per row",
                          getSize(matrix.value, 1))))
      return failure();
  return success();
}

LogicalResult BestTokenOp::verify() {
  int64_t rows = getSize(getWeight(), 0);
  if (failed(expectSameTokens(
          *this, {{"input", getInput()}, {"result", getResult()}})) ||
      failed(expectSize(*this, "weight", "columns", getSize(getInput(), 1),
                        "one per feature of input", getSize(getWeight(), 1))) ||
      failed(expectPlanes(*this, getWeight(), getLow())) ||
      failed(expectElements(*this, rows,
                            {{"scales", getScales()}, {"norms", getNorms()}})))
    return failure();
  return expectFewColumns(*this, getSize(getInput(), 1));
}

LogicalResult BoundRowsOp::verify() {
  Builder b(getContext());
  int64_t rows = getSize(getUpper(), 1);
  if (failed(expectColumns(*this, rows, {{"upper", getUpper()}})) ||
      failed(expectOneToken(*this, {"codes", getCodes()})) ||
      failed(expectOneToken(*this, {"factor", getFactor()})) ||
      failed(expectElements(
          *this, rows, {{"scales", getScales()}, {"norms", getNorms()}})) ||
      failed(expectFewColumns(*this, getSize(getCodes(), 1))))
    return failure();
  return expectWritten(*this, {{"bounds", {1, rows}, b.getF32Type()},
                               {"indices", {1, rows}, b.getI32Type()},
                               {"count", {1}, b.getI32Type()}});
}

LogicalResult CandidateRowsOp::verify() {
  Builder b(getContext());
  int64_t rows = getSize(getBounds(), 1);
  if (failed(expectColumns(*this, rows,
                           {{"bounds", getBounds()},
                            {"upper", getUpper()},
                            {"low", getLow()},
                            {"first", getFirst()}})) ||
      failed(expectOneToken(*this, {"factor", getFactor()})) ||
      failed(expectElements(*this, rows, {{"scales", getScales()}})))
    return failure();
  return expectWritten(*this, {{"indices", {1, rows}, b.getI32Type()},
                               {"count", {1}, b.getI32Type()}});
}

LogicalResult BestRowOp::verify() {
  Builder b(getContext());
  int64_t rows = getSize(getUpper(), 1);
  if (failed(expectColumns(*this, rows,
                           {{"upper", getUpper()},
                            {"low", getLow()},
                            {"indices", getIndices()}})) ||
      failed(expectOneToken(*this, {"count", getCount()})) ||
      failed(expectOneToken(*this, {"factor", getFactor()})) ||
      failed(expectElements(*this, rows, {{"scales", getScales()}})))
    return failure();
  return expectWritten(*this, {{"token", {1}, b.getI32Type()}});
}
