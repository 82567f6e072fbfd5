//===- StoredScales.h - Scales behind the digits of a tile ------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CODEGEN_STOREDSCALES_H
#define TERN_LIB_CODEGEN_STOREDSCALES_H

#include "tern/Kernels/KernelBuilder.h"
#include "tern/Packing/Layout.h"

namespace tern {

/// vector<n x i8> of scales as `layout` stores them, which `op` reads, to f32.
mlir::Value widenScales(KernelBuilder &b, mlir::Operation *op,
                        const Layout &layout, mlir::Value bytes);

} // namespace tern

#endif // TERN_LIB_CODEGEN_STOREDSCALES_H
