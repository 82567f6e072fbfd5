//===- Lookups.h - Lookups by VPERMI2B and VPSHUFB --------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TARGET_X86_LOOKUPS_H
#define TERN_LIB_TARGET_X86_LOOKUPS_H

#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/IR/PatternMatch.h"

namespace tern::x86 {

/// tern.lookup_add of 16 bytes, for AVX2, and of 128 bytes with
/// tern.build_table, for AVX-512 VBMI.
void populateLookupPatterns(TargetAttr target,
                            mlir::RewritePatternSet &patterns);

} // namespace tern::x86

#endif // TERN_LIB_TARGET_X86_LOOKUPS_H
