// RUN: tern-opt %s --convert-tern-to-kernels --split-input-file --mlir-print-local-scope | FileCheck %s

// Heads are parallel, as neighbouring tokens share bytes; tokens are a loop. The state
// has 64 bytes of header, no first rows, and two blocks of 64 tokens:
// 64 + 2 * 5 layers * 3 heads * 2 * 64 * (24 + 2) bytes.

module attributes {tern.target = #tern.target<triple = "x86_64", cpu = "x86-64-v3", features = "+avx2">} {
  func.func @three_bits(%k: memref<?x192xf32>, %v: memref<?x192xf32>, %p: memref<?xi32>, %l: index,
      %c: !tern.kv_cache<layers = 5, heads = 3, head_dim = 64, capacity = 100, bits = 3, bos_bits = 3>) {
    tern.kv_append %k, %v into %c[%l] at %p : memref<?x192xf32>, memref<?x192xf32>, memref<?xi32>,
        !tern.kv_cache<layers = 5, heads = 3, head_dim = 64, capacity = 100, bits = 3, bos_bits = 3>
    return
  }
}

// CHECK-LABEL: func.func @three_bits(
// CHECK-SAME:    %{{.*}}: memref<?x192xf32>, %{{.*}}: memref<?x192xf32>, %{{.*}}: memref<?xi32>, %{{.*}}: index, %[[C:[a-z0-9]+]]: !tern.kv_cache<
// CHECK:         %[[HEADS:.*]] = arith.constant 3 : index
// CHECK:         scf.parallel (%{{.*}}) = (%{{.*}}) to (%[[HEADS]])
// CHECK-NEXT:      tern.iteration "{{.*}}" bytes {{[0-9]+}}
// CHECK:           %[[CODES:.*]] = memref.alloc() {{.*}}: memref<64xi8>
// CHECK:           scf.for %[[T:.*]] =
// CHECK:             %[[A:.*]] = tern.state_address %[[C]][%[[T]]] :
// CHECK:             tern.from_address %[[A]] : memref<99904xi8>
// CHECK-NOT:       math.round
// CHECK-NOT:       f16
// CHECK-NOT:     tern.kv_append

// -----

// Position 0 has a width of its own, so a branch chooses where its rows go.
// One token needs no loop.

module attributes {tern.target = #tern.target<triple = "x86_64", cpu = "x86-64-v3", features = "+avx2">} {
  func.func @first_rows(%k: memref<1x64xf32>, %v: memref<1x64xf32>, %p: memref<1xi32>, %l: index,
      %c: !tern.kv_cache<layers = 5, heads = 1, head_dim = 64, capacity = 64, bits = 3, bos_bits = 4>) {
    tern.kv_append %k, %v into %c[%l] at %p : memref<1x64xf32>, memref<1x64xf32>, memref<1xi32>,
        !tern.kv_cache<layers = 5, heads = 1, head_dim = 64, capacity = 64, bits = 3, bos_bits = 4>
    return
  }
}

// CHECK-LABEL: func.func @first_rows(
// CHECK:         scf.parallel
// CHECK:           tern.state_address %{{.*}}[%[[TOKEN:.*]]] :
// CHECK:           %[[POSITION:.*]] = memref.load %{{.*}} : memref<1xi32>
// CHECK:           %[[PLACE:.*]] = arith.index_cast %[[POSITION]]
// CHECK:           %[[FIRST:.*]] = arith.cmpi eq, %[[PLACE]], %{{.*}} : index
// CHECK:           scf.if %[[FIRST]] {
// CHECK:           } else {

// -----

// 16 bits: rows of f16 by integer arithmetic, no codes.

module attributes {tern.target = #tern.target<triple = "x86_64", cpu = "x86-64-v3", features = "+avx2">} {
  func.func @sixteen_bits(%k: memref<?x64xf32>, %v: memref<?x64xf32>, %p: memref<?xi32>, %l: index,
      %c: !tern.kv_cache<layers = 1, heads = 1, head_dim = 64, capacity = 64, bits = 16, bos_bits = 16>) {
    tern.kv_append %k, %v into %c[%l] at %p : memref<?x64xf32>, memref<?x64xf32>, memref<?xi32>,
        !tern.kv_cache<layers = 1, heads = 1, head_dim = 64, capacity = 64, bits = 16, bos_bits = 16>
    return
  }
}

// CHECK-LABEL: func.func @sixteen_bits(
// CHECK-NOT:     memref.alloc
// CHECK-NOT:     arith.truncf
// CHECK:         vector.store %{{.*}} : memref<{{[0-9]+}}xi8>, vector<32xi8>
