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

#endif // TERN_DIALECT_TERN_TRANSFORMS_PASSES_TD
