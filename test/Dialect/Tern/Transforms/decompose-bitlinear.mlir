// RUN: tern-opt %s --tern-decompose-bitlinear --split-input-file | FileCheck %s

// Top-k sees both the features and their codes.

func.func @top_k(%x: tensor<?x7xf32>, %w: tensor<3x7x!tern.trit>, %s: tensor<1xf32>) -> tensor<?x3xf32> {
  %0 = tern.bitlinear "o_proj" %x, %w scale %s act_quant <int8_absmax> top_k <keep = 5>
      : tensor<?x7xf32>, tensor<3x7x!tern.trit>, tensor<1xf32> -> tensor<?x3xf32>
  return %0 : tensor<?x3xf32>
}
// CHECK-LABEL: func.func @top_k(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x7xf32>, %[[W:[a-z0-9]+]]: tensor<3x7x!tern.trit>, %[[S:[a-z0-9]+]]: tensor<1xf32>)
// CHECK-NEXT:    %[[Q:.*]]:2 = tern.quantize <int8_absmax>(%[[X]]) :
// CHECK-NEXT:    %[[K:.*]] = tern.keep_top_k <keep = 5>(%[[X]], %[[Q]]#0) :
// CHECK:         %[[TOKENS:.*]] = tensor.dim %[[K]],
// CHECK:         %[[INIT:.*]] = tensor.empty(%[[TOKENS]]) : tensor<?x3xi32>
// CHECK-NEXT:    %[[A:.*]] = tern.matmul "o_proj" ins(%[[K]], %[[W]] : tensor<?x7xi8>, tensor<3x7x!tern.trit>) outs(%[[INIT]] : tensor<?x3xi32>) codes [-128, 127]
// CHECK-NEXT:    %[[Y:.*]] = tern.dequantize(%[[A]], %[[Q]]#1, %[[S]]) :
// CHECK-NEXT:    return %[[Y]] :

// -----

// One scale per result: each result takes its columns and its scale.

func.func @scale_per_result(%x: tensor<1x7xf32>, %w: tensor<5x7x!tern.trit>, %s: tensor<2xf32>) -> (tensor<1x3xf32>, tensor<1x2xf32>) {
  %0:2 = tern.bitlinear "q+k" %x, %w scale %s act_quant <int4_absmean>
      : tensor<1x7xf32>, tensor<5x7x!tern.trit>, tensor<2xf32> -> tensor<1x3xf32>, tensor<1x2xf32>
  return %0#0, %0#1 : tensor<1x3xf32>, tensor<1x2xf32>
}
// CHECK-LABEL: func.func @scale_per_result(
// CHECK-SAME:    %[[S:[a-z0-9]+]]: tensor<2xf32>)
// CHECK:         %[[Q:.*]]:2 = tern.quantize <int4_absmean>
// CHECK:         %[[A:.*]] = tern.matmul "q+k" {{.*}} codes [-8, 7]
// CHECK:         %[[S0:.*]] = tensor.extract_slice %[[S]][0] [1] [1]
// CHECK:         %[[A0:.*]] = tensor.extract_slice %[[A]][0, 0] [1, 3] [1, 1]
// CHECK:         %[[Y0:.*]] = tern.dequantize(%[[A0]], %[[Q]]#1, %[[S0]]) :
// CHECK:         %[[S1:.*]] = tensor.extract_slice %[[S]][1] [1] [1]
// CHECK:         %[[A1:.*]] = tensor.extract_slice %[[A]][0, 3] [1, 2] [1, 1]
// CHECK:         %[[Y1:.*]] = tern.dequantize(%[[A1]], %[[Q]]#1, %[[S1]]) :
// CHECK:         return %[[Y0]], %[[Y1]] :

// -----

// The range of fp4's codes, twice their values.

func.func @fp4(%x: tensor<1x7xf32>, %w: tensor<5x7x!tern.trit>, %s: tensor<1xf32>) -> tensor<1x5xf32> {
  %0 = tern.bitlinear "o" %x, %w scale %s act_quant <fp4_e2m1>
      : tensor<1x7xf32>, tensor<5x7x!tern.trit>, tensor<1xf32> -> tensor<1x5xf32>
  return %0 : tensor<1x5xf32>
}
// CHECK-LABEL: func.func @fp4(
// CHECK:         tern.matmul "o" {{.*}} codes [-12, 12]

// -----

// One scale per output: a result takes as many scales as it has columns.

func.func @scale_per_output(%x: tensor<1x7xf32>, %w: tensor<5x7x!tern.trit>, %s: tensor<5xf32>) -> (tensor<1x3xf32>, tensor<1x2xf32>) {
  %0:2 = tern.bitlinear "q+k" %x, %w scale %s act_quant <int4_absmean>
      : tensor<1x7xf32>, tensor<5x7x!tern.trit>, tensor<5xf32> -> tensor<1x3xf32>, tensor<1x2xf32>
  return %0#0, %0#1 : tensor<1x3xf32>, tensor<1x2xf32>
}
// CHECK-LABEL: func.func @scale_per_output(
// CHECK-SAME:    %[[S:[a-z0-9]+]]: tensor<5xf32>)
// CHECK:         tensor.extract_slice %[[S]][0] [3] [1]
// CHECK:         tensor.extract_slice %[[S]][3] [2] [1]
