//===- TrailingVectors.h - Vectors along last dimensions --------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CODEGEN_TRAILINGVECTORS_H
#define TERN_LIB_CODEGEN_TRAILINGVECTORS_H

#include "tern/Kernels/KernelBuilder.h"

namespace tern {

/// The elements of tensor `from` from `at` on, along as many of its last
/// dimensions as `type` has; all of them exist.
mlir::Value readTrailing(KernelBuilder &b, mlir::VectorType type,
                         mlir::Value from, mlir::ValueRange at);
/// Tensor `into` with `vector` there.
mlir::Value writeTrailing(KernelBuilder &b, mlir::Value vector,
                          mlir::Value into, mlir::ValueRange at);

} // namespace tern

#endif // TERN_LIB_CODEGEN_TRAILINGVECTORS_H
