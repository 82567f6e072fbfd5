// RUN: tern-opt %s --convert-tern-to-kernels --canonicalize --cse --mlir-print-local-scope | FileCheck %s

// Of one token, one warp of a kv head's block has the keys, one the values; of more, blocks
// have one or the other, warps tokens of keys, and of values the dimensions.
#gpu = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "">
!cache = !tern.kv_cache<layers = 5, heads = 2, head_dim = 64, capacity = 100, bits = 3, bos_bits = 4>
module attributes {tern.target = #gpu} {
  func.func @one(%k: memref<1x128xf32>, %v: memref<1x128xf32>, %p: memref<1xi32>, %l: index, %c: !cache) {
    tern.kv_append %k, %v into %c[%l] at %p : memref<1x128xf32>, memref<1x128xf32>, memref<1xi32>, !cache
    return
  }
  func.func @many(%k: memref<?x128xf32>, %v: memref<?x128xf32>, %p: memref<?xi32>, %l: index, %c: !cache) {
    tern.kv_append %k, %v into %c[%l] at %p : memref<?x128xf32>, memref<?x128xf32>, memref<?xi32>, !cache
    return
  }
}

// CHECK-LABEL: func.func @one(
// CHECK:         scf.parallel (%{{.*}}) = (%c0) to (%c2)
// CHECK:           tern_nvptx.each_warp of 8
// CHECK:             tern_nvptx.append {{.*}} key = true, shares = 1
// CHECK:             tern_nvptx.append {{.*}} key = false, shares = 1

// CHECK-LABEL: func.func @many(
// CHECK:         scf.parallel (%{{.*}}) = (%c0) to (%c4)
// CHECK:           tern_nvptx.each_warp of 8
// CHECK:           ^bb0(%[[WARP:.*]]: index):
// CHECK:             scf.for %{{.*}} = %[[WARP]] to %{{.*}} step %c8
// CHECK:               tern_nvptx.append {{.*}} key = true, shares = 1
// CHECK:             arith.cmpi ult, %[[WARP]], %c2
// CHECK:               tern_nvptx.append {{.*}} share %[[WARP]] {{.*}} key = false, shares = 2
