//===- Passes.td - Transformations of the tern dialect -----*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DIALECT_TERN_TRANSFORMS_PASSES_TD
#define TERN_DIALECT_TERN_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def FuseProjectionsPass : Pass<"tern-fuse-projections", "::mlir::ModuleOp"> {
  let summary = "merge projections that read the same activations";
  let description = [{
    Bitlinears with the same input, quantization and no top-k become one: their
    weights are concatenated along rows, so activations are quantized once and one
    stream of weights is read. A gate and an up projection joined by `relu2` stay
    apart, because the rows of up are then skipped where the gate is closed.

    *Before*

    ```mlir
    %q = tern.bitlinear "q_proj" %h, %wq scale %sq act_quant <int4_absmean> : ...
    %k = tern.bitlinear "k_proj" %h, %wk scale %sk act_quant <int4_absmean> : ...
    ```

    *After*

    ```mlir
    %q, %k = tern.bitlinear "q_proj+k_proj" %h, %wqk scale %sqk act_quant <int4_absmean> : ...
    ```
  }];
  let statistics = [
    Statistic<"numMerged", "num-merged", "Bitlinears merged into another">,
  ];
}

def FuseElementwisePass : Pass<"tern-fuse-elementwise"> {
  let summary = "merge elementwise linalg operations that feed each other";
  let description = [{
    Upstream's elementwise fusion where it computes nothing twice: the producer has
    as many loops as its consumer and no other user. So a projection's
    `tern.dequantize`, the gated unit behind it and a residual addition become one
    pass over the row; what is computed per token stays outside of the features'
    loop, and a row that a `tern.reduce` reads too is made once. Each element goes
    through the same operations as before: no bit changes.

    *Before*: `linalg.generic` on tensors, as `convert-tern-to-linalg` and
    `convert-elementwise-to-linalg` make them.

    *After*: no `linalg.generic` has, as its only user, another one with the same
    number of loops.

    ```mlir
    %g = linalg.generic ... ins(%acc, %s, %alpha : ...) ...   // dequantize
    %f = linalg.generic ... ins(%g, %u : ...) ...             // (r*r) * u
    ```
    becomes
    ```mlir
    %f = linalg.generic ... ins(%acc, %s, %alpha, %u : ...) ...
    ```
  }];
  let statistics = [
    Statistic<"numFused", "num-fused", "Producers computed in their consumer">,
  ];
  let dependentDialects = ["::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def FuseTokenRowsPass : Pass<"tern-fuse-token-rows", "::mlir::func::FuncOp"> {
  let summary = "do consecutive row-wise operations token by token, in parallel";
  let description = [{
    A run of consecutive operations that treat each token by itself (linalg whose
    first loop goes over tokens, kernel operations with the `RowWise` trait,
    copies) becomes one `scf.parallel` over tokens: one hand-over to the threads
    instead of one per operation, and a token's rows stay in a core's cache
    between them. Operations that neither read nor write memory, and allocations,
    are moved in front of the loop; no operation moves past another one. A run
    ends where the number of tokens may differ, or where one token would use what
    another writes.

    *Before*: functions on buffers, bufferized; the number of tokens is dynamic.
    With one token, which is static, there is nothing to do.

    *After*: no row-wise operation on a dynamic number of tokens is left outside of
    an `scf.parallel`. Inside, the same operations work on one-token subviews of
    unchanged rank. Each loop has `tern.bytes_per_iteration`, the bytes that one
    token's operations touch.

    ```mlir
    tern.reduce <sum_squares> (%x) outs(%s : memref<?xf32>) : (memref<?x192xf32>)
    linalg.generic ... ins(%s : memref<?xf32>) outs(%r : memref<?xf32>)
    ```
    becomes
    ```mlir
    scf.parallel (%t) = (%c0) to (%tokens) step (%c1) {
      %xt = memref.subview %x[%t, 0] [1, 192] [1, 1] : ...
      %st = memref.subview %s[%t] [1] [1] : ...
      tern.reduce <sum_squares> (%xt) outs(%st : ...) : ...
      %rt = memref.subview %r[%t] [1] [1] : ...
      linalg.generic ... ins(%st : ...) outs(%rt : ...)
    } {tern.bytes_per_iteration = 776 : i64}
    ```
  }];
  let statistics = [
    Statistic<"numLoops", "num-loops", "Parallel loops made">,
    Statistic<"numFused", "num-fused", "Operations moved into one">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
}

def VectorizeLinalgPass : Pass<"tern-vectorize-linalg"> {
  let summary = "expand linalg on buffers into loops over vectors";
  let description = [{
    An operation with parallel loops whose innermost one walks contiguous elements
    is done `lanes` elements at a time, and what is left at the end of a row, a
    static number, as one vector of that width: no masks. Values that all
    elements of a row share (a token's factor) are loaded once, before the loop.
    Outer loops, tokens and heads, stay loops. LLVM splits vectors into the
    registers that the target has. `memref.copy` is treated the same, so that no
    runtime function is called for it.

    *Before*: linalg on buffers, innermost sizes static.

    *After*: no linalg operation and no `memref.copy` is left. One that is not
    elementwise on contiguous elements has become scalar loops, which is reported
    as a missed remark.

    ```mlir
    linalg.generic {...} ins(%x, %w : memref<1x44xf32>, memref<44xf32>)
                         outs(%y : memref<1x44xf32>) { ... arith.mulf %a, %b : f32 ... }
    ```
    becomes
    ```mlir
    %a = vector.load %x[%c0, %c0] : memref<1x44xf32>, vector<32xf32>
    %b = vector.load %w[%c0] : memref<44xf32>, vector<32xf32>
    %c = arith.mulf %a, %b : vector<32xf32>
    vector.store %c, %y[%c0, %c0] : memref<1x44xf32>, vector<32xf32>
    ...                                          // and the last 12 as vector<12xf32>
    ```
  }];
  let options = [
    Option<"lanes", "lanes", "int64_t", /*default=*/"32",
           "Elements per vector; 1 for a target without vectors">,
  ];
  let statistics = [
    Statistic<"numVectorized", "num-vectorized", "Operations made vectors">,
  ];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

#endif // TERN_DIALECT_TERN_TRANSFORMS_PASSES_TD
