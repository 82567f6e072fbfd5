// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

module attributes {tern.target = #tern.target<triple = "riscv64-unknown-elf", cpu = "generic-rv64", features = "">} {

// Sixteen codes at a time, the four that are left one by one.
// CHECK-LABEL: func.func @all(
// CHECK:         scf.for
// CHECK:           %[[SUMS:.*]] = scf.for {{.*}} = %c0 to %c48 step %c16 {{.*}} -> (vector<16xi32>)
// CHECK:             arith.extsi %{{.*}} : vector<16xi8> to vector<16xi32>
// CHECK:           vector.reduction <add>
// CHECK:           %[[SUM:.*]] = scf.for {{.*}} = %c48 to %c52 step %c1 {{.*}} -> (i32)
// CHECK:           memref.store %[[SUM]], %{{.*}} : memref<?x1xi32>
func.func @all(%q: memref<?x52xi8>, %s: memref<?x1xi32>) {
  tern.sum_codes(%q) outs(%s : memref<?x1xi32>) : (memref<?x52xi8>)
  return
}

// CHECK-LABEL: func.func @groups(
// CHECK:         scf.for
// CHECK:           scf.for %[[GROUP:.*]] = %c0 to %c3 step %c1
// CHECK:             %[[FIRST:.*]] = arith.muli %[[GROUP]], %c32
// CHECK:             memref.store %{{.*}}, %{{.*}}[%{{.*}}, %[[GROUP]]] : memref<?x3xi32>
func.func @groups(%q: memref<?x96xi8>, %s: memref<?x3xi32>) {
  tern.sum_codes(%q) outs(%s : memref<?x3xi32>) : (memref<?x96xi8>)
  return
}

// Up to the count, rounded up to a multiple of four.
// CHECK-LABEL: func.func @counted(
// CHECK:         %[[N32:.*]] = memref.load %{{.*}} : memref<1xi32>
// CHECK:         %[[N:.*]] = arith.index_castui %[[N32]]
// CHECK:         %[[MORE:.*]] = arith.addi %[[N]], %c3
// CHECK:         %[[FOURS:.*]] = arith.divui %[[MORE]], %c4
// CHECK:         %[[END:.*]] = arith.muli %[[FOURS]], %c4
// CHECK:         scf.for {{.*}} to %[[END]] step %c1
func.func @counted(%q: memref<1x64xi8>, %n: memref<1xi32>, %s: memref<1x1xi32>) {
  tern.sum_codes(%q) count(%n : memref<1xi32>) outs(%s : memref<1x1xi32>) : (memref<1x64xi8>)
  return
}

}
