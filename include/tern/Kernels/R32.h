//===- R32.h - The order of every float sum ---------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_KERNELS_R32_H
#define TERN_KERNELS_R32_H

#include "tern/Kernels/KernelBuilder.h"

namespace tern {

/// Accumulators of an R32 sum (docs/numerics.md 0).
constexpr int64_t kR32Lanes = 32;

/// The 32 accumulators (vector<32xf32>) to their sum: halves are added until
/// one is left.
mlir::Value buildR32Tree(KernelBuilder &b, mlir::Value accumulators);

/// R32 of n terms. `terms(i, width)` builds terms i .. i + width with `b`, as a
/// vector<width x f32>; width is 32, or less for the last ones.
mlir::Value
buildR32(KernelBuilder &b, int64_t n,
         llvm::function_ref<mlir::Value(mlir::Value, int64_t)> terms);

} // namespace tern

#endif // TERN_KERNELS_R32_H
