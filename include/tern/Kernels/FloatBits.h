//===- tern/Kernels/FloatBits.h - 16 bit floats as integers -----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Exact on any target: arith.extf and arith.truncf of f16 become calls of
// library functions where there is no instruction for them. All work on scalars
// and vectors; 16 bit floats are i16.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_KERNELS_FLOATBITS_H
#define TERN_KERNELS_FLOATBITS_H

#include "mlir/IR/Builders.h"

namespace tern {

/// f16 bits (i16) to f32, exact; subnormals and infinities too. `byCpu` takes
/// the CPU's instruction (hasHalfFloats of tern/Target/Target.h).
mlir::Value buildHalfToFloat(mlir::OpBuilder &builder, mlir::Location loc,
                             mlir::Value bits, bool byCpu = false);

/// bf16 bits (i16) to f32, exact.
mlir::Value buildBFloatToFloat(mlir::OpBuilder &builder, mlir::Location loc,
                               mlir::Value bits);

/// f32 to f16 bits (i16): limited to [-65504, 65504], then nearest, halves to
/// even, subnormals kept. NaN is 0x7e00 whatever its bits were.
mlir::Value buildFloatToHalf(mlir::OpBuilder &builder, mlir::Location loc,
                             mlir::Value x);

} // namespace tern

#endif // TERN_KERNELS_FLOATBITS_H
