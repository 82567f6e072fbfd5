// RUN: tern-opt %s --tern-materialize-layouts --verify-diagnostics

// expected-error @+1 {{expected a `tern.target` that a registered target handles, got none}}
module {
  tern.weight @w <digits> ["w"] : tensor<3x7x!tern.trit>
}
