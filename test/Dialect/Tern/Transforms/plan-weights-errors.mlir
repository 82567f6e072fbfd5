// RUN: tern-opt %s --tern-plan-weights --split-input-file --verify-diagnostics

// expected-error @+1 {{expected a `tern.model` attribute}}
module {
  tern.weight @w <digits> ["w"] : tensor<3x7x!tern.trit>
}

// -----

module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  // expected-error @+1 {{'tern.weight' op expected numbers or digits with a layout, as tern-select-strategies leaves them, got 'tensor<3x7x!tern.trit>'}}
  tern.weight @w <digits> ["w"] : tensor<3x7x!tern.trit>
  func.func @layer() {
    %0 = tern.get_weight @w : tensor<3x7x!tern.trit>
    return
  }
}
