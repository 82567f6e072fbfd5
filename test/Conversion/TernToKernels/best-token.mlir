// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {

// Tasks of 128 vectors of rows, the last of which begins where it is whole. A bound of
// twice a sum is an integer, and the norm's part of it rounded up.
// CHECK-LABEL: func.func @bound(
// CHECK:         math.sqrt
// CHECK-NEXT:    arith.mulf %{{.*}}, %cst{{.*}} : f32
// CHECK:         scf.parallel (%{{.*}}) = (%c0) to (%c3)
// CHECK:           %[[FIRST:.*]] = arith.minui %{{.*}}, %c8173
// CHECK:           %[[NORM:.*]] = arith.mulf %{{.*}} : vector<32xf32>
// CHECK:           %[[ERROR:.*]] = arith.fptosi %[[NORM]] : vector<32xf32> to vector<32xi32>
// CHECK:           arith.minui %[[ERROR]], %{{.*}} : vector<32xi32>
// CHECK:           vector.store %{{.*}}, %{{.*}}[%c0, %[[FIRST]]] : memref<1x8205xf32>, vector<32xf32>
// CHECK:         memref.store %c1_i32, %{{.*}}[%c0] : memref<1xi32>
func.func @bound(%a: memref<1x8205xi32>, %q: memref<1x52xi8>, %f: memref<1xf32>, %s: memref<8205xf32>, %n: memref<8205xf32>, %u: memref<1x8205xf32>, %i: memref<1x8205xi32>, %c: memref<1xi32>) {
  tern.bound_rows(%a, %q, %f, %s, %n) outs(%u, %i, %c : memref<1x8205xf32>, memref<1x8205xi32>, memref<1xi32>)
      : (memref<1x8205xi32>, memref<1x52xi8>, memref<1xf32>, memref<8205xf32>, memref<8205xf32>)
  return
}

// Sixteen at a time, most of which have no candidate; NaN is one.
// CHECK-LABEL: func.func @candidates(
// CHECK:         scf.for %[[ROW:.*]] = %c0 to %c32 step %c16
// CHECK:           arith.cmpf olt, %{{.*}} : vector<16xf32>
// CHECK:           scf.if
// CHECK:             scf.for
// CHECK:               arith.cmpf olt, %{{.*}} : f32
// CHECK:         scf.for %{{.*}} = %c32 to %c40 step %c1
func.func @candidates(%b: memref<1x40xf32>, %a: memref<1x40xi32>, %l: memref<1x40xi32>, %first: memref<1x40xi32>, %f: memref<1xf32>, %s: memref<40xf32>, %i: memref<1x40xi32>, %n: memref<1xi32>) {
  tern.candidate_rows(%b, %a, %l, %first, %f, %s) outs(%i, %n : memref<1x40xi32>, memref<1xi32>)
      : (memref<1x40xf32>, memref<1x40xi32>, memref<1x40xi32>, memref<1x40xi32>, memref<1xf32>, memref<40xf32>)
  return
}

// CHECK-LABEL: func.func @best(
// CHECK:         scf.for
// CHECK:           arith.shli %{{.*}}, %c2_i32
// CHECK:           arith.cmpf ogt
// CHECK:         arith.cmpi ult, %{{.*}}, %c2139095040_i32
// CHECK:         arith.select %{{.*}}, %{{.*}}, %c-1_i32
func.func @best(%a: memref<1x40xi32>, %l: memref<1x40xi32>, %i: memref<1x40xi32>, %n: memref<1xi32>, %f: memref<1xf32>, %s: memref<40xf32>, %t: memref<1xi32>) {
  tern.best_row(%a, %l, %i, %n, %f, %s) outs(%t : memref<1xi32>)
      : (memref<1x40xi32>, memref<1x40xi32>, memref<1x40xi32>, memref<1xi32>, memref<1xf32>, memref<40xf32>)
  return
}

}
