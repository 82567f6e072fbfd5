// RUN: tern-opt %s -tern-tile-products -cse -mlir-print-local-scope | FileCheck %s

// Codes are prepared once for all rows. As all columns are one tile, sums stay in registers:
// 64 steps of 8 columns are kept narrow at a time. Then the sum of the codes is taken off, of
// every other row.

!pairs = tensor<16x1024x!tern.trit, #tern.layout<p2, rows, [n:2:1, k:2:4, k:2:1, k:2:2], [n:4:2, b:4:1]>>
#kernel = #tern_arm.paired_rows<pairs = 4, tiles = 1, code_bits = 4, prepared = 128>

// CHECK-LABEL: func.func @product(
// CHECK-SAME:    %[[X:.*]]: tensor<1x1024xi8>, %[[W:.*]]: tensor<2x128x16xi8>
// CHECK:         %[[ODD:.*]] = arith.constant dense<[1, 0, 1, 0, 1, 0, 1, 0]> : vector<8xi32>
// CHECK:         %[[CODES:.*]] = tern.sum_codes(%[[X]])
// CHECK:         scf.forall
// CHECK:           %[[PREPARED:.*]] = scf.for {{.*}} to %c128 step %c1
// CHECK:             tern.micro_prepare
// CHECK:           %[[SUM:.*]] = vector.transfer_read %[[CODES]]
// CHECK:           %[[ALL:.*]] = vector.broadcast %[[SUM]]
// CHECK:           %[[ONES:.*]] = vector.broadcast %[[ODD]]
// CHECK:           %[[EXCESS:.*]] = arith.muli %[[ALL]], %[[ONES]]
// CHECK:           scf.for %[[ROWS:[a-z0-9]+]] =
// CHECK:             scf.for %{{.*}} = %c0 to %c128 step %c64 iter_args(%{{.*}} = %{{.*}}) -> (vector<1x8xi32>)
// CHECK:               scf.for %[[STEP:[a-z0-9]+]] = {{.*}} step %c1 iter_args(%{{.*}} = %{{.*}}) -> (vector<4xi32>)
// CHECK-DAG:             vector.transfer_read %[[W]][%[[ROWS]], %[[STEP]], %c0]
// CHECK-DAG:             vector.transfer_read %[[PREPARED]][%c0, %[[STEP]], %c0]
// CHECK:                 tern.micro "q_proj"
// CHECK:               tern.micro_widen
// CHECK:             %[[SUMS:.*]] = tern.micro_finish
// CHECK:             %[[RESULT:.*]] = arith.subi %[[SUMS]], %[[EXCESS]]
// CHECK:             vector.transfer_write %[[RESULT]]
func.func @product(%x: tensor<1x1024xi8>, %w: tensor<2x128x16xi8>, %init: tensor<1x16xi32>) -> tensor<1x16xi32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<1x1024xi8>, tensor<2x128x16xi8>)
      outs(%init : tensor<1x16xi32>) codes [-8, 7] weight_type !pairs
      strategy #tern.strategy<[#kernel], units = 1, prefetch = 0> -> tensor<1x16xi32>
  return %0 : tensor<1x16xi32>
}
