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
    apart, because the rows of up are then skipped where the gate is closed. Those
    that differ only in having one scale or many, or a bias, stay apart too, which is
    reported as a missed remark.

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

def SpecializeTokensPass : Pass<"tern-specialize-tokens", "::mlir::ModuleOp"> {
  let summary = "one body for one token, one for many";
  let description = [{
    Every function on a dynamic number of tokens becomes two: `NAME.decode`, in
    which that number is the constant 1, and `NAME.prefill`. Rows and
    columns are skipped in the former only, since that needs a single token.

    *Before*

    ```mlir
    func.func @embed(%tokens: tensor<?xi32>) -> tensor<?x192xf32>
    ```

    *After*

    ```mlir
    func.func @embed.decode(%tokens: tensor<1xi32>) -> tensor<1x192xf32>
    func.func @embed.prefill(%tokens: tensor<?xi32>) -> tensor<?x192xf32>
    ```
  }];
  let options = [
    Option<"maxTokens", "max-tokens", "int64_t", /*default=*/"32",
           "Most tokens of one pass, `tern.max_tokens` of the module">,
  ];
  let statistics = [
    Statistic<"numSpecialized", "num-specialized", "Functions made into two">,
  ];
}

def DecomposeBitLinearPass : Pass<"tern-decompose-bitlinear"> {
  let summary = "bitlinears and quantized heads to kernel operations";
  let description = [{
    Makes quantization, top-k, the integer product and the scales explicit. Equal
    quantizations of one input are then common subexpressions.

    *Before*

    ```mlir
    %o = tern.bitlinear "o_proj" %a, %w scale %s act_quant <int8_absmax> top_k <keep = 96> : ...
    ```

    *After*

    ```mlir
    %q, %f = tern.quantize <int8_absmax> (%a) : ...
    %k = tern.keep_top_k <keep = 96> (%a, %q) : ...
    %acc = tern.matmul "o_proj" (%k, %w) : ...
    %o = tern.dequantize(%acc, %f, %s) : ...
    ```
  }];
  let statistics = [
    Statistic<"numDecomposed", "num-decomposed", "Bitlinears and heads decomposed">,
  ];
  let dependentDialects = ["::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect"];
}

def ExploitInputSparsityPass : Pass<"tern-exploit-input-sparsity"> {
  let summary = "skip weight columns whose activation is zero";
  let description = [{
    A product of one token whose codes are mostly zero, because a top-k was applied
    or because they come out of a ReLU^2 gated unit, reads only the columns of the
    non-zero ones. No bit of the result changes.

    *Before*

    ```mlir
    %acc = tern.matmul "down_proj" (%q, %w) : (tensor<1x512xi8>, ...) -> tensor<1x192xi32>
    ```

    *After*

    ```mlir
    %i, %v, %n = tern.sparsify(%q) : ...
    %acc = tern.sparse_matmul "down_proj" (%i, %v, %n, %w) : ...
    ```
  }];
  let statistics = [
    Statistic<"numSparse", "num-sparse", "Products made sparse in their input">,
  ];
}

def ExploitGateSparsityPass : Pass<"tern-exploit-gate-sparsity"> {
  let summary = "skip rows of up whose ReLU^2 gate is closed";
  let description = [{
    ReLU^2(gate) * up is zero where the gate is not positive, whatever up is; so of
    one token's up projection only the rows with a positive gate are computed and
    their weights read. No bit that is used changes.

    *Before*

    ```mlir
    %acc = tern.matmul "up_proj" (%q, %w) : (tensor<1x192xi8>, ...) -> tensor<1x512xi32>
    %u = tern.dequantize(%acc, %f, %s) : ...
    %y = tern.glu <relu2> %g, %u : tensor<1x512xf32>
    ```

    *After*

    ```mlir
    %i, %n = tern.active_rows(%g) : ...
    %acc = tern.matmul "up_proj" (%q, %w) rows(%i, %n : ...) : ...
    ```
  }];
  let statistics = [
    Statistic<"numMasked", "num-masked", "Products restricted to active rows">,
  ];
}

include "tern/Dialect/Tern/Transforms/ModelPasses.td"

def VerifyContractPass : Pass<"tern-verify-contract", "::mlir::ModuleOp"> {
  let summary = "check that a module is in the form a phase promises";
  let description = [{
    Runs between phases and on every input of `--compile-from`. Says which
    operation of which function breaks which promise.

    *Before*: any module.

    *After*: the same module, which keeps the promise of `phase`.
  }];
  let options = [
    Option<"phase", "phase", "std::string", /*default=*/"\"import\"",
           "import, fused, quantized, packed, kernels or llvm">,
  ];
}

#endif // TERN_DIALECT_TERN_TRANSFORMS_PASSES_TD
