//===- Numerics.h - The arithmetic of docs/numerics.md 0 --------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each function takes and makes f32 or vectors of f32 (or of the integers
// named), and emits only arith and math operations that are one instruction on
// every target: no libm, no fused multiply-add, no fast-math flag.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_KERNELS_NUMERICS_H
#define TERN_KERNELS_NUMERICS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"

namespace tern {

/// `value` rounded once to f32; a splat if `type` is a vector.
mlir::Value buildConstant(mlir::OpBuilder &builder, mlir::Location loc,
                          mlir::Type type, double value);

/// x > y ? x : y, and x < y ? x : y; y if either is not a number, so what may
/// be none comes second where it is to stay, first where it is to go.
mlir::Value buildMax(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value x, mlir::Value y);
mlir::Value buildMin(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value x, mlir::Value y);

/// `x` limited to [low, high]; `low` if `x` is not a number.
mlir::Value buildClip(mlir::OpBuilder &builder, mlir::Location loc,
                      mlir::Value x, double low, double high);

/// rne(x) as f32, for |x| < 2^22. A zero is +0.
mlir::Value buildRne(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value x);
/// rne(x) as i32, for |x| < 2^22; some integer if `x` is not a number.
mlir::Value buildRneInteger(mlir::OpBuilder &builder, mlir::Location loc,
                            mlir::Value x);

/// exp(x), to the bit; NaN stays one.
mlir::Value buildExp(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value x);

/// 1 / (1 + exp(-x)), and log(1 + exp(x)), to the bit.
mlir::Value buildSigmoid(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value x);
mlir::Value buildSoftplus(mlir::OpBuilder &builder, mlir::Location loc,
                          mlir::Value x);

} // namespace tern

#endif // TERN_KERNELS_NUMERICS_H
