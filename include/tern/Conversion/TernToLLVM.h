//===- TernToLLVM.h - What is left after kernels, to LLVM -------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CONVERSION_TERNTOLLVM_H
#define TERN_CONVERSION_TERNTOLLVM_H

#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir {
class LLVMTypeConverter;
} // namespace mlir

namespace tern {

/// tern.from_address to a memref descriptor.
void populateTernToLLVMPatterns(mlir::LLVMTypeConverter &converter,
                                mlir::RewritePatternSet &patterns);

/// Makes `convert-to-llvm` use these patterns.
void registerConvertTernToLLVMInterface(mlir::DialectRegistry &registry);

} // namespace tern

#endif // TERN_CONVERSION_TERNTOLLVM_H
