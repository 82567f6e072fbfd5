// RUN: tern-opt %s --tern-select-strategies --verify-diagnostics

// expected-error @+1 {{expected a `tern.target` that a registered target handles, got none}}
module {
  tern.weight @w <digits> ["w"] : tensor<3x7x!tern.trit>
}
