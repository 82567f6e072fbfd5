//===- TernToKernels.h - Kernel operations to loops -------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CONVERSION_TERNTOKERNELS_H
#define TERN_CONVERSION_TERNTOKERNELS_H

#include "tern/Kernels/CacheCodes.h"

#include "mlir/IR/PatternMatch.h"

namespace tern {

class TargetAttr;

/// tern.matmul with any modifiers for any layout, digit by digit: the reference
/// of all kernels, and what a target's own patterns fall back to.
void populatePortableProductPatterns(mlir::RewritePatternSet &patterns);

/// The same for activations that stay floats.
void populateFloatProductPatterns(mlir::RewritePatternSet &patterns);

/// The bodies of micro kernels; tern.prefetch.
void populateMicroKernelPatterns(mlir::RewritePatternSet &patterns);

/// tern.sum_codes.
void populateSumCodesPatterns(mlir::RewritePatternSet &patterns);

/// tern.lm_head and tern.gather_rows, of floats.
void populateTablePatterns(TargetAttr target,
                           mlir::RewritePatternSet &patterns);

/// tern.gather_rows of digits in any layout.
void populateTernaryRowPatterns(mlir::RewritePatternSet &patterns);

/// tern.hadamard, tern.reduce, tern.keep_top_k, tern.sparsify,
/// tern.active_rows.
void populateRowPatterns(TargetAttr target, mlir::RewritePatternSet &patterns);

/// tern.bound_rows, tern.candidate_rows, tern.best_row.
void populateBestTokenPatterns(TargetAttr target,
                               mlir::RewritePatternSet &patterns);

/// tern.argmax.
void populateArgmaxPatterns(mlir::RewritePatternSet &patterns);

/// tern.causal_conv and tern.delta_rule.
void populateRecurrentPatterns(mlir::RewritePatternSet &patterns);

/// tern.kv_append and tern.attention.
void populateKVCachePatterns(TargetAttr target,
                             mlir::RewritePatternSet &patterns);

} // namespace tern

#endif // TERN_CONVERSION_TERNTOKERNELS_H
