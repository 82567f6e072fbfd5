//===- CacheCodes.cpp - Codes of a low-bit cache --------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/CacheCodes.h"

using namespace mlir;
using namespace tern;

CacheLayout tern::getCacheLayout(KVCacheType type) {
  return {type.getLayers(),   type.getHeads(),      type.getHeadDim(),
          type.getBits(),     type.getBosBits(),    type.getFirstRowsAt(),
          type.getBlocksAt(), type.getBlockStride()};
}

Value tern::buildCodes(KernelBuilder &b, Value x, Value scale, int64_t bits) {
  double n = static_cast<double>(largestCode(bits));
  Value ratio = b.div(x, b.splat(x.getType(), scale));
  // Clipping before rounding is the same, and keeps what is rounded small.
  Value code = b.mul(b.add(ratio, 1.0), n / 2);
  code = b.min(b.max(code, 0.0), n);
  return b.roundToInteger(b.getI8Type(), code);
}
