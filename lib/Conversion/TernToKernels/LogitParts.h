//===- LogitParts.h - Rows of logits by parts -------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Logits are compared as integers without a sign (keys), which are ordered as
// they are; what is not finite is larger than all of them, and 0 is none.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CONVERSION_TERNTOKERNELS_LOGITPARTS_H
#define TERN_LIB_CONVERSION_TERNTOKERNELS_LOGITPARTS_H

#include "tern/Kernels/KernelBuilder.h"

namespace tern {

/// A row in vectors of `lanes`, each `parts`th of them for one part. The last
/// vector begins so early that it is whole.
struct LogitParts {
  int64_t columns, lanes, vectors, parts;

  /// At most `most` parts.
  static LogitParts of(int64_t columns, int64_t lanes, int64_t most);
};

/// A key and its place in the row, each an i32 or a vector of them.
using Place = std::pair<mlir::Value, mlir::Value>;

/// The largest key of a part, and the lowest of its places. `before` may be
/// null, or one and the place behind its own: only what comes after it counts.
Place findLargest(KernelBuilder &b, mlir::Value logits, const LogitParts &parts,
                  mlir::Value row, mlir::Value part, const Place *before);

/// The same of keys and places that were found of parts.
Place findLargest(KernelBuilder &b, mlir::Value keys, mlir::Value places,
                  int64_t count, int64_t lanes, mlir::Value row);

/// The bits of the logit that has the key, +0 of both zeros; of what is not
/// finite, those of a NaN.
mlir::Value bitsOfKey(KernelBuilder &b, mlir::Value key);

/// tern.top_logits.
void populateTopLogitsPatterns(mlir::RewritePatternSet &patterns);

} // namespace tern

#endif // TERN_LIB_CONVERSION_TERNTOKERNELS_LOGITPARTS_H
