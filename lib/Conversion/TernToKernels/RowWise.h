//===- RowWise.h - Kernels of row-wise operations ---------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CONVERSION_TERNTOKERNELS_ROWWISE_H
#define TERN_CONVERSION_TERNTOKERNELS_ROWWISE_H

#include "mlir/IR/PatternMatch.h"

namespace tern {

/// tern.hadamard.
void populateHadamardPatterns(mlir::RewritePatternSet &patterns);

/// tern.keep_top_k.
void populateTopKPatterns(mlir::RewritePatternSet &patterns);

} // namespace tern

#endif // TERN_CONVERSION_TERNTOKERNELS_ROWWISE_H
