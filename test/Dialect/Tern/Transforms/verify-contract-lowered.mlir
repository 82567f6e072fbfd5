// RUN: split-file %s %t
// RUN: tern-opt %t/kernels.mlir --tern-verify-contract=phase=kernels --split-input-file --verify-diagnostics
// RUN: tern-opt %t/llvm.mlir --tern-verify-contract=phase=llvm --split-input-file --verify-diagnostics
// RUN: tern-opt %t/no-model.mlir --tern-verify-contract=phase=llvm --split-input-file --verify-diagnostics
// RUN: tern-opt %t/no-phase.mlir --tern-verify-contract=phase=linked --split-input-file --verify-diagnostics

// Each promise of the phases on buffers, broken once; what no phase can do without.

//--- kernels.mlir
module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  // expected-error @+1 {{'func.func' op expected buffers instead of tensors}}
  func.func private @layer(%x: tensor<1xf32>) {
    return
  }
}

// -----

module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func private @layer(%x: memref<3x7xf32>, %y: memref<3xf32>) {
    // expected-error @+1 {{'tern.reduce' op expected to be lowered to loops}}
    tern.reduce <max_abs> (%x) outs(%y : memref<3xf32>) : (memref<3x7xf32>)
    return
  }
}

// -----

module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  tern.weight @norm <values> ["norm"] offset 0 : tensor<5xf32>
  func.func private @layer() {
    // expected-error @+1 {{'tern.get_weight' op expected to be lowered to loops}}
    %0 = tern.get_weight @norm : memref<5xf32>
    return
  }
}

// -----

module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func private @layer(%n: index) {
    // expected-error @+1 {{'tern.count_read' op expected to be lowered to loops}}
    tern.count_read "q" held %n read %n
    return
  }
}

// -----

module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func private @layer() {
    // expected-error @+1 {{'tern.worker_index' op expected to be lowered to loops}}
    %0 = tern.worker_index
    return
  }
}

// -----

module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func private @layer(%x: vector<1x1xi8>, %w: vector<1x1xi8>, %acc: vector<1x1xi32>) {
    // expected-error @+1 {{'tern.micro' op expected to be lowered to loops}}
    %0 = tern.micro "q" #tern.int8_by_int8<tokens = 1> %x, %w into %acc : vector<1x1xi8>, vector<1x1xi8> into vector<1x1xi32>
    return
  }
}

//--- llvm.mlir
module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  // expected-error @+1 {{'func.func' op expected operations of the LLVM dialect only}}
  func.func @layer() {
    return
  }
}

// -----

module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  llvm.func @layer() {
    // expected-error @+1 {{'arith.constant' op expected operations of the LLVM dialect only}}
    %0 = arith.constant 1 : i32
    llvm.return
  }
}

//--- no-model.mlir
// expected-error @+1 {{expected a `tern.model` attribute}}
module {}

//--- no-phase.mlir
// expected-error @+1 {{unknown phase linked}}
module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {}
