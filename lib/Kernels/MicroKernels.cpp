//===- MicroKernels.cpp - Registration and shared parts -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MicroKernels.h"

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
