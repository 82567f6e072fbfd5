// RUN: tern-opt %s | tern-opt | FileCheck %s
// RUN: tern-opt %s --mlir-print-op-generic | tern-opt | FileCheck %s
// RUN: tern-opt %s --emit-bytecode | tern-opt | FileCheck %s
// RUN: tern-opt %s --transform-interpreter --canonicalize --mlir-print-local-scope | FileCheck %s --check-prefix=TILE

// A grid of one layout as a grid of another; tiles of the result are slices of the
// weight, or parts of one of its tiles.

!rows = tensor<128x192x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
!columns = tensor<512x64x!tern.trit, #tern.layout<b2, columns, n:4:64, [n:4:4, n:4:16, n:4:1]>>

// CHECK-LABEL: func.func @rows(
// CHECK:         tern.repack %{{.*}} at %{{.*}} weight_type {{.*}} layout #unpacked_rows : tensor<4x12x128xi8> -> tensor<2x48x256xi8>
// TILE-LABEL:  func.func @rows(
// TILE-SAME:     %[[W:.*]]: tensor<4x12x128xi8>
// TILE:          scf.for %[[N:.*]] = %c0
// TILE:            %[[FROM:.*]] = affine.apply affine_map<(d0) -> (d0 * 2)>(%[[N]])
// TILE:            %[[SLICE:.*]] = tensor.extract_slice %[[W]][%[[FROM]], 0, 0] [2, 12, 128]
// TILE:            tern.repack %[[SLICE]] at %c0 {{.*}} : tensor<2x12x128xi8> -> tensor<1x48x256xi8>
func.func @rows(%w: tensor<4x12x128xi8>) -> tensor<2x48x256xi8> {
  %c0 = arith.constant 0 : index
  %0 = tern.repack %w at %c0 weight_type !rows layout <b8, rows, k:1:1, [n:4:16, n:16:1, k:4:1]>
      : tensor<4x12x128xi8> -> tensor<2x48x256xi8>
  return %0 : tensor<2x48x256xi8>
}

// TILE-LABEL:  func.func @columns(
// TILE-SAME:     %[[W:.*]]: tensor<64x2x64xi8>
// TILE:          scf.for %[[N:.*]] = %c0
// TILE-DAG:        %[[FROM:.*]] = affine.apply affine_map<(d0) -> (d0 floordiv 4)>(%[[N]])
// TILE-DAG:        %[[PART:.*]] = affine.apply affine_map<(d0) -> (d0 mod 4)>(%[[N]])
// TILE:            %[[SLICE:.*]] = tensor.extract_slice %[[W]][0, %[[FROM]], 0] [64, 1, 64]
// TILE:            tern.repack %[[SLICE]] at %[[PART]] {{.*}} : tensor<64x1x64xi8> -> tensor<1x16x256xi8>
func.func @columns(%w: tensor<64x2x64xi8>) -> tensor<8x16x256xi8> {
  %c0 = arith.constant 0 : index
  %0 = tern.repack %w at %c0 weight_type !columns layout <b8, rows, k:1:1, [n:4:16, n:16:1, k:4:1]>
      : tensor<64x2x64xi8> -> tensor<8x16x256xi8>
  return %0 : tensor<8x16x256xi8>
}

// Two tiles of 57 groups of five columns are 48 steps of three groups of four.
!groups = tensor<512x570x!tern.trit, #tern.layout<s5, columns, k:5:1, [k:57:5, n:2:64, n:64:1]>>

// TILE-LABEL:  func.func @groups(
// TILE-SAME:     %[[W:.*]]: tensor<2x4x7296xi8>
// TILE:          scf.for %[[N:.*]] = %c0
// TILE:            %[[FROM:.*]] = affine.apply affine_map<(d0) -> (d0 * 2)>(%[[N]])
// TILE:            %[[SLICE:.*]] = tensor.extract_slice %[[W]][0, %[[FROM]], 0] [2, 2, 7296]
// TILE:            tern.repack %[[SLICE]] at %c0 {{.*}} : tensor<2x2x7296xi8> -> tensor<1x48x768xi8>
func.func @groups(%w: tensor<2x4x7296xi8>) -> tensor<2x48x768xi8> {
  %c0 = arith.constant 0 : index
  %0 = tern.repack %w at %c0 weight_type !groups layout <t4, rows, k:4:1, [k:3:4, n:4:64, n:64:1]>
      : tensor<2x4x7296xi8> -> tensor<2x48x768xi8>
  return %0 : tensor<2x48x768xi8>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %all = transform.structured.match ops{["tern.repack"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_for %all tile_sizes [1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
