// RUN: tern-opt %s --convert-tern-to-kernels --canonicalize | FileCheck %s

module attributes {tern.target = #tern.target<triple = "x86_64", cpu = "x86-64-v3", features = "+avx2">} {
  func.func @within_vectors(%x: memref<?x20xf32>, %o: memref<?x20xf32>) {
    tern.hadamard block 4 (%x) outs(%o : memref<?x20xf32>) : (memref<?x20xf32>)
    return
  }
  func.func @across_vectors(%x: memref<1x256xf32>, %o: memref<1x256xf32>) {
    tern.hadamard block 128 (%x) outs(%o : memref<1x256xf32>) : (memref<1x256xf32>)
    return
  }
}

// Four blocks in a vector, then the last one alone.
// CHECK-LABEL: func.func @within_vectors(
// CHECK-SAME:    %[[X:.*]]: memref<?x20xf32>, %[[O:.*]]: memref<?x20xf32>)
// CHECK-DAG:     %[[HALVES:.*]] = arith.constant dense<5.000000e-01> : vector<16xf32>
// CHECK-DAG:     %[[HALF:.*]] = arith.constant dense<5.000000e-01> : vector<4xf32>
// CHECK:         scf.for
// CHECK:           %[[A:.*]] = vector.load %[[X]]
// CHECK:           %[[P:.*]] = vector.shuffle %[[A]], %[[A]] [1, 0, 3, 2, 5, 4,
// CHECK-DAG:       %[[SUM:.*]] = arith.addf %[[A]], %[[P]]
// CHECK-DAG:       %[[DIFFERENCE:.*]] = arith.subf %[[P]], %[[A]]
// CHECK:           %[[B:.*]] = vector.shuffle %[[SUM]], %[[DIFFERENCE]] [0, 17, 2, 19,
// CHECK:           vector.shuffle %[[B]], %[[B]] [2, 3, 0, 1, 6, 7,
// CHECK:           %[[C:.*]] = vector.shuffle %{{.*}} [0, 1, 18, 19, 4, 5,
// CHECK:           %[[Y:.*]] = arith.mulf %[[C]], %[[HALVES]]
// CHECK:           vector.store %[[Y]], %[[O]]
// CHECK:           vector.load %[[X]]{{.*}} vector<4xf32>
// CHECK:           arith.mulf %{{.*}}, %[[HALF]]
// CHECK:           vector.store %{{.*}}, %[[O]]{{.*}} vector<4xf32>

// Stages 1 to 8 in vectors; 16 and 32 at once; 64, which is the last.
// CHECK-LABEL: func.func @across_vectors(
// CHECK-SAME:    %[[X:.*]]: memref<1x256xf32>, %[[O:.*]]: memref<1x256xf32>)
// CHECK-DAG:     %[[SCALE:.*]] = arith.constant dense<0.0883883461> : vector<16xf32>
// CHECK:         scf.for
// CHECK-COUNT-8:   vector.shuffle
// CHECK:           vector.store %{{.*}}, %[[O]]
// CHECK:         scf.for
// CHECK-COUNT-4:   vector.load %[[O]]
// CHECK-NOT:       arith.mulf
// CHECK-COUNT-4:   vector.store %{{.*}}, %[[O]]
// CHECK:         scf.for
// CHECK-COUNT-2:   vector.load %[[O]]
// CHECK:           %[[SUM:.*]] = arith.addf
// CHECK:           %[[LOW:.*]] = arith.mulf %[[SUM]], %[[SCALE]]
// CHECK:           vector.store %[[LOW]], %[[O]]
// CHECK:           %[[HIGH:.*]] = arith.mulf %{{.*}}, %[[SCALE]]
// CHECK:           vector.store %[[HIGH]], %[[O]]
