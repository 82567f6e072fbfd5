//===- Exp.h - The exponential function -------------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CONVERSION_TERNTOKERNELS_EXP_H
#define TERN_CONVERSION_TERNTOKERNELS_EXP_H

#include "mlir/IR/Builders.h"

namespace tern {

/// e^x of an f32 or a vector of them, as docs/numerics.md 0 rounds it: the same
/// bits on every target, no call.
mlir::Value buildExp(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value x);

} // namespace tern

#endif // TERN_CONVERSION_TERNTOKERNELS_EXP_H
