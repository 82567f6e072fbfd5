// RUN: tern-opt %s --tern-export-model | FileCheck %s

// The functions for the best token, and the planes that they read: their multiply-adds are
// those of one product.

module attributes {
    tern.model = #tern.model<name = "bard", vocab = 8, hidden = 4, layers = 1, max_context = 13>,
    tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2,+fma">,
    tern.states = {layer = !tern.kv_cache<layers = 1, heads = 1, head_dim = 4, capacity = 13, bits = 8, bos_bits = 8>},
    tern.projections = ["lm_head"],
    tern.scratch_bytes = 4096 : i64, tern.weights_bytes = 1024 : i64, tern.weights_id = 7919 : ui64} {
  tern.weight @upper <upper_bits> ["w"] offset 0 {readers = ["head.decode", "best.decode"]} : tensor<8x4xi6, #tern.layout<i6, rows, k:4:1, [b:3:1]>>
  tern.weight @low <lower_bits> ["w"] offset 64 {readers = ["head.decode", "best.decode"]} : tensor<8x4xi2, #tern.layout<u2, rows, k:4:1, []>>
  tern.weight @norms <lower_norms> ["w"] offset 128 {readers = ["best.decode"]} : tensor<8xf32>
  llvm.func @embed.decode() { llvm.return }
  llvm.func @embed.prefill() { llvm.return }
  llvm.func @layer.decode() { llvm.return }
  llvm.func @layer.prefill() { llvm.return }
  llvm.func @head.decode() { llvm.return }
  llvm.func @head.prefill() { llvm.return }
  llvm.func @best.decode() { llvm.return }
  llvm.func @best.few() { llvm.return }
  llvm.func @best.prefill() { llvm.return }
}
// CHECK: llvm.func internal @best.decode()
// Bytes of all and of a token, multiply-adds, how many there are, TERN_HEAD.
// CHECK: llvm.mlir.constant(24 : i64)
// CHECK: llvm.mlir.constant(24 : i64)
// CHECK: llvm.mlir.constant(32 : i64)
// CHECK: llvm.mlir.constant(2 : i32)
// CHECK: llvm.mlir.constant(8 : i64)
// CHECK: llvm.mlir.constant(8 : i64)
// CHECK: llvm.mlir.constant(0 : i64)
// CHECK: llvm.mlir.constant(2 : i32)
// CHECK: llvm.mlir.constant(32 : i64)
// CHECK: llvm.mlir.constant(32 : i64)
// CHECK: llvm.mlir.constant(0 : i64)
// CHECK: llvm.mlir.constant(2 : i32)
// CHECK: llvm.mlir.global external constant @tern_model_bard()
// CHECK:   llvm.mlir.addressof @best.decode :
// CHECK-NEXT: insertvalue {{.*}}[30, 0]
// CHECK-NEXT: llvm.mlir.addressof @best.few :
// CHECK-NEXT: insertvalue {{.*}}[30, 1]
// CHECK-NEXT: llvm.mlir.addressof @best.prefill :
// CHECK-NEXT: insertvalue {{.*}}[30, 2]
