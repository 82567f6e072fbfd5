// RUN: tern-opt %s --tern-select-strategies --mlir-print-local-scope --split-input-file | FileCheck %s

// Vectors: rows in lanes, the same for every VLEN. Without them, rows are lanes of
// registers; of 32 bits, two of which hold a product of eight bits, tables are cheaper.

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
  // CHECK: tern.weight @w {{.*}}, #tern.layout<b2, rows, k:4:1, [n:32:1]>>
  tern.weight @w <digits> ["w"] : tensor<320x192x!tern.trit>
  // CHECK-LABEL: func.func @words(
  // CHECK:         strategy #tern.strategy<[#tern_riscv.word_rows<word_bits = 64, words = 4, code_bits = 8>]
  func.func @words(%x: tensor<1x192xi8>, %init: tensor<1x320xi32>) -> tensor<1x320xi32> {
    %w = tern.get_weight @w : tensor<320x192x!tern.trit>
    %0 = tern.matmul "w" ins(%x, %w : tensor<1x192xi8>, tensor<320x192x!tern.trit>)
        outs(%init : tensor<1x320xi32>) codes [-128, 127] -> tensor<1x320xi32>
    return %0 : tensor<1x320xi32>
  }
}

// -----

module attributes {tern.target = #tern.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "+m">} {
  // CHECK: tern.weight @int8 {{.*}}, #tern.layout<t4, columns, k:4:1, [k:24:4, n:16:1]>>
  tern.weight @int8 <digits> ["int8"] : tensor<320x192x!tern.trit>
  // CHECK: tern.weight @int4 {{.*}}, #tern.layout<b2, rows, k:4:1, [n:16:1]>>
  tern.weight @int4 <digits> ["int4"] : tensor<320x192x!tern.trit>
  // CHECK-LABEL: func.func @narrow_words(
  // CHECK:         strategy #tern.strategy<[#tern_riscv.table_rows<rows = 16, groups = 24>]
  // CHECK:         strategy #tern.strategy<[#tern_riscv.word_rows<word_bits = 32, words = 4, code_bits = 4>]
  func.func @narrow_words(%x: tensor<1x192xi8>, %init: tensor<1x320xi32>) -> (tensor<1x320xi32>, tensor<1x320xi32>) {
    %a = tern.get_weight @int8 : tensor<320x192x!tern.trit>
    %0 = tern.matmul "int8" ins(%x, %a : tensor<1x192xi8>, tensor<320x192x!tern.trit>)
        outs(%init : tensor<1x320xi32>) codes [-128, 127] -> tensor<1x320xi32>
    %b = tern.get_weight @int4 : tensor<320x192x!tern.trit>
    %1 = tern.matmul "int4" ins(%x, %b : tensor<1x192xi8>, tensor<320x192x!tern.trit>)
        outs(%init : tensor<1x320xi32>) codes [-8, 7] -> tensor<1x320xi32>
    return %0, %1 : tensor<1x320xi32>, tensor<1x320xi32>
  }
}
