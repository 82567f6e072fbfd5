// RUN: tern-opt %s --transform-interpreter --split-input-file --verify-diagnostics

// A list of rows is not cut.

func.func @list_of_rows(%q: tensor<1x32xi8>, %w: tensor<64x32x!tern.trit>, %i: tensor<1x64xi32>, %n: tensor<1xi32>, %y: tensor<1x64xi32>) -> tensor<1x64xi32> {
  // expected-error @+2 {{tile operation}}
  // expected-error @+1 {{failed to generate tiling loops}}
  %0 = tern.matmul "a" ins(%q, %w : tensor<1x32xi8>, tensor<64x32x!tern.trit>) rows(%i, %n : tensor<1x64xi32>, tensor<1xi32>)
      outs(%y : tensor<1x64xi32>) codes [-8, 7] -> tensor<1x64xi32>
  return %0 : tensor<1x64xi32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %all = transform.structured.match ops{["tern.matmul"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_for %all tile_sizes [0, 1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Nor are rows that have no scales because only the layout has them.

!padded = tensor<60x32x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:16:1, k:4:1]>>

func.func @padded_rows(%q: tensor<1x32xi8>, %w: tensor<4x2x64xi8>, %s: tensor<60x2xf32>, %y: tensor<1x64xf32>) -> tensor<1x64xf32> {
  // expected-error @+2 {{tile operation}}
  // expected-error @+1 {{failed to generate tiling loops}}
  %0 = tern.matmul "a" ins(%q, %w : tensor<1x32xi8>, tensor<4x2x64xi8>) scales(%s : tensor<60x2xf32>)
      outs(%y : tensor<1x64xf32>) codes [-8, 7] weight_type !padded -> tensor<1x64xf32>
  return %0 : tensor<1x64xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %all = transform.structured.match ops{["tern.matmul"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_for %all tile_sizes [0, 1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
