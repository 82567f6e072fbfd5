// RUN: tern-opt %s --tern-vectors-to-lanes --canonicalize --cse | FileCheck %s

// Two warps. The first one writes what all of them compute, behind a barrier of the block;
// of work of their own each takes its part, ordered within the warp.
// CHECK-DAG:     memref.global @tern_shared : memref<0xi8, 3> {alignment = 16 : i64}
// CHECK-DAG:     memref.global "private" @share_shared_0 : memref<64xf32, 3> = uninitialized {alignment = 16 : i64}
// CHECK-LABEL: func.func @share(
// CHECK-SAME:    attributes {tern.blocks = 3 : i64, tern.threads = 64 : i64}
// CHECK:         %[[TID:.*]] = llvm.call_intrinsic "llvm.nvvm.read.ptx.sreg.tid.x"
// CHECK:         %[[LANE:.*]] = arith.remui %[[TID]], %c32_i32
// CHECK:         %[[PLACE:.*]] = memref.get_global @share_shared_0
// CHECK:         %[[FIRST:.*]] = arith.cmpi ult, %[[TID]], %c32_i32
// CHECK:         scf.if %[[FIRST]]
// CHECK:           memref.store %{{.*}}, %[[PLACE]]
// CHECK:         llvm.call_intrinsic "llvm.nvvm.barrier.cta.sync.aligned.all"(%c0_i32)
// CHECK:         %[[WARP:.*]] = arith.divui %[[TID]], %c32_i32
// CHECK:         memref.load %[[PLACE]]
// CHECK-NOT:     barrier
// CHECK:         memref.store %{{.*}} : memref<128xf32>
// CHECK:         llvm.call_intrinsic "llvm.nvvm.barrier.cta.sync.aligned.all"
// CHECK:         memref.load
// CHECK:         %[[ONE:.*]] = arith.cmpi ult, %[[TID]], %c1_i32
// CHECK:         scf.if %[[ONE]]
func.func @share(%x: memref<64xf32>, %y: memref<128xf32>, %z: memref<1xf32>) attributes {tern.blocks = 3 : i64} {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %place = memref.alloca() : memref<64xf32, 3>
  %v = vector.load %x[%c0] : memref<64xf32>, vector<32xf32>
  vector.store %v, %place[%c0] : memref<64xf32, 3>, vector<32xf32>
  tern_nvptx.each_warp of 2 {
  ^bb0(%warp: index):
    %w = vector.load %place[%c0] : memref<64xf32, 3>, vector<32xf32>
    %at = arith.muli %warp, %c32 : index
    vector.store %w, %y[%at] : memref<128xf32>, vector<32xf32>
  }
  %e = memref.load %y[%c32] : memref<128xf32>
  memref.store %e, %z[%c0] : memref<1xf32>
  return
}

// A loop whose iterations are independent is shared out.
// CHECK-LABEL: func.func @split(
// CHECK:         %[[TID:.*]] = llvm.call_intrinsic "llvm.nvvm.read.ptx.sreg.tid.x"
// CHECK:         %[[WARP:.*]] = arith.divui %[[TID]], %c32_i32
// CHECK:         %[[NUMBER:.*]] = arith.index_castui %[[WARP]]
// CHECK:         %[[FROM:.*]] = arith.muli %[[NUMBER]], %c32
// CHECK:         scf.for %{{.*}} = %[[FROM]] to %c512 step %c128
// CHECK:           llvm.call_intrinsic "llvm.nvvm.bar.warp.sync"
// CHECK-NOT:       scf.if
// CHECK:           memref.store
func.func @split(%x: memref<512xf32>) attributes {tern.blocks = 1 : i64, tern.threads = 128 : i64} {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c512 = arith.constant 512 : index
  scf.for %i = %c0 to %c512 step %c32 {
    %v = vector.load %x[%i] : memref<512xf32>, vector<32xf32>
    %w = arith.addf %v, %v : vector<32xf32>
    vector.store %w, %x[%i] : memref<512xf32>, vector<32xf32>
  } {tern.by_warps}
  return
}

// Copies to the launch's memory: 16 bytes each, zeros behind the last row that is there.
// CHECK-LABEL: func.func @copy(
// CHECK-SAME:    tern.shared_bytes = 2304 : i64, tern.threads = 64 : i64
// CHECK:         memref.get_global @tern_shared
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.nvvm.cp.async.cg.shared.global.16.s"(%{{.*}}, %{{.*}}, %{{.*}}) : (!llvm.ptr<3>, !llvm.ptr<1>, i32) -> ()
// CHECK:         llvm.call_intrinsic "llvm.nvvm.cp.async.commit.group"
// CHECK:         llvm.call_intrinsic "llvm.nvvm.cp.async.wait.group"(%c0_i32)
// CHECK-NEXT:    llvm.call_intrinsic "llvm.nvvm.barrier.cta.sync.aligned.all"
// CHECK:         memref.load
// CHECK:         %[[AT:.*]] = llvm.inttoptr %{{.*}} : i64 to !llvm.ptr<1>
// CHECK:         llvm.atomicrmw add %[[AT]], %{{.*}} syncscope("device") monotonic : !llvm.ptr<1>, i32
// CHECK:         llvm.atomicrmw umax %{{.*}}, %{{.*}} syncscope("device") monotonic : !llvm.ptr<1>, i64
func.func @copy(%x: memref<?x256xi8>, %n: index, %sum: memref<4xi32>, %best: memref<1xi64>, %number: i64) attributes {tern.blocks = 1 : i64, tern.threads = 64 : i64} {
  %c0 = arith.constant 0 : index
  %c128 = arith.constant 128 : index
  %place = tern_nvptx.shared : memref<16x144xi8, 3>
  tern_nvptx.copy %x[%c0, %c128] to %place[%c0, %c0] rows 16 width 128 count %n : memref<?x256xi8>, memref<16x144xi8, 3>
  tern_nvptx.commit
  tern_nvptx.wait 0
  %b = memref.load %place[%n, %c0] : memref<16x144xi8, 3>
  %w = arith.extsi %b : i8 to i32
  memref.atomic_rmw addi %w, %sum[%n] : (i32, memref<4xi32>) -> i32
  memref.atomic_rmw maxu %number, %best[%c0] : (i64, memref<1xi64>) -> i64
  return
}
