// RUN: tern-opt %s --tern-outline-launches --split-input-file --verify-diagnostics

#gpu = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">
module attributes {tern.target = #gpu} {
  // expected-error @+1 {{expected the arguments that tern-bind-model gives}}
  func.func @embed.decode(%scratch: memref<64xi8>) {
    return
  }
}

// -----

#gpu = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">
module attributes {tern.target = #gpu} {
  // expected-error @+1 {{expected no use of the environment, which devices do not have}}
  func.func @embed.decode(%env: !llvm.ptr, %weights: memref<8xi8>, %scratch: memref<64xi8>, %rows: !llvm.ptr, %layer: index) {
    %0 = llvm.load %env : !llvm.ptr -> i64
    return
  }
}

// -----

#gpu = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">
module attributes {tern.target = #gpu} {
  func.func @embed.decode(%env: !llvm.ptr, %weights: memref<8xi8>, %scratch: memref<64xi8>, %rows: !llvm.ptr, %layer: index) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    scf.for %i = %c0 to %layer step %c1 {
      // expected-error @+1 {{expected one dimension, from 0 by 1, without reductions, and no operation around it}}
      scf.parallel (%j) = (%c0) to (%i) step (%c1) {
      }
    }
    return
  }
}

// -----

#gpu = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">
module attributes {tern.target = #gpu} {
  func.func @embed.decode(%env: !llvm.ptr, %weights: memref<8xi8>, %scratch: memref<64xi8>, %rows: !llvm.ptr, %layer: index) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    // expected-error @+1 {{expected launches to leave numbers for later ones, got 'vector<4xi8>'}}
    %v = vector.load %scratch[%c0] : memref<64xi8>, vector<4xi8>
    scf.parallel (%j) = (%c0) to (%layer) step (%c1) {
      vector.store %v, %scratch[%j] : memref<64xi8>, vector<4xi8>
    }
    return
  }
}
