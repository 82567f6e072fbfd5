//===- ModelPasses.td - Code generation: a model for C -----*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CODEGEN_MODEL_PASSES_TD
#define TERN_CODEGEN_MODEL_PASSES_TD

include "mlir/Pass/PassBase.td"

def AttachDataLayoutPass : Pass<"tern-attach-data-layout", "::mlir::ModuleOp"> {
  let summary = "say how wide an index is on the target";
  let description = [{
    An index is as wide as the target's pointers. The conversions to LLVM and all
    that lays out memory read it from the module. Where it is 64 bits nothing is
    said: that is the default.

    *Before*: a module with `tern.target`.

    *After*

    ```mlir
    module attributes {dlti.dl_spec = #dlti.dl_spec<index = 32 : i64>, tern.target = #tern.target<triple = "riscv32-unknown-elf", ...>}
    ```
  }];
  let statistics = [
    Statistic<"numNarrow", "num-narrow", "Modules whose indices are narrower than 64 bits">,
  ];
  let dependentDialects = ["::mlir::DLTIDialect"];
}

def PlanScratchPass : Pass<"tern-plan-scratch", "::mlir::ModuleOp"> {
  let summary = "give every temporary a static place in the scratch memory";
  let description = [{
    Temporaries that are never alive together may share bytes. Sizes are those for
    `tern.max_tokens` tokens. A temporary inside a parallel loop exists once per
    worker, in that worker's part: parts lie behind the temporaries that exist
    once, as many as the caller of a step has workers. On a device, whose workers are
    blocks, the smallest of these lie in a block's shared memory while they fit.

    *Before*: `memref.alloc`s, at most the first dimension of each dynamic.

    *After*: each function has one more argument, the scratch memory, and views of
    it instead of allocations; the module says `tern.scratch_bytes` and, for each
    worker, `tern.scratch_worker_bytes`.

    ```mlir
    func.func @f(%x: memref<?x192xf32>, %scratch: memref<65536xi8>) {
      %0 = memref.view %scratch[%c4096][%tokens] : memref<65536xi8> to memref<?xf32>
    ```
  }];
  let statistics = [
    Statistic<"numPlanned", "num-planned", "Temporaries placed">,
    Statistic<"numSavedBytes", "num-saved-bytes", "Bytes saved by sharing">,
    Statistic<"numShared", "num-shared", "Temporaries in shared memory">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

def BindModelPass : Pass<"tern-bind-model", "::mlir::ModuleOp"> {
  let summary = "give all functions of a model one signature";
  let description = [{
    The signature is `tern_function` of tern/abi.h. Arguments and results become
    the memory that the fields of `tern_rows` point to, weights views of the
    weights section, states addresses from a table, counters those of the
    environment. Logits are written to an address for each row, so that the head
    writes them where the caller of a step wants them. Each weight is told which
    functions read it (`readers`), for the model's description.

    *Before*

    ```mlir
    func.func @layer.decode(%layer: index, %x: memref<1x192xf32>, ..., %scratch: memref<65536xi8>)
    ```

    *After*

    ```mlir
    func.func private @layer.decode(%env: !llvm.ptr, %weights: memref<905728xi8>,
        %scratch: memref<65536xi8>, %rows: !llvm.ptr, %layer: index)
    ```
  }];
  let statistics = [
    Statistic<"numBound", "num-bound", "Functions bound">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def LowerForallPass : Pass<"tern-lower-forall", "::mlir::func::FuncOp"> {
  let summary = "scf.forall to scf.parallel from 0 by 1";
  let description = [{
    Upstream's normalization and conversion.

    *Before*: `scf.forall` on buffers.

    *After*: none is left.
  }];
  let statistics = [
    Statistic<"numLowered", "num-lowered", "Loops converted">,
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::scf::SCFDialect"];
}

def FormLaunchesPass : Pass<"tern-form-launches", "::mlir::func::FuncOp"> {
  let summary = "gather what one launch on a device does";
  let description = [{
    A device sees what others have written only when a launch has ended, and a launch
    costs more than a norm. So operations on a few rows that precede a product (norm,
    quantization, rotation: the *run*) become a part of its launch, where every block
    repeats them for itself; products over the same rows of which one reads only what
    the same iteration of the other wrote become one loop; appending to the cache and
    attention, both by heads, go together.

    Blocks are out of step, so nothing that a launch reads is written by it too:

    - What the run writes are buffers of a block's own. Of one that was written
      before, it copies what is there first, and so it does with rows that are read
      more than once, to have them nearer.
    - What is read later is copied, by one block, to a new buffer, which later
      launches use instead.

    Where that does not do, as when the loop writes what the run reads, the run stays
    a launch of its own.

    *Before*: functions on buffers behind tern-fuse-token-rows, of a module for a
    device; otherwise nothing is done.

    *After*: a launch of several operations is an `scf.execute_region`.

    ```mlir
    tern.reduce <max_abs>(%x) outs(%m : memref<1xf32>) : (memref<1x192xf32>)
    linalg.generic ... ins(%x, %m : ...) outs(%codes : memref<1x192xi8>)
    scf.parallel (%i) = (%c0) to (%c12) step (%c1) {
      ... %codes ...
    ```
    becomes, where a later launch reads `%m`,
    ```mlir
    %m1 = memref.alloc() : memref<1xf32>
    scf.execute_region no_inline {
      %own = memref.alloc() : memref<1xf32>
      %own_codes = memref.alloc() : memref<1x192xi8>
      tern.reduce <max_abs>(%x) outs(%own : memref<1xf32>) : (memref<1x192xf32>)
      linalg.generic ... ins(%x, %own : ...) outs(%own_codes : memref<1x192xi8>)
      %block = tern.worker_index
      %first = arith.cmpi eq, %block, %c0 : index
      scf.if %first {
        linalg.copy ins(%own : memref<1xf32>) outs(%m1 : memref<1xf32>)
      }
      scf.parallel (%i) = (%c0) to (%c12) step (%c1) {
        ... %own_codes ...
    ```
  }];
  let statistics = [
    Statistic<"numFormed", "num-formed", "Launches of several operations">,
    Statistic<"numRepeated", "num-repeated", "Operations that each block repeats">,
    Statistic<"numLeft", "num-left", "Buffers that one block leaves for later launches">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::tern::TernDialect"];
}

def SpreadLaunchesPass : Pass<"tern-spread-launches", "::mlir::func::FuncOp"> {
  let summary = "make each launch one parallel loop over blocks";
  let description = [{
    The loops of a launch take their iterations in turn by blocks, one loop after the
    other, so that iteration i of each is the same block's.

    *Before*: launches of tern-form-launches, in which operations are loops.

    *After*: each is one `scf.parallel`, and so is a buffer of its own for each block.

    ```mlir
    scf.execute_region no_inline {
      ... the run ...
      scf.parallel (%i) = (%c0) to (%c432) step (%c1) {
    ```
    becomes
    ```mlir
    scf.parallel (%block) = (%c0) to (%c264) step (%c1) {
      ... the run ...
      scf.for %i = %block to %c432 step %c264 {
    ```
  }];
  let statistics = [
    Statistic<"numSpread", "num-spread", "Launches made loops over blocks">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
}

def OutlineLaunchesPass : Pass<"tern-outline-launches", "::mlir::ModuleOp"> {
  let summary = "functions of a device to kernels that are launched in turn";
  let description = [{
    A device's memory is seen by all of a launch only when the one before has ended.
    So each `scf.parallel` becomes a kernel whose blocks take its iterations in turn,
    and each run of operations between two of them a kernel of one block. Numbers and
    addresses are computed again by each kernel that needs them; others wait in the
    scratch memory, behind the parts of the workers, which are the blocks.

    *Before*: functions of tern-bind-model, of a module whose target is a device.

    *After*: no such function is left; the module says which kernels it was. Kernels
    have no environment.

    ```mlir
    func.func private @embed.prefill(%env: !llvm.ptr, %weights: memref<974400xi8>,
        %scratch: memref<128xi8>, %rows: !llvm.ptr, %layer: index) {
      ...
      scf.parallel (%t) = (%c0) to (%n) step (%c1) {
        tern.iteration "token_rows" bytes 776
        ...
    ```
    becomes
    ```mlir
    module attributes {tern.launches = {embed.prefill = [@embed_prefill_0_token_rows]}} {
      func.func @embed_prefill_0_token_rows(%weights: memref<974400xi8>, %scratch: memref<128xi8>,
          %rows: !llvm.ptr, %layer: index) attributes {tern.blocks = 264 : i64} {
        ...
        %block = tern.worker_index
        scf.for %t = %block to %n step %c264 {
    ```
  }];
  let statistics = [
    Statistic<"numLaunches", "num-launches", "Launches made">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::tern::TernDialect"];
}

def OutlineParallelPass : Pass<"tern-outline-parallel", "::mlir::ModuleOp"> {
  let summary = "parallel loops to tasks that the host may run on threads";
  let description = [{
    The body of each `scf.parallel` becomes a function of (context, worker) that
    runs a contiguous range of iterations, so each worker reads one stream. The
    number of workers is the host's, less where the bytes of `tern.iteration` say
    that there is too little to do; one worker runs on the calling thread, and all
    loops of a function that is too short for workers to stay awake in it: to hand a
    loop to one that spins takes 1.3 microseconds on Zen 4, to one that sleeps 8. A task
    is called after its function and the name there, so that a profiler says which
    projection takes the time.

    *Before*

    ```mlir
    scf.parallel (%b) = (%c0) to (%n) step (%c1) {
      tern.iteration "attention" bytes 4096
      ...
    }
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
    Option<"minTotal", "min-total", "int64_t", /*default=*/"600000",
           "Bytes of all loops of a function below which workers sleep in between">,
    Option<"minAlone", "min-alone", "int64_t", /*default=*/"2000000",
           "Bytes of a loop that is worth waking them">,
  ];
  let statistics = [
    Statistic<"numTasks", "num-tasks", "Loops outlined">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
    "::tern::TernDialect"];
}

def ExportModelPass : Pass<"tern-export-model", "::mlir::ModuleOp"> {
  let summary = "describe the model in one exported constant";
  let description = [{
    Makes every function internal and adds `tern_model_NAME`, the `tern_model` of
    tern/abi.h: its sizes, and the tables of its functions and weights.

    *Before*: a module in the LLVM dialect with functions `embed`, `layer` and
    `head`, and maybe `best`, each with `.decode` and `.prefill`, which the runtime's
    `tern_step` calls.

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

#endif // TERN_CODEGEN_MODEL_PASSES_TD
