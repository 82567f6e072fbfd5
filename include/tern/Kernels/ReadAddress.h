//===- tern/Kernels/ReadAddress.h - Where a vector comes from ---*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_KERNELS_READADDRESS_H
#define TERN_KERNELS_READADDRESS_H

#include "tern/Kernels/ValueBuilder.h"

namespace tern {

/// The address (index) of the first byte that `vector` is read from; null if it
/// is not read from memory, or not all of it from elements that follow each
/// other. For targets whose steps load by themselves.
mlir::Value findReadAddress(ValueBuilder &b, mlir::Value vector);

} // namespace tern

#endif // TERN_KERNELS_READADDRESS_H
