// RUN: tern-opt %s --tern-plan-scratch --split-input-file --verify-diagnostics

// expected-error @+1 {{expected a `tern.model` attribute}}
module {}

// -----

module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func @two_dynamic_sizes(%n: index) {
    // expected-error @+1 {{'memref.alloc' op expected at most a dynamic first dimension, the number of tokens, got 'memref<?x?xf32>'}}
    %0 = memref.alloc(%n, %n) : memref<?x?xf32>
    return
  }
}

// -----

module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func @dynamic_features(%n: index) {
    // expected-error @+1 {{'memref.alloc' op expected at most a dynamic first dimension, the number of tokens, got 'memref<3x?xf32>'}}
    %0 = memref.alloc(%n) : memref<3x?xf32>
    return
  }
}

// -----

module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  // expected-error @+1 {{'func.func' op expected a body}}
  func.func private @external(memref<3xf32>)
}
