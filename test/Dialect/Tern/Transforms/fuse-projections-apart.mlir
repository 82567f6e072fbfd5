// RUN: tern-opt %s --tern-fuse-projections | FileCheck %s --implicit-check-not=+

// Projections that stay apart: the rows of up behind a ReLU^2 gate are skipped one by one, a
// top-k belongs to one projection, and other inputs or schemes are quantized anew.

tern.weight @a <digits> ["a"] : tensor<3x7x!tern.trit>
tern.weight @b <digits> ["b"] : tensor<3x7x!tern.trit>
tern.weight @s <scale> ["a"] : tensor<1xf32>
tern.weight @t <scale> ["b"] : tensor<1xf32>
tern.weight @per_output <scale> ["b"] : tensor<3xf32>

!x = tensor<?x7xf32>
!y = tensor<?x3xf32>
!w = tensor<3x7x!tern.trit>

// Each differs from the first in one thing.
func.func @all(%x: !x, %z: !x) -> (!y, !y, !y, !y, !y, !y) {
  %a = tern.get_weight @a : !w
  %b = tern.get_weight @b : !w
  %s = tern.get_weight @s : tensor<1xf32>
  %t = tern.get_weight @t : tensor<1xf32>
  %p = tern.get_weight @per_output : tensor<3xf32>
  // CHECK: tern.bitlinear "first"
  %0 = tern.bitlinear "first" %x, %a scale %s act_quant <int8_absmax> : !x, !w, tensor<1xf32> -> !y
  // CHECK: tern.bitlinear "other_scheme"
  %1 = tern.bitlinear "other_scheme" %x, %b scale %t act_quant <int4_absmean> : !x, !w, tensor<1xf32> -> !y
  // CHECK: tern.bitlinear "top_k"
  %2 = tern.bitlinear "top_k" %x, %b scale %t act_quant <int8_absmax> top_k <keep = 5> : !x, !w, tensor<1xf32> -> !y
  // CHECK: tern.bitlinear "other_input"
  %3 = tern.bitlinear "other_input" %z, %b scale %t act_quant <int8_absmax> : !x, !w, tensor<1xf32> -> !y
  // CHECK: tern.bitlinear "per_output"
  %4 = tern.bitlinear "per_output" %x, %b scale %p act_quant <int8_absmax> : !x, !w, tensor<3xf32> -> !y
  // CHECK: tern.bitlinear "gate"
  %gate = tern.bitlinear "gate" %x, %a scale %s act_quant <int8_absmax> : !x, !w, tensor<1xf32> -> !y
  // CHECK: tern.bitlinear "up"
  %up = tern.bitlinear "up" %x, %b scale %t act_quant <int8_absmax> : !x, !w, tensor<1xf32> -> !y
  %5 = tern.glu <relu2> %gate, %up : !y
  return %0, %1, %2, %3, %4, %5 : !y, !y, !y, !y, !y, !y
}
