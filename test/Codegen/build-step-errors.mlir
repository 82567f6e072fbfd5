// RUN: tern-opt %s --tern-build-step --split-input-file --verify-diagnostics

// expected-error @+1 {{expected tern.model, tern.scratch_bytes and tern.weights_bytes}}
module attributes {tern.weights_bytes = 1024 : i64, tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {}

// -----

// expected-error @+1 {{expected a function @layer.decode}}
module attributes {tern.weights_bytes = 1024 : i64, tern.scratch_bytes = 4096 : i64, tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func private @embed.decode(!llvm.ptr, memref<1024xi8>, memref<4096xi8>, index, index)
  func.func private @embed.prefill(!llvm.ptr, memref<1024xi8>, memref<4096xi8>, index, index)
}
