// RUN: sed 's|tern.model = |tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2">, &|' \
// RUN:   %S/Inputs/a48.mlir > %t.mlir
// RUN: tern-opt %t.mlir --tern-to-fused --tern-to-quantized --tern-to-packed --tern-to-tiled --tern-to-kernels \
// RUN:   --remark-format=emitRemark --remarks-filter=.*tern.* -o %t.kernels.mlir 2>&1 | FileCheck %s --implicit-check-not=[Missed]

// Every choice is remarked: what was merged, what is not read, the layout of each
// weight and why, the kernel of each product.

// CHECK-DAG: [Passed] MergedProjections | {{.*}} | Function=layer | {{.*}}q_proj, k_proj, v_proj are one product of 320 x 192 digits
// CHECK-DAG: [Analysis] Gates | {{.*}} | Function=layer | {{.*}}gate_proj and up_proj stay two products
// CHECK-DAG: [Analysis] Bodies {{.*}}layer.decode is for one token, layer.prefill for up to {{[0-9]+}} at a time
// CHECK-DAG: [Passed] SkippedColumns | {{.*}} | Function=layer.decode | {{.*}}o_proj: columns whose activation is zero are not read: only the {{[0-9]+}} largest activations stay
// CHECK-DAG: [Passed] SkippedColumns | {{.*}} | Function=layer.decode | {{.*}}down_proj: columns whose activation is zero are not read: activations come from a ReLU^2 unit
// CHECK-DAG: [Passed] SkippedRows | {{.*}} | Function=layer.decode | {{.*}}up_proj: rows behind closed gates are not read
// CHECK-DAG: [Analysis] Layout {{.*}}gate_proj: {{[0-9]+}} x {{[0-9]+}} digits in {{[0-9]+}} bytes, layout b2, rows, k:4:4, {{.*}}: decode rows_in_lanes, few rows_in_lanes, prefill rows_in_lanes
// CHECK-DAG: [Analysis] Layout {{.*}}up_proj: {{.*}}, layout b2, rows, k:4:32, [k:32:1]: decode listed_rows, few contiguous_rows, prefill contiguous_rows
// CHECK-DAG: [Analysis] Layout {{.*}}down_proj: {{.*}}, layout b2, columns, {{.*}}: decode listed_columns, few contiguous_columns, prefill contiguous_columns
// CHECK-DAG: [Analysis] Strategy {{.*}}down_proj: contiguous_columns takes {{.*}}; the runner-up rows_in_lanes
// CHECK-DAG: [Analysis] SkippingCost {{.*}}down_proj: so that decode may skip, prefill takes {{.*}} times as long as with rows_in_lanes
// CHECK-DAG: [Analysis] ReadAll {{.*}} Function=layer.decode | {{.*}}o_proj: all columns are read: a list of them saves less than its layout costs
// CHECK-DAG: [Analysis] Weights {{.*}} weights take {{[0-9]+}} bytes
// CHECK-DAG: [Passed] FusedRows | {{.*}} | Function=layer.prefill | {{.*}} operations on rows are one parallel loop over tokens
// CHECK-DAG: [Passed] Kernel | {{.*}} | Function=layer.decode | {{.*}}q_proj+k_proj+v_proj: rows in lanes of 320 x 192 digits in b2, rows, k:4:4, [n:2:8, n:8:1, k:4:1]
// CHECK-DAG: [Passed] Kernel | {{.*}} | Function=layer.decode | {{.*}}up_proj: contiguous rows, listed rows of {{[0-9]+}} x {{[0-9]+}} digits
// CHECK-DAG: [Passed] Kernel | {{.*}} | Function=layer.decode | {{.*}}down_proj: contiguous columns, listed columns of
// CHECK-DAG: [Passed] Kernel | {{.*}} | Function=layer.prefill | {{.*}}down_proj: unpacked rows of
// CHECK-DAG: [Analysis] Scratch {{.*}}temporaries of 9 functions, {{[0-9]+}} bytes in all, share {{[0-9]+}}
