//===- Passes.h - Passes of Transforms --------------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TRANSFORMS_PASSES_H
#define TERN_TRANSFORMS_PASSES_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/Pass/Pass.h"

namespace tern {

/// Bytes one instance of a weight takes in the artifact.
int64_t getWeightBytes(mlir::RankedTensorType type);

#define GEN_PASS_DECL
#include "tern/Dialect/Tern/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "tern/Dialect/Tern/Transforms/Passes.h.inc"

} // namespace tern

#endif // TERN_TRANSFORMS_PASSES_H
