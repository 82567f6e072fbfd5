// RUN: tern-opt %s --convert-tern-to-kernels | FileCheck %s

// Row-wise operations are a plain loop over tokens, which a later pass joins; one token
// needs none.

module attributes {tern.target = #tern.target<triple = "x86_64", cpu = "x86-64-v3", features = "+avx2">} {
  func.func @sum_of_squares(%x: memref<?x100xf32>, %o: memref<?xf32>) {
    tern.reduce <sum_squares> (%x) outs(%o : memref<?xf32>) : (memref<?x100xf32>)
    return
  }
  func.func @sum_of_each_head(%x: memref<?x3x40xf32>, %o: memref<?x3xf32>) {
    tern.reduce <sum_squares> (%x) outs(%o : memref<?x3xf32>) : (memref<?x3x40xf32>)
    return
  }
  func.func @most(%x: memref<1x64xf32>, %o: memref<1xf32>) {
    tern.reduce <max_abs> (%x) outs(%o : memref<1xf32>) : (memref<1x64xf32>)
    return
  }
  func.func @largest(%x: memref<1x100xf32>, %q: memref<1x100xi8>, %o: memref<1x100xi8>) {
    tern.keep_top_k <keep = 51> (%x, %q) outs(%o : memref<1x100xi8>) : (memref<1x100xf32>, memref<1x100xi8>)
    return
  }
  func.func @nonzero(%q: memref<?x101xi8>, %i: memref<?x104xi32>, %v: memref<?x104xi8>, %n: memref<?xi32>) {
    tern.sparsify(%q) outs(%i, %v, %n : memref<?x104xi32>, memref<?x104xi8>, memref<?xi32>) : (memref<?x101xi8>)
    return
  }
  func.func @open_gates(%g: memref<1x101xf32>, %i: memref<1x101xi32>, %n: memref<1xi32>) {
    tern.active_rows(%g) outs(%i, %n : memref<1x101xi32>, memref<1xi32>) : (memref<1x101xf32>)
    return
  }
}

// The 4 columns after 3 * 32 go to the first 4 of 32 accumulators.
// CHECK-LABEL: func.func @sum_of_squares(
// CHECK-SAME:    %[[X:.*]]: memref<?x100xf32>, %[[O:.*]]: memref<?xf32>)
// CHECK-NOT:     scf.parallel
// CHECK:         scf.for %[[T:.*]] =
// CHECK:           scf.for %{{.*}} iter_args(%[[SUM:.*]] = %{{.*}}) -> (vector<32xf32>)
// CHECK:             %[[SQUARE:.*]] = arith.mulf
// CHECK:             arith.addf %[[SUM]], %[[SQUARE]] : vector<32xf32>
// CHECK:           vector.load %[[X]][%[[T]], %{{.*}}] : memref<?x100xf32>, vector<4xf32>
// CHECK:           arith.addf %{{.*}} : vector<16xf32>
// CHECK:           arith.addf %{{.*}} : vector<8xf32>
// CHECK:           arith.addf %{{.*}} : vector<4xf32>
// CHECK:           arith.addf %{{.*}} : vector<2xf32>
// CHECK:           %[[R:.*]] = arith.addf %{{.*}} : f32
// CHECK:           memref.store %[[R]], %[[O]][%[[T]]]

// CHECK-LABEL: func.func @sum_of_each_head(
// CHECK-SAME:    %[[X:.*]]: memref<?x3x40xf32>, %[[O:.*]]: memref<?x3xf32>)
// CHECK:         scf.for %[[T:.*]] =
// CHECK:           scf.for %[[H:.*]] = %{{.*}} to %c3
// CHECK:             vector.load %[[X]][%[[T]], %[[H]], %{{.*}}] : memref<?x3x40xf32>, vector<32xf32>
// CHECK:             vector.load %[[X]][%[[T]], %[[H]], %{{.*}}] : memref<?x3x40xf32>, vector<8xf32>
// CHECK:             memref.store %{{.*}}, %[[O]][%[[T]], %[[H]]] : memref<?x3xf32>

// Bits are compared, of which those of a NaN are the largest.
// CHECK-LABEL: func.func @most(
// CHECK-NOT:     arith.cmpf
// CHECK:         arith.maxsi %{{.*}} : vector<32xi32>
// CHECK:         vector.reduction <maxsi>, %{{.*}} : vector<32xi32> into i32

// CHECK-LABEL: func.func @largest(
// CHECK-NOT:     scf.parallel
// Until 51 elements reach what is found of the threshold, or its bits are at an end.
// CHECK:         %[[FOUND:.*]]:3 = scf.while (
// CHECK:           %[[MORE:.*]] = arith.cmpi ne, %{{.*}} : i32
// CHECK:           arith.constant 51 : i32
// CHECK:           arith.cmpi ne, %{{.*}} : i32
// CHECK:           scf.condition
// CHECK:           arith.cmpi sge, %{{.*}} : vector<32xi32>
// All that reach it stay.
// CHECK:         %[[LIMIT:.*]] = vector.broadcast %[[FOUND]]#0 : i32 to vector<32xi32>
// CHECK:         %[[STAYS:.*]] = arith.cmpi sge, %{{.*}}, %[[LIMIT]] : vector<32xi32>
// CHECK:         arith.select %[[STAYS]], %{{.*}} : vector<32xi1>, vector<32xi8>
// The walk back along the row happens only when these are too many.
// CHECK:         %[[EXCESS:.*]] = arith.subi %[[FOUND]]#2,
// CHECK:         %[[TIES:.*]] = arith.cmpi ne, %[[EXCESS]],
// CHECK:         scf.if %[[TIES]] {
// CHECK:           scf.for {{.*}} iter_args(%{{.*}} = %[[EXCESS]])
// CHECK:             scf.if
// CHECK:               memref.store %{{.*}} : memref<1x100xi8>

// No branch: what does not count is overwritten.
// CHECK-LABEL: func.func @nonzero(
// CHECK-NOT:     scf.parallel
// CHECK:         scf.for
// CHECK:           %[[N:.*]] = scf.for %{{.*}} iter_args(%[[PLACE:.*]] = %{{.*}}) -> (index)
// CHECK-NOT:         scf.if
// CHECK:             memref.store %{{.*}}[%{{.*}}, %[[PLACE]]] : memref<?x104xi32>
// CHECK:             memref.store %{{.*}}[%{{.*}}, %[[PLACE]]] : memref<?x104xi8>
// CHECK:           scf.for %{{.*}} = %[[N]] to

// CHECK-LABEL: func.func @open_gates(
// CHECK-NOT:     scf.parallel
// CHECK:         arith.cmpf ogt, %{{.*}} : f32
