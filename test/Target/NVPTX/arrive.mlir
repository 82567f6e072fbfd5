// RUN: tern-opt %s --tern-vectors-to-lanes --canonicalize --cse | FileCheck %s

// The warp has written when its first lane counts, between fences of the device; all lanes get
// the number, and see what the one has that comes last.
// CHECK:         memref.global "private" @gather_arrived : memref<4xi32, 1> = dense<0> {alignment = 4 : i64}
// CHECK-LABEL: func.func @gather(
// CHECK:         memref.store
// CHECK:         llvm.call_intrinsic "llvm.nvvm.bar.warp.sync"
// CHECK:         %[[COUNTERS:.*]] = memref.get_global @gather_arrived
// CHECK:         %[[BEFORE:.*]] = scf.if %{{.*}} -> (i32) {
// CHECK-NEXT:      llvm.fence syncscope("device") acq_rel
// CHECK-NEXT:      %[[OLD:.*]] = llvm.atomicrmw uinc_wrap %{{.*}}, %c7_i32 syncscope("device") monotonic
// CHECK-NEXT:      llvm.fence syncscope("device") acq_rel
// CHECK-NEXT:      scf.yield %[[OLD]] : i32
// CHECK:         %[[ALL:.*]] = llvm.call_intrinsic "llvm.nvvm.shfl.sync.idx.i32"({{.*}}, %[[BEFORE]], %c0_i32
// CHECK:         llvm.call_intrinsic "llvm.nvvm.bar.warp.sync"
// CHECK:         %[[LAST:.*]] = arith.cmpi eq, %[[ALL]], %c7_i32
// CHECK:         scf.if %[[LAST]] {
// CHECK:           memref.load
func.func @gather(%x: memref<8xf32>, %y: memref<1xf32>) attributes {tern.blocks = 8 : i64} {
  %c0 = arith.constant 0 : index
  %one = arith.constant 1.0 : f32
  %block = tern.worker_index
  memref.store %one, %x[%block] : memref<8xf32>
  %last = tern.arrive %c0 of 4 by 8
  scf.if %last {
    %v = vector.load %x[%c0] : memref<8xf32>, vector<8xf32>
    %e = vector.extract %v[3] : f32 from vector<8xf32>
    memref.store %e, %y[%c0] : memref<1xf32>
  }
  return
}
