// RUN: tern-opt %s -tern-tile-products -cse -mlir-print-local-scope | FileCheck %s

// A worker repacks the rows of a panel, all columns, before its first token: one
// digit to a byte, in the order that all tokens then read them.

!rowsInLanes = tensor<128x256x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
!contiguousRows = tensor<128x512x!tern.trit, #tern.layout<b2, rows, k:4:64, [k:64:1]>>
!groupsInLanes = tensor<256x240x!tern.trit, #tern.layout<s5, columns, k:5:1, [k:24:5, n:2:64, n:64:1]>>
!groupsInRows = tensor<128x640x!tern.trit, #tern.layout<s5, rows, k:5:64, [k:64:1]>>
!groupsInColumns = tensor<640x64x!tern.trit, #tern.layout<s5, columns, n:5:64, [n:4:4, n:4:16, n:4:1]>>
!contiguousColumns = tensor<512x64x!tern.trit, #tern.layout<b2, columns, n:4:64, [n:4:4, n:4:16, n:4:1]>>

#dot = #tern_x86.dot<vpdpbusd_512>
#six = #tern.unpacked_rows<dot = #dot, vectors = 4, tokens = 6>
#one = #tern.unpacked_rows<dot = #dot, vectors = 4, tokens = 1>
#panel = #tern.layout<b8, rows, k:1:1, [n:4:16, n:16:1, k:4:1]>

// A panel is two tiles of the weight, repacked while the first tokens are multiplied by
// them; later ones read it. The bytes of an iteration are those in memory, read by
// two tokens at least.
// CHECK-LABEL: func.func @rows_in_lanes(
// CHECK-SAME:    %[[X:.*]]: tensor<?x256xi8>, %[[W:.*]]: tensor<4x16x128xi8>
// CHECK:         scf.forall (%[[UNIT:.*]]) in (2) shared_outs(
// CHECK:           tern.iteration "q_proj" bytes 8192
// CHECK-DAG:       %[[EMPTY:.*]] = tensor.empty() : tensor<1x64x256xi8>
// CHECK:           %[[SIX:.*]]:2 = scf.for %[[TOKEN:.*]] = %c0 to %{{.*}} step %c6 iter_args(%{{.*}}, %[[BEFORE:.*]] = %[[EMPTY]])
// CHECK:             %[[IS_FIRST:.*]] = arith.cmpi eq, %[[TOKEN]], %c0
// CHECK:             %[[SUMS:.*]]:2 = scf.if %[[IS_FIRST]]
// CHECK:               scf.for %[[TILE:.*]] = %c0 to %c16 step %c1 iter_args(%{{.*}} = %[[BEFORE]], %{{.*}})
// CHECK-COUNT-2:         vector.transfer_read %{{.*}} vector<128xi8>
// CHECK-COUNT-2:         vector.transfer_write
// CHECK:                 vector.transfer_read {{.*}} vector<6x4xi8>
// CHECK:                 tern.micro "q_proj" {{.*}}tokens = 6>
// CHECK-COUNT-3:         tern.micro "q_proj" {{.*}}tokens = 6>
// CHECK:               } else {
// CHECK:               scf.for %[[STEP:.*]] = %c0 to %c64 step %c1
// CHECK:                 vector.transfer_read {{.*}} vector<6x4xi8>
// CHECK:                 vector.transfer_read %[[BEFORE]][%c0, %[[STEP]], %c0]{{.*}} vector<256xi8>
// CHECK:                 tern.micro "q_proj" {{.*}}tokens = 6>
// CHECK:             tern.micro_finish {{.*}} %[[SUMS]]#1
// CHECK:           scf.for {{.*}} step %c1 iter_args(%{{.*}} = %[[SIX]]#0, %{{.*}} = %[[SIX]]#1)
// CHECK:             scf.if
// CHECK:         tern.count_read "q_proj" held %c8192 read %c8192
func.func @rows_in_lanes(%x: tensor<?x256xi8>, %w: tensor<4x16x128xi8>, %init: tensor<?x128xi32>) -> tensor<?x128xi32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<?x256xi8>, tensor<4x16x128xi8>)
      outs(%init : tensor<?x128xi32>) codes [-128, 127] weight_type !rowsInLanes
      strategy #tern.strategy<[#six, #one], units = 1, prefetch = 0, panel = #panel> -> tensor<?x128xi32>
  return %0 : tensor<?x128xi32>
}

