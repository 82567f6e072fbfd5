// RUN: tern-opt %s --tern-specialize-tokens=max-tokens=5 | FileCheck %s
// RUN: tern-opt %s --tern-specialize-tokens="max-tokens=5 few" | FileCheck %s --check-prefix=FEW
// RUN: tern-opt %s --tern-specialize-tokens=max-tokens=1 | FileCheck %s --check-prefix=ONE

// One token makes the first size 1 everywhere, of values and of statistics;
// weights keep their shape, and functions without tokens are left alone.

// CHECK: module attributes {tern.max_tokens = 5 : i64}

tern.weight @w <digits> ["w"] : tensor<3x7x!tern.trit>

func.func @layer(%layer: index, %x: tensor<?x7xf32>, %positions: tensor<?xi32>, %init: tensor<?x3xi32>) -> (tensor<?xf32>, tensor<?x3xi32>) {
  %w = tern.get_weight @w : tensor<3x7x!tern.trit>
  %q, %s = tern.quantize <int8_absmax> (%x) : (tensor<?x7xf32>) -> tensor<?x7xi8>, tensor<?xf32>
  %y = tern.matmul "w" ins(%q, %w : tensor<?x7xi8>, tensor<3x7x!tern.trit>)
      outs(%init : tensor<?x3xi32>) codes [-128, 127] -> tensor<?x3xi32>
  return %s, %y : tensor<?xf32>, tensor<?x3xi32>
}

func.func @no_tokens(%x: tensor<2x7xf32>) -> tensor<2xf32> {
  %0 = tern.reduce <max_abs> (%x) : (tensor<2x7xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// CHECK-LABEL: func.func @layer.decode(
// CHECK-SAME:    %[[LAYER:[a-z0-9]+]]: index, %[[X:[a-z0-9]+]]: tensor<1x7xf32>, %{{.*}}: tensor<1xi32>, %[[INIT:[a-z0-9]+]]: tensor<1x3xi32>) -> (tensor<1xf32>, tensor<1x3xi32>)
// CHECK-NEXT:    %[[W:.*]] = tern.get_weight @w : tensor<3x7x!tern.trit>
// CHECK-NEXT:    %[[Q:.*]]:2 = tern.quantize <int8_absmax>(%[[X]]) : (tensor<1x7xf32>) -> tensor<1x7xi8>, tensor<1xf32>
// CHECK-NEXT:    %[[Y:.*]] = tern.matmul "w" ins(%[[Q]]#0, %[[W]] : tensor<1x7xi8>, tensor<3x7x!tern.trit>) outs(%[[INIT]] : tensor<1x3xi32>) codes [-128, 127] -> tensor<1x3xi32>
// CHECK-NEXT:    return %[[Q]]#1, %[[Y]] : tensor<1xf32>, tensor<1x3xi32>

// CHECK-LABEL: func.func @layer.prefill(
// CHECK-SAME:    %{{.*}}: index, %{{.*}}: tensor<?x7xf32>, %{{.*}}: tensor<?xi32>, %{{.*}}: tensor<?x3xi32>) -> (tensor<?xf32>, tensor<?x3xi32>)
// CHECK:         tern.quantize <int8_absmax>(%{{.*}}) : (tensor<?x7xf32>) -> tensor<?x7xi8>, tensor<?xf32>

// CHECK-LABEL: func.func @no_tokens(%{{.*}}: tensor<2x7xf32>) -> tensor<2xf32>
// CHECK-NOT:   func.func

// A third body for two to sixteen tokens, if asked for; today the same as that for
// any number.
// FEW-LABEL: func.func @layer.decode(
// FEW-LABEL: func.func @layer.few(
// FEW-SAME:    tensor<?x7xf32>
// FEW-LABEL: func.func @layer.prefill(
// FEW-NOT:   .few(

// One token at most: one body.
// ONE-LABEL: func.func @layer.decode(
// ONE-SAME:    tensor<1x7xf32>
// ONE-NOT:   .prefill
