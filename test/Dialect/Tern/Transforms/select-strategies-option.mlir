// RUN: tern-opt %s '--tern-select-strategies=strategies=half=contiguous_columns,tenth=contiguous_columns:dense,u?=rows_in_lanes' --mlir-print-local-scope | FileCheck %s
// RUN: not tern-opt %s '--tern-select-strategies=strategies=half=tables' 2>&1 | FileCheck %s --check-prefix=KNOWN
// RUN: not tern-opt %s '--tern-select-strategies=strategies=q_proj=rows_in_lanes' 2>&1 | FileCheck %s --check-prefix=PATTERN
// RUN: not tern-opt %s '--tern-select-strategies=strategies=u*=rows_in_lanes,up=rows_in_lanes' 2>&1 | FileCheck %s --check-prefix=LATER
// RUN: not tern-opt %s '--tern-select-strategies=strategies=[=rows_in_lanes' 2>&1 | FileCheck %s --check-prefix=GLOB
// RUN: not tern-opt %s '--tern-select-strategies=strategies=half' 2>&1 | FileCheck %s --check-prefix=RULE
// RUN: not tern-opt %s '--tern-select-strategies=strategies=forced=rows_in_lanes' 2>&1 | FileCheck %s --check-prefix=KERNEL

// Wishes overrule the costs. Rows behind closed gates may be computed, too.

module attributes {tern.max_tokens = 32 : i64, tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2">} {
  tern.weight @half <digits> ["h"] : tensor<512x512x!tern.trit>
  tern.weight @tenth <digits> ["t"] : tensor<512x512x!tern.trit>
  tern.weight @up <digits> ["u"] : tensor<512x512x!tern.trit>

  func.func @decode(%x: tensor<1x512xf32>, %q: tensor<1x512xi8>, %f: tensor<1xf32>, %g: tensor<1x512xf32>) -> (tensor<1x512xi32>, tensor<1x512xi32>, tensor<1x512xf32>) {
    %init = tensor.empty() : tensor<1x512xi32>
    %w0 = tern.get_weight @half : tensor<512x512x!tern.trit>
    %k0 = tern.keep_top_k <keep = 256> (%x, %q) : (tensor<1x512xf32>, tensor<1x512xi8>) -> tensor<1x512xi8>
    %i0, %v0, %n0 = tern.sparsify(%k0) : (tensor<1x512xi8>) -> tensor<1x512xi32>, tensor<1x512xi8>, tensor<1xi32>
    %0 = tern.matmul "half" ins(%v0, %w0 : tensor<1x512xi8>, tensor<512x512x!tern.trit>) columns(%i0, %n0 : tensor<1x512xi32>, tensor<1xi32>)
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

  // A list from elsewhere cannot be taken back.
  tern.weight @forced <digits> ["f"] : tensor<512x512x!tern.trit>
  func.func @other(%q: tensor<1x512xi8>, %i: tensor<1x512xi32>, %n: tensor<1xi32>, %init: tensor<1x512xi32>) -> tensor<1x512xi32> {
    %w = tern.get_weight @forced : tensor<512x512x!tern.trit>
    %0 = tern.matmul "forced" ins(%q, %w : tensor<1x512xi8>, tensor<512x512x!tern.trit>) rows(%i, %n : tensor<1x512xi32>, tensor<1xi32>)
        outs(%init : tensor<1x512xi32>) codes [-8, 7] -> tensor<1x512xi32>
    return %0 : tensor<1x512xi32>
  }

  func.func @prefill(%q: tensor<?x512xi8>, %init: tensor<?x512xi32>) -> (tensor<?x512xi32>, tensor<?x512xi32>, tensor<?x512xi32>) {
    %w0 = tern.get_weight @half : tensor<512x512x!tern.trit>
    %0 = tern.matmul "half" ins(%q, %w0 : tensor<?x512xi8>, tensor<512x512x!tern.trit>)
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

// CHECK:       tern.weight @half {{.*}} #tern.layout<b2, columns
// CHECK:       tern.weight @tenth {{.*}} #tern.layout<b2, columns
// CHECK:       tern.weight @up {{.*}} #tern.layout<b2, rows, k:4:4
// CHECK-LABEL: func.func @decode(
// CHECK-SAME:    %{{.*}}: tensor<1x512xf32>, %[[Q:[a-z0-9]+]]: tensor<1x512xi8>
// CHECK:         %[[INIT:.*]] = tensor.empty
// CHECK:         tern.sparsify
// CHECK:         tern.matmul "half" ins({{.*}}) columns(
// CHECK-NOT:     tern.sparsify
// CHECK:         tern.matmul "tenth" ins({{.*}}) outs(
// CHECK-NOT:     tern.active_rows
// CHECK-NOT:     linalg.fill
// CHECK:         tern.matmul "up" ins(%[[Q]], {{.*}}) outs(%[[INIT]] :

// KNOWN: error: strategy `half=tables`: expected a layout of target X86 (rows_in_lanes, contiguous_rows, contiguous_columns, pairs_in_lanes, groups_in_lanes, groups_in_rows, groups_in_columns, integer_rows), got tables
// PATTERN: error: strategy `q_proj=rows_in_lanes`: expected a pattern of a projection that no rule before it takes; there are half, tenth, up, forced
// LATER: error: strategy `up=rows_in_lanes`: expected a pattern
// GLOB: error: strategy `[=rows_in_lanes`: invalid glob pattern
// RULE: error: expected a strategy PATTERN=LAYOUT or PATTERN=LAYOUT:dense, got `half`
// KERNEL: error: strategy `forced=rows_in_lanes`: no kernels of target X86 take all products of this weight in that layout