// Sixteen rows of 64 bytes: words change places in 64 shuffles, for all tokens.
// CHECK-LABEL: func.func @contiguous_rows(
// CHECK-SAME:    %[[X:.*]]: tensor<?x512xi8>, %[[W:.*]]: tensor<128x2x64xi8>
// CHECK:         scf.forall (%[[UNIT:.*]]) in (2) shared_outs(
// CHECK:           %[[FIRST:.*]] = affine.apply affine_map<(d0) -> (d0 * 64)>(%[[UNIT]])
// CHECK:           %[[ROWS:.*]] = tensor.extract_slice %[[W]][%[[FIRST]], 0, 0] [64, 2, 64]
// CHECK:           scf.for %{{.*}} = %c0 to %c4 step %c1
// CHECK:             scf.for %{{.*}} = %c0 to %c2 step %c1
// CHECK:               vector.transfer_read %[[ROWS]]{{.*}} vector<16x64xi8>
// CHECK-COUNT-16:      tern.prefetch %[[ROWS]]
// CHECK-COUNT-64:      vector.shuffle
// CHECK-COUNT-4:       vector.transfer_write {{.*}} : vector<16x64xi8>, tensor<1x128x256xi8>
// CHECK-NOT:         vector.transfer_write
// CHECK:           scf.for {{.*}} step %c6
// CHECK-NOT:         scf.if
// CHECK:         return
func.func @contiguous_rows(%x: tensor<?x512xi8>, %w: tensor<128x2x64xi8>, %init: tensor<?x128xi32>) -> tensor<?x128xi32> {
  %0 = tern.matmul "up_proj" ins(%x, %w : tensor<?x512xi8>, tensor<128x2x64xi8>)
      outs(%init : tensor<?x128xi32>) codes [-128, 127] weight_type !contiguousRows
      strategy #tern.strategy<[#six, #one], units = 1, prefetch = 0, panel = #panel> -> tensor<?x128xi32>
  return %0 : tensor<?x128xi32>
}

// A tile of 256 rows is four panels, one for each field of a byte.
// CHECK-LABEL: func.func @contiguous_columns(
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xi8>, %[[W:.*]]: tensor<64x2x64xi8>
// CHECK:         scf.forall (%[[UNIT:.*]]) in (8) shared_outs(
// CHECK-DAG:       %[[CHUNK:.*]] = affine.apply affine_map<(d0) -> (d0 floordiv 4)>(%[[UNIT]])
// CHECK-DAG:       %[[FIELD:.*]] = affine.apply affine_map<(d0) -> (d0 mod 4)>(%[[UNIT]])
// CHECK-DAG:       %[[COLUMNS:.*]] = tensor.extract_slice %[[W]][0, %[[CHUNK]], 0] [64, 1, 64]
// CHECK:           scf.if
// CHECK:             arith.muli %[[FIELD]], %c2
// CHECK-COUNT-4:     vector.transfer_read %[[COLUMNS]]
// CHECK-COUNT-4:     arith.shrui {{.*}} : vector<32xi16>
// CHECK-COUNT-4:     vector.transfer_write
// CHECK:           } else {
func.func @contiguous_columns(%x: tensor<?x64xi8>, %w: tensor<64x2x64xi8>, %init: tensor<?x512xi32>) -> tensor<?x512xi32> {
  %0 = tern.matmul "down_proj" ins(%x, %w : tensor<?x64xi8>, tensor<64x2x64xi8>)
      outs(%init : tensor<?x512xi32>) codes [-128, 127] weight_type !contiguousColumns
      strategy #tern.strategy<[#six, #one], units = 1, prefetch = 0, panel = #panel> -> tensor<?x512xi32>
  return %0 : tensor<?x512xi32>
}

// A vector of a tile of groups is the rows of a panel. Four groups, twenty columns,
// are five steps.
// CHECK-LABEL: func.func @groups_in_lanes(
// CHECK-SAME:    %[[X:.*]]: tensor<?x240xi8>, %[[W:.*]]: tensor<2x2x3072xi8>
// CHECK:         scf.forall (%[[UNIT:.*]]) in (4) shared_outs(
// CHECK-DAG:       %[[ROWS:.*]] = affine.apply affine_map<(d0) -> (d0 floordiv 2)>(%[[UNIT]])
// CHECK-DAG:       %[[VECTOR:.*]] = affine.apply affine_map<(d0) -> (d0 mod 2)>(%[[UNIT]])
// CHECK-DAG:       %[[TILES:.*]] = tensor.extract_slice %[[W]][0, %[[ROWS]], 0] [2, 1, 3072]
// CHECK:           scf.for %[[FOUR:.*]] = %c0 to %c12 step %c1
// CHECK:             %[[GROUP:.*]] = arith.muli %[[FOUR]], %c4
// CHECK:             %[[PLACE:.*]] = arith.remui %[[GROUP]], %c24
// CHECK:             %[[VECTORS:.*]] = arith.muli %[[PLACE]], %c2
// CHECK:             %[[AT:.*]] = arith.addi %[[VECTORS]], %[[VECTOR]]
// CHECK:             %[[BYTE:.*]] = arith.muli %[[AT]], %c64
// CHECK:             %[[TILE:.*]] = arith.divui %[[GROUP]], %c24
// CHECK:             vector.transfer_read %[[TILES]][%[[TILE]], %c0, %[[BYTE]]]
// CHECK:             vector.shuffle {{.*}} [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15]
// CHECK-COUNT-8:     tern.lookup_add
// CHECK-COUNT-20:    vector.transfer_write
// CHECK-NOT:       vector.transfer_write
// CHECK:           scf.for {{.*}} step %c6
// CHECK-NOT:         scf.if
// CHECK:         return
func.func @groups_in_lanes(%x: tensor<?x240xi8>, %w: tensor<2x2x3072xi8>, %init: tensor<?x256xi32>) -> tensor<?x256xi32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<?x240xi8>, tensor<2x2x3072xi8>)
      outs(%init : tensor<?x256xi32>) codes [-128, 127] weight_type !groupsInLanes
      strategy #tern.strategy<[#six, #one], units = 1, prefetch = 0, panel = #panel> -> tensor<?x256xi32>
  return %0 : tensor<?x256xi32>
}

