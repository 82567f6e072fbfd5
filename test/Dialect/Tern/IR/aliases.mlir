// RUN: tern-opt %s | FileCheck %s --match-full-lines
// RUN: tern-opt %s | tern-opt | FileCheck %s --match-full-lines

// Long attributes and types are said once: layouts are called after the kernels
// that read them.

// CHECK-DAG: #contiguous_columns = #tern.layout<b2, columns, n:4:32, [n:2:4, n:4:8, n:4:1]>
// CHECK-DAG: #contiguous_rows = #tern.layout<b2, rows, k:4:32, [k:32:1]>
// CHECK-DAG: #contiguous_rows1 = #tern.layout<b2, rows, k:4:1, []>
// CHECK-DAG: #rows_in_lanes = #tern.layout<b2, rows, k:4:4, [n:2:8, n:8:1, k:4:1]>
// CHECK-DAG: #groups_in_lanes = #tern.layout<s5, rows, k:5:1, [n:8:64, n:64:1]>
// CHECK-DAG: #layout = #tern.layout<b2, rows, k:4:1, [k:4:4]>
// CHECK-DAG: #paired_rows = #tern.layout<p2, rows, [n:2:1, k:2:4, k:2:1, k:2:2], [n:4:2, b:4:1]>
// CHECK-DAG: #model = #tern.model<name = "bard", vocab = 9, hidden = 8, layers = 1, max_context = 8>
// CHECK-DAG: #target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2">
// CHECK-DAG: !kv_cache = !tern.kv_cache<layers = 1, heads = 2, head_dim = 4, capacity = 8, bits = 3, bos_bits = 4>
// CHECK:     module attributes {tern.model = #model, tern.target = #target} {
module attributes {
  tern.model = #tern.model<name = "bard", vocab = 9, hidden = 8, layers = 1, max_context = 8>,
  tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2">} {
  // CHECK: func.func private @f(!kv_cache, tensor<64x64x!tern.trit, #rows_in_lanes>, tensor<64x64x!tern.trit, #contiguous_rows>, tensor<64x64x!tern.trit, #contiguous_rows1>, tensor<64x64x!tern.trit, #contiguous_columns>, tensor<64x64x!tern.trit, #groups_in_lanes>, tensor<64x64x!tern.trit, #paired_rows>, tensor<64x64x!tern.trit, #layout>)
  func.func private @f(
    !tern.kv_cache<layers = 1, heads = 2, head_dim = 4, capacity = 8, bits = 3, bos_bits = 4>,
    tensor<64x64x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:8, n:8:1, k:4:1]>>,
    tensor<64x64x!tern.trit, #tern.layout<b2, rows, k:4:32, [k:32:1]>>,
    tensor<64x64x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>,
    tensor<64x64x!tern.trit, #tern.layout<b2, columns, n:4:32, [n:2:4, n:4:8, n:4:1]>>,
    tensor<64x64x!tern.trit, #tern.layout<s5, rows, k:5:1, [n:8:64, n:64:1]>>,
    tensor<64x64x!tern.trit, #tern.layout<p2, rows, [n:2:1, k:2:4, k:2:1, k:2:2], [n:4:2, b:4:1]>>,
    tensor<64x64x!tern.trit, #tern.layout<b2, rows, k:4:1, [k:4:4]>>)
}
