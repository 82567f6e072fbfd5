// RUN: tern-opt %s --tern-plan-weights --split-input-file --verify-diagnostics | FileCheck %s

// Weights of layers lie kind by kind: three layers of the first, 64 bytes each, then
// two of the second, 192 bytes each.

// CHECK: tern.weights_bytes = 640 : i64, tern.weights_id = [[ID:[0-9]+]] : ui64
module attributes {tern.layer_kinds = ["layer.a", "layer.b"],
    tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 5, max_context = 13>} {
  // CHECK: tern.weight @norm <values> ["norm"] offset 0 : tensor<5xf32>
  tern.weight @norm <values> ["norm"] : tensor<5xf32>
  // CHECK: tern.weight @a per_layer <values> ["a.{}"] offset 64 kind "layer.a" stride 64 : tensor<3xf32>
  tern.weight @a per_layer <values> ["a.{}"] : tensor<3xf32>
  // CHECK: tern.weight @b per_layer <values> ["b.{}"] offset 256 kind "layer.b" stride 192 : tensor<40xf32>
  tern.weight @b per_layer <values> ["b.{}"] : tensor<40xf32>
  func.func @embed.decode() {
    %0 = tern.get_weight @norm : tensor<5xf32>
    return
  }
  func.func @layer.a.decode(%layer: index) {
    %0 = tern.get_weight @a[%layer] : tensor<3xf32>
    return
  }
  func.func @layer.b.prefill(%layer: index) {
    %0 = tern.get_weight @b[%layer] : tensor<40xf32>
    return
  }
}

// -----

// As many layers of each kind in another order: the same places are those of other
// layers, so the artifact is another.

// CHECK-NOT: [[ID]]
// CHECK: tern.weights_bytes = 640 : i64
// CHECK-NOT: [[ID]]
module attributes {tern.layer_kinds = ["layer.a", "layer.a", "layer.b", "layer.b", "layer.a"],
    tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 5, max_context = 13>} {
  // CHECK: tern.weight @norm
  tern.weight @norm <values> ["norm"] : tensor<5xf32>
  tern.weight @a per_layer <values> ["a.{}"] : tensor<3xf32>
  // CHECK: tern.weight @b per_layer <values> ["b.{}"] offset 256 kind "layer.b" stride 192 : tensor<40xf32>
  tern.weight @b per_layer <values> ["b.{}"] : tensor<40xf32>
  func.func @embed.decode() {
    %0 = tern.get_weight @norm : tensor<5xf32>
    return
  }
  func.func @layer.a.decode(%layer: index) {
    %0 = tern.get_weight @a[%layer] : tensor<3xf32>
    return
  }
  func.func @layer.b.prefill(%layer: index) {
    %0 = tern.get_weight @b[%layer] : tensor<40xf32>
    return
  }
}

// -----

module attributes {tern.layer_kinds = ["layer.a", "layer.b"],
    tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 5, max_context = 13>} {
  tern.weight @a per_layer <values> ["a.{}"] : tensor<3xf32>
  func.func @layer.a.decode(%layer: index) {
    %0 = tern.get_weight @a[%layer] : tensor<3xf32>
    return
  }
  func.func @layer.b.decode(%layer: index) {
    // expected-error @+1 {{expected a weight of one kind of layers, which layer.a reads too}}
    %0 = tern.get_weight @a[%layer] : tensor<3xf32>
    return
  }
}

// -----

module attributes {tern.layer_kinds = ["layer.a", "layer.b"],
    tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 5, max_context = 13>} {
  tern.weight @a per_layer <values> ["a.{}"] : tensor<3xf32>
  func.func @head.decode(%layer: index) {
    // expected-error @+1 {{expected a weight of layers to be read by a kind's function}}
    %0 = tern.get_weight @a[%layer] : tensor<3xf32>
    return
  }
}