// As rows of fields, a vector of words at a time, which has five digits a byte.
// CHECK-LABEL: func.func @groups_in_rows(
// CHECK:         scf.forall (%{{.*}}) in (2) shared_outs(
// CHECK:             scf.for %{{.*}} = %c0 to %c2 step %c1
// CHECK:               vector.transfer_read {{.*}} vector<16x64xi8>
// CHECK-COUNT-32:      tern.lookup_add
// CHECK-NOT:           tern.lookup_add
// CHECK:           scf.for {{.*}} step %c6
func.func @groups_in_rows(%x: tensor<?x640xi8>, %w: tensor<128x2x64xi8>, %init: tensor<?x128xi32>) -> tensor<?x128xi32> {
  %0 = tern.matmul "up_proj" ins(%x, %w : tensor<?x640xi8>, tensor<128x2x64xi8>)
      outs(%init : tensor<?x128xi32>) codes [-128, 127] weight_type !groupsInRows
      strategy #tern.strategy<[#six, #one], units = 1, prefetch = 0, panel = #panel> -> tensor<?x128xi32>
  return %0 : tensor<?x128xi32>
}

// A tile of 320 rows is five panels, one for each digit of a byte.
// CHECK-LABEL: func.func @groups_in_columns(
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xi8>, %[[W:.*]]: tensor<64x2x64xi8>
// CHECK:         scf.forall (%[[UNIT:.*]]) in (10) shared_outs(
// CHECK-DAG:       %[[CHUNK:.*]] = affine.apply affine_map<(d0) -> (d0 floordiv 5)>(%[[UNIT]])
// CHECK-DAG:       %[[DIGIT:.*]] = affine.apply affine_map<(d0) -> (d0 mod 5)>(%[[UNIT]])
// CHECK-DAG:       %[[COLUMNS:.*]] = tensor.extract_slice %[[W]][0, %[[CHUNK]], 0] [64, 1, 64]
// CHECK:           scf.if
// CHECK-COUNT-4:     vector.transfer_read %[[COLUMNS]]
// CHECK-COUNT-2:     tern.lookup_add
// CHECK:             arith.cmpi eq, %[[DIGIT]], %c4
// CHECK:             arith.select
func.func @groups_in_columns(%x: tensor<?x64xi8>, %w: tensor<64x2x64xi8>, %init: tensor<?x640xi32>) -> tensor<?x640xi32> {
  %0 = tern.matmul "down_proj" ins(%x, %w : tensor<?x64xi8>, tensor<64x2x64xi8>)
      outs(%init : tensor<?x640xi32>) codes [-128, 127] weight_type !groupsInColumns
      strategy #tern.strategy<[#six, #one], units = 1, prefetch = 0, panel = #panel> -> tensor<?x640xi32>
  return %0 : tensor<?x640xi32>
}

// Sums of 16 bits for 64 steps at a time.
// CHECK-LABEL: func.func @narrow(
// CHECK:         scf.forall
// CHECK:           } else {
// CHECK:             scf.for %[[FROM:.*]] = %c0 to %c80 step %c64 iter_args(%[[WIDE:.*]] =
// CHECK:               %[[TO:.*]] = arith.minui
// CHECK:               %[[NARROW:.*]] = scf.for {{.*}} = %[[FROM]] to %[[TO]] step %c1 {{.*}}vector<1x4x16xi16>
// CHECK:                 tern.micro {{.*}} vector<1x4x16xi16>
// CHECK:               tern.micro_widen {{.*}} %[[NARROW]] into %[[WIDE]]
func.func @narrow(%x: tensor<?x320xi8>, %w: tensor<4x20x64xi8>, %init: tensor<?x64xi32>) -> tensor<?x64xi32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<?x320xi8>, tensor<4x20x64xi8>)
      outs(%init : tensor<?x64xi32>) codes [-128, 127]
      weight_type tensor<64x320x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:8, n:8:1, k:4:1]>>
      strategy #tern.strategy<[#tern.unpacked_rows<dot = #tern_x86.dot<vpmaddubsw_256>, vectors = 4, tokens = 1>],
          units = 1, prefetch = 0, panel = <b8, rows, k:1:1, [n:4:8, n:8:1, k:4:1]>> -> tensor<?x64xi32>
  return %0 : tensor<?x64xi32>
}
