//===- StoredScales.cpp - Scales behind the digits of a tile --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "StoredScales.h"

#include "tern/Kernels/FloatBits.h"
#include "tern/Target/Target.h"

using namespace mlir;
using namespace tern;

Value tern::widenScales(KernelBuilder &b, Operation *op, const Layout &layout,
                        Value bytes) {
  int64_t count =
      cast<VectorType>(bytes.getType()).getNumElements() / layout.scaleBytes();
  if (layout.scales == ScaleFormat::F32)
    return b.bitcast(b.vectorOf(count, b.getF32Type()), bytes);
  Value bits = b.bitcast(b.vectorOf(count, b.getI16Type()), bytes);
  return buildHalfToFloat(b, b.getLoc(), bits, hasHalfFloats(op));
}
