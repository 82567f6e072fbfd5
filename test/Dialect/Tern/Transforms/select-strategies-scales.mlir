// RUN: tern-opt %s --tern-select-strategies --mlir-print-local-scope --remark-format=emitRemark --remarks-filter=.*tern-select.* 2>&1 | FileCheck %s

// Block scales go with every layout whose kernels take blocks of whole steps and
// add no rows; where there is none, to portable loops. A remark says why a layout
// is out.

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {
  tern.weight @lanes <digits> ["a"] : tensor<64x512x!tern.trit>
  tern.weight @rows <digits> ["b"] : tensor<40x512x!tern.trit>
  tern.weight @columns <digits> ["c"] : tensor<256x512x!tern.trit>
  tern.weight @none <digits> ["d"] : tensor<40x512x!tern.trit>

  func.func @decode(%q: tensor<1x512xi8>, %s0: tensor<64x32xf32>, %s1: tensor<40x2xf32>, %s2: tensor<256x128xf32>, %s3: tensor<40x128xf32>, %i0: tensor<1x64xf32>, %i1: tensor<1x40xf32>, %i2: tensor<1x256xf32>) -> (tensor<1x64xf32>, tensor<1x40xf32>, tensor<1x256xf32>, tensor<1x40xf32>) {
    %w0 = tern.get_weight @lanes : tensor<64x512x!tern.trit>
    %0 = tern.matmul "lanes" ins(%q, %w0 : tensor<1x512xi8>, tensor<64x512x!tern.trit>) scales(%s0 : tensor<64x32xf32>)
        outs(%i0 : tensor<1x64xf32>) codes [-128, 127] -> tensor<1x64xf32>
    %w1 = tern.get_weight @rows : tensor<40x512x!tern.trit>
    %1 = tern.matmul "rows" ins(%q, %w1 : tensor<1x512xi8>, tensor<40x512x!tern.trit>) scales(%s1 : tensor<40x2xf32>)
        outs(%i1 : tensor<1x40xf32>) codes [-128, 127] -> tensor<1x40xf32>
    %w2 = tern.get_weight @columns : tensor<256x512x!tern.trit>
    %2 = tern.matmul "columns" ins(%q, %w2 : tensor<1x512xi8>, tensor<256x512x!tern.trit>) scales(%s2 : tensor<256x128xf32>)
        outs(%i2 : tensor<1x256xf32>) codes [-128, 127] -> tensor<1x256xf32>
    %w3 = tern.get_weight @none : tensor<40x512x!tern.trit>
    %3 = tern.matmul "none" ins(%q, %w3 : tensor<1x512xi8>, tensor<40x512x!tern.trit>) scales(%s3 : tensor<40x128xf32>)
        outs(%i1 : tensor<1x40xf32>) codes [-128, 127] -> tensor<1x40xf32>
    return %0, %1, %2, %3 : tensor<1x64xf32>, tensor<1x40xf32>, tensor<1x256xf32>, tensor<1x40xf32>
  }
}

// CHECK-DAG: Layout {{.*}}lanes: {{.*}}: decode scaled_rows_in_lanes
// CHECK-DAG: Refused {{.*}}rows: not rows_in_lanes: rows: rows that only the layout adds have no scales
// CHECK-DAG: Layout {{.*}}rows: {{.*}}: decode scaled_contiguous_rows
// CHECK-DAG: Refused {{.*}}columns: not rows_in_lanes: columns: expected groups of whole steps of the kernel
// CHECK-DAG: Layout {{.*}}columns: {{.*}}: decode scaled_contiguous_columns
// CHECK-DAG: Refused {{.*}}none: not contiguous_columns: none: rows that only the layout adds have no scales
// CHECK-DAG: Layout {{.*}}none: {{.*}}: decode portable loops

// CHECK-LABEL: func.func @decode(
// CHECK:         tern.matmul "lanes" {{.*}} strategy #tern.strategy<[#tern.rows_in_lanes<{{.*}} tokens = 1>]
// CHECK:         tern.matmul "rows" {{.*}} strategy #tern.strategy<[#tern.contiguous_rows<{{.*}} tokens = 1>]
// CHECK:         tern.matmul "columns" {{.*}} strategy #tern.strategy<[#tern.contiguous_columns<{{.*}} quarters = 4, tokens = 1>]
// CHECK:         tern.matmul "none"
// CHECK-NOT:     strategy
// CHECK:         return
