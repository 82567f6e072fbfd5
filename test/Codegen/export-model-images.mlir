// RUN: tern-opt %s --tern-export-model | FileCheck %s

// Versions for several GPUs have one description, with an image for each of them. A function
// `best` of a device comes behind its head.

module attributes {
    tern.model = #tern.model<name = "bard", vocab = 11, hidden = 5, layers = 3, max_context = 13>,
    tern.target = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_100", features = "+sm_100">,
    tern.version_targets = [#tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_100", features = "+sm_100">,
                            #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">],
    tern.states = {layer = !tern.kv_cache<layers = 3, heads = 1, head_dim = 4, capacity = 13, bits = 8, bos_bits = 8>},
    tern.launches = {embed.decode = [@a], layer.decode = [@a], head.decode = [@a], best.prefill = [@a, @b]},
    tern.projections = [], tern.max_tokens = 1 : i64} {
  llvm.func @a() attributes {tern.blocks = 1 : i64} { llvm.return }
  llvm.func @b() attributes {tern.blocks = 7 : i64} { llvm.return }
}
// CHECK-DAG: llvm.mlir.global external constant @tern_images() {{.*}} : !llvm.array<2 x struct<(ptr, i64, i64)>>
// CHECK-DAG: "nvptx64-nvidia-cuda/sm_80,sm_100\00"
// CHECK-DAG: llvm.mlir.global external constant @tern_model_bard
// CHECK-DAG: llvm.mlir.global internal constant @[[BEST:tern.constant[0-9]+]]() {{.*}} : !llvm.array<2 x struct<(i32, i32, i32, i32, i32, i32)>>
// CHECK-DAG: llvm.mlir.addressof @[[BEST]]
