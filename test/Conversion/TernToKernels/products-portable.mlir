// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

// Kernels where no target has better ones: digits one by one, in loops that come
// from the layout's parts.

module attributes {tern.target = #tern.target<triple = "riscv64-unknown-linux-gnu", cpu = "generic-rv64", features = "">} {

// CHECK-LABEL: func.func @rows_are_walked_along_columns(
// CHECK-DAG:     %[[BLOCKS:.*]] = arith.constant 4 : index
// CHECK-DAG:     %[[BYTES:.*]] = arith.constant 16 : index
// CHECK-DAG:     %[[HELD:.*]] = arith.constant 1024 : index
// CHECK:         scf.parallel {{.*}} to (%[[BLOCKS]])
// CHECK-NEXT:      tern.iteration "q_proj.contiguous_rows" bytes 256
// A row's 16 bytes, each unpacked once; the sum stays in a register.
// CHECK:           scf.for {{.*}} to %[[BYTES]] {{.*}} iter_args({{.*}}) -> (i32) {
// CHECK:             memref.load {{.*}} : memref<1024xi8>
// CHECK-COUNT-4:     arith.muli {{.*}} : i32
// CHECK-NOT:         arith.muli {{.*}} : i32
// CHECK:         tern.count_read "q_proj" held %[[HELD]] read %[[HELD]]
func.func @rows_are_walked_along_columns(%x: memref<1x64xi8>, %w: memref<64x16x1xi8>, %a: memref<1x64xi32>) {
  tern.matmul "q_proj" ins(%x, %w : memref<1x64xi8>, memref<64x16x1xi8>)
      outs(%a : memref<1x64xi32>) codes [-128, 127]
      weight_type tensor<64x64x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
  return
}

// CHECK-LABEL: func.func @only_listed_rows_are_read(
// CHECK-SAME:    %[[COUNT:[a-z0-9]+]]: memref<1xi32>
// CHECK-DAG:     %[[ROW:.*]] = arith.constant 16 : index
// CHECK-DAG:     %[[HELD:.*]] = arith.constant 1024 : index
// CHECK:         %[[N32:.*]] = memref.load %[[COUNT]]
// CHECK:         %[[N:.*]] = arith.index_castui %[[N32]] : i32 to index
// CHECK:         scf.parallel {{.*}} to (%[[N]])
// CHECK:         %[[READ:.*]] = arith.muli %[[N]], %[[ROW]] : index
// CHECK:         tern.count_read "up_proj" held %[[HELD]] read %[[READ]]
func.func @only_listed_rows_are_read(%x: memref<1x64xi8>, %w: memref<64x16x1xi8>, %i: memref<1x64xi32>, %n: memref<1xi32>, %a: memref<1x64xi32>) {
  tern.matmul "up_proj" ins(%x, %w : memref<1x64xi8>, memref<64x16x1xi8>) rows(%i, %n : memref<1x64xi32>, memref<1xi32>)
      outs(%a : memref<1x64xi32>) codes [-128, 127]
      weight_type tensor<64x64x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
  return
}

// CHECK-LABEL: func.func @columns_are_walked_along_rows(
// CHECK:         scf.parallel
// CHECK:           memref.load {{.*}} : memref<1x64xi32>
// CHECK:           memref.load {{.*}} : memref<1x64xi8>
// CHECK:           scf.for
// CHECK:             memref.load {{.*}} : memref<8192xi8>
// CHECK-COUNT-4:     memref.store {{.*}} : memref<1x512xi32>
// CHECK:         tern.count_read "down_proj"
func.func @columns_are_walked_along_rows(%i: memref<1x64xi32>, %v: memref<1x64xi8>, %n: memref<1xi32>, %w: memref<64x128x1xi8>, %a: memref<1x512xi32>) {
  tern.matmul "down_proj" ins(%v, %w : memref<1x64xi8>, memref<64x128x1xi8>) columns(%i, %n : memref<1x64xi32>, memref<1xi32>)
      outs(%a : memref<1x512xi32>) codes [-128, 127]
      weight_type tensor<512x64x!tern.trit, #tern.layout<b2, columns, n:4:1, []>>
  return
}

// Not ternary: nothing is counted.
// CHECK-LABEL: func.func @int8_rows(
// CHECK-NOT:     tern.count_read
// CHECK:         return
func.func @int8_rows(%x: memref<?x64xi8>, %w: memref<32x64xi8>, %a: memref<?x32xi32>) {
  tern.matmul "lm_head" ins(%x, %w : memref<?x64xi8>, memref<32x64xi8>)
      outs(%a : memref<?x32xi32>) codes [-128, 127]
  return
}

}
