//===- Passes.td - Code generation: loops and buffers -----*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CODEGEN_PASSES_TD
#define TERN_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"
include "tern/Codegen/ModelPasses.td"

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

def TileProductsPass : Pass<"tern-tile-products", "::mlir::func::FuncOp"> {
  let summary = "products to loops around micro kernels";
  let description = [{
    Each product with a `#tern.strategy` becomes a parallel loop over units of rows
    (or over the list of its rows), loops over rows and tokens of the size its micro
    kernels take, all by upstream's tiling, and in them a loop over columns around
    one `tern.micro`. Tokens that the first kernel leaves are taken by the next one.

    If the strategy has a panel, a worker repacks the rows of each unit into it before
    its first tokens, or while these are multiplied, where the weight's layout gives
    few columns at a time.

    The loop over columns is not upstream's: the sums it carries are in the kernel's
    own form, and a loop over tensors would turn them into rows of a result and back
    in each step.

    A kernel that wants codes prepared gets a parallel loop over workers: each prepares
    a tile of columns, which stays in the cache, and walks all its rows. Sums wait in
    memory in the kernel's form, and weights, stored by tiles of columns, are a stream.
    With a panel all of the weight is repacked before, in a parallel loop of its own.

    *Before*: products on tensors whose weights are grids of bytes, with a strategy.

    *After*: no product with a strategy that has kernels is left.

    ```mlir
    %o = scf.forall (%n) in (6) shared_outs(%out = %init) -> (tensor<1x192xi32>) {
      %acc = tern.micro_begin #k : vector<2x4x16xi32>
      %end = scf.for %c = %c0 to %c192 step %c16 iter_args(%a = %acc) -> (vector<2x4x16xi32>) {
        %x = vector.transfer_read %q[%c0, %c], ... : tensor<1x192xi8>, vector<1x16xi8>
        %w = vector.transfer_read %weight[%n, %step, %c0], ... : tensor<6x12x128xi8>, vector<128xi8>
        %b = tern.micro "q_proj" #k %x, %w, %a : vector<1x16xi8>, vector<128xi8>, vector<2x4x16xi32>
        scf.yield %b : vector<2x4x16xi32>
      }
      %sums = tern.micro_finish #k %end : vector<2x4x16xi32> -> vector<1x32xi32>
      ...
    ```
  }];
  let statistics = [
    Statistic<"numTiled", "num-tiled", "Products tiled">,
  ];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
    "::mlir::vector::VectorDialect"];
}

def ReportTrafficPass : Pass<"tern-report-traffic", "::mlir::func::FuncOp"> {
  let summary = "say how many bytes of ternary weights a function reads";
  let description = [{
    Where one token is computed, time is what its weights take to come from memory.
    A remark says how many bytes the products of a function hold, and how many of them
    it reads whatever the input is: a product with a list of rows or columns reads
    less than it holds. A function of layers is called once for each layer.

    *Before*: products are loops, and each has its `tern.count_read`.

    *After*: the function is unchanged.

    ```mlir
    tern.count_read "gate_proj" held %c24576 read %c24576   // all of them
    tern.count_read "up_proj" held %c32768 read %listed     // some
    ```
  }];
  let options = [
    Option<"leastBytes", "least-bytes", "int64_t", "1", "Bytes held below which there is no remark">,
  ];
  let statistics = [
    Statistic<"numProducts", "num-products", "Products counted">,
  ];
}

