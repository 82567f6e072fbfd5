// RUN: tern-opt %s --split-input-file --tern-select-strategies --mlir-print-local-scope | FileCheck %s

// Codes of four bits are kept narrow for longer than those of eight, whose sums roll.
// Codes of whole steps are prepared.

module attributes {tern.max_tokens = 1 : i64, tern.target = #tern.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m4", features = "+dsp">} {
  tern.weight @q_proj.w <digits> ["q_proj"] : tensor<192x192x!tern.trit>
  tern.weight @o_proj.w <digits> ["o_proj"] : tensor<192x192x!tern.trit>
// CHECK-LABEL: func.func @q_proj(
// CHECK:         strategy #tern.strategy<[#tern_arm.paired_rows<pairs = 4, tiles = 4, code_bits = 4, prepared = 6>]
  func.func @q_proj(%x: tensor<1x192xi8>, %init: tensor<1x192xi32>) -> tensor<1x192xi32> {
    %w = tern.get_weight @q_proj.w : tensor<192x192x!tern.trit>
    %0 = tern.matmul "q_proj" ins(%x, %w : tensor<1x192xi8>, tensor<192x192x!tern.trit>)
        outs(%init : tensor<1x192xi32>) codes [-8, 7] -> tensor<1x192xi32>
    return %0 : tensor<1x192xi32>
  }
// CHECK-LABEL: func.func @o_proj(
// CHECK:         strategy #tern.strategy<[#tern_arm.paired_rows<pairs = 4, tiles = 4, code_bits = 8, rolling = true, prepared = 6>]
  func.func @o_proj(%x: tensor<1x192xi8>, %init: tensor<1x192xi32>) -> tensor<1x192xi32> {
    %w = tern.get_weight @o_proj.w : tensor<192x192x!tern.trit>
    %0 = tern.matmul "o_proj" ins(%x, %w : tensor<1x192xi8>, tensor<192x192x!tern.trit>)
        outs(%init : tensor<1x192xi32>) codes [-128, 127] -> tensor<1x192xi32>
    return %0 : tensor<1x192xi32>
  }
}

// -----

// Sums of 1024 columns do not roll; 200 columns are no whole steps.

module attributes {tern.max_tokens = 1 : i64, tern.target = #tern.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m4", features = "+dsp">} {
  tern.weight @long.w <digits> ["long"] : tensor<192x1024x!tern.trit>
  tern.weight @odd.w <digits> ["odd"] : tensor<192x200x!tern.trit>
// CHECK-LABEL: func.func @long(
// CHECK:         strategy #tern.strategy<[#tern_arm.paired_rows<pairs = 4, tiles = 4, code_bits = 8, prepared = 32>]
  func.func @long(%x: tensor<1x1024xi8>, %init: tensor<1x192xi32>) -> tensor<1x192xi32> {
    %w = tern.get_weight @long.w : tensor<192x1024x!tern.trit>
    %0 = tern.matmul "long" ins(%x, %w : tensor<1x1024xi8>, tensor<192x1024x!tern.trit>)
        outs(%init : tensor<1x192xi32>) codes [-128, 127] -> tensor<1x192xi32>
    return %0 : tensor<1x192xi32>
  }
// CHECK-LABEL: func.func @odd(
// CHECK:         strategy #tern.strategy<[#tern_arm.paired_rows<pairs = 4, tiles = 4, code_bits = 8, rolling = true>]
  func.func @odd(%x: tensor<1x200xi8>, %init: tensor<1x192xi32>) -> tensor<1x192xi32> {
    %w = tern.get_weight @odd.w : tensor<192x200x!tern.trit>
    %0 = tern.matmul "odd" ins(%x, %w : tensor<1x200xi8>, tensor<192x200x!tern.trit>)
        outs(%init : tensor<1x192xi32>) codes [-128, 127] -> tensor<1x192xi32>
    return %0 : tensor<1x192xi32>
  }
}

// -----

// Vectors of integers beat pairs.

module attributes {tern.max_tokens = 1 : i64, tern.target = #tern.target<triple = "thumbv8.1m.main-none-eabihf", cpu = "cortex-m55", features = "+dsp,+mve">} {
  tern.weight @q_proj.w <digits> ["q_proj"] : tensor<192x192x!tern.trit>
// CHECK-LABEL: func.func @q_proj(
// CHECK:         strategy #tern.strategy<[#tern_arm.vector_rows<rows = 2>]
  func.func @q_proj(%x: tensor<1x192xi8>, %init: tensor<1x192xi32>) -> tensor<1x192xi32> {
    %w = tern.get_weight @q_proj.w : tensor<192x192x!tern.trit>
    %0 = tern.matmul "q_proj" ins(%x, %w : tensor<1x192xi8>, tensor<192x192x!tern.trit>)
        outs(%init : tensor<1x192xi32>) codes [-8, 7] -> tensor<1x192xi32>
    return %0 : tensor<1x192xi32>
  }
}

// -----

// A CPU without products of half words has portable kernels.

module attributes {tern.max_tokens = 1 : i64, tern.target = #tern.target<triple = "thumbv6m-none-eabi", cpu = "cortex-m0", features = "">} {
  tern.weight @q_proj.w <digits> ["q_proj"] : tensor<192x192x!tern.trit>
// CHECK-LABEL: func.func @q_proj(
// CHECK:         strategy #tern.strategy<[#tern.digit_by_digit<layout
  func.func @q_proj(%x: tensor<1x192xi8>, %init: tensor<1x192xi32>) -> tensor<1x192xi32> {
    %w = tern.get_weight @q_proj.w : tensor<192x192x!tern.trit>
    %0 = tern.matmul "q_proj" ins(%x, %w : tensor<1x192xi8>, tensor<192x192x!tern.trit>)
        outs(%init : tensor<1x192xi32>) codes [-8, 7] -> tensor<1x192xi32>
    return %0 : tensor<1x192xi32>
  }
}
