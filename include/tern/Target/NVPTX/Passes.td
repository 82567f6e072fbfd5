//===- Passes.td - Passes of the NVIDIA target -------------- -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TARGET_NVPTX_PASSES_TD
#define TERN_TARGET_NVPTX_PASSES_TD

include "mlir/Pass/PassBase.td"

def VectorsToLanesPass : Pass<"tern-vectors-to-lanes", "::mlir::ModuleOp"> {
  let summary = "kernels of a launch to the work of one lane of a warp";
  let description = [{
    A kernel is run by blocks of one warp, or of several. Then all warps compute the
    same and the first one writes, but for `tern_nvptx.each_warp` and loops marked
    `tern.by_warps`, whose iterations they share. Allocations on the stack in memory
    space 3 are shared memory. Code that has no form for a warp is run by the first
    lane of one alone, vectors and all.

    *Before*: kernels of `tern-outline-launches`, with `tern.worker_index` for the
    number of the block.

    *After*: numbers of block and lane are read from registers.

    ```mlir
    func.func @layer_decode_3(...) attributes {tern.blocks = 48 : i64} {
      %block = tern.worker_index
      ...
    ```
    becomes
    ```mlir
    func.func @layer_decode_3(...) attributes {tern.blocks = 48 : i64} {
      %lane = llvm.call_intrinsic "llvm.nvvm.read.ptx.sreg.tid.x"() : () -> i32
      %0 = arith.cmpi eq, %lane, %c0_i32 : i32
      scf.if %0 {
        %block = llvm.call_intrinsic "llvm.nvvm.read.ptx.sreg.ctaid.x"() : () -> i32
        ...
    ```
  }];
  let statistics = [
    Statistic<"numWarps", "num-warps", "Kernels that all lanes run">,
    Statistic<"numAlone", "num-alone", "Kernels that one lane runs">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def MarkKernelsPass : Pass<"tern-mark-kernels", "::mlir::ModuleOp"> {
  let summary = "tell LLVM which functions are kernels";
  let description = [{
    It ends the phase `llvm`: functions of the dialect `func` cannot say it.

    *Before*: functions of LLVM with `tern.blocks`.

    *After*: they have the calling convention of kernels, and the threads of a block;
    those that are no product of tensor cores may take all registers. For devices of 9.0
    and later, they let the next launch begin, and wait for those before in front of the
    first operation that may need what these have written (`griddepcontrol`).

    ```mlir
    llvm.func @layer_decode_3(...) attributes {tern.blocks = 48 : i64}
    ```
    becomes
    ```mlir
    llvm.func ptx_kernelcc @layer_decode_3(...) attributes {passthrough = [["nvvm.reqntid", "32"], ["nvvm.minctasm", "1"]], tern.blocks = 48 : i64}
    ```
  }];
  let statistics = [
    Statistic<"numKernels", "num-kernels", "Kernels marked">,
  ];
}

#endif // TERN_TARGET_NVPTX_PASSES_TD