def BufferizePass : Pass<"tern-bufferize", "::mlir::ModuleOp"> {
  let summary = "tensors to buffers, results to arguments";
  let description = [{
    One-shot bufferization inside each function. Tensor arguments become buffers
    that are only read; results become further arguments that are written. Each
    kernel operation gets an empty tensor as the destination of each result, as
    linalg has; upstream's analysis then finds which of them another place is
    waiting for: a value for a result, or for a part of a larger tensor, is written
    there at once. A copy of a part to itself stays, for `tern-vectorize-linalg`.

    *Before*

    ```mlir
    func.func @f(%x: tensor<?x192xf32>) -> tensor<?xf32> {
      %0 = tern.reduce <max_abs> (%x) : (tensor<?x192xf32>) -> tensor<?xf32>
      return %0 : tensor<?xf32>
    }
    ```

    *After*

    ```mlir
    func.func @f(%x: memref<?x192xf32>, %out: memref<?xf32>) {
      tern.reduce <max_abs> (%x) outs(%out : memref<?xf32>) : (memref<?x192xf32>)
      return
    }
    ```
  }];
  let statistics = [
    Statistic<"numBuffers", "num-buffers", "Buffers allocated">,
  ];
  let dependentDialects = [
    "::mlir::bufferization::BufferizationDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::memref::MemRefDialect", "::mlir::tensor::TensorDialect"];
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

    Upstream's tile-and-fuse starts from one consumer and computes its producers
    inside; a run has no such end: it holds chains that meet nowhere (queries and
    keys), results that live on (the residual, codes and their factors), copies, and
    an order of writes that only buffers have. Measured on two layers of BitNet
    2B-4T for x86-64-v4, the object's size and the speed of prefill by two threads:

    | one loop for | loops | object | prefill |
    |---|---|---|---|
    | a run | 7 | 1 | 1 |
    | a chain, were all its operations tiled by upstream | 11 | 1.03 | 0.99 |
    | linalg alone, all that upstream tiles today | 27 | 1.11 | 0.94 |
    | each operation | 41 | 1.23 | 0.93 |

    The bundled models' objects grow by 1.07 to 1.09, 1.21 to 1.26 and 1.34 to 1.42.
    With one thread all are as fast, within 1 % (bundled: runs are 2 % slower).

    *Before*: functions on buffers, bufferized; the number of tokens is dynamic.
    With one token, which is static, there is nothing to do.

    *After*: no row-wise operation on a dynamic number of tokens is left outside of
    an `scf.parallel`. Inside, the same operations work on one-token subviews of
    unchanged rank. Each loop begins with a `tern.iteration`, which has the bytes that
    one token's operations touch: of tables one row, of buffers with several views
    none twice.

    ```mlir
    tern.reduce <sum_squares> (%x) outs(%s : memref<?xf32>) : (memref<?x192xf32>)
    linalg.generic ... ins(%s : memref<?xf32>) outs(%r : memref<?xf32>)
    ```
    becomes
    ```mlir
    scf.parallel (%t) = (%c0) to (%tokens) step (%c1) {
      tern.iteration "token_rows" bytes 776
      %xt = memref.subview %x[%t, 0] [1, 192] [1, 1] : ...
      %st = memref.subview %s[%t] [1] [1] : ...
      tern.reduce <sum_squares> (%xt) outs(%st : ...) : ...
      %rt = memref.subview %r[%t] [1] [1] : ...
      linalg.generic ... ins(%st : ...) outs(%rt : ...)
    }
    ```
  }];
  let statistics = [
    Statistic<"numLoops", "num-loops", "Parallel loops made">,
    Statistic<"numFused", "num-fused", "Operations moved into one">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect", "::tern::TernDialect"];
}

def VectorizeLinalgPass : Pass<"tern-vectorize-linalg"> {
  let summary = "expand linalg on buffers into loops over vectors";
  let description = [{
    An operation with parallel loops whose innermost one walks contiguous elements
    is done `lanes` elements at a time, and what is left at the end of a row, a
    static number, as one vector of that width: no masks. By default, lanes fill
    four registers of the module's target (32 at most, 4 without vectors). Outer
    loops, tokens and heads, stay loops. All of it is upstream's: tiling, the split
    of a row, vectorization; transfers between memory and vectors are lowered later,
    with those of the products. LLVM splits vectors into the registers that the
    target has. `memref.copy` is treated the same, so that no runtime function is
    called for it.

    *Before*: linalg on buffers, innermost sizes static.

    *After*: no linalg operation and no `memref.copy` is left. One that is not
    elementwise on contiguous elements has become scalar loops, which is reported
    as a missed remark.

    ```mlir
    linalg.generic {...} ins(%x, %w : memref<1x44xf32>, memref<44xf32>)
                         outs(%y : memref<1x44xf32>) { ... arith.mulf %a, %b : f32 ... }
    ```
    becomes, subviews folded,
    ```mlir
    %a = vector.transfer_read %x[%c0, %c0] : memref<1x44xf32>, vector<1x32xf32>
    %b = vector.transfer_read %w[%c0] : memref<44xf32>, vector<1x32xf32>
    %c = arith.mulf %a, %b : vector<1x32xf32>
    vector.transfer_write %c, %y[%c0, %c0] : vector<1x32xf32>, memref<1x44xf32>
    ...                                        // and the last 12 as vector<1x12xf32>
    ```
  }];
  let options = [
    Option<"lanes", "lanes", "int64_t", /*default=*/"0",
           "Elements per vector; 0 for as many as the module's target wants">,
  ];
  let statistics = [
    Statistic<"numVectorized", "num-vectorized", "Operations made vectors">,
  ];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::ub::UBDialect",
    "::mlir::vector::VectorDialect"];
}

#endif // TERN_CODEGEN_PASSES_TD
