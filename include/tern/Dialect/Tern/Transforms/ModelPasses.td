//===- ModelPasses.td - From matrices to one model ---------*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Passes that give weights, temporaries and tasks their places, and make the
// function that callers see. Included by Passes.td, which changes computations.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DIALECT_TERN_TRANSFORMS_MODELPASSES_TD
#define TERN_DIALECT_TERN_TRANSFORMS_MODELPASSES_TD

include "mlir/Pass/PassBase.td"

def MaterializeLayoutsPass : Pass<"tern-materialize-layouts", "::mlir::ModuleOp"> {
  let summary = "choose the byte layout of every ternary weight";
  let description = [{
    Gives each ternary weight the `#tern.layout` that the module's `tern.target`
    prefers for the way its products touch it. The only pass that makes layouts.
    Where a layout pads, codes get zero columns and results are sliced.

    *Before*: weights are logical, `tensor<NxKx!tern.trit>`; the module carries
    `tern.target`.

    *After*: every ternary tensor type has a layout.

    ```mlir
    %w = tern.get_weight @q_proj[%layer] : tensor<192x192x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:16:1, k:4:1]>>
    ```
  }];
  let statistics = [
    Statistic<"numWeights", "num-weights", "Ternary weights given a layout">,
    Statistic<"numPaddedBytes", "num-padded-bytes", "Bytes added by padding, per instance">,
  ];
  let dependentDialects = ["::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect"];
}

def ReportPaddingPass : Pass<"tern-report-padding", "::mlir::ModuleOp"> {
  let summary = "say which weights are mostly padding";
  let description = [{
    A layout cuts a matrix into equal tiles, so small or odd matrices are padded.
    Padding is read by every step and multiplies by zero. A remark names each weight
    of which more than `percent` of the bytes are padding.

    *Before*: every ternary weight has a layout.

    *After*: the module is unchanged.

    ```mlir
    // 8 rows of 7 columns in tiles of 16 rows and 16 columns: 50 of 64 bytes
    tern.weight @w <digits> ["w"] : tensor<8x7x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:16:1, k:4:1]>>
    ```
  }];
  let options = [
    Option<"percent", "percent", "int64_t", "10", "Share of padding that is no news">,
  ];
  let statistics = [
    Statistic<"numReported", "num-reported", "Weights reported">,
  ];
}

def PlanWeightsPass : Pass<"tern-plan-weights", "::mlir::ModuleOp"> {
  let summary = "give every weight its place in the artifact";
  let description = [{
    Weights lie in the order the functions read them, aligned to 64 bytes, those of
    a layer together. Weights nobody reads are dropped.

    *Before*: every ternary weight has a layout.

    *After*: every `tern.weight` has an `offset`; the module says
    `tern.layer_stride`, `tern.weights_bytes`, and, in `tern.weights_id`, a
    fingerprint of names, types, layouts and offsets, which the runtime compares.
  }];
  let statistics = [
    Statistic<"numPlanned", "num-planned", "Weights placed">,
  ];
}

