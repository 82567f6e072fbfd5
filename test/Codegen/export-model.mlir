// RUN: tern-opt %s --tern-export-model | FileCheck %s

// One external symbol; weights, which code finds by offset, are gone. A
// function that is called stays a declaration.

module attributes {
    tern.model = #tern.model<name = "bard", vocab = 11, hidden = 5, layers = 3, max_context = 13>,
    tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2,+fma">,
    tern.cache = !tern.kv_cache<layers = 3, heads = 1, head_dim = 4, capacity = 13, bits = 8, bos_bits = 8>,
    tern.projections = ["q_proj", "up_proj"],
    tern.scratch_bytes = 4096 : i64, tern.weights_bytes = 1024 : i64, tern.weights_id = 7919 : ui64} {
  tern.weight @norm <values> ["norm"] offset 64 : tensor<5xf32>
  llvm.func @step() {
    llvm.return
  }
  llvm.func @memcpy(!llvm.ptr)
}
// CHECK-NOT:   tern.weight @
// CHECK:       llvm.func internal @step()
// CHECK:       llvm.func @memcpy(
// CHECK:       llvm.mlir.global internal constant @[[NAME:.*]]("bard\00")
// CHECK:       llvm.mlir.global internal constant @[[TARGET:.*]]("x86_64-unknown-linux-gnu/x86-64-v3\00")
// CHECK:       llvm.mlir.global internal constant @[[Q:.*]]("q_proj\00")
// CHECK:       llvm.mlir.global internal constant @[[UP:.*]]("up_proj\00")
// CHECK:       llvm.mlir.global internal constant @[[NAMES:.*]]() {{.*}} : !llvm.array<2 x ptr>
// CHECK:         %[[QP:.*]] = llvm.mlir.addressof @[[Q]] :
// CHECK:         llvm.insertvalue %[[QP]], %{{.*}}[0] :
// CHECK:         %[[UPP:.*]] = llvm.mlir.addressof @[[UP]] :
// CHECK:         llvm.insertvalue %[[UPP]], %{{.*}}[1] :
// CHECK:       llvm.mlir.global external constant @tern_model_bard()
// CHECK:         llvm.mlir.addressof @[[NAME]] :
// CHECK-NEXT:    insertvalue {{.*}}[2]
// CHECK:         llvm.mlir.addressof @[[TARGET]] :
// CHECK-NEXT:    insertvalue {{.*}}[3]
// CHECK:         llvm.mlir.addressof @[[NAMES]] :
// CHECK-NEXT:    insertvalue {{.*}}[4]
// CHECK:         llvm.mlir.addressof @step :
// CHECK-NEXT:    insertvalue {{.*}}[5]
// CHECK-NOT:   external
