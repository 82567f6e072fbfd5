// RUN: tern-opt %s --tern-export-model | FileCheck %s

// The numbers of tern_model, in the order of tern/abi.def.

module attributes {
    tern.model = #tern.model<name = "bard", vocab = 11, hidden = 5, layers = 3, max_context = 13>,
    tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2,+fma">,
    tern.states = {layer = !tern.kv_cache<layers = 3, heads = 1, head_dim = 4, capacity = 13, bits = 8, bos_bits = 8>},
    tern.projections = ["q_proj", "up_proj"],
    tern.scratch_bytes = 4096 : i64, tern.scratch_worker_bytes = 320 : i64, tern.max_tokens = 20 : i64, tern.weights_bytes = 1024 : i64, tern.weights_id = 7919 : ui64} {
  tern.weight @norm <values> ["norm"] offset 64 : tensor<5xf32>
  llvm.func @embed.decode() { llvm.return }
  llvm.func @embed.prefill() { llvm.return }
  llvm.func @layer.decode() { llvm.return }
  llvm.func @layer.prefill() { llvm.return }
  llvm.func @head.decode() { llvm.return }
  llvm.func @head.prefill() { llvm.return }
  llvm.func @memcpy(!llvm.ptr)
}
// CHECK-LABEL: @tern_model_bard()
// abi version
// CHECK:      llvm.mlir.constant(5 : i32)
// CHECK-NEXT: insertvalue {{.*}}[0]
// size of tern_model
// CHECK:      llvm.mlir.constant(248 : i32)
// CHECK-NEXT: insertvalue {{.*}}[1]
// vocab_size
// CHECK:      llvm.mlir.constant(11 : i32)
// CHECK-NEXT: insertvalue {{.*}}[2]
// hidden_size
// CHECK:      llvm.mlir.constant(5 : i32)
// CHECK-NEXT: insertvalue {{.*}}[3]
// layer_count
// CHECK:      llvm.mlir.constant(3 : i32)
// CHECK-NEXT: insertvalue {{.*}}[4]
// kind_count
// CHECK:      llvm.mlir.constant(1 : i32)
// CHECK-NEXT: insertvalue {{.*}}[5]
// max_context
// CHECK:      llvm.mlir.constant(13 : i32)
// CHECK-NEXT: insertvalue {{.*}}[6]
// max_tokens
// CHECK:      llvm.mlir.constant(20 : i32)
// CHECK-NEXT: insertvalue {{.*}}[7]
// head_tokens
// CHECK:      llvm.mlir.constant(16 : i32)
// CHECK-NEXT: insertvalue {{.*}}[8]
// alignment
// CHECK:      llvm.mlir.constant(64 : i32)
// CHECK-NEXT: insertvalue {{.*}}[9]
// state_block_tokens
// CHECK:      llvm.mlir.constant(64 : i32)
// CHECK-NEXT: insertvalue {{.*}}[10]
// is_recurrent
// CHECK:      llvm.mlir.constant(0 : i32)
// CHECK-NEXT: insertvalue {{.*}}[11]
// projection_count
// CHECK:      llvm.mlir.constant(2 : i32)
// CHECK-NEXT: insertvalue {{.*}}[12]
// kv_bits
// CHECK:      llvm.mlir.constant(8 : i32)
// CHECK-NEXT: insertvalue {{.*}}[13]
// weights_id
// CHECK:      llvm.mlir.constant(7919 : i64)
// CHECK-NEXT: insertvalue {{.*}}[14]
// state_id
// CHECK:      llvm.mlir.constant({{.*}} : i64)
// CHECK-NEXT: insertvalue {{.*}}[15]
// cpu_features: bits 6, AVX2, and 7, FMA
// CHECK:      llvm.mlir.constant(192 : i64)
// CHECK-NEXT: insertvalue {{.*}}[16]
// weights_bytes
// CHECK:      llvm.mlir.constant(1024 : i64)
// CHECK-NEXT: insertvalue {{.*}}[17]
// scratch_bytes
// CHECK:      llvm.mlir.constant(4096 : i64)
// CHECK-NEXT: insertvalue {{.*}}[18]
// scratch_worker_bytes
// CHECK:      llvm.mlir.constant(320 : i64)
// CHECK-NEXT: insertvalue {{.*}}[19]
// state_fixed_bytes
// CHECK:      llvm.mlir.constant(64 : i64)
// CHECK-NEXT: insertvalue {{.*}}[20]
// state_block_bytes
// CHECK:      llvm.mlir.constant(4608 : i64)
// CHECK-NEXT: insertvalue {{.*}}[21]
