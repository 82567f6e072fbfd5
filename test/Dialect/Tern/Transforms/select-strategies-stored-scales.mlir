// RUN: tern-opt %s --tern-select-strategies --mlir-print-local-scope --remark-format=emitRemark --remarks-filter=.*tern-select.* 2>&1 | FileCheck %s

// Scales that are a weight of their own, made of the same tensors, become a part
// of the layout, in their own format. Others stay an operand.

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni,+avx512vbmi">} {
  tern.weight @half <digits> ["a"] : tensor<100x512x!tern.trit>
  tern.weight @half.scale <scale> ["a"] : tensor<100x4xf16>
  tern.weight @full <digits> ["b"] : tensor<100x512x!tern.trit>
  tern.weight @full.scale <scale> ["b"] : tensor<100x4xf32>
  tern.weight @other <digits> ["c"] : tensor<100x512x!tern.trit>
  tern.weight @other.scale <scale> ["d"] : tensor<100x4xf16>

  func.func @decode(%q: tensor<1x512xi8>, %f: tensor<1x4xf32>, %i: tensor<1x100xf32>) -> (tensor<1x100xf32>, tensor<1x100xf32>, tensor<1x100xf32>) {
    %w0 = tern.get_weight @half : tensor<100x512x!tern.trit>
    %s0 = tern.get_weight @half.scale : tensor<100x4xf16>
    %0 = tern.matmul "half" ins(%q, %w0 : tensor<1x512xi8>, tensor<100x512x!tern.trit>) scales(%s0 : tensor<100x4xf16>)
        factors(%f : tensor<1x4xf32>) outs(%i : tensor<1x100xf32>) codes [-128, 127] -> tensor<1x100xf32>
    %w1 = tern.get_weight @full : tensor<100x512x!tern.trit>
    %s1 = tern.get_weight @full.scale : tensor<100x4xf32>
    %1 = tern.matmul "full" ins(%q, %w1 : tensor<1x512xi8>, tensor<100x512x!tern.trit>) scales(%s1 : tensor<100x4xf32>)
        outs(%i : tensor<1x100xf32>) codes [-128, 127] -> tensor<1x100xf32>
    %w2 = tern.get_weight @other : tensor<100x512x!tern.trit>
    %s2 = tern.get_weight @other.scale : tensor<100x4xf16>
    %2 = tern.matmul "other" ins(%q, %w2 : tensor<1x512xi8>, tensor<100x512x!tern.trit>) scales(%s2 : tensor<100x4xf16>)
        outs(%i : tensor<1x100xf32>) codes [-128, 127] -> tensor<1x100xf32>
    return %0, %1, %2 : tensor<1x100xf32>, tensor<1x100xf32>, tensor<1x100xf32>
  }

  // Many tokens read the same layout, repacked with its scales.
  func.func @prefill(%q: tensor<?x512xi8>, %f: tensor<?x4xf32>, %i: tensor<?x100xf32>) -> tensor<?x100xf32> {
    %w0 = tern.get_weight @half : tensor<100x512x!tern.trit>
    %s0 = tern.get_weight @half.scale : tensor<100x4xf16>
    %0 = tern.matmul "half" ins(%q, %w0 : tensor<?x512xi8>, tensor<100x512x!tern.trit>) scales(%s0 : tensor<100x4xf16>)
        factors(%f : tensor<?x4xf32>) outs(%i : tensor<?x100xf32>) codes [-128, 127] -> tensor<?x100xf32>
    return %0 : tensor<?x100xf32>
  }
}

// CHECK-DAG: Layout {{.*}}half: 100 x 512 digits in 17408 bytes, {{.*}}: decode scaled_rows_in_lanes, prefill scaled_rows_in_lanes
// CHECK-DAG: Refused {{.*}}half: not groups_in_lanes: half: expected a kernel that takes codes as they are for scales
// CHECK-DAG: Layout {{.*}}full: 100 x 512 digits in 18432 bytes

// CHECK: tern.weight @half <digits> ["a"] : tensor<100x512x!tern.trit, #tern.layout<b2, rows, k:4:4, [k:8:16, n:2:16, n:16:1, k:4:1], f16>>
// CHECK: tern.weight @full <digits> ["b"] : tensor<100x512x!tern.trit, #tern.layout<b2, rows, k:4:4, [k:8:16, n:2:16, n:16:1, k:4:1], f32>>
// CHECK: tern.weight @other <digits> ["c"] : tensor<100x512x!tern.trit, #tern.layout<{{.*}}]>>

// CHECK-LABEL: func.func @decode(
// CHECK-NOT:     get_weight @half.scale
// CHECK:         %[[W:.*]] = tern.get_weight @half : tensor<4x4x1088xi8>
// CHECK:         tern.matmul "half" ins(%{{.*}}, %[[W]] : tensor<1x512xi8>, tensor<4x4x1088xi8>) factors(
// CHECK:         tern.matmul "full" ins({{.*}}) outs(
// CHECK:         tern.matmul "other" ins({{.*}}) scales(
// CHECK-LABEL: func.func @prefill(
// CHECK-NOT:     get_weight @half.scale
// CHECK:         tern.matmul "half" {{.*}}panel = <b8, rows, k:1:1, [k:32:4, n:4:16, n:16:1, k:4:1], f32>
