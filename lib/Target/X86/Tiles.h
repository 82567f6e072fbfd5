//===- Tiles.h - Vectors of AMX tiles ---------------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TARGET_X86_TILES_H
#define TERN_LIB_TARGET_X86_TILES_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>

namespace tern::x86 {

/// The tiles of sums that a vector [tokens / 16, vectors, 16, 16] of i32 stands
/// for, by tokens first; nothing if it is another one.
std::optional<llvm::SmallVector<mlir::Type>> getTilesOf(mlir::Type type);

} // namespace tern::x86

#endif // TERN_LIB_TARGET_X86_TILES_H
