// RUN: tern-opt %s --tern-plan-scratch | FileCheck %s

// On a device a block's buffers lie in the memory that its threads share, the smallest
// while 44 KiB are enough, as sums of warps have 4 of 48; others in its part of the
// scratch memory.

// CHECK: tern.scratch_worker_bytes = 46400 : i64
// CHECK: memref.global "private" @layer_decode_shared_1 : memref<272xi8, 3> = uninitialized {alignment = 16 : i64}
#device = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">
#model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>
module attributes {tern.model = #model, tern.max_tokens = 4 : i64, tern.target = #device} {
  // CHECK-LABEL: func.func @layer.decode(
  func.func @layer.decode(%x: memref<4xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
      %y = memref.load %x[%i] : memref<4xf32>
      memref.store %y, %x[%i] : memref<4xf32>
      scf.reduce
    }
    // CHECK:      %[[SHARED:.*]] = memref.get_global @layer_decode_shared_1 : memref<272xi8, 3>
    // CHECK:      %[[LARGE:.*]] = memref.view %arg1[%{{.*}}][] : memref<{{.*}}xi8> to memref<11600xf32>
    // CHECK:      %[[A:.*]] = arith.constant 16 : index
    // CHECK:      memref.view %[[SHARED]][%[[A]]][] : memref<272xi8, 3> to memref<64xf32, 3>
    // CHECK:      memref.subview %{{.*}} memref<64xf32, 3> to memref<32xf32, strided<[1]>, 3>
    // CHECK:      memref.view %[[SHARED]][%{{.*}}][] : memref<272xi8, 3> to memref<1xf32, 3>
    scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
      %large = memref.alloc() : memref<11600xf32>
      %row = memref.alloc() : memref<64xf32>
      %half = memref.subview %row[0] [32] [1] : memref<64xf32> to memref<32xf32, strided<[1]>>
      %one = memref.alloc() : memref<1xf32>
      %y = memref.load %x[%i] : memref<4xf32>
      memref.store %y, %large[%i] : memref<11600xf32>
      memref.store %y, %half[%i] : memref<32xf32, strided<[1]>>
      memref.store %y, %one[%c0] : memref<1xf32>
      scf.reduce
    }
    return
  }
}
