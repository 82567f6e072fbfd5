// RUN: tern-opt %s --tern-export-model | FileCheck %s

// One external symbol; weights, which code finds by offset, are gone. A
// function that is called stays a declaration.

module attributes {
    tern.model = #tern.model<name = "bard", vocab = 11, hidden = 5, layers = 3, max_context = 13>,
    tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2,+fma">,
    tern.states = {layer = !tern.kv_cache<layers = 3, heads = 1, head_dim = 4, capacity = 13, bits = 8, bos_bits = 8>},
    tern.projections = ["q_proj", "up_proj"],
    tern.scratch_bytes = 4096 : i64, tern.weights_bytes = 1024 : i64, tern.weights_id = 7919 : ui64} {
  tern.weight @norm <values> ["norm"] offset 64 : tensor<5xf32>
  llvm.func @embed.decode() { llvm.return }
  llvm.func @embed.prefill() { llvm.return }
  llvm.func @layer.decode() { llvm.return }
  llvm.func @layer.prefill() { llvm.return }
  llvm.func @head.decode() { llvm.return }
  llvm.func @head.prefill() { llvm.return }
  llvm.func @memcpy(!llvm.ptr)
}
// CHECK-NOT:   tern.weight @
// CHECK:       llvm.func internal @embed.decode()
// CHECK:       llvm.func internal @head.prefill()
// CHECK:       llvm.func @memcpy(
// CHECK:       llvm.mlir.global internal constant @[[Q:.*]]("q_proj\00")
// CHECK:       llvm.mlir.global internal constant @[[UP:.*]]("up_proj\00")
// CHECK:       llvm.mlir.global internal constant @[[NAME:.*]]("bard\00")
// CHECK:       llvm.mlir.global internal constant @[[TARGET:.*]]("x86_64-unknown-linux-gnu/x86-64-v3\00")
// CHECK:       llvm.mlir.global internal constant @[[NAMES:.*]]() {{.*}} : !llvm.array<2 x ptr>
// CHECK:         %[[QP:.*]] = llvm.mlir.addressof @[[Q]] :
// CHECK:         llvm.insertvalue %[[QP]], %{{.*}}[0] :
// CHECK:         %[[UPP:.*]] = llvm.mlir.addressof @[[UP]] :
// CHECK:         llvm.insertvalue %[[UPP]], %{{.*}}[1] :
// A kind: bytes of a state, its name, its functions.
// CHECK:       llvm.mlir.global internal constant @{{.*}}("layer\00")
// CHECK:       llvm.mlir.global internal constant @[[KINDS:.*]]() {{.*}} : !llvm.array<1 x struct<(i64, i64, ptr, array<3 x ptr>)>>
// CHECK:         llvm.mlir.constant(0 : i64)
// CHECK-NEXT:    insertvalue {{.*}}[0, 0]
// CHECK:         llvm.mlir.constant(4608 : i64)
// CHECK-NEXT:    insertvalue {{.*}}[0, 1]
// CHECK:         llvm.mlir.addressof @layer.decode :
// CHECK-NEXT:    insertvalue {{.*}}[0, 3, 0]
// CHECK:         llvm.mlir.addressof @layer.prefill :
// CHECK-NEXT:    insertvalue {{.*}}[0, 3, 1]
// CHECK:         llvm.mlir.addressof @layer.prefill :
// CHECK-NEXT:    insertvalue {{.*}}[0, 3, 2]
// Three layers, all of kind 0.
// CHECK:       llvm.mlir.global internal constant @[[LAYERS:.*]]() {{.*}} : !llvm.array<3 x struct<(i32, i32)>>
// CHECK:         llvm.mlir.constant(2 : i32)
// CHECK-NEXT:    insertvalue {{.*}}[2, 1]
// CHECK:       llvm.mlir.global external constant @tern_model_bard()
// CHECK:         llvm.mlir.addressof @[[NAME]] :
// CHECK-NEXT:    insertvalue {{.*}}[22]
// CHECK:         llvm.mlir.addressof @[[TARGET]] :
// CHECK-NEXT:    insertvalue {{.*}}[23]
// CHECK:         llvm.mlir.addressof @[[NAMES]] :
// CHECK-NEXT:    insertvalue {{.*}}[24]
// CHECK:         llvm.mlir.addressof @[[KINDS]] :
// CHECK-NEXT:    insertvalue {{.*}}[25]
// CHECK:         llvm.mlir.addressof @[[LAYERS]] :
// CHECK-NEXT:    insertvalue {{.*}}[26]
// CHECK:         llvm.mlir.addressof @embed.decode :
// CHECK-NEXT:    insertvalue {{.*}}[27, 0]
// CHECK:         llvm.mlir.addressof @head.prefill :
// CHECK-NEXT:    insertvalue {{.*}}[28, 1]
// CHECK:         llvm.mlir.addressof @head.prefill :
// CHECK-NEXT:    insertvalue {{.*}}[28, 2]
// No function for the best token alone.
// CHECK:         llvm.mlir.zero : !llvm.ptr
// CHECK-NEXT:    insertvalue {{.*}}[30, 0]
// CHECK-NEXT:    llvm.mlir.zero : !llvm.ptr
// CHECK-NEXT:    insertvalue {{.*}}[30, 1]
// CHECK-NEXT:    llvm.mlir.zero : !llvm.ptr
// CHECK-NEXT:    insertvalue {{.*}}[30, 2]
// CHECK-NOT:   external
