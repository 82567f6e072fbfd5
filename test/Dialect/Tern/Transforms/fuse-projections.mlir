// RUN: tern-opt %s --tern-fuse-projections | FileCheck %s

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
