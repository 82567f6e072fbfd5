// RUN: tern-opt %s --tern-bind-model --split-input-file --verify-diagnostics

// expected-error @+1 {{expected a `tern.model` attribute}}
module {}

// -----

module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  // expected-error @+1 {{'func.func' op expected the module to say tern.weights_bytes}}
  func.func @embed.decode(%scratch: memref<64xi8>) {
    return
  }
}

// -----

module attributes {tern.weights_bytes = 64 : i64, tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  // expected-error @+1 {{'func.func' op expected embed, layer, head or best with the arguments of the import phase; argument 0 has no place}}
  func.func @other.decode(%x: memref<1x5xf32>, %scratch: memref<64xi8>) {
    return
  }
}

// -----

module attributes {tern.weights_bytes = 64 : i64, tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  // expected-error @+1 {{'func.func' op expected embed, layer, head or best with the arguments of the import phase; argument 2 has no place}}
  func.func @embed.decode(%tokens: memref<1xi32>, %x: memref<1x5xf32>, %more: memref<1x5xf32>, %scratch: memref<64xi8>) {
    return
  }
}

// -----

module attributes {tern.weights_bytes = 64 : i64, tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  // expected-error @+1 {{'tern.weight' op expected an offset}}
  tern.weight @norm <values> ["norm"] : tensor<5xf32>
  func.func @embed.decode(%scratch: memref<64xi8>) {
    %0 = tern.get_weight @norm : memref<5xf32>
    return
  }
}

// -----

module attributes {tern.weights_bytes = 64 : i64, tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  tern.weight @norm per_layer <values> ["{}.norm"] offset 0 : tensor<5xf32>
  // expected-error @+1 {{'func.func' op expected the module to say tern.layer_stride}}
  func.func @layer.decode(%layer: index, %scratch: memref<64xi8>) {
    %0 = tern.get_weight @norm[%layer] : memref<5xf32>
    return
  }
}

// -----

module attributes {tern.weights_bytes = 64 : i64, tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func @layer.decode(%layer: index, %x: memref<1x4xf32>, %p: memref<1xi32>, %cache: !tern.kv_cache<layers = 3, heads = 1, head_dim = 4, capacity = 13, bits = 8, bos_bits = 8>, %scratch: memref<64xi8>) {
    // expected-error @+1 {{'tern.attention' op expected the cache to be used through tern.state_address only}}
    tern.attention(%x, %cache[%layer], %p) outs(%x : memref<1x4xf32>) : (memref<1x4xf32>, !tern.kv_cache<layers = 3, heads = 1, head_dim = 4, capacity = 13, bits = 8, bos_bits = 8>, memref<1xi32>)
    return
  }
}

// -----

module attributes {tern.weights_bytes = 64 : i64, tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  // expected-error @+1 {{'func.func' op expected a body and the scratch memory as last argument}}
  func.func private @external(memref<3xf32>)
}

// -----

module attributes {tern.weights_bytes = 64 : i64, tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  // expected-error @+1 {{'func.func' op expected the scratch memory as last argument, got 'index'}}
  func.func @embed.decode(%env: !llvm.ptr, %tokens: index) {
    return
  }
}

// -----

module attributes {tern.weights_bytes = 64 : i64, tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  // expected-error @+1 {{'func.func' op expected buffers, the cache and the number of a layer as arguments, got '!llvm.ptr'}}
  func.func @embed.decode(%env: !llvm.ptr, %scratch: memref<64xi8>) {
    return
  }
}
