// RUN: tern-opt %s --convert-tern-to-kernels --canonicalize --split-input-file | FileCheck %s

// A machine without vectors takes a row four elements at a time. Of the 32
// accumulators of a sum four are registers at once: each gets every 32nd term,
// in order. Then halves are added, in memory until four are left.

module attributes {tern.target = #tern.target<triple = "riscv64", cpu = "generic", features = "+m">} {
// CHECK-LABEL: func.func @sum(
// CHECK-DAG:     %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG:     %[[C4:.*]] = arith.constant 4 : index
// CHECK-DAG:     %[[C32:.*]] = arith.constant 32 : index
// CHECK-DAG:     %[[C100:.*]] = arith.constant 100 : index
// CHECK:         %[[SUMS:.*]] = memref.alloc() : memref<1x32xf32>
// CHECK:         scf.for %[[FIRST:.*]] = %[[C0]] to %[[C32]] step %[[C4]] {
// CHECK:           %[[PART:.*]] = scf.for %[[I:.*]] = %[[FIRST]] to %[[C100]] step %[[C32]] iter_args(%[[SUM:.*]] = %{{.*}}) -> (vector<4xf32>) {
// CHECK:             %[[X:.*]] = vector.load %{{.*}}[%[[C0]], %[[I]]] : memref<1x102xf32>, vector<4xf32>
// CHECK:             %[[ABS:.*]] = math.absf %[[X]] : vector<4xf32>
// CHECK:             arith.addf %[[SUM]], %[[ABS]] : vector<4xf32>
// CHECK:           vector.store %[[PART]], %[[SUMS]][%[[C0]], %[[FIRST]]]
// The last two, of accumulators 4 and 5.
// CHECK:         %[[OLD:.*]] = vector.load %[[SUMS]][%[[C0]], %[[C4]]] : memref<1x32xf32>, vector<4xf32>
// CHECK:         vector.load %{{.*}}[%[[C0]], %[[C100]]] : memref<1x102xf32>, vector<2xf32>
// CHECK:         %[[NEW:.*]] = arith.addf %[[OLD]], %{{.*}} : vector<4xf32>
// CHECK:         vector.store %[[NEW]], %[[SUMS]][%[[C0]], %[[C4]]]
// CHECK-COUNT-3:   arith.addf {{.*}} : vector<4xf32>
// CHECK:         arith.addf {{.*}} : vector<2xf32>
// CHECK:         arith.addf {{.*}} : f32
func.func @sum(%x: memref<1x102xf32>, %o: memref<1xf32>) {
  tern.reduce <sum_abs> (%x) outs(%o : memref<1xf32>) : (memref<1x102xf32>)
  return
}
}

// -----

// Where one sum fits the registers, and four do not.

module attributes {tern.target = #tern.target<triple = "aarch64", cpu = "generic", features = "+neon">} {
// CHECK-LABEL: func.func @one_token(
// CHECK-NOT:     memref.alloc
// CHECK:         scf.for {{.*}} -> (vector<32xf32>)
func.func @one_token(%h: memref<1x64xf32>, %w: memref<56x64xf16>, %l: memref<1x56xf32>) {
  tern.lm_head (%h, %w) outs(%l : memref<1x56xf32>)
      : (memref<1x64xf32>, memref<56x64xf16>)
  return
}
// CHECK-LABEL: func.func @tokens(
// CHECK:         memref.alloc() : memref<4x32xf32>
// CHECK:         scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
func.func @tokens(%h: memref<?x64xf32>, %w: memref<56x64xf16>, %l: memref<?x56xf32>) {
  tern.lm_head (%h, %w) outs(%l : memref<?x56xf32>)
      : (memref<?x64xf32>, memref<56x64xf16>)
  return
}
}
