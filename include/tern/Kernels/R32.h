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

/// Builds terms i .. i + width of each of some sums, as vector<width x f32>.
using R32Terms = llvm::function_ref<llvm::SmallVector<mlir::Value>(
    mlir::Value i, int64_t width)>;

/// R32 of n terms, for `count` sums at a time. `terms` is asked for every term
/// once, in any order, b.getRowLanes() of them or, in the end, fewer.
llvm::SmallVector<mlir::Value> buildR32(KernelBuilder &b, int64_t n,
                                        int64_t count, R32Terms terms);

/// The same for one sum of `n` terms, a multiple of 32.
mlir::Value
buildR32(KernelBuilder &b, mlir::Value n,
         llvm::function_ref<mlir::Value(mlir::Value, int64_t)> terms);

} // namespace tern

#endif // TERN_KERNELS_R32_H
