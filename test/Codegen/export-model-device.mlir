// RUN: tern-opt %s --tern-export-model | FileCheck %s

// The functions of a device's model are null; its plan has them as launches. Few tokens
// take the launches of many. The code is another module's.

module attributes {
    tern.model = #tern.model<name = "bard", vocab = 11, hidden = 5, layers = 3, max_context = 13>,
    tern.target = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">,
    tern.states = {layer = !tern.kv_cache<layers = 3, heads = 1, head_dim = 4, capacity = 13, bits = 8, bos_bits = 8>},
    tern.launches = {embed.decode = [@embed_decode_0], embed.prefill = [@embed_decode_0],
                     layer.decode = [@layer_0, @layer_1], layer.prefill = [@layer_1],
                     head.decode = [@layer_0], head.prefill = [@layer_0]},
    tern.projections = []} {
  llvm.func @embed_decode_0() attributes {tern.blocks = 1 : i64} { llvm.return }
  llvm.func @layer_0() attributes {tern.blocks = 48 : i64} { llvm.return }
  llvm.func @layer_1() attributes {tern.blocks = 264 : i64, tern.threads = 64 : i64} { llvm.return }
}
// CHECK: llvm.func @layer_1()
// CHECK: "embed_decode_0\00"
// CHECK: llvm.mlir.global external constant @tern_images() {{.*}} : !llvm.array<1 x struct<(ptr, i64, i64)>>
// Kernel 1 with 48 blocks of 32 threads, then kernel 2 with 264 of 64.
// CHECK:      llvm.mlir.global internal constant @[[LAUNCHES:tern.constant[0-9]+]]() {{.*}} : !llvm.array<2 x struct<(i32, i32, i32, i32, i32, i32)>>
// CHECK:        llvm.mlir.constant(1 : i32)
// CHECK:        llvm.mlir.constant(48 : i32)
// CHECK:        llvm.mlir.constant(32 : i32)
// CHECK:        llvm.mlir.constant(2 : i32)
// CHECK:        llvm.mlir.constant(264 : i32)
// CHECK:        llvm.mlir.constant(64 : i32)
// CHECK:      llvm.mlir.global internal constant @[[DECODE:tern.constant[0-9]+]]() {{.*}} : !llvm.array<1 x struct<(ptr, i64)>>
// CHECK:        llvm.mlir.addressof @[[LAUNCHES]]
// CHECK:        llvm.mlir.constant(2 : i64)
// CHECK:      llvm.mlir.global internal constant @[[MANY:tern.constant[0-9]+]]() {{.*}} : !llvm.array<1 x struct<(ptr, i64)>>
// CHECK:      llvm.mlir.global internal constant @[[KINDS:tern.constant[0-9]+]]() {{.*}} : !llvm.array<1 x struct<(array<3 x ptr>)>>
// CHECK:        llvm.mlir.addressof @[[DECODE]]
// CHECK:        llvm.mlir.addressof @[[MANY]]
// CHECK:        llvm.mlir.addressof @[[MANY]]
// CHECK:      llvm.mlir.global internal constant @[[PLAN:tern.constant[0-9]+]]()
// CHECK:        llvm.mlir.addressof @tern_images
// CHECK:      llvm.mlir.global external constant @tern_model_bard
// CHECK:        llvm.mlir.zero
// CHECK:        llvm.mlir.addressof @[[PLAN]]
