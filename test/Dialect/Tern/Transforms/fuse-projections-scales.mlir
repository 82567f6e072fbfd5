// RUN: tern-opt %s --tern-fuse-projections | FileCheck %s

// Biases are concatenated as weights are; so are scales of rows and of groups.
// Projections whose scales or biases are of another kind stay apart.

tern.weight @q <digits> ["q"] : tensor<3x8x!tern.trit>
tern.weight @k <digits> ["k"] : tensor<2x8x!tern.trit>
tern.weight @q.one <scale> ["q"] : tensor<1xf32>
tern.weight @q.rows <scale> ["q"] : tensor<3xf32>
tern.weight @k.rows <scale> ["k"] : tensor<2xf32>
tern.weight @q.groups <scale> ["q"] : tensor<3x4xf32>
tern.weight @k.groups <scale> ["k"] : tensor<2x4xf32>
tern.weight @q.bias <values> ["q.bias"] : tensor<3xf32>
tern.weight @k.bias <values> ["k.bias"] : tensor<2xf32>

// CHECK-DAG: tern.weight @"q.rows+k.rows" <scale> ["q", "k"] : tensor<5xf32>
// CHECK-DAG: tern.weight @"q.groups+k.groups" <scale> ["q", "k"] : tensor<5x4xf32>
// CHECK-DAG: tern.weight @"q.bias+k.bias" <values> ["q.bias", "k.bias"] : tensor<5xf32>

// CHECK-LABEL: func.func @rows_and_biases(
// CHECK:         %[[B:.*]] = tern.get_weight @"q.bias+k.bias"
// CHECK:         tern.bitlinear "q+k" %{{.*}} bias(%[[B]] : tensor<5xf32>) {{.*}} tensor<5xf32> -> tensor<?x3xf32>, tensor<?x2xf32>
func.func @rows_and_biases(%x: tensor<?x8xf32>) -> (tensor<?x3xf32>, tensor<?x2xf32>) {
  %wq = tern.get_weight @q : tensor<3x8x!tern.trit>
  %wk = tern.get_weight @k : tensor<2x8x!tern.trit>
  %sq = tern.get_weight @q.rows : tensor<3xf32>
  %sk = tern.get_weight @k.rows : tensor<2xf32>
  %bq = tern.get_weight @q.bias : tensor<3xf32>
  %bk = tern.get_weight @k.bias : tensor<2xf32>
  %q = tern.bitlinear "q" %x, %wq scale %sq bias(%bq : tensor<3xf32>) act_quant <int8_absmax>
      : tensor<?x8xf32>, tensor<3x8x!tern.trit>, tensor<3xf32> -> tensor<?x3xf32>
  %k = tern.bitlinear "k" %x, %wk scale %sk bias(%bk : tensor<2xf32>) act_quant <int8_absmax>
      : tensor<?x8xf32>, tensor<2x8x!tern.trit>, tensor<2xf32> -> tensor<?x2xf32>
  return %q, %k : tensor<?x3xf32>, tensor<?x2xf32>
}

// CHECK-LABEL: func.func @groups(
// CHECK:         tern.bitlinear "q+k" {{.*}} tensor<5x4xf32> -> tensor<?x3xf32>, tensor<?x2xf32>
func.func @groups(%x: tensor<?x8xf32>) -> (tensor<?x3xf32>, tensor<?x2xf32>) {
  %wq = tern.get_weight @q : tensor<3x8x!tern.trit>
  %wk = tern.get_weight @k : tensor<2x8x!tern.trit>
  %sq = tern.get_weight @q.groups : tensor<3x4xf32>
  %sk = tern.get_weight @k.groups : tensor<2x4xf32>
  %q = tern.bitlinear "q" %x, %wq scale %sq act_quant <int8_absmax>
      : tensor<?x8xf32>, tensor<3x8x!tern.trit>, tensor<3x4xf32> -> tensor<?x3xf32>
  %k = tern.bitlinear "k" %x, %wk scale %sk act_quant <int8_absmax>
      : tensor<?x8xf32>, tensor<2x8x!tern.trit>, tensor<2x4xf32> -> tensor<?x2xf32>
  return %q, %k : tensor<?x3xf32>, tensor<?x2xf32>
}

// CHECK-LABEL: func.func @apart(
// CHECK-DAG:     tern.bitlinear "q"
// CHECK-DAG:     tern.bitlinear "k"
// CHECK-DAG:     tern.bitlinear "b"
func.func @apart(%x: tensor<?x8xf32>) -> (tensor<?x3xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %wq = tern.get_weight @q : tensor<3x8x!tern.trit>
  %wk = tern.get_weight @k : tensor<2x8x!tern.trit>
  %sq = tern.get_weight @q.one : tensor<1xf32>
  %sk = tern.get_weight @k.rows : tensor<2xf32>
  %bk = tern.get_weight @k.bias : tensor<2xf32>
  %q = tern.bitlinear "q" %x, %wq scale %sq act_quant <int8_absmax>
      : tensor<?x8xf32>, tensor<3x8x!tern.trit>, tensor<1xf32> -> tensor<?x3xf32>
  %k = tern.bitlinear "k" %x, %wk scale %sk act_quant <int8_absmax>
      : tensor<?x8xf32>, tensor<2x8x!tern.trit>, tensor<2xf32> -> tensor<?x2xf32>
  %b = tern.bitlinear "b" %x, %wk scale %sk bias(%bk : tensor<2xf32>) act_quant <int8_absmax>
      : tensor<?x8xf32>, tensor<2x8x!tern.trit>, tensor<2xf32> -> tensor<?x2xf32>
  return %q, %k, %b : tensor<?x3xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}
