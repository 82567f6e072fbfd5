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
                          int64_t column, int64_t lanes) {
  Value row = b.part(codes, {token});
  Value four = b.lanes(row, column, 4);
  Value word = b.lane(b.bitcast(b.vectorOf(1, b.getI32Type()), four), 0);
  return b.bitcast(b.vectorOf(4 * lanes, b.getI8Type()),
                   b.splat(b.vectorOf(lanes, b.getI32Type()), word));
}

void tern::registerMicroKernels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, TernDialect *) {
    attachRowsInLanes(context);
    attachUnpackedRows(context);
    attachContiguousRows(context);
    attachIntegerRows(context);
    attachContiguousColumns(context);
    attachLookupGroups(context);
    attachListedGroups(context);
    attachDigitByDigit(context);
    attachScalarDot(context);
  });
}
