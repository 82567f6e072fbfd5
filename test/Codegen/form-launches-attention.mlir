// RUN: tern-opt %s --pass-pipeline='builtin.module(func.func(tern-form-launches))' | FileCheck %s

// A head's part of the cache is written and read by one block: appending a token and
// attention are one launch. More tokens append first, all of them.

#device = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">
!kv = !tern.kv_cache<layers = 3, heads = 4, head_dim = 16, capacity = 128, bits = 16, bos_bits = 16>
module attributes {tern.target = #device} {
  // CHECK-LABEL: func.func @one(
  // CHECK:         scf.execute_region no_inline {
  // CHECK-NEXT:      tern.kv_append
  // CHECK-NEXT:      tern.attention
  // CHECK-NEXT:      scf.yield
  func.func @one(%layer: index, %q: memref<1x64xf32>, %k: memref<1x64xf32>, %p: memref<1xi32>, %cache: !kv, %out: memref<1x64xf32>) {
    tern.kv_append %k, %k into %cache[%layer] at %p : memref<1x64xf32>, memref<1x64xf32>, memref<1xi32>, !kv
    tern.attention(%q, %cache[%layer], %p) outs(%out : memref<1x64xf32>) : (memref<1x64xf32>, !kv, memref<1xi32>)
    return
  }

  // CHECK-LABEL: func.func @some(
  // CHECK-NOT:     scf.execute_region
  func.func @some(%layer: index, %q: memref<?x64xf32>, %k: memref<?x64xf32>, %p: memref<?xi32>, %cache: !kv, %out: memref<?x64xf32>) {
    tern.kv_append %k, %k into %cache[%layer] at %p : memref<?x64xf32>, memref<?x64xf32>, memref<?xi32>, !kv
    tern.attention(%q, %cache[%layer], %p) outs(%out : memref<?x64xf32>) : (memref<?x64xf32>, !kv, memref<?xi32>)
    return
  }
}
