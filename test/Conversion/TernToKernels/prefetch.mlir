// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize | FileCheck %s

// All lines of the bytes are asked for.

module attributes {tern.target = #tern.target<triple = "riscv64-unknown-elf", cpu = "generic-rv64", features = "">} {

// CHECK-LABEL: func.func @one_line(
// CHECK-NEXT:    memref.prefetch %{{.*}}[%{{.*}}], read, locality<2>, data : memref<64x2x64xi8>
// CHECK-NEXT:    return
func.func @one_line(%w: memref<64x2x64xi8>, %i: index) {
  tern.prefetch %w[%i, %i, %i] bytes 64 : memref<64x2x64xi8>
  return
}

// CHECK-LABEL: func.func @adjacent_bytes(
// CHECK:         scf.for %[[BYTE:.*]] = %c0 to %c300 step %c64
// CHECK:           %[[AT:.*]] = arith.addi %{{.*}}, %[[BYTE]]
// CHECK:           memref.prefetch %{{.*}}[%{{.*}}, %[[AT]]]
func.func @adjacent_bytes(%w: memref<32x300xi8>, %i: index) {
  tern.prefetch %w[%i, %i] bytes 300 : memref<32x300xi8>
  return
}

// Tiles of a row: two lines of each.
// CHECK-LABEL: func.func @tiles(
// CHECK:         scf.for %[[TILE:.*]] = %c0 to %c10 step %c1
// CHECK:           %[[AT:.*]] = arith.addi %{{.*}}, %[[TILE]]
// CHECK-COUNT-2:   memref.prefetch %{{.*}}[%{{.*}}, %[[AT]], %{{.*}}]
// CHECK-NOT:       memref.prefetch
func.func @tiles(%w: memref<512x10x128xi8>, %i: index) {
  tern.prefetch %w[%i, %i, %i] bytes 1280 : memref<512x10x128xi8>
  return
}

}
