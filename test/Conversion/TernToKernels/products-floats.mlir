// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

// Activations that stay floats: a row's digits become floats in the order of
// columns, then each token takes its R32 sums of groups.

module attributes {tern.target = #tern.target<triple = "riscv64-unknown-linux-gnu", cpu = "generic-rv64", features = "">} {

// CHECK-LABEL: func.func @floats(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<?x64xf32>
// CHECK:         scf.parallel
// CHECK:           %[[DIGITS:.*]] = memref.alloc() : memref<64xf32>
// CHECK:           scf.for %[[ROW:[a-z0-9]+]] =
// CHECK:             arith.sitofp {{.*}} : i32 to f32
// CHECK:             memref.store %{{.*}}, %[[DIGITS]]
// CHECK:             scf.for %[[TOKEN:[a-z0-9]+]] =
// CHECK:               scf.for %[[GROUP:[a-z0-9]+]] = {{.*}} iter_args(%[[SUM:.*]] = %{{.*}}) -> (f32)
// CHECK-DAG:             vector.load %[[X]][%[[TOKEN]],
// CHECK-DAG:             vector.load %[[DIGITS]]
// CHECK:                 arith.mulf
// CHECK:                 %[[SCALE:.*]] = memref.load %{{.*}}[%[[ROW]], %[[GROUP]]]
// CHECK-NEXT:            %[[TERM:.*]] = arith.mulf %{{.*}}, %[[SCALE]]
// CHECK-NEXT:            arith.addf %[[SUM]], %[[TERM]]
// CHECK:         tern.count_read "q_proj"
func.func @floats(%x: memref<?x64xf32>, %w: memref<20x16x1xi8>, %s: memref<20x2xf32>, %p: memref<?x20xf32>) {
  tern.matmul "q_proj" ins(%x, %w : memref<?x64xf32>, memref<20x16x1xi8>) scales(%s : memref<20x2xf32>)
      outs(%p : memref<?x20xf32>) codes []
      weight_type tensor<20x64x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
  return
}

}
