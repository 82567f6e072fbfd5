// RUN: tern-opt %s --tern-bind-model --allow-unregistered-dialect | FileCheck %s

// Where pointers have 32 bits, sizes and addresses do too; counters still have 64.

!kv = !tern.kv_cache<layers = 3, heads = 1, head_dim = 4, capacity = 13, bits = 8, bos_bits = 8>
module attributes {dlti.dl_spec = #dlti.dl_spec<index = 32 : i64>, tern.max_tokens = 20 : i64, tern.weights_bytes = 1024 : i64,
    tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func @layer.prefill(%layer: index, %x: memref<?x5xf32>, %positions: memref<?xi32>, %cache: !kv, %y: memref<?x5xf32>, %scratch: memref<4096xi8>) {
    %token = arith.constant 7 : index
    %state = tern.state_address %cache[%token] : !kv
    "test.state"(%state, %x) : (index, memref<?x5xf32>) -> ()
    tern.count_read "o_proj" held %token read %token
    return
  }
}
// CHECK:       llvm.getelementptr %{{.*}}[0, 4] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(i32, ptr, ptr, ptr, ptr, ptr, ptr, ptr)>
// CHECK:       llvm.load %{{.*}} : !llvm.ptr -> i32
// CHECK:       tern.from_address %{{.*}} : memref<20xi32>
// CHECK:       arith.index_castui %{{.*}} : i32 to index
// CHECK:       llvm.getelementptr %{{.*}}[1] : (!llvm.ptr) -> !llvm.ptr, i64
// CHECK-NOT:   index_castui {{.*}} : i64 to index
