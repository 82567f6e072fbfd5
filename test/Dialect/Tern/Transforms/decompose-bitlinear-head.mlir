// RUN: tern-opt %s --tern-decompose-bitlinear | FileCheck %s

// A head of int8 rows is a product like any other; one of floats is a kernel
// operation already.

func.func @heads(%h: tensor<?x7xf32>, %codes: tensor<11x7xi8>, %scales: tensor<11xf32>, %rows: tensor<11x7xbf16>)
    -> (tensor<?x11xf32>, tensor<?x11xf32>) {
  %0 = tern.lm_head(%h, %codes) scales(%scales : tensor<11xf32>) : (tensor<?x7xf32>, tensor<11x7xi8>) -> tensor<?x11xf32>
  %1 = tern.lm_head(%h, %rows) : (tensor<?x7xf32>, tensor<11x7xbf16>) -> tensor<?x11xf32>
  return %0, %1 : tensor<?x11xf32>, tensor<?x11xf32>
}

// CHECK-LABEL: func.func @heads(
// CHECK-SAME:    %[[H:[a-z0-9]+]]: tensor<?x7xf32>, %[[CODES:[a-z0-9]+]]: tensor<11x7xi8>, %[[SCALES:[a-z0-9]+]]: tensor<11xf32>, %[[ROWS:[a-z0-9]+]]:
// CHECK-NEXT:    %[[Q:.*]]:2 = tern.quantize <int8_absmax>(%[[H]]) :
// CHECK:         %[[A:.*]] = tern.matmul "lm_head" ins(%[[Q]]#0, %[[CODES]] : {{.*}} outs(%{{.*}} : tensor<?x11xi32>) codes [-128, 127]
// CHECK-NEXT:    %[[L0:.*]] = tern.dequantize(%[[A]], %[[Q]]#1, %[[SCALES]]) :
// CHECK-NEXT:    %[[L1:.*]] = tern.lm_head(%[[H]], %[[ROWS]]) :
// CHECK-NEXT:    return %[[L0]], %[[L1]] :
