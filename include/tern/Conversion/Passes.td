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
    Micro kernels, attention, sparsification, row statistics and table look-ups become
    `vector` and `arith` operations, in `scf` loops if they are not in one yet. A
    product that is still here had no strategy: portable loops take it digit by digit,
    which is reported as a missed remark where the target has dot products.

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

def ConvertTernToLinalgPass : Pass<"convert-tern-to-linalg"> {
  let summary = "turn norms, quantization, gates and RoPE into linalg";
  let description = [{
    `tern.rms_norm`, `tern.quantize`, `tern.dequantize`, `tern.glu` and `tern.rope`
    become `linalg.generic` with one arith operation per operation written in
    docs/numerics.md: nothing is fused, reassociated or approximated. Statistics of
    a row become `tern.reduce`, rows of the RoPE tables `tern.gather_rows`. Of
    upstream operations, a `tensor.pad` that widens rows becomes a `linalg.fill` of
    the new columns and an insertion of the old.

    *Before*: these operations on tensors; a norm's statistic is implied.

    *After*: none of them is left. A value of one token (1/sqrt, the
    factor of a quantization) is an operation of its own with one loop, over
    tokens, so that no later fusion repeats it for each feature.

    ```mlir
    %h = tern.rms_norm %x, %w eps 1.0e-5 : tensor<?x192xf32>, tensor<192xf32>
    ```
    becomes
    ```mlir
    %s = tern.reduce <sum_squares> (%x) : (tensor<?x192xf32>) -> tensor<?xf32>
    %r = linalg.generic ... ins(%s : tensor<?xf32>) ...          // 1 / sqrt(s/192 + eps)
    %h = linalg.generic ... ins(%x, %r, %w : ...) ...            // (x * r) * w
    ```
  }];
  let statistics = [
    Statistic<"numConverted", "num-converted", "Operations converted">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

def ConvertTernToLLVMPass : Pass<"convert-tern-to-llvm"> {
  let summary = "addresses to memref descriptors, vectors to LLVM's";
  let description = [{
    Vectors are converted by upstream's patterns, and here because upstream's pass
    (`convert-vector-to-llvm`) has indices of 64 bits on every machine; here they
    are as wide as the module's data layout says.

    *Before*

    ```mlir
    %0 = tern.from_address %a : memref<64xi8>
    ```

    *After*: a descriptor whose pointers are the address, cast to the memref type
    until the other conversions to LLVM have run.
  }];
  let statistics = [
    Statistic<"numAddresses", "num-addresses", "Addresses converted">,
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::vector::VectorDialect"];
}

#endif // TERN_CONVERSION_PASSES_TD
