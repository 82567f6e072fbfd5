//===- Expect.cpp - Sentences that verifiers share ------------------------===//
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

LogicalResult tern::detail::expectSize(Operation *op, StringRef name,
                                       StringRef unit, int64_t expected,
                                       StringRef why, int64_t actual) {
  if (mayAgree(expected, actual))
    return success();
  return op->emitOpError("expected ")
         << name << " to have " << expected << ' ' << unit << ", " << why
         << ", got " << actual;
}

LogicalResult tern::detail::expectSameTokens(Operation *op,
                                             ArrayRef<Named> values) {
  const Named &first = values.front();
  for (const Named &other : values.drop_front())
    if (!mayAgree(getSize(first.value, 0), getSize(other.value, 0)))
      return op->emitOpError("expected ")
             << other.name << " to have " << getSize(first.value, 0)
             << " tokens, as " << first.name << " has, got "
             << getSize(other.value, 0);
  return success();
}

LogicalResult tern::detail::expectOneToken(Operation *op, Named value) {
  if (getSize(value.value, 0) == 1)
    return success();
  return op->emitOpError("expected ")
         << value.name << " of exactly one token, got "
         << value.value.getType();
}

LogicalResult tern::detail::expectWritten(KernelOpInterface op,
                                          ArrayRef<Written> expected) {
  TypeRange types = op.isBufferForm() ? TypeRange(op.getOuts().getTypes())
                                      : TypeRange(op->getResultTypes());
  if (types.size() != expected.size()) {
    InFlightDiagnostic error = op->emitOpError("expected ") << expected.size();
    error << (op.isBufferForm() ? " outs (" : " results (");
    llvm::interleaveComma(expected, error,
                          [&](const Written &one) { error << one.name; });
    return error << "), got " << types.size();
  }
  for (auto [type, one] : llvm::zip_equal(types, expected)) {
    auto shaped = cast<ShapedType>(type);
    if (shaped.hasRank() && shaped.getElementType() == one.elementType &&
        shaped.getShape().size() == one.shape.size() &&
        llvm::all_of_zip(shaped.getShape(), one.shape, mayAgree))
      continue;
    return op->emitOpError("expected ")
           << one.name << " of type "
           << RankedTensorType::get(one.shape, one.elementType)
           << (op.isBufferForm() ? " as a memref" : "") << ", got " << type;
  }
  return success();
}

LogicalResult tern::detail::expectGroups(Operation *op, int64_t columns,
                                         int64_t groups) {
  if (ShapedType::isDynamic(groups))
    return op->emitOpError("expected a static number of groups of columns");
  if (ShapedType::isDynamic(columns) || (groups > 0 && columns % groups == 0))
    return success();
  return op->emitOpError("expected a number of groups that divides ")
         << columns << " columns, got " << groups;
}

LogicalResult tern::detail::expectBlocks(Operation *op, ActQuantAttr scheme,
                                         int64_t features) {
  int64_t block = scheme.getBlock();
  if (!ShapedType::isDynamic(features) && features % block == 0)
    return success();
  InFlightDiagnostic error = op->emitOpError("expected a multiple of block = ")
                             << block << " features, got ";
  if (ShapedType::isDynamic(features))
    return error << "an unknown number";
  return error << features;
}

RankedTensorType tern::detail::getReadType(RankedTensorType type) {
  if (auto layout = dyn_cast_or_null<LayoutAttr>(type.getEncoding()))
    return layout.getGridType(type.getShape());
  return type;
}
