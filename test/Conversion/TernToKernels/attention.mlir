// RUN: tern-opt %s --convert-tern-to-kernels --split-input-file --mlir-print-local-scope | FileCheck %s

// One iteration per token and kv head; both query heads of a kv head share the codes
// that are loaded. Temporaries are of static shape, per iteration.

module attributes {tern.target = #tern.target<triple = "x86_64", cpu = "x86-64-v4", features = "+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {
  func.func @three_bits(%q: memref<?x384xf32>, %p: memref<?xi32>, %o: memref<?x384xf32>, %l: index,
      %c: !tern.kv_cache<layers = 5, heads = 3, head_dim = 64, capacity = 100, bits = 3, bos_bits = 3>) {
    tern.attention(%q, %c[%l], %p) outs(%o : memref<?x384xf32>) : (memref<?x384xf32>,
        !tern.kv_cache<layers = 5, heads = 3, head_dim = 64, capacity = 100, bits = 3, bos_bits = 3>, memref<?xi32>)
    return
  }
}

// CHECK-LABEL: func.func @three_bits(
// CHECK-SAME:    %[[Q:.*]]: memref<?x384xf32>, %{{.*}}: memref<?xi32>, %[[O:.*]]: memref<?x384xf32>, %{{.*}}: index, %[[C:.*]]: !tern.kv_cache<
// CHECK:         %[[TOKENS:.*]] = memref.dim %[[Q]],
// CHECK:         %[[HEADS:.*]] = arith.constant 3 : index
// CHECK:         %[[N:.*]] = arith.muli %[[TOKENS]], %[[HEADS]] : index
// CHECK:         scf.parallel (%[[I:.*]]) = (%{{.*}}) to (%[[N]])
// CHECK-NEXT:      tern.iteration "attention" bytes {{[0-9]+}}
// CHECK:           %[[T:.*]] = arith.divui %[[I]],
// CHECK:           tern.state_address %[[C]][%[[T]]] :
// CHECK:           memref.alloc() {{.*}}: memref<2x128xf32>
// A field of codes, used by a dot product for each head.
// CHECK:           arith.constant dense<3> : vector<64xi8>
// CHECK:           %[[FIELD:.*]] = arith.ori
// CHECK:           vpdpbusd.512"(%{{.*}}, %[[FIELD]],
// CHECK:           vpdpbusd.512"(%{{.*}}, %[[FIELD]],
// CHECK-NOT:       math.exp
// CHECK-NOT:       math.fma
// CHECK-NOT:       memref.dealloc
// CHECK:           vector.store %{{.*}}, %[[O]][%[[T]],
// CHECK-NOT:     tern.attention

// -----

// 16 bits: no integer products, sums in 32 accumulators.

module attributes {tern.target = #tern.target<triple = "x86_64", cpu = "x86-64-v3", features = "+avx2">} {
  func.func @sixteen_bits(%q: memref<1x64xf32>, %p: memref<1xi32>, %o: memref<1x64xf32>, %l: index,
      %c: !tern.kv_cache<layers = 1, heads = 1, head_dim = 64, capacity = 64, bits = 16, bos_bits = 16>) {
    tern.attention(%q, %c[%l], %p) outs(%o : memref<1x64xf32>) : (memref<1x64xf32>,
        !tern.kv_cache<layers = 1, heads = 1, head_dim = 64, capacity = 64, bits = 16, bos_bits = 16>, memref<1xi32>)
    return
  }
}

// CHECK-LABEL: func.func @sixteen_bits(
// CHECK-NOT:     pmadd
// CHECK:         arith.mulf %{{.*}} : vector<32xf32>
// CHECK-NOT:     pmadd

// -----

// One token: four loops, of tiles of positions, of query heads, of accumulators and of
// query heads again, share scores and sums. The block after is asked for. With F16C
// a scale is widened by the CPU.

module attributes {tern.target = #tern.target<triple = "x86_64", cpu = "x86-64-v4", features = "+f16c,+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {
  func.func @one_token(%q: memref<1x384xf32>, %p: memref<1xi32>, %o: memref<1x384xf32>, %l: index,
      %c: !tern.kv_cache<layers = 5, heads = 3, head_dim = 64, capacity = 100, bits = 3, bos_bits = 3>) {
    tern.attention(%q, %c[%l], %p) outs(%o : memref<1x384xf32>) : (memref<1x384xf32>,
        !tern.kv_cache<layers = 5, heads = 3, head_dim = 64, capacity = 100, bits = 3, bos_bits = 3>, memref<1xi32>)
    return
  }
}

// CHECK-LABEL: func.func @one_token(
// CHECK-SAME:    memref<1x384xf32>, %{{.*}}: memref<1xi32>, %[[O:[a-z0-9]+]]: memref<1x384xf32>
// CHECK:         %[[E:.*]] = memref.alloc() {{.*}}: memref<6x128xf32>
// CHECK:         %[[SUMS:.*]] = memref.alloc() {{.*}}: memref<6x2x64xf32>
// CHECK:         scf.parallel
// CHECK:           %[[ROWS:.*]] = memref.subview %[[E]][%{{.*}}, 0] [2, 128] [1, 1]
// CHECK:           memref.prefetch
// CHECK:           arith.extf %{{.*}} : vector<16xf16> to vector<16xf32>
// CHECK:           vpdpbusd.512
// CHECK:           vector.store %{{.*}}, %[[ROWS]]
// CHECK:         scf.parallel
// CHECK:           vector.store %{{.*}}, %[[E]]
// CHECK:         scf.parallel
// CHECK:           %[[HERE:.*]] = memref.subview %[[SUMS]][%{{.*}}, 0, 0] [2, 2, 64] [1, 1, 1]
// CHECK:           vector.store %{{.*}}, %[[HERE]]
// CHECK:           vpdpbusd.512
// CHECK:         scf.parallel
// CHECK:           vector.store %{{.*}}, %[[O]]
// CHECK-NOT:     scf.parallel

// -----

// Without vectors one loop does it all, and nothing is asked for.

module attributes {tern.target = #tern.target<triple = "riscv64", cpu = "generic-rv64", features = "">} {
  func.func @one_token_without_vectors(%q: memref<1x384xf32>, %p: memref<1xi32>, %o: memref<1x384xf32>, %l: index,
      %c: !tern.kv_cache<layers = 5, heads = 3, head_dim = 64, capacity = 100, bits = 3, bos_bits = 3>) {
    tern.attention(%q, %c[%l], %p) outs(%o : memref<1x384xf32>) : (memref<1x384xf32>,
        !tern.kv_cache<layers = 5, heads = 3, head_dim = 64, capacity = 100, bits = 3, bos_bits = 3>, memref<1xi32>)
    return
  }
}

// CHECK-LABEL: func.func @one_token_without_vectors(
// CHECK:         scf.parallel
// CHECK-NOT:     memref.prefetch
// CHECK-NOT:     arith.extf
// CHECK-NOT:     scf.parallel
// CHECK:         return
