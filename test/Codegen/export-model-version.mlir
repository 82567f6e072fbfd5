// RUN: tern-opt %s --tern-export-model | FileCheck %s

// A version of the code for one of several CPUs is named after it.

module attributes {
    tern.model = #tern.model<name = "bard", vocab = 11, hidden = 5, layers = 3, max_context = 13>,
    tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f">,
    tern.version_name = "x86-64-v4+avx512vnni",
    tern.states = {layer = !tern.kv_cache<layers = 3, heads = 1, head_dim = 4, capacity = 13, bits = 8, bos_bits = 8>},
    tern.projections = [], tern.max_tokens = 1 : i64,
    tern.scratch_bytes = 4096 : i64, tern.weights_bytes = 1024 : i64, tern.weights_id = 7919 : ui64} {
  llvm.func @embed.decode() { llvm.return }
  llvm.func @layer.decode() { llvm.return }
  llvm.func @head.decode() { llvm.return }
}
// CHECK: llvm.mlir.global internal constant @{{.*}}("bard\00")
// CHECK: llvm.mlir.global internal constant @{{.*}}("x86_64-unknown-linux-gnu/x86-64-v4+avx512vnni\00")
// CHECK: llvm.mlir.global external constant @tern_model_bard_for_x86_64_v4_avx512vnni()
