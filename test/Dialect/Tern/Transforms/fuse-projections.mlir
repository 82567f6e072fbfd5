// RUN: tern-opt %s --tern-fuse-projections --split-input-file | FileCheck %s

// Weights and scales are concatenated in the order of the projections; each
// result keeps its width and its users.

tern.weight @q per_layer <digits> ["{}.q"] : tensor<3x7x!tern.trit>
tern.weight @q.scale per_layer <scale> ["{}.q"] : tensor<1xf32>
tern.weight @k per_layer <digits> ["{}.k"] : tensor<2x7x!tern.trit>
tern.weight @k.scale per_layer <scale> ["{}.k"] : tensor<1xf32>

func.func @one_input(%layer: index, %x: tensor<?x7xf32>) -> (tensor<?x2xf32>, tensor<?x3xf32>) {
  %wq = tern.get_weight @q[%layer] : tensor<3x7x!tern.trit>
  %sq = tern.get_weight @q.scale[%layer] : tensor<1xf32>
  %q = tern.bitlinear "q_proj" %x, %wq scale %sq act_quant <int4_absmean>
      : tensor<?x7xf32>, tensor<3x7x!tern.trit>, tensor<1xf32> -> tensor<?x3xf32>
  %wk = tern.get_weight @k[%layer] : tensor<2x7x!tern.trit>
  %sk = tern.get_weight @k.scale[%layer] : tensor<1xf32>
  %k = tern.bitlinear "k_proj" %x, %wk scale %sk act_quant <int4_absmean>
      : tensor<?x7xf32>, tensor<2x7x!tern.trit>, tensor<1xf32> -> tensor<?x2xf32>
  return %k, %q : tensor<?x2xf32>, tensor<?x3xf32>
}
// CHECK-DAG:   tern.weight @"q+k" per_layer <digits> ["{}.q", "{}.k"] : tensor<5x7x!tern.trit>
// CHECK-DAG:   tern.weight @"q.scale+k.scale" per_layer <scale> ["{}.q", "{}.k"] : tensor<2xf32>
// CHECK-LABEL: func.func @one_input(
// CHECK-SAME:    %[[LAYER:[a-z0-9]+]]: index, %[[X:[a-z0-9]+]]: tensor<?x7xf32>)
// CHECK-NEXT:    %[[W:.*]] = tern.get_weight @"q+k"[%[[LAYER]]] :
// CHECK-NEXT:    %[[S:.*]] = tern.get_weight @"q.scale+k.scale"[%[[LAYER]]] :
// CHECK-NEXT:    %[[QK:.*]]:2 = tern.bitlinear "q_proj+k_proj" %[[X]], %[[W]] scale %[[S]] act_quant <int4_absmean> :
// CHECK-SAME:      -> tensor<?x3xf32>, tensor<?x2xf32>
// CHECK-NEXT:    return %[[QK]]#1, %[[QK]]#0 :

// -----

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
