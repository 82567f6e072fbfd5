// RUN: tern-opt %s --convert-tern-to-kernels --split-input-file --mlir-print-local-scope | FileCheck %s

// One iteration per kv head and tile of four tokens, if they follow each other in one
// sequence: eight rows, of two query heads of each token, share the codes that are
// loaded. Else the tokens come one by one. Temporaries are of static shape, per
// iteration.

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
// CHECK:         %[[TILES:.*]] = arith.divui
// CHECK:         %[[HEADS:.*]] = arith.constant 3 : index
// CHECK:         %[[N:.*]] = arith.muli %[[TILES]], %[[HEADS]] : index
// CHECK:         scf.parallel (%[[I:.*]]) = (%{{.*}}) to (%[[N]])
// CHECK-NEXT:      tern.iteration "attention" bytes {{[0-9]+}}
// CHECK:           %[[HEAD:.*]] = arith.divui %[[I]], %[[TILES]]
// CHECK:           tern.state_address %[[C]][%[[T:.*]]] :
// CHECK-COUNT-3:   tern.state_address %[[C]][
// CHECK:           scf.if
// CHECK:             tern.state_address %[[C]][%[[T]]] :
// CHECK:             memref.alloc() {{.*}}: memref<8x144xf32>
// A field of codes, used by a dot product for each row.
// CHECK-NOT:         memref.prefetch
// CHECK:             arith.constant dense<50529027> : vector<16xi32>
// CHECK:             %[[WORDS:.*]] = arith.ori {{.*}} : vector<16xi32>
// CHECK:             %[[FIELD:.*]] = vector.bitcast %[[WORDS]] : vector<16xi32> to vector<64xi8>
// CHECK-COUNT-8:     vpdpbusd.512"(%{{.*}}, %[[FIELD]],
// CHECK-NOT:         math.exp
// CHECK-NOT:         math.fma
// CHECK-NOT:         memref.dealloc
// CHECK:             vector.store %{{.*}}, %[[O]][
// CHECK:           } else {
// CHECK:             scf.for %[[ONE:.*]] =
// CHECK:               tern.state_address %[[C]][%[[ONE]]] :
// CHECK:               memref.alloc() {{.*}}: memref<2x144xf32>
// CHECK:               vector.store %{{.*}}, %[[O]][%[[ONE]],
// CHECK-NOT:     tern.attention

// -----

// 16 bits: no integer products. Scores of eight positions are sums of registers: no
// lane goes to another.

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
// CHECK:         arith.mulf %{{.*}} : vector<8xf32>
// CHECK-NOT:     vector.shuffle
// CHECK-NOT:     vector.extract
// CHECK:         scf.parallel
// CHECK-NOT:     pmadd

// -----

// One token: three loops, of tiles of positions, of query heads and of groups of 16
// dimensions, share scores and weights. Blocks after are asked for. With F16C a scale
// is widened by the CPU.

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
// CHECK:         %[[E:.*]] = memref.alloc() {{.*}}: memref<6x144xf32>
// CHECK:         %[[P:.*]] = memref.alloc() {{.*}}: memref<6x128xi8>
// CHECK:         scf.parallel
// CHECK:           %[[ROWS:.*]] = memref.subview %[[E]][%{{.*}}, 0] [2, 144] [1, 1]
// CHECK:           memref.prefetch
// CHECK:           arith.extf %{{.*}} : vector<16xf16> to vector<16xf32>
// CHECK:           vpdpbusd.512
// CHECK:           vector.store %{{.*}}, %[[ROWS]]
// CHECK:         scf.parallel
// CHECK:           vector.store %{{.*}}, %[[E]]
// CHECK:           vector.store %{{.*}}, %[[P]]
// CHECK:         scf.parallel
// CHECK:           %[[HERE:.*]] = memref.subview %[[P]][%{{.*}}, 0] [2, 128] [1, 1]
// CHECK:           memref.alloc() {{.*}}: memref<2x2x16xf32>
// CHECK:           vector.load %[[HERE]]
// CHECK:           vpdpbusd.512
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
