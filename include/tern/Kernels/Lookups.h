//===- tern/Kernels/Lookups.h - Lookups in portable arithmetic --*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_KERNELS_LOOKUPS_H
#define TERN_KERNELS_LOOKUPS_H

#include "mlir/IR/PatternMatch.h"

namespace tern {

/// The operations of LookupOps.td, lane by lane: what they mean, and what a
/// target without permutes of bytes runs. A target's own patterns have a
/// benefit above 1.
void populateLookupPatterns(mlir::RewritePatternSet &patterns);

} // namespace tern

#endif // TERN_KERNELS_LOOKUPS_H
