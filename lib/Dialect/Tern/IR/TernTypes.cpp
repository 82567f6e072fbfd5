//===- TernTypes.cpp - Types of the tern dialect --------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tern;

#define GET_TYPEDEF_CLASSES
#include "tern/Dialect/Tern/IR/TernTypes.cpp.inc"

void TernDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "tern/Dialect/Tern/IR/TernTypes.cpp.inc"
      >();
}

bool tern::isIntegerWeight(Type type) {
  return type.isInteger(8) || type.isInteger(6) || type.isInteger(4) ||
         type.isInteger(2);
}

bool tern::needsLayout(Type type) {
  return isa<TritType>(type) || (isIntegerWeight(type) && !type.isInteger(8));
}

LogicalResult StateType::verify(function_ref<InFlightDiagnostic()> emitError,
                                int64_t bytes, int64_t layers, int64_t) {
  if (bytes < 1)
    return emitError() << "expected bytes to be positive, got " << bytes;
  if (layers < 1 || bytes % layers)
    return emitError() << "expected bytes to be those of some layers, equal "
                          "ones, got "
                       << bytes << " of " << layers;
  return success();
}

LogicalResult KVCacheType::verify(function_ref<InFlightDiagnostic()> emitError,
                                  int64_t layers, int64_t heads,
                                  int64_t headDim, int64_t capacity,
                                  int64_t bits, int64_t bosBits, int64_t qBits,
                                  int64_t, int64_t, int64_t) {
  auto isWidth = [](int64_t b) {
    return b == 3 || b == 4 || b == 8 || b == 16;
  };
  if (layers < 1 || heads < 1 || capacity < 1)
    return emitError() << "expected layers, heads and capacity to be positive, "
                          "got "
                       << layers << ", " << heads << " and " << capacity;
  if (headDim < 2 || headDim % 2)
    return emitError() << "expected an even head_dim, got " << headDim;
  if (!isWidth(bits) || !isWidth(bosBits))
    return emitError() << "expected bits and bos_bits to be 3, 4, 8 or 16, got "
                       << bits << " and " << bosBits;
  if ((bits == 16) != (bosBits == 16))
    return emitError() << "expected bits and bos_bits to be both 16 or both "
                          "less, got "
                       << bits << " and " << bosBits;
  if (qBits != 4 && qBits != 8)
    return emitError() << "expected q_bits to be 4 or 8, got " << qBits;
  return success();
}
