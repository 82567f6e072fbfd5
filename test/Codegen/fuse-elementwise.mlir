// RUN: tern-opt %s --convert-tern-to-linalg --convert-elementwise-to-linalg \
// RUN:   --tern-fuse-elementwise --split-input-file | FileCheck %s

// A projection's result goes through gate and residual addition in one pass.

func.func @dequantize_gate_add(%a: tensor<?x65xi32>, %s: tensor<?xf32>, %alpha: tensor<1xf32>,
                               %u: tensor<?x65xf32>, %x: tensor<?x65xf32>) -> tensor<?x65xf32> {
  %0 = tern.dequantize(%a, %s, %alpha) : (tensor<?x65xi32>, tensor<?xf32>, tensor<1xf32>) -> tensor<?x65xf32>
  %1 = tern.glu <relu2> %0, %u : tensor<?x65xf32>
  %2 = arith.addf %x, %1 : tensor<?x65xf32>
  return %2 : tensor<?x65xf32>
}
// CHECK-LABEL: func.func @dequantize_gate_add(
// CHECK:         linalg.generic
// CHECK:           arith.sitofp
// CHECK-NOT:     linalg.generic
// CHECK:           arith.select
// CHECK-NOT:     linalg.generic
// CHECK:           arith.addf
// CHECK-NOT:     linalg.generic
// CHECK:         return

// -----

// 1/sqrt stays outside of the loop over features, and the norm, which a
// statistic reads too, is not computed again for the codes.

func.func @norm_then_codes(%x: tensor<?x65xf32>, %w: tensor<65xf32>) -> (tensor<?x65xi8>, tensor<?xf32>) {
  %0 = tern.rms_norm %x, %w eps 1.000000e-05 : tensor<?x65xf32>, tensor<65xf32>
  %q, %s = tern.quantize <int8_absmax> (%0) : (tensor<?x65xf32>) -> tensor<?x65xi8>, tensor<?xf32>
  return %q, %s : tensor<?x65xi8>, tensor<?xf32>
}
// CHECK-LABEL: func.func @norm_then_codes(
// CHECK:         tern.reduce <sum_squares>
// CHECK:         linalg.generic
// CHECK-SAME:      iterator_types = ["parallel"]
// CHECK:           math.sqrt
// CHECK:         %[[NORM:.*]] = linalg.generic
// CHECK-SAME:      iterator_types = ["parallel", "parallel"]
// CHECK:         tern.reduce <max_abs>(%[[NORM]])
// CHECK:         linalg.generic
// CHECK-SAME:      iterator_types = ["parallel"]
// CHECK:         linalg.generic
// CHECK-SAME:      ins(%[[NORM]], %{{.*}} :
