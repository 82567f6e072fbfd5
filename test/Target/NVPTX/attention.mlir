// RUN: tern-opt %s --convert-tern-to-kernels --canonicalize --cse --split-input-file --mlir-print-local-scope | FileCheck %s

// Behind a text of at most 512 tokens, one loop over kv heads, whose warps have all; behind
// a longer one, three, which share out the positions, the rows, and the dimensions.
#gpu = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "">
!cache = !tern.kv_cache<layers = 5, heads = 2, head_dim = 64, capacity = 600, bits = 3, bos_bits = 4>
module attributes {tern.target = #gpu} {
  func.func @one(%q: memref<1x256xf32>, %p: memref<1xi32>, %o: memref<1x256xf32>, %l: index, %c: !cache) {
    tern.attention(%q, %c[%l], %p) outs(%o : memref<1x256xf32>) {tern.when = "short"}
        : (memref<1x256xf32>, !cache, memref<1xi32>)
    tern.attention(%q, %c[%l], %p) outs(%o : memref<1x256xf32>) {tern.when = "long"}
        : (memref<1x256xf32>, !cache, memref<1xi32>)
    return
  }
}

// CHECK-LABEL: func.func @one(
// CHECK:         %[[SHORT:.*]] = arith.cmpi ult, %{{.*}}, %c512
// CHECK:         scf.parallel (%{{.*}}) = (%c0) to (%c2)
// CHECK:           scf.if %[[SHORT]]
// CHECK:             memref.alloc() {{.*}}: memref<2x516xf32>
// CHECK:             tern_nvptx.attend {{.*}} part = "all"
// CHECK:         %[[LONG:.*]] = arith.cmpi uge, %{{.*}}, %c512
// CHECK:         %[[E:.*]] = memref.alloc() {{.*}}: memref<4x644xf32>
// CHECK:         arith.select %[[LONG]], %{{.*}}, %c0
// CHECK:         scf.parallel
// CHECK:           memref.subview %[[E]]
// CHECK:           tern_nvptx.attend {{.*}} part = "scores"
// CHECK:         } {tern.when = "long"}
// CHECK:         scf.parallel (%{{.*}}) = (%c0) to (%c4)
// CHECK:           scf.if %[[LONG]]
// CHECK:           tern_nvptx.attend {{.*}} part = "weights"
// CHECK:         } {tern.when = "long"}
// CHECK:         scf.parallel (%{{.*}}) = (%c0) to (%c8)
// CHECK:           scf.if %[[LONG]]
// CHECK:           tern_nvptx.attend {{.*}} part = "values"
// CHECK:         } {tern.when = "long"}

// -----

// Four tokens by two heads are the eight columns of an mma, if they follow each other in a
// sequence; else each is taken by itself.
#gpu = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "">
module attributes {tern.target = #gpu} {
  func.func @many(%q: memref<?x256xf32>, %p: memref<?xi32>, %o: memref<?x256xf32>, %l: index,
      %c: !tern.kv_cache<layers = 5, heads = 2, head_dim = 64, capacity = 200, bits = 16, bos_bits = 16>) {
    tern.attention(%q, %c[%l], %p) outs(%o : memref<?x256xf32>) : (memref<?x256xf32>,
        !tern.kv_cache<layers = 5, heads = 2, head_dim = 64, capacity = 200, bits = 16, bos_bits = 16>, memref<?xi32>)
    return
  }
}

// CHECK-LABEL: func.func @many(
// CHECK:         scf.parallel
// CHECK:           memref.alloc() {{.*}}: memref<8x260xf32>
// CHECK-COUNT-4:   tern.state_address
// CHECK:           %[[TOKENS:.*]] = arith.select %[[IS_ONE:.*]], %[[ALL:.*]], %c1
// CHECK:           %[[TURNS:.*]] = arith.select %[[IS_ONE]], %c1, %[[ALL]]
// CHECK:           scf.for %{{.*}} = %c0 to %[[TURNS]]
// CHECK:             tern_nvptx.attend {{.*}}, %[[TOKENS]], %c2, {{.*}}tile = 4

// -----

// Sixteen heads of a kv head are taken in two turns.
#gpu = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "">
module attributes {tern.target = #gpu} {
  func.func @heads(%q: memref<1x1024xf32>, %p: memref<1xi32>, %o: memref<1x1024xf32>, %l: index,
      %c: !tern.kv_cache<layers = 5, heads = 1, head_dim = 64, capacity = 200, bits = 8, bos_bits = 8>) {
    tern.attention(%q, %c[%l], %p) outs(%o : memref<1x1024xf32>) : (memref<1x1024xf32>,
        !tern.kv_cache<layers = 5, heads = 1, head_dim = 64, capacity = 200, bits = 8, bos_bits = 8>, memref<1xi32>)
    return
  }
}

// CHECK-LABEL: func.func @heads(
// CHECK:           scf.for %{{.*}} = %c0 to %c2
// CHECK:             tern_nvptx.attend {{.*}}at_once = 8
