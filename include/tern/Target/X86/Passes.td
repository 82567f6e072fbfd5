//===- Passes.td - Passes of the x86-64 target -------------- -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TARGET_X86_PASSES_TD
#define TERN_TARGET_X86_PASSES_TD

include "mlir/Pass/PassBase.td"

def CarryTilesPass : Pass<"tern-carry-tiles", "::mlir::ModuleOp"> {
  let summary = "loops that carry AMX tiles instead of vectors";
  let description = [{
    The sums of `#tern_x86.tiles` are a vector where loops are made and tiles where
    instructions are, with casts in between. Loops and conditions carry the tiles, and
    the casts go; one that stays is an error. It ends the phase `kernels`, on upstream's
    conversion of the types of structured control flow. Zeros are made in front of each
    loop that begins with them.

    *Before*: `scf` operations that carry vectors of tiles, and casts.

    *After*: they carry each tile by itself.

    ```mlir
    %s = scf.for %i = %from to %to step %c1 iter_args(%v = %begun) -> (vector<1x1x16x16xi32>) {
      %t = builtin.unrealized_conversion_cast %v : vector<1x1x16x16xi32> to !amx.tile<16x16xi32>
      ...
    ```
    becomes
    ```mlir
    %s = scf.for %i = %from to %to step %c1 iter_args(%t = %zeros) -> (!amx.tile<16x16xi32>) {
      ...
    ```
  }];
  let statistics = [
    Statistic<"numCarried", "num-carried", "Vectors of tiles that loops carried">,
  ];
}

#endif // TERN_TARGET_X86_PASSES_TD
