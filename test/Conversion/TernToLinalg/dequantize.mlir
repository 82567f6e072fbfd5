// RUN: tern-opt %s --convert-tern-to-linalg | FileCheck %s

// One rounding per operation: the factors first, the bias last.

// CHECK-LABEL: func.func @integers_and_bias(
// CHECK:         linalg.generic
// CHECK:         ^bb0(%[[ACC:.*]]: i32, %[[S:.*]]: f32, %[[ALPHA:.*]]: f32, %[[B:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT:      %[[F:.*]] = arith.sitofp %[[ACC]] : i32 to f32
// CHECK-NEXT:      %[[BOTH:.*]] = arith.mulf %[[S]], %[[ALPHA]] : f32
// CHECK-NEXT:      %[[Y:.*]] = arith.mulf %[[F]], %[[BOTH]] : f32
// CHECK-NEXT:      %[[Z:.*]] = arith.addf %[[Y]], %[[B]] : f32
// CHECK-NEXT:      linalg.yield %[[Z]]
func.func @integers_and_bias(%a: tensor<?x8xi32>, %s: tensor<?xf32>, %alpha: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  %0 = tern.dequantize(%a, %s, %alpha) bias(%b : tensor<8xf32>)
      : (tensor<?x8xi32>, tensor<?xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @floats(
// CHECK:         ^bb0(%[[P:.*]]: f32, %[[S:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT:      %[[Y:.*]] = arith.mulf %[[P]], %[[S]] : f32
// CHECK-NEXT:      linalg.yield %[[Y]]
func.func @floats(%a: tensor<?x8xf32>, %s: tensor<?xf32>) -> tensor<?x8xf32> {
  %0 = tern.dequantize(%a, %s) : (tensor<?x8xf32>, tensor<?xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// A product with factors of its own lacks a bias only.
// CHECK-LABEL: func.func @bias_alone(
// CHECK:         ^bb0(%[[P:.*]]: f32, %[[B:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT:      %[[Y:.*]] = arith.addf %[[P]], %[[B]] : f32
// CHECK-NEXT:      linalg.yield %[[Y]]
func.func @bias_alone(%a: tensor<?x8xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  %0 = tern.dequantize(%a) bias(%b : tensor<8xf32>) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
