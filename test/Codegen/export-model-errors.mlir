// RUN: tern-opt %s --tern-export-model --split-input-file --verify-diagnostics

// All but one of what it needs.

// expected-error @+1 {{expected tern.model, tern.target, tern.states and tern.projections}}
module attributes {
    tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2,+fma">,
    tern.states = {layer = !tern.kv_cache<layers = 3, heads = 1, head_dim = 4, capacity = 13, bits = 8, bos_bits = 8>},
    tern.projections = ["q_proj", "up_proj"],
    tern.scratch_bytes = 4096 : i64, tern.weights_bytes = 1024 : i64, tern.weights_id = 7919 : ui64} {
  llvm.func @embed.decode() { llvm.return }
  llvm.func @embed.prefill() { llvm.return }
  llvm.func @layer.decode() { llvm.return }
  llvm.func @layer.prefill() { llvm.return }
  llvm.func @head.decode() { llvm.return }
  llvm.func @head.prefill() { llvm.return }
}

// -----

// expected-error @+1 {{expected tern.model, tern.target, tern.states and tern.projections}}
module attributes {
    tern.model = #tern.model<name = "bard", vocab = 11, hidden = 5, layers = 3, max_context = 13>,
    tern.states = {layer = !tern.kv_cache<layers = 3, heads = 1, head_dim = 4, capacity = 13, bits = 8, bos_bits = 8>},
    tern.projections = ["q_proj", "up_proj"],
    tern.scratch_bytes = 4096 : i64, tern.weights_bytes = 1024 : i64, tern.weights_id = 7919 : ui64} {
  llvm.func @embed.decode() { llvm.return }
  llvm.func @embed.prefill() { llvm.return }
  llvm.func @layer.decode() { llvm.return }
  llvm.func @layer.prefill() { llvm.return }
  llvm.func @head.decode() { llvm.return }
  llvm.func @head.prefill() { llvm.return }
}

// -----

// expected-error @+1 {{expected tern.model, tern.target, tern.states and tern.projections}}
module attributes {
    tern.model = #tern.model<name = "bard", vocab = 11, hidden = 5, layers = 3, max_context = 13>,
    tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2,+fma">,
    tern.projections = ["q_proj", "up_proj"],
    tern.scratch_bytes = 4096 : i64, tern.weights_bytes = 1024 : i64, tern.weights_id = 7919 : ui64} {
  llvm.func @embed.decode() { llvm.return }
  llvm.func @embed.prefill() { llvm.return }
  llvm.func @layer.decode() { llvm.return }
  llvm.func @layer.prefill() { llvm.return }
  llvm.func @head.decode() { llvm.return }
  llvm.func @head.prefill() { llvm.return }
}

// -----

// expected-error @+1 {{expected tern.model, tern.target, tern.states and tern.projections}}
module attributes {
    tern.model = #tern.model<name = "bard", vocab = 11, hidden = 5, layers = 3, max_context = 13>,
    tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2,+fma">,
    tern.states = {layer = !tern.kv_cache<layers = 3, heads = 1, head_dim = 4, capacity = 13, bits = 8, bos_bits = 8>},
    tern.scratch_bytes = 4096 : i64, tern.weights_bytes = 1024 : i64, tern.weights_id = 7919 : ui64} {
  llvm.func @embed.decode() { llvm.return }
  llvm.func @embed.prefill() { llvm.return }
  llvm.func @layer.decode() { llvm.return }
  llvm.func @layer.prefill() { llvm.return }
  llvm.func @head.decode() { llvm.return }
  llvm.func @head.prefill() { llvm.return }
}

// -----

// expected-error @+1 {{expected a function @layer.decode}}
module attributes {
    tern.model = #tern.model<name = "bard", vocab = 11, hidden = 5, layers = 3, max_context = 13>,
    tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2,+fma">,
    tern.states = {layer = !tern.kv_cache<layers = 3, heads = 1, head_dim = 4, capacity = 13, bits = 8, bos_bits = 8>},
    tern.projections = ["q_proj", "up_proj"],
    tern.scratch_bytes = 4096 : i64, tern.weights_bytes = 1024 : i64, tern.weights_id = 7919 : ui64} {
  llvm.func @embed.decode() { llvm.return }
  llvm.func @embed.prefill() { llvm.return }
}
