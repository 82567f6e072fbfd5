// RUN: tern-opt %s --tern-fuse-projections | FileCheck %s

// Two functions that merge the same projections share the merged weight.

tern.weight @gate <digits> ["gate"] : tensor<3x7x!tern.trit>
tern.weight @up <digits> ["up"] : tensor<3x7x!tern.trit>
tern.weight @scale <scale> ["gate"] : tensor<1xf32>

func.func @silu(%x: tensor<?x7xf32>) -> tensor<?x3xf32> {
  %wg = tern.get_weight @gate : tensor<3x7x!tern.trit>
  %wu = tern.get_weight @up : tensor<3x7x!tern.trit>
  %s = tern.get_weight @scale : tensor<1xf32>
  %g = tern.bitlinear "gate_proj" %x, %wg scale %s act_quant <int8_absmax>
      : tensor<?x7xf32>, tensor<3x7x!tern.trit>, tensor<1xf32> -> tensor<?x3xf32>
  %u = tern.bitlinear "up_proj" %x, %wu scale %s act_quant <int8_absmax>
      : tensor<?x7xf32>, tensor<3x7x!tern.trit>, tensor<1xf32> -> tensor<?x3xf32>
  %f = tern.glu <silu> %g, %u : tensor<?x3xf32>
  return %f : tensor<?x3xf32>
}

func.func @silu_again(%x: tensor<1x7xf32>) -> tensor<1x3xf32> {
  %wg = tern.get_weight @gate : tensor<3x7x!tern.trit>
  %wu = tern.get_weight @up : tensor<3x7x!tern.trit>
  %s = tern.get_weight @scale : tensor<1xf32>
  %g = tern.bitlinear "gate_proj" %x, %wg scale %s act_quant <int8_absmax>
      : tensor<1x7xf32>, tensor<3x7x!tern.trit>, tensor<1xf32> -> tensor<1x3xf32>
  %u = tern.bitlinear "up_proj" %x, %wu scale %s act_quant <int8_absmax>
      : tensor<1x7xf32>, tensor<3x7x!tern.trit>, tensor<1xf32> -> tensor<1x3xf32>
  %f = tern.glu <silu> %g, %u : tensor<1x3xf32>
  return %f : tensor<1x3xf32>
}
// CHECK-DAG:   tern.weight @"gate+up" <digits> ["gate", "up"] : tensor<6x7x!tern.trit>
// CHECK-DAG:   tern.weight @"scale+scale" <scale> ["gate", "gate"] : tensor<2xf32>
// CHECK-LABEL: func.func @silu(
// CHECK:         %[[GU:.*]]:2 = tern.bitlinear "gate_proj+up_proj"
// CHECK-NEXT:    tern.glu <silu> %[[GU]]#0, %[[GU]]#1 :
// CHECK-LABEL: func.func @silu_again(
// CHECK:         tern.get_weight @"gate+up" :