def BufferizePass : Pass<"tern-bufferize", "::mlir::ModuleOp"> {
  let summary = "tensors to buffers, results to arguments";
  let description = [{
    One-shot bufferization inside each function. Tensor arguments become buffers
    that are only read; results become further arguments that are written. A
    value that linalg computes for a result, or for a part of a larger tensor,
    is written there at once; a copy of it to itself stays, for `tern-vectorize-linalg`.

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
      %0 = memref.alloc(%tokens) : memref<?xf32>
      tern.reduce <max_abs> (%x) outs(%0 : memref<?xf32>) : (memref<?x192xf32>)
      linalg.copy ins(%0 : memref<?xf32>) outs(%out : memref<?xf32>)
      return
    }
    ```
  }];
  let statistics = [
    Statistic<"numBuffers", "num-buffers", "Buffers allocated">,
  ];
  let dependentDialects = [
    "::mlir::bufferization::BufferizationDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::memref::MemRefDialect"];
}

def PlanScratchPass : Pass<"tern-plan-scratch", "::mlir::ModuleOp"> {
  let summary = "give every temporary a static place in the scratch memory";
  let description = [{
    Temporaries that are never alive together may share bytes. Sizes are those for
    `tern.max_tokens` tokens. A temporary inside a parallel loop exists once per
    worker.

    *Before*: `memref.alloc`s, at most the first dimension of each dynamic.

    *After*: each function has one more argument, the scratch memory, and views of
    it instead of allocations; the module says `tern.scratch_bytes`.

    ```mlir
    func.func @f(%x: memref<?x192xf32>, %scratch: memref<65536xi8>) {
      %0 = memref.view %scratch[%c4096][%tokens] : memref<65536xi8> to memref<?xf32>
    ```
  }];
  let statistics = [
    Statistic<"numPlanned", "num-planned", "Temporaries placed">,
    Statistic<"numSavedBytes", "num-saved-bytes", "Bytes saved by sharing">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

def BindModelPass : Pass<"tern-bind-model", "::mlir::ModuleOp"> {
  let summary = "give all functions of a model one signature";
  let description = [{
    Arguments become places in the scratch memory that the driver fills
    (tern/Dialect/Tern/Transforms/DriverSlots.h), weights views of the weights
    section, states addresses from a table, counters those of the environment.

    *Before*

    ```mlir
    func.func @layer.decode(%layer: index, %x: memref<1x192xf32>, ..., %scratch: memref<65536xi8>)
    ```

    *After*

    ```mlir
    func.func private @layer.decode(%env: !llvm.ptr, %weights: memref<905728xi8>,
        %scratch: memref<65536xi8>, %layer: index, %tokens: index)
    ```
  }];
  let statistics = [
    Statistic<"numBound", "num-bound", "Functions bound">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def OutlineParallelPass : Pass<"tern-outline-parallel", "::mlir::ModuleOp"> {
  let summary = "parallel loops to tasks that the host may run on threads";
  let description = [{
    The body of each `scf.parallel` becomes a function of (context, worker) that
    runs a contiguous range of iterations, so each worker reads one stream. The
    number of workers is the host's, less where `tern.bytes_per_iteration` says
    that there is too little to do; one worker runs on the calling thread. A task
    is called after its function and the loop's `tern.name`, so that a profiler
    says which projection takes the time.

    *Before*

    ```mlir
    scf.parallel (%b) = (%c0) to (%n) step (%c1) { ... } {tern.name = "attention"}
    ```

    *After*

    ```mlir
    func.func private @layer.decode.attention(%context: !llvm.ptr, %worker: i32)
    ...
    llvm.call %parallel(%host, %task, %context, %workers) : !llvm.ptr, (!llvm.ptr, !llvm.ptr, !llvm.ptr, i32) -> ()
    ```
  }];
  let options = [
    Option<"minBytes", "min-bytes", "int64_t", /*default=*/"32768",
           "Weight bytes below which a worker is not worth waking">,
  ];
  let statistics = [
    Statistic<"numTasks", "num-tasks", "Loops outlined">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect"];
}

def BuildStepPass : Pass<"tern-build-step", "::mlir::ModuleOp"> {
  let summary = "add the function a model is called through";
  let description = [{
    `@step` checks its arguments, collects the tokens of all segments in groups of
    `tern.max_tokens`, and runs embedding, layers and head on each group.

    *Before*: bound functions `embed`, `layer` and `head`, each with `.decode` and
    `.prefill`.

    *After*

    ```mlir
    func.func private @step(%env: !llvm.ptr, %weights: !llvm.ptr, %scratch: !llvm.ptr,
                            %segments: !llvm.ptr, %count: i32) -> i32
    ```
  }];
  let statistics = [
    Statistic<"numFunctions", "num-functions", "Functions added">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect"];
}

def ExportModelPass : Pass<"tern-export-model", "::mlir::ModuleOp"> {
  let summary = "describe the model in one exported constant";
  let description = [{
    Makes every function internal and adds `tern_model_NAME`, the `tern_model` of
    tern/abi.h.

    *Before*: a module in the LLVM dialect with `@step`.

    *After*

    ```mlir
    llvm.mlir.global external constant @tern_model_bard() : !llvm.struct<...>
    ```
  }];
  let statistics = [
    Statistic<"numInternal", "num-internal", "Functions made internal">,
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // TERN_DIALECT_TERN_TRANSFORMS_MODELPASSES_TD
