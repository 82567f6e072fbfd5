// RUN: tern-opt %s --tern-fuse-projections --remark-format=emitRemark --remarks-filter=tern.* 2>&1 | FileCheck %s

// Projections of one input that stay apart only for their scales or biases are named.

// CHECK-DAG: remark: {{.*}}ApartProjections{{.*}}k is not merged with q, whose input it reads: their scales are of different kinds
// CHECK-DAG: remark: {{.*}}ApartProjections{{.*}}v is not merged with q, whose input it reads: only one of them has a bias
// CHECK-NOT: remark:

tern.weight @a <digits> ["a"] : tensor<3x7x!tern.trit>
tern.weight @b <digits> ["b"] : tensor<3x7x!tern.trit>
tern.weight @s <scale> ["a"] : tensor<1xf32>
tern.weight @t <scale> ["b"] : tensor<1xf32>
tern.weight @rows <scale> ["b"] : tensor<3xf32>
tern.weight @bias <values> ["c"] : tensor<3xf32>

!x = tensor<?x7xf32>
!y = tensor<?x3xf32>
!w = tensor<3x7x!tern.trit>

// CHECK-LABEL: func.func @apart(
// CHECK-COUNT-4: tern.bitlinear
func.func @apart(%x: !x, %z: !x) -> (!y, !y, !y, !y) {
  %a = tern.get_weight @a : !w
  %b = tern.get_weight @b : !w
  %s = tern.get_weight @s : tensor<1xf32>
  %t = tern.get_weight @t : tensor<1xf32>
  %r = tern.get_weight @rows : tensor<3xf32>
  %c = tern.get_weight @bias : tensor<3xf32>
  %q = tern.bitlinear "q" %x, %a scale %s act_quant <int8_absmax> : !x, !w, tensor<1xf32> -> !y
  %k = tern.bitlinear "k" %x, %b scale %r act_quant <int8_absmax> : !x, !w, tensor<3xf32> -> !y
  %v = tern.bitlinear "v" %x, %b scale %t bias(%c : tensor<3xf32>) act_quant <int8_absmax> : !x, !w, tensor<1xf32> -> !y
  %o = tern.bitlinear "o" %z, %b scale %r act_quant <int8_absmax> : !x, !w, tensor<3xf32> -> !y
  return %q, %k, %v, %o : !y, !y, !y, !y
}
