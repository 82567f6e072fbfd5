// RUN: tern-opt %s -tern-tile-products -cse -mlir-print-local-scope | FileCheck %s

#row = #tern.integer_rows<dot = #tern_x86.dot<vpdpbusd_512>, bits = 2, rows = 1, tokens = 1, vectors = 4>
!low = tensor<64x256xi2, #tern.layout<u2, rows, k:4:64, [k:64:1]>>

// Tokens that list rows one after the other share the weight that they list them of.
// CHECK-LABEL: func.func @turns(
// CHECK:         tern.count_read "lm_head" held %c4096 read %c0
// CHECK:         scf.for
// CHECK:           tern.count_read "lm_head" held %c0 read %{{.*}}
// CHECK-NOT:     tern.count_read
func.func @turns(%x: tensor<1x256xi8>, %w: tensor<64x1x64xi8>, %i: tensor<1x64xi32>, %n: tensor<1xi32>, %init: tensor<1x64xi32>, %tokens: index) -> tensor<1x64xi32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %all = scf.for %t = %c0 to %tokens step %c1 iter_args(%out = %init) -> tensor<1x64xi32> {
    %0 = tern.matmul "lm_head" ins(%x, %w : tensor<1x256xi8>, tensor<64x1x64xi8>) rows(%i, %n : tensor<1x64xi32>, tensor<1xi32>)
        outs(%out : tensor<1x64xi32>) codes [-128, 127] weight_type !low
        strategy #tern.strategy<[#row], units = 1, prefetch = 0> -> tensor<1x64xi32>
    scf.yield %0 : tensor<1x64xi32>
  }
  return %all : tensor<1x64xi32>
}
