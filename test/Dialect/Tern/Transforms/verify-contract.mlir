// RUN: split-file %s %t
// RUN: tern-opt %t/import.mlir --tern-verify-contract=phase=import --split-input-file --verify-diagnostics
// RUN: tern-opt %t/fused.mlir --tern-verify-contract=phase=fused --split-input-file --verify-diagnostics
// RUN: tern-opt %t/quantized.mlir --tern-verify-contract=phase=quantized --split-input-file --verify-diagnostics
// RUN: tern-opt %t/packed.mlir --tern-verify-contract=phase=packed --split-input-file --verify-diagnostics
// RUN: tern-opt %t/tiled.mlir --tern-verify-contract=phase=tiled --split-input-file --verify-diagnostics

// Each promise of the phases on tensors, broken once; later ones are in
// verify-contract-lowered.mlir.

//--- import.mlir
module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func @layer(%x: tensor<?x7xf32>) -> tensor<?xf32> {
    // expected-error @+1 {{'tern.reduce' op expected model operations only, as tern.bitlinear; this is a kernel operation}}
    %0 = tern.reduce <max_abs> (%x) : (tensor<?x7xf32>) -> tensor<?xf32>
    return %0 : tensor<?xf32>
  }
}

// -----

module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  // expected-error @+1 {{'func.func' op expected a body}}
  func.func private @external(tensor<?x7xf32>)
}

//--- fused.mlir
module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func @layer(%x: tensor<?x7xf32>) -> tensor<?xf32> {
    // expected-error @+1 {{'tern.reduce' op expected model operations only, as tern.bitlinear; this is a kernel operation}}
    %0 = tern.reduce <max_abs> (%x) : (tensor<?x7xf32>) -> tensor<?xf32>
    return %0 : tensor<?xf32>
  }
}

//--- quantized.mlir
module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func @layer(%x: tensor<?x7xf32>, %w: tensor<3x7x!tern.trit>, %s: tensor<1xf32>) -> tensor<?x3xf32> {
    // expected-error @+1 {{'tern.bitlinear' op expected to be decomposed into kernel operations}}
    %0 = tern.bitlinear "q" %x, %w scale %s act_quant <int8_absmax> : tensor<?x7xf32>, tensor<3x7x!tern.trit>, tensor<1xf32> -> tensor<?x3xf32>
    return %0 : tensor<?x3xf32>
  }
}

// -----

module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func @head(%h: tensor<?x7xf32>, %w: tensor<11x7xi8>, %s: tensor<11xf32>) -> tensor<?x11xf32> {
    // expected-error @+1 {{'tern.lm_head' op expected a quantized head to be decomposed}}
    %0 = tern.lm_head(%h, %w) scales(%s : tensor<11xf32>) : (tensor<?x7xf32>, tensor<11x7xi8>) -> tensor<?x11xf32>
    return %0 : tensor<?x11xf32>
  }
}

//--- packed.mlir
module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  // expected-error @+1 {{'tern.weight' op expected an offset in the artifact}}
  tern.weight @norm <values> ["norm"] : tensor<5xf32>
}

// -----

module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  // expected-error @+1 {{'tern.weight' op expected a layout on a weight of '!tern.trit'}}
  tern.weight @w <digits> ["w"] offset 0 : tensor<3x7x!tern.trit>
}

// -----

module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  // expected-error @+1 {{'func.func' op expected the bytes of every packed weight, got 'tensor<3x7x!tern.trit>'}}
  func.func @digits(%w: tensor<3x7x!tern.trit>) {
    return
  }
}

// -----

module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func @head(%h: tensor<?x7xf32>, %w: tensor<11x7xi8>, %s: tensor<11xf32>) -> tensor<?x11xf32> {
    // expected-error @+1 {{'tern.lm_head' op expected a quantized head to be decomposed}}
    %0 = tern.lm_head(%h, %w) scales(%s : tensor<11xf32>) : (tensor<?x7xf32>, tensor<11x7xi8>) -> tensor<?x11xf32>
    return %0 : tensor<?x11xf32>
  }
}

//--- tiled.mlir
module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  // expected-error @+1 {{'tern.weight' op expected an offset in the artifact}}
  tern.weight @norm <values> ["norm"] : tensor<5xf32>
}

// -----

module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func @layer(%x: tensor<?x7xf32>) -> (tensor<?x7xi8>, tensor<?xf32>) {
    // expected-error @+1 {{'tern.quantize' op expected to be linalg operations}}
    %q, %s = tern.quantize <int8_absmax> (%x) : (tensor<?x7xf32>) -> tensor<?x7xi8>, tensor<?xf32>
    return %q, %s : tensor<?x7xi8>, tensor<?xf32>
  }
}

// -----

module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func @layer(%q: tensor<?x8xi8>, %w: tensor<4x8xi8>, %init: tensor<?x4xi32>) -> tensor<?x4xi32> {
    // expected-error @+1 {{'tern.matmul' op expected loops around the micro kernels of its strategy}}
    %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, tensor<4x8xi8>) outs(%init : tensor<?x4xi32>) codes [-128, 127]
        strategy #tern.strategy<[#tern.int8_by_int8<tokens = 1>], units = 1, prefetch = 0> -> tensor<?x4xi32>
    return %0 : tensor<?x4xi32>
  }
}

// -----

// Portable loops take it later.
module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func @layer(%q: tensor<?x8xi8>, %w: tensor<4x8xi8>, %init: tensor<?x4xi32>) -> tensor<?x4xi32> {
    %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, tensor<4x8xi8>) outs(%init : tensor<?x4xi32>) codes [-128, 127] -> tensor<?x4xi32>
    return %0 : tensor<?x4xi32>
  }
}
