// RUN: tern-opt %s -tern-lower-forall -split-input-file -verify-diagnostics -mlir-print-local-scope | FileCheck %s

// Loops on buffers, from 0 by 1, with their names and bytes.

// CHECK-LABEL: func.func @steps(
// CHECK-DAG:     %[[ZERO:.*]] = arith.constant 0 : index
// CHECK-DAG:     %[[ONE:.*]] = arith.constant 1 : index
// CHECK-DAG:     %[[TWO:.*]] = arith.constant 2 : index
// CHECK:         scf.parallel (%[[I:.*]]) = (%[[ZERO]]) to (%[[TWO]]) step (%[[ONE]]) {
// CHECK:           %[[ROW:.*]] = affine.apply affine_map<(d0) -> (d0 * 16)>(%[[I]])
// CHECK:           tern.iteration "lm_head" bytes 4800
// CHECK:           memref.subview %{{.*}}[0, %[[ROW]]] [1, 16]
func.func @steps(%a: memref<1x32xi32>, %v: i32) {
  scf.forall (%row) = (0) to (32) step (16) {
    tern.iteration "lm_head" bytes 4800
    %part = memref.subview %a[0, %row] [1, 16] [1, 1] : memref<1x32xi32> to memref<1x16xi32, strided<[32, 1], offset: ?>>
    linalg.fill ins(%v : i32) outs(%part : memref<1x16xi32, strided<[32, 1], offset: ?>>)
  }
  return
}

// CHECK-LABEL: func.func @entries(
// CHECK-SAME:    %[[N:[a-z0-9]+]]: index
// CHECK:         scf.parallel {{.*}} to (%[[N]])
// CHECK-NOT:     scf.forall
func.func @entries(%a: memref<?xi32>, %n: index, %v: i32) {
  scf.forall (%i) in (%n) {
    memref.store %v, %a[%i] : memref<?xi32>
  }
  return
}

// -----

func.func @tensors(%a: tensor<4xi32>) -> tensor<4xi32> {
  // expected-error @+1 {{expected a loop on buffers, got results}}
  %0 = scf.forall (%i) in (4) shared_outs(%out = %a) -> (tensor<4xi32>) {
    %part = tensor.extract_slice %a[%i] [1] [1] : tensor<4xi32> to tensor<1xi32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %part into %out[%i] [1] [1] : tensor<1xi32> into tensor<4xi32>
    }
  }
  return %0 : tensor<4xi32>
}
