// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2">} {

// A group is whole words: its scale is loaded once.
// CHECK-LABEL: func.func @groups(
// CHECK:         %[[BYTES:.*]] = memref.collapse_shape %{{.*}} {{\[\[}}0, 1, 2]] : memref<12x4x1xi8> into memref<48xi8>
// CHECK:         scf.for %[[T:.*]] =
// CHECK:           %[[ID:.*]] = memref.load %{{.*}}[%[[T]]] : memref<?xi32>
// CHECK:           %[[ROW:.*]] = arith.index_castui %[[ID]]
// CHECK:           scf.for %[[G:.*]] =
// CHECK:             %[[SCALE:.*]] = memref.load %{{.*}}[%[[ROW]], %[[G]]] : memref<12x2xf32>
// CHECK:             scf.for
// CHECK:               memref.load %[[BYTES]]
// CHECK-COUNT-4:       arith.mulf %{{.*}}, %[[SCALE]]
// CHECK-NOT:         scf.if
// CHECK:         return
func.func @groups(%t: memref<?xi32>, %w: memref<12x4x1xi8>, %s: memref<12x2xf32>, %x: memref<?x16xf32>) {
  tern.gather_rows (%t, %w) scales(%s : memref<12x2xf32>) outs(%x : memref<?x16xf32>)
      weight_type tensor<12x16x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
      : (memref<?xi32>, memref<12x4x1xi8>)
  return
}

// A group of three columns begins within a word; of the last word, the column that only
// the layout adds is not written.
// CHECK-LABEL: func.func @uneven(
// CHECK:         scf.for
// CHECK:           memref.load %{{.*}} : memref<12x5xf32>
// CHECK:           memref.store %{{.*}} : memref<1x15xf32>
// CHECK:         }
// CHECK-COUNT-3: memref.store
// CHECK-NOT:     memref.store
// CHECK:         return
func.func @uneven(%t: memref<1xi32>, %w: memref<12x4x1xi8>, %s: memref<12x5xf32>, %x: memref<1x15xf32>) {
  tern.gather_rows (%t, %w) scales(%s : memref<12x5xf32>) outs(%x : memref<1x15xf32>)
      weight_type tensor<12x15x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
      : (memref<1xi32>, memref<12x4x1xi8>)
  return
}

// CHECK-LABEL: func.func @one_scale(
// CHECK:         memref.load %{{.*}}[%c0] : memref<1xf32>
// CHECK:         scf.for
// CHECK-NOT:       memref.load {{.*}} : memref<1xf32>
// CHECK:         return
func.func @one_scale(%t: memref<1xi32>, %w: memref<12x4x1xi8>, %s: memref<1xf32>, %x: memref<1x16xf32>) {
  tern.gather_rows (%t, %w) scales(%s : memref<1xf32>) outs(%x : memref<1x16xf32>)
      weight_type tensor<12x16x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
      : (memref<1xi32>, memref<12x4x1xi8>)
  return
}

// Scales in the layout are read with the row, byte by byte.
// CHECK-LABEL: func.func @stored(
// CHECK:         scf.for
// CHECK:           memref.load {{.*}} : memref<96xi8>
// CHECK:           arith.shli {{.*}} : i16
// CHECK:           scf.for
// CHECK:             arith.mulf
// CHECK-NOT:     vector.load
// CHECK:         return
func.func @stored(%t: memref<1xi32>, %w: memref<12x2x4xi8>, %x: memref<1x16xf32>) {
  tern.gather_rows (%t, %w) outs(%x : memref<1x16xf32>)
      weight_type tensor<12x16x!tern.trit, #tern.layout<b2, rows, k:4:1, [k:2:4], f16>>
      : (memref<1xi32>, memref<12x2x4xi8>)
  return
}

}
