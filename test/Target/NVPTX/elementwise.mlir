// RUN: tern-opt %s --tern-vectors-to-lanes --canonicalize --cse | FileCheck %s

// Lanes wait for each other in front of the loop and behind it, not in it.
// CHECK-LABEL: func.func @double(
// CHECK:         llvm.call_intrinsic "llvm.nvvm.bar.warp.sync"
// CHECK:         scf.for
// CHECK-NEXT:      arith
// CHECK-NOT:       llvm.call_intrinsic
// CHECK:           memref.store
// CHECK-NEXT:    }
// CHECK-NEXT:    llvm.call_intrinsic "llvm.nvvm.bar.warp.sync"
// CHECK-NEXT:    memref.load
func.func @double(%x: memref<64xf32>, %y: memref<1xf32>) attributes {tern.blocks = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %e = memref.load %x[%c32] : memref<64xf32>
  scf.for %i = %c0 to %c64 step %c32 {
    %v = vector.load %x[%i] : memref<64xf32>, vector<32xf32>
    %w = arith.mulf %v, %v : vector<32xf32>
    vector.store %w, %x[%i] : memref<64xf32>, vector<32xf32>
  } {tern.by_warps, tern.elementwise}
  %f = memref.load %x[%c0] : memref<64xf32>
  %g = arith.addf %e, %f : f32
  memref.store %g, %y[%c0] : memref<1xf32>
  return
}
