// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

// Integers within a group, floats between groups, added one after the other.

module attributes {tern.target = #tern.target<triple = "riscv64-unknown-linux-gnu", cpu = "generic-rv64", features = "">} {

// 4 groups of 16 columns: 4 bytes each. Rows are those of the scales, not those
// that a layout adds.
// CHECK-LABEL: func.func @whole_tiles(
// CHECK-DAG:     %[[ROWS:.*]] = arith.constant 20 : index
// CHECK-DAG:     %[[GROUPS:.*]] = arith.constant 4 : index
// CHECK:         scf.parallel
// CHECK:           arith.minui %{{.*}}, %[[ROWS]]
// CHECK:           scf.for {{.*}} to %[[GROUPS]] {{.*}} iter_args(%[[SUM:.*]] = %{{.*}}) -> (f32)
// CHECK:             scf.for {{.*}} -> (i32) {
// CHECK-NOT:           arith.select
// CHECK:             arith.sitofp {{.*}} : i32 to f32
// CHECK-NEXT:        memref.load
// CHECK-NEXT:        %[[TERM:.*]] = arith.mulf
// CHECK-NEXT:        arith.addf %[[SUM]], %[[TERM]]
// CHECK:         tern.count_read "q_proj"
func.func @whole_tiles(%x: memref<1x64xi8>, %w: memref<20x16x1xi8>, %s: memref<20x4xf32>, %p: memref<1x20xf32>) {
  tern.matmul "q_proj" ins(%x, %w : memref<1x64xi8>, memref<20x16x1xi8>) scales(%s : memref<20x4xf32>)
      outs(%p : memref<1x20xf32>) codes [-128, 127]
      weight_type tensor<20x64x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
  return
}

// A factor for two groups each.
// CHECK-LABEL: func.func @factors(
// CHECK-SAME:    %[[F:[a-z0-9]+]]: memref<?x2xf32>
// CHECK-DAG:     %[[TWO:.*]] = arith.constant 2 : index
// CHECK:           scf.for
// CHECK:             scf.for %[[TOKEN:[a-z0-9]+]] =
// CHECK:           scf.for %[[GROUP:[a-z0-9]+]] = {{.*}} iter_args(%[[SUM:.*]] = %{{.*}}) -> (f32)
// CHECK:             %[[SCALED:.*]] = arith.mulf
// CHECK-NEXT:        %[[BLOCK:.*]] = arith.divui %[[GROUP]], %[[TWO]]
// CHECK-NEXT:        %[[FACTOR:.*]] = memref.load %[[F]][%[[TOKEN]], %[[BLOCK]]]
// CHECK-NEXT:        %[[TERM:.*]] = arith.mulf %[[SCALED]], %[[FACTOR]]
// CHECK-NEXT:        arith.addf %[[SUM]], %[[TERM]]
func.func @factors(%x: memref<?x64xi8>, %w: memref<20x16x1xi8>, %s: memref<20x4xf32>, %f: memref<?x2xf32>, %p: memref<?x20xf32>) {
  tern.matmul "q_proj" ins(%x, %w : memref<?x64xi8>, memref<20x16x1xi8>) scales(%s : memref<20x4xf32>)
      factors(%f : memref<?x2xf32>) outs(%p : memref<?x20xf32>) codes [-128, 127]
      weight_type tensor<20x64x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
  return
}

// 8 columns of a tile of 16 belong to a group: the others count as 0.
// CHECK-LABEL: func.func @parts_of_tiles(
// CHECK:             arith.cmpi uge
// CHECK:             arith.cmpi ult
// CHECK:             arith.select
func.func @parts_of_tiles(%x: memref<1x64xi8>, %w: memref<1x4x64xi8>, %s: memref<16x8xf32>, %p: memref<1x16xf32>) {
  tern.matmul "q_proj" ins(%x, %w : memref<1x64xi8>, memref<1x4x64xi8>) scales(%s : memref<16x8xf32>)
      outs(%p : memref<1x16xf32>) codes [-128, 127]
      weight_type tensor<16x64x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:16:1, k:4:1]>>
  return
}

}
