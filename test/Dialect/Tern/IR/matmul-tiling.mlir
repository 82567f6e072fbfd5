// RUN: tern-opt %s --transform-interpreter --canonicalize --split-input-file --mlir-print-local-scope | FileCheck %s

// The domain is (tokens, steps of rows); a step is the rows of a tile. A slice of
// rows is a slice of the grid, in its second dimension if columns are outer.

!rows = tensor<64x32x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:16:1, k:4:1]>>
!columns = tensor<64x32x!tern.trit, #tern.layout<b2, columns, n:4:4, [n:4:1]>>

func.func @rows(%q: tensor<?x32xi8>, %w: tensor<4x2x64xi8>, %s: tensor<64x2xf32>, %f: tensor<?x2xf32>, %y: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %0 = tern.matmul "a" ins(%q, %w : tensor<?x32xi8>, tensor<4x2x64xi8>) scales(%s : tensor<64x2xf32>) factors(%f : tensor<?x2xf32>)
      outs(%y : tensor<?x64xf32>) codes [-8, 7] weight_type !rows -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}
// CHECK-LABEL: func.func @rows(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x32xi8>, %[[W:[a-z0-9]+]]: tensor<4x2x64xi8>, %[[S:[a-z0-9]+]]: tensor<64x2xf32>, %[[F:[a-z0-9]+]]: tensor<?x2xf32>
// CHECK:         scf.forall (%{{.*}}, %[[N:.*]]) in (%{{.*}}, 4) shared_outs(%[[Y:.*]] = %{{.*}})
// CHECK:           %[[T:.*]] = affine.apply affine_map<(d0) -> (d0 * 8)>
// CHECK:           %[[TOKENS:.*]] = affine.min
// CHECK:           %[[ROW:.*]] = affine.apply affine_map<(d0) -> (d0 * 16)>(%[[N]])
// CHECK:           %[[QT:.*]] = tensor.extract_slice %[[Q]][%[[T]], 0] [%[[TOKENS]], 32] [1, 1]
// CHECK:           %[[WN:.*]] = tensor.extract_slice %[[W]][%[[N]], 0, 0] [1, 2, 64] [1, 1, 1] : tensor<4x2x64xi8> to tensor<1x2x64xi8>
// CHECK:           %[[FT:.*]] = tensor.extract_slice %[[F]][%[[T]], 0] [%[[TOKENS]], 2] [1, 1]
// CHECK:           %[[SN:.*]] = tensor.extract_slice %[[S]][%[[ROW]], 0] [16, 2] [1, 1]
// CHECK:           %[[YT:.*]] = tensor.extract_slice %[[Y]][%[[T]], %[[ROW]]] [%[[TOKENS]], 16] [1, 1]
// CHECK:           %[[Z:.*]] = tern.matmul "a" ins(%[[QT]], %[[WN]] : tensor<?x32xi8>, tensor<1x2x64xi8>) scales(%[[SN]] : tensor<16x2xf32>) factors(%[[FT]] : tensor<?x2xf32>)
// CHECK-SAME:        outs(%[[YT]] : tensor<?x16xf32>) codes [-8, 7] weight_type tensor<64x32x!tern.trit, {{.*}}> -> tensor<?x16xf32>
// CHECK:             tensor.parallel_insert_slice %[[Z]] into %[[Y]][%[[T]], %{{.*}}] [%[[TOKENS]], 16] [1, 1]

func.func @columns(%v: tensor<1x32xi8>, %j: tensor<1x32xi32>, %n: tensor<1xi32>, %w: tensor<32x4x4xi8>, %y: tensor<1x64xi32>) -> tensor<1x64xi32> {
  %0 = tern.matmul "a" ins(%v, %w : tensor<1x32xi8>, tensor<32x4x4xi8>) columns(%j, %n : tensor<1x32xi32>, tensor<1xi32>)
      outs(%y : tensor<1x64xi32>) codes [-8, 7] weight_type !columns -> tensor<1x64xi32>
  return %0 : tensor<1x64xi32>
}
// One token is in every tile, whatever the size asked for; lists go along whole.
// CHECK-LABEL: func.func @columns(
// CHECK-SAME:    %[[V:[a-z0-9]+]]: tensor<1x32xi8>, %[[J:[a-z0-9]+]]: tensor<1x32xi32>, %[[C:[a-z0-9]+]]: tensor<1xi32>, %[[W:[a-z0-9]+]]:
// CHECK:         scf.forall
// CHECK:           %[[WN:.*]] = tensor.extract_slice %[[W]][0, %[[N:.*]], 0] [32, 1, 4] [1, 1, 1] : tensor<32x4x4xi8> to tensor<32x1x4xi8>
// CHECK:           tern.matmul "a" ins(%[[V]], %[[WN]] : tensor<1x32xi8>, tensor<32x1x4xi8>) columns(%[[J]], %[[C]] :
// CHECK-SAME:        outs(%{{.*}} : tensor<1x16xi32>)

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %all = transform.structured.match ops{["tern.matmul"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %all tile_sizes [8, 1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// A consumer's tile takes whole steps of rows; the init is cut where the consumer
// is, so that both are seen to be one subset.

!rows = tensor<64x32x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:16:1, k:4:1]>>
#all = affine_map<(t, n) -> (t, n)>

func.func @fused(%q: tensor<4x32xi8>, %w: tensor<4x2x64xi8>, %i: tensor<4x64xi32>, %y: tensor<4x64xf32>) -> tensor<4x64xf32> {
  %0 = tern.matmul "a" ins(%q, %w : tensor<4x32xi8>, tensor<4x2x64xi8>)
      outs(%i : tensor<4x64xi32>) codes [-8, 7] weight_type !rows -> tensor<4x64xi32>
  %1 = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%0 : tensor<4x64xi32>) outs(%y : tensor<4x64xf32>) {
  ^bb0(%a: i32, %b: f32):
    %2 = arith.sitofp %a : i32 to f32
    linalg.yield %2 : f32
  } -> tensor<4x64xf32>
  return %1 : tensor<4x64xf32>
}
// CHECK-LABEL: func.func @fused(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<4x32xi8>, %[[W:[a-z0-9]+]]: tensor<4x2x64xi8>, %[[I:[a-z0-9]+]]: tensor<4x64xi32>
// CHECK:         scf.for %[[N:.*]] = %{{.*}} to %{{.*}} step %{{.*}}
// CHECK:           %[[STEP:.*]] = affine.apply affine_map<(d0) -> (d0 floordiv 16)>(%[[N]])
// CHECK:           %[[WN:.*]] = tensor.extract_slice %[[W]][%[[STEP]], 0, 0] [1, 2, 64] [1, 1, 1]
// CHECK:           %[[IN:.*]] = tensor.extract_slice %[[I]][0, %[[N]]] [4, 16] [1, 1]
// CHECK:           %[[A:.*]] = tern.matmul "a" ins(%[[Q]], %[[WN]] : tensor<4x32xi8>, tensor<1x2x64xi8>) outs(%[[IN]] : tensor<4x16xi32>)
// CHECK:           linalg.generic {{.*}} ins(%[[A]] :

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %all = transform.structured.match ops{["linalg.generic"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.fuse %all tile_sizes [0, 16] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
