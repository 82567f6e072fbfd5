//===- Lookups.h - Lookups by VPERMI2B --------------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TARGET_X86_LOOKUPS_H
#define TERN_LIB_TARGET_X86_LOOKUPS_H

#include "mlir/IR/PatternMatch.h"

namespace tern::x86 {

/// tern.lookup_add and tern.build_table of 128 bytes, for AVX-512 VBMI.
void populateLookupPatterns(mlir::RewritePatternSet &patterns);

} // namespace tern::x86

#endif // TERN_LIB_TARGET_X86_LOOKUPS_H
