// RUN: tern-opt %s --tern-select-strategies --mlir-print-local-scope --split-input-file | FileCheck %s

// Vectors: rows in lanes, the same for every VLEN. Without them, Generic's layout.

module attributes {tern.target = #tern.target<triple = "riscv64-unknown-linux-gnu", cpu = "generic-rv64", features = "+m,+v">} {
  // CHECK: tern.weight @w {{.*}}, #tern.layout<b2, rows, k:4:1, [n:32:1]>>
  tern.weight @w <digits> ["w"] : tensor<320x192x!tern.trit>
  // CHECK-LABEL: func.func @vectors(
  // CHECK:         strategy #tern.strategy<[#tern.narrow_rows<rows = 32, tokens = 1>]
  func.func @vectors(%x: tensor<1x192xi8>, %init: tensor<1x320xi32>) -> tensor<1x320xi32> {
    %w = tern.get_weight @w : tensor<320x192x!tern.trit>
    %0 = tern.matmul "w" ins(%x, %w : tensor<1x192xi8>, tensor<320x192x!tern.trit>)
        outs(%init : tensor<1x320xi32>) codes [-128, 127] -> tensor<1x320xi32>
    return %0 : tensor<1x320xi32>
  }
}

// -----

module attributes {tern.target = #tern.target<triple = "riscv64-unknown-linux-gnu", cpu = "generic-rv64", features = "+m">} {
  // CHECK: tern.weight @w {{.*}}, #tern.layout<b2, rows, k:4:1, []>>
  tern.weight @w <digits> ["w"] : tensor<320x192x!tern.trit>
  func.func @scalars(%x: tensor<1x192xi8>, %init: tensor<1x320xi32>) -> tensor<1x320xi32> {
    %w = tern.get_weight @w : tensor<320x192x!tern.trit>
    %0 = tern.matmul "w" ins(%x, %w : tensor<1x192xi8>, tensor<320x192x!tern.trit>)
        outs(%init : tensor<1x320xi32>) codes [-128, 127] -> tensor<1x320xi32>
    return %0 : tensor<1x320xi32>
  }
}
