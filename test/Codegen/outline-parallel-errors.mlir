// RUN: tern-opt %s --tern-outline-parallel --split-input-file --verify-diagnostics

func.func @from_one(%env: !llvm.ptr, %n: index) {
  %c1 = arith.constant 1 : index
  // expected-error @+1 {{'scf.parallel' op expected one dimension, from 0 by 1, without reductions}}
  scf.parallel (%i) = (%c1) to (%n) step (%c1) {
  }
  return
}

// -----

func.func @by_two(%env: !llvm.ptr, %n: index) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  // expected-error @+1 {{expected one dimension, from 0 by 1, without reductions}}
  scf.parallel (%i) = (%c0) to (%n) step (%c2) {
  }
  return
}

// -----

func.func @two_dimensions(%env: !llvm.ptr, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // expected-error @+1 {{expected one dimension, from 0 by 1, without reductions}}
  scf.parallel (%i, %j) = (%c0, %c0) to (%n, %n) step (%c1, %c1) {
  }
  return
}

// -----

func.func @dynamic_capture(%env: !llvm.ptr, %x: memref<?xf32>, %n: index, %v: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // expected-error @+1 {{'scf.parallel' op expected captured buffers to be static or views of static ones, got 'memref<?xf32>'}}
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    memref.store %v, %x[%i] : memref<?xf32>
  }
  return
}

// -----

func.func @nested(%env: !llvm.ptr, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    // expected-error @+1 {{'scf.parallel' op expected no parallel loop around this one}}
    scf.parallel (%j) = (%c0) to (%i) step (%c1) {
    }
  }
  return
}

// -----

// expected-error @+1 {{'func.func' op expected the environment as first argument}}
func.func @no_environment(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
  }
  return
}
