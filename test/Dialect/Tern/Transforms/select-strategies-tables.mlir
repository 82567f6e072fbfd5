// RUN: tern-opt %s --tern-select-strategies --mlir-print-local-scope | FileCheck %s

// A table that a product reads too has that product's layout; one that is only looked up
// has rows that are runs of bytes.

module attributes {tern.max_tokens = 32 : i64, tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2">} {
  // CHECK: tern.weight @tied {{.*}} : tensor<96x64x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:8, n:8:1, k:4:1]>>
  tern.weight @tied <digits> ["t"] : tensor<96x64x!tern.trit>
  // CHECK: tern.weight @table {{.*}} : tensor<96x66x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
  tern.weight @table <digits> ["u"] : tensor<96x66x!tern.trit>

  // CHECK-LABEL: func.func @embed(
  // CHECK:         %[[TIED:.*]] = tern.get_weight @tied : tensor<6x4x64xi8>
  // CHECK:         tern.gather_rows(%{{.*}}, %[[TIED]]) scales(%{{.*}} : tensor<1xf32>) weight_type tensor<96x64x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:8, n:8:1, k:4:1]>>
  // CHECK:         %[[TABLE:.*]] = tern.get_weight @table : tensor<96x17x1xi8>
  // CHECK:         tern.gather_rows(%{{.*}}, %[[TABLE]]) scales(%{{.*}} : tensor<1xf32>) weight_type tensor<96x66x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
  func.func @embed(%t: tensor<?xi32>, %s: tensor<1xf32>) -> (tensor<?x64xf32>, tensor<?x66xf32>) {
    %w = tern.get_weight @tied : tensor<96x64x!tern.trit>
    %0 = tern.gather_rows(%t, %w) scales(%s : tensor<1xf32>) : (tensor<?xi32>, tensor<96x64x!tern.trit>) -> tensor<?x64xf32>
    %u = tern.get_weight @table : tensor<96x66x!tern.trit>
    %1 = tern.gather_rows(%t, %u) scales(%s : tensor<1xf32>) : (tensor<?xi32>, tensor<96x66x!tern.trit>) -> tensor<?x66xf32>
    return %0, %1 : tensor<?x64xf32>, tensor<?x66xf32>
  }
  func.func @head(%q: tensor<1x64xi8>, %init: tensor<1x96xi32>) -> tensor<1x96xi32> {
    %w = tern.get_weight @tied : tensor<96x64x!tern.trit>
    %0 = tern.matmul "lm_head" ins(%q, %w : tensor<1x64xi8>, tensor<96x64x!tern.trit>)
        outs(%init : tensor<1x96xi32>) codes [-128, 127] -> tensor<1x96xi32>
    return %0 : tensor<1x96xi32>
  }
}
