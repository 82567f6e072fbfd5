// RUN: tern-opt %s --tern-export-model | FileCheck %s

// A function for few tokens, where there is one; otherwise that for many.

module attributes {
    tern.model = #tern.model<name = "bard", vocab = 11, hidden = 5, layers = 3, max_context = 13>,
    tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2,+fma">,
    tern.states = {layer = !tern.kv_cache<layers = 3, heads = 1, head_dim = 4, capacity = 13, bits = 8, bos_bits = 8>},
    tern.projections = []} {
  llvm.func @embed.decode() { llvm.return }
  llvm.func @embed.prefill() { llvm.return }
  llvm.func @layer.decode() { llvm.return }
  llvm.func @layer.few() { llvm.return }
  llvm.func @layer.prefill() { llvm.return }
  llvm.func @head.decode() { llvm.return }
  llvm.func @head.prefill() { llvm.return }
}
// CHECK:      llvm.mlir.addressof @layer.decode :
// CHECK-NEXT: insertvalue {{.*}}[0, 3, 0]
// CHECK-NEXT: llvm.mlir.addressof @layer.few :
// CHECK-NEXT: insertvalue {{.*}}[0, 3, 1]
// CHECK-NEXT: llvm.mlir.addressof @layer.prefill :
// CHECK-NEXT: insertvalue {{.*}}[0, 3, 2]
// CHECK:      llvm.mlir.addressof @embed.decode :
// CHECK:      llvm.mlir.addressof @embed.prefill :
// CHECK-NEXT: insertvalue {{.*}}[27, 1]
