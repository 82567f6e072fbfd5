// RUN: tern-opt %s --tern-vectors-to-lanes --canonicalize --cse --allow-unregistered-dialect | FileCheck %s

// Each lane has an element; lanes that a vector does not have get 0. The first of
// halves that are added comes from the lanes above; the sum is known to all.
// CHECK-LABEL: func.func @sum(
// CHECK:         %[[TID:.*]] = llvm.call_intrinsic "llvm.nvvm.read.ptx.sreg.tid.x"() : () -> i32
// CHECK:         %[[SUM:.*]] = scf.for %[[I:.*]] = %c0 to %c64 step %c32 iter_args(%[[S:.*]] = %{{.*}}) -> (f32)
// CHECK-NEXT:      %[[LANE:.*]] = arith.index_castui %[[TID]] : i32 to index
// CHECK:           %[[AT:.*]] = arith.addi %[[I]], %[[LANE]]
// CHECK:           %[[X:.*]] = memref.load %{{.*}}[%[[AT]]]
// CHECK:           arith.addf %[[S]], %[[X]] : f32
// CHECK:         %[[NINE:.*]] = arith.cmpi ult, %[[TID]], %c9_i32
// CHECK:         %[[REST:.*]] = scf.if %[[NINE]] -> (f32)
// CHECK:         %[[HAS:.*]] = arith.cmpi ult, %[[TID]], %c5_i32
// CHECK:         %[[P:.*]] = arith.select %[[HAS]], %[[REST]], %{{.*}} : f32
// CHECK:         %[[ALL:.*]] = arith.addf %[[SUM]], %[[P]]
// CHECK:         %[[BITS:.*]] = arith.bitcast %[[ALL]] : f32 to i32
// CHECK:         llvm.call_intrinsic "llvm.nvvm.shfl.sync.down.i32"(%c-1_i32, %[[BITS]], %c16_i32, %c31_i32)
// CHECK:         llvm.call_intrinsic "llvm.nvvm.shfl.sync.idx.i32"(%c-1_i32, %{{.*}}, %c15_i32, %c31_i32)
// CHECK:         llvm.call_intrinsic "llvm.nvvm.bar.warp.sync"(%c-1_i32)
// CHECK:         scf.if
// CHECK:           memref.store
func.func @sum(%x: memref<69xf32>, %y: memref<1xf32>) attributes {tern.blocks = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant dense<0.0> : vector<32xf32>
  %none = arith.constant dense<0.0> : vector<5xf32>
  %s = scf.for %i = %c0 to %c64 step %c32 iter_args(%a = %zero) -> (vector<32xf32>) {
    %v = vector.load %x[%i] : memref<69xf32>, vector<32xf32>
    %b = arith.addf %a, %v : vector<32xf32>
    scf.yield %b : vector<32xf32>
  }
  %r = vector.load %x[%c64] : memref<69xf32>, vector<9xf32>
  %five = vector.shuffle %r, %r [0, 1, 2, 3, 4] : vector<9xf32>, vector<9xf32>
  %p = vector.shuffle %five, %none [0, 1, 2, 3, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5] : vector<5xf32>, vector<5xf32>
  %t = arith.addf %s, %p : vector<32xf32>
  %l = vector.shuffle %t, %t [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] : vector<32xf32>, vector<32xf32>
  %h = vector.shuffle %t, %t [16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31] : vector<32xf32>, vector<32xf32>
  %u = arith.addf %l, %h : vector<16xf32>
  %e = vector.extract %u[15] : f32 from vector<16xf32>
  memref.store %e, %y[%c0] : memref<1xf32>
  return
}

// Two elements a lane; numbers of 8 bits travel in words. A maximum is one instruction.
// CHECK-LABEL: func.func @bytes(
// CHECK:         vector.load %{{.*}} : memref<64xi8>, vector<2xi8>
// CHECK:         arith.addi %{{.*}} : vector<2xi8>
// CHECK:         llvm.call_intrinsic "llvm.nvvm.bar.warp.sync"
// CHECK:         vector.store %{{.*}} : memref<64xi8>, vector<2xi8>
// CHECK:         arith.divui %{{.*}}, %c4_i32
// CHECK:         arith.extui %{{.*}} : i8 to i32
// CHECK:         llvm.call_intrinsic "llvm.nvvm.shfl.sync.idx.i32"
// CHECK:         llvm.call_intrinsic "llvm.nvvm.redux.sync.max"
func.func @bytes(%x: memref<64xi8>, %y: memref<8xi32>, %m: memref<1xi32>) attributes {tern.blocks = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = vector.load %x[%c0] : memref<64xi8>, vector<64xi8>
  %w = arith.addi %v, %v : vector<64xi8>
  vector.store %w, %x[%c0] : memref<64xi8>, vector<64xi8>
  %a = vector.load %x[%c0] : memref<64xi8>, vector<8xi8>
  %b = vector.shuffle %a, %a [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7] : vector<8xi8>, vector<8xi8>
  %c = arith.extsi %b : vector<32xi8> to vector<32xi32>
  %d = vector.reduction <maxsi>, %c : vector<32xi32> into i32
  memref.store %d, %m[%c0] : memref<1xi32>
  return
}

// Operations without a form for a warp are done by the first lane.
// CHECK-LABEL: func.func @alone(
// CHECK:         %[[FIRST:.*]] = arith.cmpi ult, %{{.*}}, %c1_i32
// CHECK:         scf.if %[[FIRST]] {
// CHECK:           llvm.call_intrinsic "llvm.nvvm.read.ptx.sreg.ctaid.x"
// CHECK:           "test.unknown"
func.func @alone(%x: memref<64xi8>) attributes {tern.blocks = 4 : i64} {
  %block = tern.worker_index
  %v = vector.load %x[%block] : memref<64xi8>, vector<32xi8>
  "test.unknown"(%v) : (vector<32xi8>) -> ()
  return
}

// Steps of a Hadamard transformation; rows of a matrix that is its transposed.
// CHECK-LABEL: func.func @exchange(
// CHECK:         arith.xori %{{.*}}, %c2_i32
// CHECK:         llvm.call_intrinsic "llvm.nvvm.shfl.sync.idx.i32"
// CHECK:         arith.andi %{{.*}}, %c2_i32
// CHECK:         arith.select %{{.*}} : f32
func.func @exchange(%x: memref<8xf32>) attributes {tern.blocks = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = vector.load %x[%c0] : memref<8xf32>, vector<8xf32>
  %o = vector.shuffle %v, %v [2, 3, 0, 1, 6, 7, 4, 5] : vector<8xf32>, vector<8xf32>
  %s = arith.addf %v, %o : vector<8xf32>
  %d = arith.subf %o, %v : vector<8xf32>
  %r = vector.shuffle %s, %d [0, 1, 10, 11, 4, 5, 14, 15] : vector<8xf32>, vector<8xf32>
  vector.store %r, %x[%c0] : memref<8xf32>, vector<8xf32>
  return
}
