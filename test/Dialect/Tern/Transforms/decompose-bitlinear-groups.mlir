// RUN: tern-opt %s --tern-decompose-bitlinear | FileCheck %s

// Scales of groups and factors of blocks are parts of the product. Each result takes
// its columns and its biases.

func.func @groups_and_biases(%x: tensor<1x8xf32>, %w: tensor<5x8x!tern.trit>, %s: tensor<5x2xf32>, %b: tensor<5xf32>) -> (tensor<1x3xf32>, tensor<1x2xf32>) {
  %0:2 = tern.bitlinear "q+k" %x, %w scale %s bias(%b : tensor<5xf32>) act_quant <int4_absmean>
      : tensor<1x8xf32>, tensor<5x8x!tern.trit>, tensor<5x2xf32> -> tensor<1x3xf32>, tensor<1x2xf32>
  return %0#0, %0#1 : tensor<1x3xf32>, tensor<1x2xf32>
}
// CHECK-LABEL: func.func @groups_and_biases(
// CHECK-SAME:    %[[W:[a-z0-9]+]]: tensor<5x8x!tern.trit>, %[[S:[a-z0-9]+]]: tensor<5x2xf32>, %[[B:[a-z0-9]+]]: tensor<5xf32>)
// CHECK:         %[[Q:.*]]:2 = tern.quantize <int4_absmean>
// CHECK:         %[[INIT:.*]] = tensor.empty() : tensor<1x5xf32>
// CHECK:         %[[P:.*]] = tern.matmul "q+k" ins(%[[Q]]#0, %[[W]] : {{.*}}) scales(%[[S]] : tensor<5x2xf32>) outs(%[[INIT]] : tensor<1x5xf32>) codes [-8, 7]
// CHECK-DAG:     %[[P0:.*]] = tensor.extract_slice %[[P]][0, 0] [1, 3] [1, 1]
// CHECK-DAG:     %[[B0:.*]] = tensor.extract_slice %[[B]][0] [3] [1]
// CHECK:         %[[Y0:.*]] = tern.dequantize(%[[P0]], %[[Q]]#1) bias(%[[B0]] : tensor<3xf32>) :
// CHECK-DAG:     %[[P1:.*]] = tensor.extract_slice %[[P]][0, 3] [1, 2] [1, 1]
// CHECK-DAG:     %[[B1:.*]] = tensor.extract_slice %[[B]][3] [2] [1]
// CHECK:         %[[Y1:.*]] = tern.dequantize(%[[P1]], %[[Q]]#1) bias(%[[B1]] : tensor<2xf32>) :
// CHECK:         return %[[Y0]], %[[Y1]] :

func.func @one_result(%x: tensor<1x8xf32>, %w: tensor<5x8x!tern.trit>, %s: tensor<1xf32>, %b: tensor<5xf32>) -> tensor<1x5xf32> {
  %0 = tern.bitlinear "o" %x, %w scale %s bias(%b : tensor<5xf32>) act_quant <int8_absmax>
      : tensor<1x8xf32>, tensor<5x8x!tern.trit>, tensor<1xf32> -> tensor<1x5xf32>
  return %0 : tensor<1x5xf32>
}
// CHECK-LABEL: func.func @one_result(
// CHECK:         tern.dequantize(%{{.*}}, %{{.*}}, %{{.*}}) bias(%{{.*}} : tensor<5xf32>) :

// A product that has had its factors is the result, or lacks a bias.

func.func @blocks(%x: tensor<?x16xf32>, %w: tensor<5x16x!tern.trit>, %s: tensor<5x4xf32>) -> tensor<?x5xf32> {
  %0 = tern.bitlinear "o" %x, %w scale %s act_quant <int8_absmax, block = 8>
      : tensor<?x16xf32>, tensor<5x16x!tern.trit>, tensor<5x4xf32> -> tensor<?x5xf32>
  return %0 : tensor<?x5xf32>
}
// CHECK-LABEL: func.func @blocks(
// CHECK:         %[[Q:.*]]:2 = tern.quantize <int8_absmax, block = 8>(%{{.*}}) : (tensor<?x16xf32>) -> tensor<?x16xi8>, tensor<?x2xf32>
// CHECK:         %[[P:.*]] = tern.matmul "o" ins(%[[Q]]#0, %{{.*}}) scales(%{{.*}} : tensor<5x4xf32>) factors(%[[Q]]#1 : tensor<?x2xf32>) outs({{.*}}) codes [-128, 127]
// CHECK-NEXT:    return %[[P]]

func.func @blocks_and_biases(%x: tensor<1x16xf32>, %w: tensor<5x16x!tern.trit>, %s: tensor<5x4xf32>, %b: tensor<5xf32>) -> (tensor<1x3xf32>, tensor<1x2xf32>) {
  %0:2 = tern.bitlinear "q+k" %x, %w scale %s bias(%b : tensor<5xf32>) act_quant <int4_absmean, block = 4> top_k <keep = 8>
      : tensor<1x16xf32>, tensor<5x16x!tern.trit>, tensor<5x4xf32> -> tensor<1x3xf32>, tensor<1x2xf32>
  return %0#0, %0#1 : tensor<1x3xf32>, tensor<1x2xf32>
}
// CHECK-LABEL: func.func @blocks_and_biases(
// CHECK:         %[[Q:.*]]:2 = tern.quantize <int4_absmean, block = 4>
// CHECK:         %[[K:.*]] = tern.keep_top_k <keep = 8>(%{{.*}}, %[[Q]]#0)
// CHECK:         %[[P:.*]] = tern.matmul "q+k" ins(%[[K]], {{.*}} factors(%[[Q]]#1 : tensor<1x4xf32>)
// CHECK:         %[[P0:.*]] = tensor.extract_slice %[[P]][0, 0] [1, 3] [1, 1]
// CHECK:         tern.dequantize(%[[P0]]) bias(%{{.*}} : tensor<3xf32>) : (tensor<1x3xf32>) -> tensor<1x3xf32>
// CHECK:         %[[P1:.*]] = tensor.extract_slice %[[P]][0, 3] [1, 2] [1, 1]
// CHECK:         tern.dequantize(%[[P1]]) bias(%{{.*}} : tensor<2xf32>) : (tensor<1x2xf32>) -> tensor<1x2xf32>

func.func @floats(%x: tensor<?x8xf32>, %w: tensor<5x8x!tern.trit>, %s: tensor<5x1xf32>) -> (tensor<?x3xf32>, tensor<?x2xf32>) {
  %0:2 = tern.bitlinear "q+k" %x, %w scale %s act_quant <f32>
      : tensor<?x8xf32>, tensor<5x8x!tern.trit>, tensor<5x1xf32> -> tensor<?x3xf32>, tensor<?x2xf32>
  return %0#0, %0#1 : tensor<?x3xf32>, tensor<?x2xf32>
}
// CHECK-LABEL: func.func @floats(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x8xf32>
// CHECK-NOT:     tern.quantize
// CHECK:         %[[P:.*]] = tern.matmul "q+k" ins(%[[X]], %{{.*}}) scales(%{{.*}} : tensor<5x1xf32>) outs({{.*}}) codes []
// CHECK-NOT:     tern.dequantize
// CHECK-DAG:     %[[P0:.*]] = tensor.extract_slice %[[P]][0, 0]
// CHECK-DAG:     %[[P1:.*]] = tensor.extract_slice %[[P]][0, 3]
// CHECK:         return %[[P0]], %[[P1]]
