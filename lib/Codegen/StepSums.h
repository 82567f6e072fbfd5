//===- StepSums.h - Sums of the steps of a micro kernel ---------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CODEGEN_STEPSUMS_H
#define TERN_LIB_CODEGEN_STEPSUMS_H

#include "tern/Dialect/Tern/IR/MicroKernel.h"
#include "tern/Kernels/KernelBuilder.h"

namespace tern {

/// `fragment` and the steps `from` .. `to`. `sumRun(from, to, sums)` adds some
/// of them to a fragment, or to a narrow one if the kernel has those.
mlir::Value
sumSteps(KernelBuilder &b, MicroKernelAttrInterface kernel, mlir::Value from,
         mlir::Value to, mlir::Value fragment,
         llvm::function_ref<mlir::Value(mlir::Value, mlir::Value, mlir::Value)>
             sumRun);

/// A kernel's sums less what the weights' offset adds: `codeSums` are those of
/// the tokens' codes, [tokens, 1].
mlir::Value takeOffsetOff(KernelBuilder &b, MicroKernelAttrInterface kernel,
                          mlir::Value sums, mlir::Value codeSums);

} // namespace tern

#endif // TERN_LIB_CODEGEN_STEPSUMS_H
