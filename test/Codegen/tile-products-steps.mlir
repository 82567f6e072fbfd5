// RUN: tern-opt %s -tern-tile-products -cse -mlir-print-local-scope | FileCheck %s

// A kernel whose step takes many of the panel's: the panel is whole before the first
// tokens, and the last columns, fewer than a step, are taken with those before them,
// whose codes count as zeros.

#tiles = #tern_x86.tiles<panel = 4, first = 0, vectors = 2, tokens = 32>
#one = #tern.unpacked_rows<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 4, tokens = 1>

// CHECK-LABEL: func.func @part_of_a_step(
// CHECK-SAME:    %[[X:.*]]: tensor<?x144xi8>
// CHECK:         %[[PANEL:.*]] = scf.for {{.*}} -> (tensor<1x36x256xi8>)
// CHECK:         %[[DIGITS:.*]] = vector.transfer_read %[[PANEL]][%c0, %[[FIRST:.*]], %c0]{{.*}} vector<16x256xi8>
// CHECK:         scf.for %{{.*}} = %c0 to %{{.*}} step %c32
// CHECK-NOT:       scf.if
// CHECK:           %[[CODES:.*]] = tensor.extract_slice %[[X]]
// CHECK:           %[[SUMS:.*]] = scf.for %[[STEP:.*]] = %c0 to %c2 step %c1
// CHECK:             %[[COLUMN:.*]] = arith.muli %[[STEP]], %c64
// CHECK:             vector.transfer_read %[[CODES]][%c0, %[[COLUMN]]]{{.*}} vector<32x64xi8>
// CHECK:             %[[AT:.*]] = arith.divui %[[COLUMN]], %c4
// CHECK:             vector.transfer_read %[[PANEL]][%c0, %[[AT]], %c0]{{.*}} vector<16x256xi8>
// CHECK:             tern.micro "q_proj" #tern_x86.tiles<panel = 4, first = 0
// CHECK:           %[[LAST:.*]] = vector.transfer_read %[[CODES]][%c0, %c128]{{.*}} vector<32x16xi8>
// CHECK:           %[[PADDED:.*]] = vector.insert_strided_slice %[[LAST]], %{{.*}} {offsets = [0, 48], strides = [1, 1]}
// CHECK:           tern.micro "q_proj" {{.*}} %[[PADDED]], %[[DIGITS]] into %[[SUMS]]
// CHECK:           tern.micro "q_proj" #tern_x86.tiles<panel = 4, first = 2
// CHECK:         scf.for %{{.*}} step %c1
// CHECK:           tern.micro "q_proj" #tern.unpacked_rows
func.func @part_of_a_step(%x: tensor<?x144xi8>, %w: tensor<4x9x128xi8>, %init: tensor<?x128xi32>) -> tensor<?x128xi32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<?x144xi8>, tensor<4x9x128xi8>)
      outs(%init : tensor<?x128xi32>) codes [-128, 127]
      weight_type tensor<128x144x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
      strategy #tern.strategy<[#tiles, #one], units = 1, prefetch = 0, panel = <b8, rows, k:1:1, [n:4:16, n:16:1, k:4:1]>> -> tensor<?x128xi32>
  return %0 : tensor<?x128xi32>
}

// Five columns a byte: four groups are five steps, the last three four. Columns end
// within a step of the panel, so the last codes lie before its end.
// CHECK-LABEL: func.func @groups(
// CHECK-SAME:    %[[X:.*]]: tensor<?x75xi8>, %[[W:.*]]: tensor<5x1x384xi8>
// CHECK:         scf.forall (%[[UNIT:.*]]) in (2)
// CHECK:           %[[HALF:.*]] = affine.apply affine_map<(d0) -> (d0 mod 2)>(%[[UNIT]])
// CHECK:           scf.for %{{.*}} = %c0 to %c3 step %c1 iter_args({{.*}}) -> (tensor<1x19x256xi8>)
// CHECK-COUNT-8:     tern.lookup_add
// CHECK-COUNT-20:    vector.transfer_write {{.*}} vector<64xi8>
// CHECK-NOT:         vector.transfer_write
// CHECK:             scf.yield
// CHECK-COUNT-6:   tern.lookup_add
// CHECK-NOT:       tern.lookup_add
// CHECK-COUNT-16:  vector.transfer_write {{.*}} vector<64xi8>
// CHECK-NOT:       vector.transfer_write
// CHECK:           scf.for %{{.*}} step %c32
// CHECK:             vector.transfer_read {{.*}}[%c0, %c0]{{.*}} vector<32x64xi8>
// CHECK:             vector.transfer_read {{.*}}[%c0, %c64]{{.*}} vector<32x11xi8>
// CHECK:             vector.insert_strided_slice {{.*}} {offsets = [0, 52]
func.func @groups(%x: tensor<?x75xi8>, %w: tensor<5x1x384xi8>, %init: tensor<?x128xi32>) -> tensor<?x128xi32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<?x75xi8>, tensor<5x1x384xi8>)
      outs(%init : tensor<?x128xi32>) codes [-128, 127]
      weight_type tensor<128x70x!tern.trit, #tern.layout<s5, columns, k:5:1, [k:3:5, n:2:64, n:64:1]>>
      strategy #tern.strategy<[#tiles, #one], units = 1, prefetch = 0, panel = <b8, rows, k:1:1, [n:4:16, n:16:1, k:4:1]>> -> tensor<?x128xi32>
  return %0 : tensor<?x128xi32>
}
