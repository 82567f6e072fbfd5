//===- CacheCodes.h - Codes of a low-bit cache ------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_KERNELS_CACHECODES_H
#define TERN_KERNELS_CACHECODES_H

#include "tern/Kernels/KernelBuilder.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Packing/CacheLayout.h"

namespace tern {

/// `size` rounded up to whole `multiple`s.
constexpr int64_t roundUp(int64_t size, int64_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

/// Codes of `bits` are 0 .. n and stand for the odd integers 2c - n. Returns n.
constexpr int64_t largestCode(int64_t bits) { return (int64_t(1) << bits) - 1; }

/// Where a cache of this type has its bytes; a state takes
/// stateBytes(capacity) of them.
CacheLayout getCacheLayout(KVCacheType type);

/// Codes (i8) of `x` for a row of scale `scale`; docs/numerics.md 6.
mlir::Value buildCodes(KernelBuilder &b, mlir::Value x, mlir::Value scale,
                       int64_t bits);

} // namespace tern

#endif // TERN_KERNELS_CACHECODES_H
