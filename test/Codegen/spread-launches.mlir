// RUN: tern-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(func.func(tern-spread-launches))' | FileCheck %s

// Each block takes its iterations of one loop, then of the other. Of the 264 blocks that
// a device runs at most, as many are used as a loop has iterations.

#device = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">
module attributes {tern.target = #device} {
  // CHECK-LABEL: func.func @many(
  // CHECK:         scf.parallel (%[[BLOCK:.*]]) = (%{{.*}}) to (%c264) step
  // CHECK:           tern.iteration "up_proj" bytes 64
  // CHECK:           memref.alloc() : memref<4xf32>
  // CHECK:           scf.for %[[I:.*]] = %[[BLOCK]] to %c432 step %[[STEP:.*]] {
  // CHECK-NEXT:        memref.store %{{.*}}, %{{.*}}[%[[I]]]
  // CHECK:         return
  func.func @many(%x: memref<432xf32>, %y: f32) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c432 = arith.constant 432 : index
    scf.execute_region no_inline {
      %own = memref.alloc() : memref<4xf32>
      memref.store %y, %own[%c0] : memref<4xf32>
      scf.parallel (%i) = (%c0) to (%c432) step (%c1) {
        tern.iteration "up_proj" bytes 64
        memref.store %y, %x[%i] : memref<432xf32>
        scf.reduce
      }
      scf.yield
    }
    return
  }

  // CHECK-LABEL: func.func @few(
  // CHECK:         scf.parallel (%[[BLOCK:.*]]) = (%{{.*}}) to (%c5{{.*}}) step
  // CHECK:           tern.iteration "kv_append" bytes 64
  // CHECK:           tern.iteration "attention" bytes 64
  // CHECK-NOT:       scf.for
  // CHECK:           memref.store %{{.*}}, %{{.*}}[%[[BLOCK]]]
  // CHECK:           memref.store %{{.*}}, %{{.*}}[%[[BLOCK]]]
  func.func @few(%x: memref<5xf32>, %z: memref<5xf32>, %y: f32) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c5 = arith.constant 5 : index
    scf.execute_region no_inline {
      scf.parallel (%i) = (%c0) to (%c5) step (%c1) {
        tern.iteration "kv_append" bytes 64
        memref.store %y, %x[%i] : memref<5xf32>
        scf.reduce
      }
      scf.parallel (%i) = (%c0) to (%c5) step (%c1) {
        tern.iteration "attention" bytes 64
        memref.store %y, %z[%i] : memref<5xf32>
        scf.reduce
      }
      scf.yield
    }
    return
  }
}

// -----

#device = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">
module attributes {tern.target = #device} {
  func.func @none(%x: memref<5xf32>, %y: f32) {
    %c0 = arith.constant 0 : index
    // expected-error@+1 {{expected a launch to have a parallel loop}}
    scf.execute_region no_inline {
      memref.store %y, %x[%c0] : memref<5xf32>
      scf.yield
    }
    return
  }
}
