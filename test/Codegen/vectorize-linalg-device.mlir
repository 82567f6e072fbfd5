// RUN: tern-opt %s --pass-pipeline='builtin.module(func.func(tern-vectorize-linalg))' | FileCheck %s

// Warps of a device's block may take vectors of an elementwise operation each, and lanes
// need not wait for each other, unless an element is read that another one becomes.

#row = affine_map<(d0) -> (d0)>
#device = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">
module attributes {tern.target = #device} {
  // CHECK-LABEL: func.func @apart(
  // CHECK:         scf.for
  // CHECK:           vector.transfer_write
  // CHECK:         } {tern.by_warps, tern.elementwise}
  func.func @apart(%x: memref<64xf32>) {
    linalg.generic {indexing_maps = [#row, #row], iterator_types = ["parallel"]}
        ins(%x : memref<64xf32>) outs(%x : memref<64xf32>) {
    ^bb0(%in: f32, %out: f32):
      %y = arith.addf %in, %in : f32
      linalg.yield %y : f32
    }
    return
  }

  // CHECK-LABEL: func.func @shifted(
  // CHECK:         scf.for
  // CHECK-NOT:     tern.by_warps
  // CHECK:         return
  func.func @shifted(%x: memref<128xf32>) {
    %low = memref.subview %x[0] [64] [1] : memref<128xf32> to memref<64xf32, strided<[1]>>
    %next = memref.subview %x[32] [64] [1] : memref<128xf32> to memref<64xf32, strided<[1], offset: 32>>
    linalg.generic {indexing_maps = [#row, #row], iterator_types = ["parallel"]}
        ins(%next : memref<64xf32, strided<[1], offset: 32>>) outs(%low : memref<64xf32, strided<[1]>>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    }
    return
  }
}
