//===- Passes.td - Conversions out of the tern dialect -----*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CONVERSION_PASSES_TD
#define TERN_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertTernToKernelsPass : Pass<"convert-tern-to-kernels"> {
  let summary = "expand kernel operations in buffer form into loops";
  let description = [{
    Products, attention, sparsification, row statistics and table look-ups become
    `scf` loops over `vector` and `arith` operations. A product takes the kernel of
    the module's `tern.target` if that has one for its layout, and the portable
    scalar one otherwise, which is reported as a missed remark.

    *Before*: kernel operations with `outs`; the module carries `tern.target`.

    *After*: no kernel operation is left; work that may run in parallel is a
    one-dimensional `scf.parallel` whose iterations write different bytes.
  }];
  let statistics = [
    Statistic<"numKernels", "num-kernels", "Kernel operations expanded">,
  ];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect"];
}

#endif // TERN_CONVERSION_PASSES_TD
