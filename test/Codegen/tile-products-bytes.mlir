// RUN: tern-opt %s -tern-tile-products | FileCheck %s

// The bytes of an iteration are read by all tokens. Where few have functions of their own
// others are for more than sixteen.

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {

// CHECK-LABEL: func.func @layer.prefill(
// CHECK:         tern.iteration "q_proj" bytes 32768
func.func @layer.prefill(%x: tensor<?x256xi8>, %w: tensor<2x16x128xi8>, %init: tensor<?x64xi32>) -> tensor<?x64xi32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<?x256xi8>, tensor<2x16x128xi8>)
      outs(%init : tensor<?x64xi32>) codes [-128, 127] weight_type tensor<64x256x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
      strategy #tern.strategy<[#tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 1>], units = 1, prefetch = 0> -> tensor<?x64xi32>
  return %0 : tensor<?x64xi32>
}

// CHECK-LABEL: func.func @layer.few(
// CHECK:         tern.iteration "q_proj" bytes 4096
func.func @layer.few(%x: tensor<?x256xi8>, %w: tensor<2x16x128xi8>, %init: tensor<?x64xi32>) -> tensor<?x64xi32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<?x256xi8>, tensor<2x16x128xi8>)
      outs(%init : tensor<?x64xi32>) codes [-128, 127] weight_type tensor<64x256x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
      strategy #tern.strategy<[#tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 1>], units = 1, prefetch = 0> -> tensor<?x64xi32>
  return %0 : tensor<?x64xi32>
}

}
