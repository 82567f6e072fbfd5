//===- ProductConsumers.h - Operations on sums ------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CODEGEN_PRODUCTCONSUMERS_H
#define TERN_LIB_CODEGEN_PRODUCTCONSUMERS_H

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/KernelBuilder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace tern {

/// The elementwise operation that alone uses the product's result, all of it,
/// in the same order; null if there is none.
mlir::linalg::GenericOp findConsumer(MatmulOp op);

/// Tiles of consumers in parallel loops to vectors: sums that a consumer reads
/// as vectors are never stored.
void vectorizeConsumers(mlir::func::FuncOp function);

/// Elementwise operations on what a kernel stores become the body of the store.
void storeConsumers(mlir::func::FuncOp function);

/// `part` with a tile of the result of `consumer` at `there`: of the elements
/// of `sizes` from `offsets` on, for which `tile` are the sums of `product`.
mlir::Value insertConsumerTile(KernelBuilder &b, MatmulOp product,
                               mlir::linalg::GenericOp consumer,
                               mlir::Value tile,
                               llvm::ArrayRef<mlir::OpFoldResult> offsets,
                               llvm::ArrayRef<mlir::OpFoldResult> sizes,
                               mlir::Value part,
                               llvm::ArrayRef<mlir::OpFoldResult> there);

} // namespace tern

#endif // TERN_LIB_CODEGEN_PRODUCTCONSUMERS_H
