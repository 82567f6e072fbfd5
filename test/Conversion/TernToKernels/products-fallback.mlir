// RUN: tern-opt %s -convert-tern-to-kernels --remark-format=emitRemark \
// RUN:   --remarks-filter=convert-tern-to-kernels 2>&1 | FileCheck %s

// A product that no micro kernel of the target takes comes here as it is. Portable
// loops compute it, and where the target has dot products, that is said.

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2">} {

// CHECK: remark: [Missed] ScalarProduct {{.*}}digit by digit{{.*}}b2, rows, k:4:1, []
// CHECK: remark: [Passed] Kernel {{.*}}q_proj: portable loops, contiguous_rows, for 64 x 64 digits in b2, rows, k:4:1, []
// CHECK-NOT: remark:
func.func @scalar_layout(%x: memref<1x64xi8>, %w: memref<64x16x1xi8>, %a: memref<1x64xi32>) {
  tern.matmul "q_proj" ins(%x, %w : memref<1x64xi8>, memref<64x16x1xi8>)
      outs(%a : memref<1x64xi32>) codes [-128, 127]
      weight_type tensor<64x64x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
  return
}

}
