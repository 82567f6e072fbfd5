// RUN: tern-opt %s --tern-select-strategies --mlir-print-local-scope --remark-format=emitRemark --remarks-filter=.*tern-select.* 2>&1 | FileCheck %s --implicit-check-not=SkippingCost

// A list of most of the columns saves nothing: the product reads all of them again. A
// tenth is worth it, and costs prefill nothing, which repacks weights of any layout.

module attributes {tern.max_tokens = 32 : i64, tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {
  tern.weight @most <digits> ["h"] : tensor<512x512x!tern.trit>
  tern.weight @tenth <digits> ["t"] : tensor<512x512x!tern.trit>
  tern.weight @up <digits> ["u"] : tensor<512x512x!tern.trit>

  func.func @decode(%x: tensor<1x512xf32>, %q: tensor<1x512xi8>, %f: tensor<1xf32>, %g: tensor<1x512xf32>) -> (tensor<1x512xi32>, tensor<1x512xi32>, tensor<1x512xf32>) {
    %init = tensor.empty() : tensor<1x512xi32>
    %w0 = tern.get_weight @most : tensor<512x512x!tern.trit>
    %k0 = tern.keep_top_k <keep = 448> (%x, %q) : (tensor<1x512xf32>, tensor<1x512xi8>) -> tensor<1x512xi8>
    %i0, %v0, %n0 = tern.sparsify(%k0) : (tensor<1x512xi8>) -> tensor<1x512xi32>, tensor<1x512xi8>, tensor<1xi32>
    %0 = tern.matmul "most" ins(%v0, %w0 : tensor<1x512xi8>, tensor<512x512x!tern.trit>) columns(%i0, %n0 : tensor<1x512xi32>, tensor<1xi32>)
        outs(%init : tensor<1x512xi32>) codes [-8, 7] -> tensor<1x512xi32>
    %w1 = tern.get_weight @tenth : tensor<512x512x!tern.trit>
    %k1 = tern.keep_top_k <keep = 51> (%x, %q) : (tensor<1x512xf32>, tensor<1x512xi8>) -> tensor<1x512xi8>
    %i1, %v1, %n1 = tern.sparsify(%k1) : (tensor<1x512xi8>) -> tensor<1x512xi32>, tensor<1x512xi8>, tensor<1xi32>
    %1 = tern.matmul "tenth" ins(%v1, %w1 : tensor<1x512xi8>, tensor<512x512x!tern.trit>) columns(%i1, %n1 : tensor<1x512xi32>, tensor<1xi32>)
        outs(%init : tensor<1x512xi32>) codes [-8, 7] -> tensor<1x512xi32>
    %i2, %n2 = tern.active_rows(%g) : (tensor<1x512xf32>) -> tensor<1x512xi32>, tensor<1xi32>
    %c0 = arith.constant 0 : i32
    %zeros = linalg.fill ins(%c0 : i32) outs(%init : tensor<1x512xi32>) -> tensor<1x512xi32>
    %w2 = tern.get_weight @up : tensor<512x512x!tern.trit>
    %2 = tern.matmul "up" ins(%q, %w2 : tensor<1x512xi8>, tensor<512x512x!tern.trit>) rows(%i2, %n2 : tensor<1x512xi32>, tensor<1xi32>)
        outs(%zeros : tensor<1x512xi32>) codes [-8, 7] -> tensor<1x512xi32>
    %u = tern.dequantize(%2, %f, %f) : (tensor<1x512xi32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x512xf32>
    %y = tern.glu <relu2> %g, %u : tensor<1x512xf32>
    return %0, %1, %y : tensor<1x512xi32>, tensor<1x512xi32>, tensor<1x512xf32>
  }

  func.func @prefill(%q: tensor<?x512xi8>, %init: tensor<?x512xi32>) -> (tensor<?x512xi32>, tensor<?x512xi32>, tensor<?x512xi32>) {
    %w0 = tern.get_weight @most : tensor<512x512x!tern.trit>
    %0 = tern.matmul "most" ins(%q, %w0 : tensor<?x512xi8>, tensor<512x512x!tern.trit>)
        outs(%init : tensor<?x512xi32>) codes [-8, 7] -> tensor<?x512xi32>
    %w1 = tern.get_weight @tenth : tensor<512x512x!tern.trit>
    %1 = tern.matmul "tenth" ins(%q, %w1 : tensor<?x512xi8>, tensor<512x512x!tern.trit>)
        outs(%init : tensor<?x512xi32>) codes [-8, 7] -> tensor<?x512xi32>
    %w2 = tern.get_weight @up : tensor<512x512x!tern.trit>
    %2 = tern.matmul "up" ins(%q, %w2 : tensor<?x512xi8>, tensor<512x512x!tern.trit>)
        outs(%init : tensor<?x512xi32>) codes [-8, 7] -> tensor<?x512xi32>
    return %0, %1, %2 : tensor<?x512xi32>, tensor<?x512xi32>, tensor<?x512xi32>
  }
}

// CHECK-DAG: Layout {{.*}}most: 512 x 512 digits in 65536 bytes, layout b2, rows, k:4:4, {{.*}}: decode rows_in_lanes, prefill rows_in_lanes
// CHECK-DAG: Strategy {{.*}}most: rows_in_lanes takes {{[0-9]+}} thousand cycles for a token and its share of the prompt; the runner-up contiguous_rows (decode contiguous_rows, prefill contiguous_rows) {{1\.[0-9]+}} times that: decode {{1\.[0-9]+}} times, prefill {{1\.[0-9]+}} times
// CHECK-DAG: Layout {{.*}}tenth: {{.*}}: decode listed_columns, prefill contiguous_columns
// CHECK-DAG: Strategy {{.*}}tenth: contiguous_columns takes {{.*}}; the runner-up rows_in_lanes (decode rows_in_lanes, prefill rows_in_lanes) {{[1-9]\.[0-9]+}} times that: decode {{[2-9]\.[0-9]+}} times, prefill 1.00 times
// CHECK-DAG: Layout {{.*}}up: {{.*}}: decode listed_rows, prefill contiguous_rows

// CHECK-LABEL: func.func @decode(
// CHECK:         %[[K0:.*]] = tern.keep_top_k <keep = 448>
// CHECK-NOT:     tern.sparsify(%[[K0]])
// CHECK:         tern.matmul "most" ins(%[[K0]], %{{.*}}) outs(
// CHECK:         tern.sparsify
// CHECK:         tern.matmul "tenth" ins({{.*}}) columns(
// CHECK:         tern.active_rows
// CHECK:         tern.matmul "up" ins({{.*}}) rows(
