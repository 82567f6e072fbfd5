//===- MicroKernels.cpp - Registration and shared parts -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MicroKernels.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;

Value tern::broadcastFour(ValueBuilder &b, Value codes, int64_t token,
                          int64_t column, DotProductAttrInterface dot) {
  Value row = b.part(codes, {token});
  int64_t known = cast<VectorType>(row.getType()).getNumElements();
  if (dot.broadcastsLanes() && known >= 4 * dot.getLanes())
    return b.broadcastFour(row, column, dot.getLanes());
  return b.broadcastFour(b.lanes(row, column, 4), 0, dot.getLanes());
}

Value tern::splitVectors(ValueBuilder &b, Value bytes, int64_t width) {
  auto type = cast<VectorType>(bytes.getType());
  int64_t count = type.getNumElements() / width;
  auto read = bytes.getDefiningOp<vector::TransferReadOp>();
  if (!read || count == 1 || type.getRank() != 1 ||
      !isa<MemRefType>(read.getBase().getType()) ||
      !read.getPermutationMap().isMinorIdentity() || read.getMask() ||
      read.hasOutOfBoundsDim())
    return b.reshape(bytes, {count, width});
  VectorType part = b.vectorOf(width, type.getElementType());
  Value all = b.zero(VectorType::get({count, width}, type.getElementType()));
  for (int64_t i = 0; i < count; ++i) {
    SmallVector<Value> at(read.getIndices());
    at.back() = b.add(at.back(), b.index(i * width));
    all = b.withPart(all, vector::LoadOp::create(b, part, read.getBase(), at),
                     {i});
  }
  return all;
}

void tern::registerMicroKernels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, TernDialect *) {
    attachRowsInLanes(context);
    attachNarrowRows(context);
    attachUnpackedRows(context);
    attachContiguousRows(context);
    attachIntegerRows(context);
    attachContiguousColumns(context);
    attachLookupGroups(context);
    attachLookupWords(context);
    attachListedGroups(context);
    attachDigitByDigit(context);
    attachScalarDot(context);
  });
}
