// RUN: tern-opt %s -convert-tern-to-kernels --remark-format=emitRemark \
// RUN:   --remarks-filter-missed=convert-tern-to-kernels 2>&1 | FileCheck %s

// A layout that no family of the target's dot product knows falls to the portable
// kernel, and that is said.

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2">} {

// CHECK: remark: {{.*}}ScalarProduct{{.*}}digit by digit{{.*}}b2, rows, k:4:1, []
// CHECK-NOT: remark:
func.func @scalar_layout(%x: memref<1x64xi8>, %w: memref<64x16x1xi8>, %a: memref<1x64xi32>) {
  tern.matmul "q_proj" ins(%x, %w : memref<1x64xi8>, memref<64x16x1xi8>)
      outs(%a : memref<1x64xi32>) codes [-128, 127]
      weight_type tensor<64x64x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
  return
}

func.func @own_layout(%x: memref<1x64xi8>, %w: memref<4x4x64xi8>, %a: memref<1x64xi32>) {
  tern.matmul "q_proj" ins(%x, %w : memref<1x64xi8>, memref<4x4x64xi8>)
      outs(%a : memref<1x64xi32>) codes [-128, 127]
      weight_type tensor<64x64x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:8, n:8:1, k:4:1]>>
  return
}

}
