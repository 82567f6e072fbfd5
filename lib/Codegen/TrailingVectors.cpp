//===- TrailingVectors.cpp - Vectors along last dimensions ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TrailingVectors.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;

static AffineMapAttr getMap(KernelBuilder &b, VectorType type, Value memory) {
  int64_t rank = cast<ShapedType>(memory.getType()).getRank();
  return AffineMapAttr::get(
      AffineMap::getMinorIdentityMap(rank, type.getRank(), b.getContext()));
}

Value tern::readTrailing(KernelBuilder &b, VectorType type, Value from,
                         ValueRange at) {
  SmallVector<bool> inBounds(type.getRank(), true);
  return vector::TransferReadOp::create(
      b, type, from, at, b.zero(type.getElementType()), getMap(b, type, from),
      b.getBoolArrayAttr(inBounds));
}

Value tern::writeTrailing(KernelBuilder &b, Value vector, Value into,
                          ValueRange at) {
  auto type = cast<VectorType>(vector.getType());
  SmallVector<bool> inBounds(type.getRank(), true);
  return vector::TransferWriteOp::create(b, vector, into, at,
                                         getMap(b, type, into),
                                         b.getBoolArrayAttr(inBounds))
      .getResult();
}
