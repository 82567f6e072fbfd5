//===- ChoiceOps.cpp - Tokens chosen from all logits ----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/ChoiceOps.h"

#include "Expect.h"

#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace tern;
using namespace tern::detail;

#define GET_OP_CLASSES
#include "tern/Dialect/Tern/IR/ChoiceOps.cpp.inc"

LogicalResult TopLogitsOp::verify() {
  int64_t columns = getSize(getInput(), 1);
  if (ShapedType::isDynamic(columns))
    return emitOpError("expected a static number of columns");
  int64_t runs = countRuns(columns), parts = getParts(), each = getEach();
  if (parts < 1 || parts > runs || each < 1)
    return emitOpError("expected 1 to ")
           << runs << " parts and a value of each at least, got " << parts
           << " and " << each;
  return expectWritten(*this, {{"result",
                                {getSize(getInput(), 0), 2 * parts * each},
                                IntegerType::get(getContext(), 32)}});
}
