//===- Lookups.h - Lookups by TBL -------------------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TARGET_AARCH64_LOOKUPS_H
#define TERN_LIB_TARGET_AARCH64_LOOKUPS_H

#include "mlir/IR/PatternMatch.h"

namespace tern::aarch64 {

void populateLookupPatterns(mlir::RewritePatternSet &patterns);

} // namespace tern::aarch64

#endif // TERN_LIB_TARGET_AARCH64_LOOKUPS_H
