// RUN: tern-opt %s -tern-tile-products -cse -mlir-print-local-scope | FileCheck %s

// Integers within a group, floats between groups: of each group the terms of 32
// rows are added to one of 32 accumulators in memory, which R32 adds up. Scales are
// transposed once for all tokens, sums of codes are by groups.

// CHECK-LABEL: func.func @scales(
// CHECK-SAME:    %[[X:.*]]: tensor<?x256xi8>, %{{.*}}: tensor<2x16x128xi8>, %[[S:.*]]: tensor<64x4xf32>
// CHECK:         %[[CODES:.*]] = tern.sum_codes(%[[X]]) : (tensor<?x256xi8>) -> tensor<?x4xi32>
// CHECK:         scf.forall
// CHECK:           %[[ROWS:.*]] = tensor.extract_slice %[[S]]{{.*}} [32, 4]
// CHECK:           %[[BY_GROUP:.*]] = linalg.transpose ins(%[[ROWS]]
// CHECK:           scf.for
// CHECK:             scf.for %[[GROUP:.*]] = %c0 to %c4 step %c1
// CHECK:               %[[FROM:.*]] = arith.muli %[[GROUP]], %c4
// CHECK:               %[[TO:.*]] = arith.addi %[[FROM]], %c4
// CHECK:               scf.for {{.*}} = %[[FROM]] to %[[TO]] step %c1
// CHECK:                 tern.micro "q_proj"
// CHECK:               %[[SUMS:.*]] = tern.micro_finish
// CHECK:               vector.transfer_read %{{.*}}[%c0, %[[GROUP]]], {{.*}} vector<1x1xi32>
// CHECK:               arith.subi %[[SUMS]],
// CHECK:               %[[SCALE:.*]] = vector.transfer_read %[[BY_GROUP]][%[[GROUP]], %c0]
// CHECK:               %[[SUM:.*]] = arith.sitofp
// CHECK:               %[[TERM:.*]] = arith.mulf %[[SUM]], %[[SCALE]] : vector<32xf32>
// CHECK:               %[[LANE:.*]] = arith.remui %[[GROUP]], %c32
// CHECK:               %[[OLD:.*]] = vector.transfer_read %{{.*}}[%[[LANE]], %c0]
// CHECK:               arith.addf %[[OLD]], %[[TERM]]
// CHECK-COUNT-31:    arith.addf
// CHECK-NOT:         arith.addf
func.func @scales(%x: tensor<?x256xi8>, %w: tensor<2x16x128xi8>, %s: tensor<64x4xf32>, %init: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<?x256xi8>, tensor<2x16x128xi8>) scales(%s : tensor<64x4xf32>)
      outs(%init : tensor<?x64xf32>) codes [-128, 127]
      weight_type tensor<64x256x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
      strategy #tern.strategy<[#tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 1>], units = 1, prefetch = 0>
      -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}
