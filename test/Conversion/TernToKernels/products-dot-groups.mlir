// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse --remark-format=emitRemark \
// RUN:   --remarks-filter-missed=convert-tern-to-kernels 2>&1 | FileCheck %s

// Groups of whole tiles: the same dot products, a vector of rows each; terms are
// added to 32 accumulators in memory. Groups that end within a tile are left to
// the portable kernel.

// CHECK: remark: {{.*}}ScalarProduct{{.*}}
// CHECK-NOT: remark:

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2">} {

// CHECK-LABEL: func.func @whole_tiles(
// CHECK:         scf.parallel
// CHECK-DAG:       %[[SCALES:.*]] = memref.alloc() : memref<4x16xf32>
// CHECK-DAG:       %[[TERMS:.*]] = memref.alloc() : memref<32x16xf32>
// CHECK:             llvm.x86.avx2.pmadd.ub.sw
// CHECK:             %[[ACC:.*]] = arith.sitofp {{.*}} : vector<8xi32> to vector<8xf32>
// CHECK:             %[[SCALE:.*]] = vector.load %[[SCALES]]
// CHECK:             %[[TERM:.*]] = arith.mulf %[[ACC]], %[[SCALE]] : vector<8xf32>
// CHECK:             %[[OLD:.*]] = vector.load %[[TERMS]]
// CHECK:             arith.addf %[[OLD]], %[[TERM]] : vector<8xf32>
// CHECK:         tern.count_read "q"
func.func @whole_tiles(%x: memref<1x64xi8>, %w: memref<2x4x64xi8>, %s: memref<20x4xf32>, %p: memref<1x32xf32>) {
  tern.matmul "q" ins(%x, %w : memref<1x64xi8>, memref<2x4x64xi8>) scales(%s : memref<20x4xf32>)
      outs(%p : memref<1x32xf32>) codes [-128, 127]
      weight_type tensor<20x64x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:8, n:8:1, k:4:1]>>
  return
}

// CHECK-LABEL: func.func @parts_of_tiles(
// CHECK-NOT:     pmadd
// CHECK:         return
func.func @parts_of_tiles(%x: memref<1x64xi8>, %w: memref<2x4x64xi8>, %s: memref<20x8xf32>, %p: memref<1x32xf32>) {
  tern.matmul "q" ins(%x, %w : memref<1x64xi8>, memref<2x4x64xi8>) scales(%s : memref<20x8xf32>)
      outs(%p : memref<1x32xf32>) codes [-128, 127]
      weight_type tensor<20x64x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:8, n:8:1, k:4:1]>>
  return
}

}
