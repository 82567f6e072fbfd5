//===- Lookups.h - Lookups by i8x16.swizzle ---------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TARGET_WEBASSEMBLY_LOOKUPS_H
#define TERN_LIB_TARGET_WEBASSEMBLY_LOOKUPS_H

#include "mlir/IR/PatternMatch.h"

namespace tern::wasm {

/// tern.lookup_add of 16 bytes in a table of as many.
void populateLookupPatterns(mlir::RewritePatternSet &patterns);

} // namespace tern::wasm

#endif // TERN_LIB_TARGET_WEBASSEMBLY_LOOKUPS_H
