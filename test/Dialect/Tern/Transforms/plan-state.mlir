// RUN: tern-opt %s --tern-plan-state --split-input-file --verify-diagnostics --mlir-print-local-scope | FileCheck %s

// A header of 64 bytes; first rows of the first kind (2 layers of 128 bytes and 64 for
// scales), 100 bytes of the third rounded up, then blocks with the parts of the two
// kinds that have a cache. The fourth keeps nothing.

!a = !tern.kv_cache<layers = 2, heads = 1, head_dim = 4, capacity = 13, bits = 3, bos_bits = 4>
!b = !tern.kv_cache<layers = 1, heads = 1, head_dim = 4, capacity = 13, bits = 8, bos_bits = 8>
!c = !tern.state<bytes = 100>
module attributes {tern.layer_kinds = ["layer.a", "layer.b", "layer.c", "layer.d"],
    tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 5, max_context = 13>} {
  func.func @layer.a.decode(%layer: index, %x: tensor<1x5xf32>, %p: tensor<1xi32>, %cache: !a) -> tensor<1x5xf32> {
    return %x : tensor<1x5xf32>
  }
  func.func @layer.a.prefill(%layer: index, %x: tensor<?x5xf32>, %p: tensor<?xi32>, %cache: !a) -> tensor<?x5xf32> {
    return %x : tensor<?x5xf32>
  }
  func.func @layer.b.decode(%layer: index, %x: tensor<1x5xf32>, %p: tensor<1xi32>, %cache: !b) -> tensor<1x5xf32> {
    return %x : tensor<1x5xf32>
  }
  func.func @layer.c.decode(%layer: index, %x: tensor<1x5xf32>, %p: tensor<1xi32>, %state: !c) -> tensor<1x5xf32> {
    return %x : tensor<1x5xf32>
  }
  func.func @layer.d.decode(%layer: index, %x: tensor<1x5xf32>, %p: tensor<1xi32>) -> tensor<1x5xf32> {
    return %x : tensor<1x5xf32>
  }
}
// CHECK-LABEL: func.func @layer.a.decode(
// CHECK-SAME:    !tern.kv_cache<layers = 2, heads = 1, head_dim = 4, capacity = 13, bits = 3, bos_bits = 4, first_rows_at = 64, blocks_at = [[BLOCKS:[0-9]+]], block_stride = [[STRIDE:[0-9]+]]>
// CHECK-LABEL: func.func @layer.a.prefill(
// CHECK-SAME:    first_rows_at = 64, blocks_at = [[BLOCKS]], block_stride = [[STRIDE]]>
// CHECK-LABEL: func.func @layer.b.decode(
// CHECK-SAME:    !tern.kv_cache<layers = 1, heads = 1, head_dim = 4, capacity = 13, bits = 8, bos_bits = 8, first_rows_at = 448, blocks_at = {{[0-9]+}}, block_stride = [[STRIDE]]>
// CHECK-LABEL: func.func @layer.c.decode(
// CHECK-SAME:    !tern.state<bytes = 100, at = 448>
// CHECK-LABEL: func.func @layer.d.decode(

// -----

// One kind: nothing to say.

!a = !tern.kv_cache<layers = 2, heads = 1, head_dim = 4, capacity = 13, bits = 3, bos_bits = 4>
module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 2, max_context = 13>} {
  func.func @layer.decode(%cache: !a) {
    return
  }
}
// CHECK-LABEL: func.func @layer.decode(
// CHECK-SAME:    bos_bits = 4>)

// -----

!a = !tern.kv_cache<layers = 2, heads = 1, head_dim = 4, capacity = 13, bits = 3, bos_bits = 4>
module attributes {tern.layer_kinds = ["layer.a", "layer.b"],
    tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 5, max_context = 13>} {
  // expected-error @+1 {{expected a cache of the 3 layers of the kind layer.a, got '!tern.kv_cache<layers = 2,}}
  func.func @layer.a.decode(%cache: !a) {
    return
  }
}

// -----

module attributes {tern.layer_kinds = ["layer.a", "layer.b"],
    tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 5, max_context = 13>} {
  func.func @layer.a.decode(%cache: !tern.state<bytes = 4>) {
    return
  }
  // expected-error @+1 {{expected one state of the kind layer.a, got '!tern.state<bytes = 4>' and '!tern.state<bytes = 8>'}}
  func.func @layer.a.prefill(%cache: !tern.state<bytes = 8>) {
    return
  }
}

// -----

module attributes {tern.layer_kinds = ["layer.a", "layer.b"],
    tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 5, max_context = 13>} {
  // expected-error @+1 {{expected a state of the 3 layers of the kind layer.a, got '!tern.state<bytes = 8, layers = 2>'}}
  func.func @layer.a.decode(%cache: !tern.state<bytes = 8, layers = 2>) {
    return
  }
}

// -----

module attributes {tern.layer_kinds = ["layer.a", "layer.b"],
    tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func @layer.a.decode(%cache: !tern.state<bytes = 8, layers = 2>) {
    return
  }
  func.func @layer.b.decode(%cache: !tern.state<bytes = 4>) {
    return
  }
}
// CHECK-LABEL: func.func @layer.a.decode(
// CHECK-SAME:    !tern.state<bytes = 8, layers = 2, at = 64>
// CHECK-LABEL: func.func @layer.b.decode(
// CHECK-SAME:    !tern.state<bytes = 4, at = 128>
