// RUN: tern-opt %s --tern-bufferize --split-input-file --verify-diagnostics

func.func @not_lowered(%x: tensor<1x3xf32>, %w: tensor<3xf32>) -> tensor<1x3xf32> {
  // expected-error @+1 {{op was not bufferized}}
  %0 = tern.rms_norm %x, %w eps 1.0e-5 : tensor<1x3xf32>, tensor<3xf32>
  return %0 : tensor<1x3xf32>
}

// -----

tern.weight @w <digits> ["w"] : tensor<3x7x!tern.trit>
func.func @without_bytes() {
  // expected-error @+1 {{'tern.get_weight' op expected tensors of numbers, which a buffer can hold, got 'tensor<3x7x!tern.trit>'}}
  %0 = tern.get_weight @w : tensor<3x7x!tern.trit>
  return
}

// -----

// expected-error @+1 {{'func.func' op expected one block, got 2}}
func.func @two_blocks() {
  cf.br ^bb1
^bb1:
  return
}
