// RUN: tern-opt %s -tern-tile-products -cse -mlir-print-local-scope | FileCheck %s

// Integers within a group, floats between groups, which are added one after the
// other to a sum in registers. Scales are transposed once for all tokens, sums of
// codes are by groups.

// CHECK-LABEL: func.func @scales(
// CHECK-SAME:    %[[X:.*]]: tensor<?x256xi8>, %{{.*}}: tensor<2x16x128xi8>, %[[S:.*]]: tensor<64x4xf32>
// CHECK:         %[[CODES:.*]] = tern.sum_codes(%[[X]]) : (tensor<?x256xi8>) -> tensor<?x4xi32>
// CHECK:         scf.forall
// CHECK:           %[[ROWS:.*]] = tensor.extract_slice %[[S]]{{.*}} [32, 4]
// CHECK:           %[[BY_GROUP:.*]] = linalg.transpose ins(%[[ROWS]]
// CHECK:           scf.for
// CHECK:             %[[RESULT:.*]] = scf.for %[[GROUP:.*]] = %c0 to %c4 step %c1 iter_args(%[[OLD:.*]] = %{{.*}}) -> (vector<32xf32>)
// CHECK:               %[[FROM:.*]] = arith.muli %[[GROUP]], %c4
// CHECK:               scf.for %[[STEP:.*]] = %c0 to %c4 step %c1
// CHECK:                 %[[AT:.*]] = arith.addi %[[FROM]], %[[STEP]]
// CHECK:                 vector.transfer_read %{{.*}}[%c0, %[[AT]], %c0]
// CHECK:                 tern.micro "q_proj"
// CHECK:               %[[SUMS:.*]] = tern.micro_finish
// CHECK:               vector.transfer_read %{{.*}}[%c0, %[[GROUP]]], {{.*}} vector<1x1xi32>
// CHECK:               arith.subi %[[SUMS]],
// CHECK:               %[[SCALE:.*]] = vector.transfer_read %[[BY_GROUP]][%[[GROUP]], %c0]
// CHECK:               %[[SUM:.*]] = arith.sitofp
// CHECK:               %[[TERM:.*]] = arith.mulf %[[SUM]], %[[SCALE]] : vector<32xf32>
// CHECK:               %[[NEW:.*]] = arith.addf %[[OLD]], %[[TERM]]
// CHECK:               scf.yield %[[NEW]]
// CHECK:             %[[ROW:.*]] = vector.shape_cast %[[RESULT]] : vector<32xf32> to vector<1x32xf32>
// CHECK:             vector.transfer_write %[[ROW]],
func.func @scales(%x: tensor<?x256xi8>, %w: tensor<2x16x128xi8>, %s: tensor<64x4xf32>, %init: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<?x256xi8>, tensor<2x16x128xi8>) scales(%s : tensor<64x4xf32>)
      outs(%init : tensor<?x64xf32>) codes [-128, 127]
      weight_type tensor<64x256x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
      strategy #tern.strategy<[#tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 1>], units = 1, prefetch = 0>
      -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// Factors of two groups each, of one token. They are cut as tokens are.
// CHECK-LABEL: func.func @factors(
// CHECK-SAME:    %[[F:[a-z0-9]+]]: tensor<?x2xf32>
// CHECK:         scf.forall
// CHECK:           scf.for %[[TOKEN:[a-z0-9]+]] =
// CHECK:             %[[MINE:.*]] = tensor.extract_slice %[[F]][%[[TOKEN]], 0] [1, 2] [1, 1]
// CHECK:             scf.for %[[GROUP:.*]] = %c0 to %c4 step %c1 iter_args(%[[OLD:.*]] = %{{.*}}) -> (vector<32xf32>)
// CHECK:               %[[SCALED:.*]] = arith.mulf
// CHECK:               %[[BLOCK:.*]] = arith.divui %[[GROUP]], %c2
// CHECK:               %[[FACTOR:.*]] = tensor.extract %[[MINE]][%c0, %[[BLOCK]]]
// CHECK:               %[[ALL:.*]] = vector.broadcast %[[FACTOR]] : f32 to vector<32xf32>
// CHECK:               %[[TERM:.*]] = arith.mulf %[[SCALED]], %[[ALL]]
// CHECK:               arith.addf %[[OLD]], %[[TERM]]
func.func @factors(%x: tensor<?x256xi8>, %w: tensor<2x16x128xi8>, %s: tensor<64x4xf32>, %f: tensor<?x2xf32>, %init: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<?x256xi8>, tensor<2x16x128xi8>) scales(%s : tensor<64x4xf32>)
      factors(%f : tensor<?x2xf32>) outs(%init : tensor<?x64xf32>) codes [-128, 127]
      weight_type tensor<64x256x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
      strategy #tern.strategy<[#tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 1>], units = 1, prefetch = 0>
      -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// Several tokens share a group's scales, all rows a token's factor.
// CHECK-LABEL: func.func @tokens(
// CHECK-SAME:    %[[F:[a-z0-9]+]]: tensor<?x4xf32>
// CHECK:           scf.for %[[TOKEN:[a-z0-9]+]] = {{.*}} step %c4
// CHECK:             %[[MINE:.*]] = tensor.extract_slice %[[F]][%[[TOKEN]], 0] [4, 4] [1, 1]
// CHECK:             scf.for %[[GROUP:.*]] = %c0 to %c4 step %c1 iter_args(%[[OLD:.*]] = %{{.*}}) -> (vector<4x32xf32>)
// CHECK:               %[[SCALE:.*]] = vector.transfer_read %{{.*}}[%[[GROUP]], %c0], {{.*}} vector<32xf32>
// CHECK:               %[[OF_ALL:.*]] = vector.broadcast %[[SCALE]] : vector<32xf32> to vector<4x32xf32>
// CHECK:               arith.mulf %{{.*}}, %[[OF_ALL]]
// CHECK:               %[[FACTOR:.*]] = vector.transfer_read %[[MINE]][%c0, %[[GROUP]]], {{.*}} vector<4x1xf32>
// CHECK:               %[[OF_ROWS:.*]] = vector.broadcast %[[FACTOR]] : vector<4x1xf32> to vector<4x32xf32>
// CHECK:               %[[TERM:.*]] = arith.mulf %{{.*}}, %[[OF_ROWS]]
// CHECK:               arith.addf %[[OLD]], %[[TERM]]
func.func @tokens(%x: tensor<?x256xi8>, %w: tensor<2x16x128xi8>, %s: tensor<64x4xf32>, %f: tensor<?x4xf32>, %init: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<?x256xi8>, tensor<2x16x128xi8>) scales(%s : tensor<64x4xf32>)
      factors(%f : tensor<?x4xf32>) outs(%init : tensor<?x64xf32>) codes [-128, 127]
      weight_type tensor<64x256x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
      strategy #tern.strategy<[#tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 4>, #tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 1>], units = 1, prefetch = 0>
      -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}
