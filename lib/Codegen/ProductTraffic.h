//===- ProductTraffic.h - Bytes of weights that products read ---*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CODEGEN_PRODUCTTRAFFIC_H
#define TERN_LIB_CODEGEN_PRODUCTTRAFFIC_H

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/KernelBuilder.h"

namespace tern {

/// Bytes of a product's weight, padding included.
int64_t getBytesOfWeight(MatmulOp op);

/// Bytes that the product reads from memory or a cache at the least: all its
/// tokens read the weight, of which a function of many has more than those of
/// one and of few.
int64_t getBytesRead(MatmulOp op);

/// Bytes of it that hold the digits of one row, or one column; those of rows
/// (columns) that share words are counted for each.
int64_t getBytesOfLine(MatmulOp op, Axis line);

/// The number in a list's count, as an index.
mlir::Value buildCount(KernelBuilder &b, mlir::Value count);

/// Adds tern.count_read after a product whose weight is ternary, whose list of
/// columns, if it has one, is read `columnsAtOnce` at a time. A weight that a
/// loop over tokens reads is held once, which is counted in front of the loop.
void countRead(MatmulOp op, int64_t columnsAtOnce, mlir::OpBuilder &builder);

} // namespace tern

#endif // TERN_LIB_CODEGEN_PRODUCTTRAFFIC_H
