// RUN: tern-opt %s --tern-plan-weights --verify-diagnostics

// expected-error @+1 {{expected a `tern.model` attribute}}
module {
  tern.weight @w <digits> ["w"] : tensor<3x7x!tern.trit>
}
