// RUN: tern-opt %s --tern-bufferize --verify-diagnostics

func.func @not_lowered(%x: tensor<1x3xf32>, %w: tensor<3xf32>) -> tensor<1x3xf32> {
  // expected-error @+1 {{op was not bufferized}}
  %0 = tern.rms_norm %x, %w eps 1.0e-5 : tensor<1x3xf32>, tensor<3xf32>
  return %0 : tensor<1x3xf32>
}
