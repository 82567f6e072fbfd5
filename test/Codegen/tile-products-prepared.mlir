// RUN: tern-opt %s -tern-tile-products -cse -mlir-print-local-scope | FileCheck %s

// Codes that a kernel wants prepared: loops over workers, tiles of columns, rows.

!groups = tensor<512x90x!tern.trit, #tern.layout<s5, columns, k:5:1, [k:6:5, n:2:64, n:64:1]>>
!wide = tensor<128x4200x!tern.trit, #tern.layout<s5, columns, k:5:1, [k:60:5, n:2:64, n:64:1]>>

#two = #tern.lookup_groups<lanes = 64, vectors = 2, groups = 6, planes = 2, tokens = 16>
#one = #tern.lookup_groups<lanes = 64, vectors = 2, groups = 60, planes = 1, tokens = 16>

// A worker takes tiles of 128 rows from worker * 4 / workers on. For each of three
// tiles of 30 columns it prepares two steps of 15, then reads its rows.
// CHECK-LABEL: func.func @decode(
// CHECK-SAME:    %[[X:.*]]: tensor<1x90xi8>, %[[W:.*]]: tensor<3x4x768xi8>, %[[INIT:.*]]: tensor<1x512xi32>
// CHECK:         %[[MANY:.*]] = tern.worker_count bytes 9216
// CHECK:         %[[N:.*]] = arith.minui %[[MANY]], %c4
// CHECK:         scf.forall (%[[WORKER:.*]]) in (%[[N]]) shared_outs(%[[OUT:.*]] = %[[INIT]])
// CHECK:           tern.iteration "q_proj" bytes 9216
// CHECK:           arith.muli %[[WORKER]], %c4
// CHECK:           %[[FIRST:.*]] = arith.divui
// CHECK:           %[[END:.*]] = arith.divui
// CHECK:           %[[PART:.*]] = tensor.extract_slice %[[OUT]]
// CHECK:           tensor.empty() : tensor<4x1x2x2x2x32xi16>
// CHECK:           %[[ZERO:.*]] = tern.micro_begin #tern.lookup_groups<{{.*}}> steps 6 -> vector<2x2x2x32xi16>
// CHECK:           scf.for {{.*}} = %[[FIRST]] to %[[END]]
// CHECK:             vector.transfer_write %[[ZERO]],
// Weights are read a step ahead.
// CHECK:           scf.for %[[COLUMNS:.*]] = %c0 to %c3
// CHECK:             scf.for %[[STEP:.*]] = %c0 to %c2
// CHECK:               %[[CODES:.*]] = vector.transfer_read %[[X]]{{.*}} vector<1x15xi8>
// CHECK:               %[[MADE:.*]] = tern.micro_prepare #tern.lookup_groups<{{.*}}> %[[CODES]]
// CHECK:               vector.transfer_write %[[MADE]], {{.*}} vector<3x2x128xi8>, tensor<1x2x3x2x128xi8>
// CHECK:             scf.for %[[ROWS:.*]] = %[[FIRST]] to %[[END]]
// CHECK:               %[[OLD:.*]] = vector.transfer_read {{.*}} tensor<4x1x2x2x2x32xi16>, vector<2x2x2x32xi16>
// CHECK:               %[[BYTES:.*]] = vector.transfer_read %[[W]][%[[COLUMNS]], %[[ROWS]], %c0]{{.*}} vector<384xi8>
// CHECK:               %[[NEW:.*]]:2 = scf.for %[[AT:.*]] = %c0 to %c2 {{.*}} iter_args({{.*}} = %[[OLD]], %[[NOW:.*]] = %[[BYTES]])
// CHECK:                 %[[NEXT:.*]] = arith.addi %[[AT]], %c1
// CHECK:                 arith.minui %[[NEXT]], %c1
// CHECK:                 %[[LATER:.*]] = vector.transfer_read %[[W]][%[[COLUMNS]], %[[ROWS]], {{.*}} vector<384xi8>
// CHECK:                 tern.micro "q_proj" {{.*}}, %[[NOW]] into
// CHECK:                 scf.yield %{{.*}}, %[[LATER]]
// CHECK:               vector.transfer_write %[[NEW]]#0
// CHECK:           scf.for {{.*}} = %[[FIRST]] to %[[END]]
// CHECK:             %[[SUMS:.*]] = tern.micro_finish
// CHECK:             vector.transfer_write %[[SUMS]]
// CHECK:           tensor.parallel_insert_slice
// CHECK:         tern.count_read "q_proj" held
func.func @decode(%x: tensor<1x90xi8>, %w: tensor<3x4x768xi8>, %init: tensor<1x512xi32>) -> tensor<1x512xi32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<1x90xi8>, tensor<3x4x768xi8>)
      outs(%init : tensor<1x512xi32>) codes [-128, 127] weight_type !groups
      strategy #tern.strategy<[#two], units = 1, prefetch = 0> -> tensor<1x512xi32>
  return %0 : tensor<1x512xi32>
}

// All columns are one tile, so a fragment goes from its first step to its results.
// CHECK-LABEL: func.func @one_tile(
// CHECK-NOT:     xi16>
// CHECK:         %[[ZERO:.*]] = tern.micro_begin #tern.lookup_groups<{{.*}}> steps 2 -> vector<2x2x2x32xi16>
// CHECK:         scf.for %[[ROWS:.*]] =
// CHECK:           %[[SUMS:.*]]:2 = scf.for {{.*}} = %c0 to %c2 {{.*}} iter_args({{.*}} = %[[ZERO]],
// CHECK:           tern.micro_finish #tern.lookup_groups<{{.*}}> %[[SUMS]]#0
!narrow = tensor<512x30x!tern.trit, #tern.layout<s5, columns, k:5:1, [k:6:5, n:2:64, n:64:1]>>
func.func @one_tile(%x: tensor<1x30xi8>, %w: tensor<1x4x768xi8>, %init: tensor<1x512xi32>) -> tensor<1x512xi32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<1x30xi8>, tensor<1x4x768xi8>)
      outs(%init : tensor<1x512xi32>) codes [-128, 127] weight_type !narrow
      strategy #tern.strategy<[#two], units = 1, prefetch = 0> -> tensor<1x512xi32>
  return %0 : tensor<1x512xi32>
}

// Sixteen tokens at a time; 13 tiles of 60 groups are as many as 16 bits hold, so
// the sums of the last one are added to theirs.
// CHECK-LABEL: func.func @segments(
// CHECK-SAME:    %[[X:.*]]: tensor<?x4200xi8>
// CHECK-DAG:       %[[KEPT:.*]] = tensor.empty() : tensor<1x16x1x128xi32>
// CHECK-DAG:       %[[ZERO:.*]] = tern.micro_begin {{.*}} steps 260
// CHECK-DAG:       %[[ZERO2:.*]] = tern.micro_begin {{.*}} steps 20
// CHECK:           scf.for {{.*}} to %{{.*}} step %c16
// CHECK:             %[[LEFT:.*]] = arith.subi
// CHECK:             %[[COUNT:.*]] = arith.minui %[[LEFT]], %c16
// CHECK:             vector.transfer_write %[[ZERO]],
// CHECK:             scf.for {{.*}} = %c0 to %c13
// CHECK:               tern.micro_prepare
// CHECK:               scf.for
// CHECK:                 scf.for {{.*}} to %[[COUNT]]
// CHECK:                   tern.micro "down_proj"
// CHECK:             %[[MOST:.*]] = scf.for {{.*}} iter_args({{.*}} = %[[KEPT]])
// CHECK:               tern.micro_finish
// CHECK:             vector.transfer_write %[[ZERO2]],
// CHECK:             tern.micro_prepare
// CHECK:             %[[REST:.*]] = tern.micro_finish
// CHECK:             vector.transfer_read %[[MOST]]
// CHECK:             arith.addi %[[REST]],
func.func @segments(%x: tensor<?x4200xi8>, %w: tensor<14x1x7680xi8>, %init: tensor<?x128xi32>) -> tensor<?x128xi32> {
  %0 = tern.matmul "down_proj" ins(%x, %w : tensor<?x4200xi8>, tensor<14x1x7680xi8>)
      outs(%init : tensor<?x128xi32>) codes [-8, 7] weight_type !wide
      strategy #tern.strategy<[#one], units = 1, prefetch = 0> -> tensor<?x128xi32>
  return %0 : tensor<?x128xi32>
}

// An elementwise consumer takes each tile where it is finished.
// CHECK-LABEL: func.func @consumer(
// CHECK:         scf.forall {{.*}} shared_outs({{.*}} -> (tensor<1x512xf32>)
// CHECK:           %[[SUMS:.*]] = tern.micro_finish
// CHECK:           arith.sitofp {{.*}} : vector<1x128xi32> to vector<1x128xf32>
// CHECK:           tensor.parallel_insert_slice
// CHECK-NOT:     linalg.generic
#map = affine_map<(t, n) -> (t, n)>
func.func @consumer(%x: tensor<1x90xi8>, %w: tensor<3x4x768xi8>, %init: tensor<1x512xi32>, %out: tensor<1x512xf32>) -> tensor<1x512xf32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<1x90xi8>, tensor<3x4x768xi8>)
      outs(%init : tensor<1x512xi32>) codes [-128, 127] weight_type !groups
      strategy #tern.strategy<[#two], units = 1, prefetch = 0> -> tensor<1x512xi32>
  %1 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]}
      ins(%0 : tensor<1x512xi32>) outs(%out : tensor<1x512xf32>) {
  ^bb0(%i: i32, %o: f32):
    %f = arith.sitofp %i : i32 to f32
    linalg.yield %f : f32
  } -> tensor<1x512xf32>
  return %1 : tensor<1x512xf32>
}

// A weight is repacked to a panel of its own before the product: bytes of five digits
// to bytes of four, for all tokens. Steps are tiles of it, 13 of them for 150 columns,
// six at a time, so the last time one; the codes of the last step are six. Two vectors of rows
// follow each other in the bytes; two bytes are left over, then a group of zeros.
!five = tensor<512x150x!tern.trit, #tern.layout<s5, columns, k:5:1, [k:30:5, n:2:64, n:64:1]>>
#four = #tern.lookup_groups<lanes = 64, vectors = 4, groups = 18, planes = 1, tokens = 32, codec = "t4">

// CHECK-LABEL: func.func @panel(
// CHECK-SAME:    %[[X:.*]]: tensor<?x150xi8>,
// CHECK:         %[[ZEROS:.*]] = arith.constant dense<40> : vector<64xi8>
// CHECK:         %[[PANEL:.*]] = scf.forall ({{.*}}) in (2) shared_outs(%{{.*}} = %{{.*}}) -> (tensor<2x13x768xi8>)
// CHECK:           tern.iteration "q_proj" bytes 7680
// CHECK:           scf.for %{{.*}} = %c0 to %c2 step %c1
// CHECK:             scf.for %{{.*}} = %c0 to %c7 step %c1
// CHECK-COUNT-8:       tern.lookup_add
// CHECK-COUNT-5:       vector.transfer_write
// CHECK-COUNT-8:       tern.lookup_add
// CHECK-COUNT-5:       vector.transfer_write
// CHECK:               scf.yield
// CHECK-COUNT-4:     tern.lookup_add
// CHECK-COUNT-3:     vector.transfer_write
// CHECK:             vector.transfer_write %[[ZEROS]],
// CHECK:           tensor.parallel_insert_slice
// CHECK:         scf.forall
// CHECK:           tern.micro_begin {{.*}} steps 13
// CHECK:           scf.for %[[COLUMNS:.*]] = %c0 to %c3
// CHECK:             %[[LEFT:.*]] = arith.subi %c12,
// CHECK:             %[[WHOLE:.*]] = arith.minui %[[LEFT]], %c6
// CHECK:             %[[LEFT2:.*]] = arith.subi %c13,
// CHECK:             %[[END:.*]] = arith.minui %[[LEFT2]], %c6
// CHECK:             scf.for {{.*}} = %c0 to %[[WHOLE]]
// CHECK:               vector.transfer_read %[[X]]{{.*}} vector<1x12xi8>
// CHECK:             scf.for {{.*}} = %[[WHOLE]] to %[[END]]
// CHECK:               vector.transfer_read %[[X]]{{.*}} vector<1x6xi8>
// CHECK:               scf.for %[[STEP:.*]] = %c0 to %[[END]] step %c1 iter_args(%{{.*}} = %{{.*}}) -> (vector<1x4x2x32xi16>) {
// CHECK:                 vector.transfer_read %[[PANEL]]{{.*}} vector<768xi8>
// CHECK:                 tern.micro "q_proj"
func.func @panel(%x: tensor<?x150xi8>, %w: tensor<1x4x3840xi8>, %init: tensor<?x512xi32>) -> tensor<?x512xi32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<?x150xi8>, tensor<1x4x3840xi8>)
      outs(%init : tensor<?x512xi32>) codes [-8, 7] weight_type !five
      strategy #tern.strategy<[#four], units = 1, prefetch = 0,
          panel = <t4, rows, k:4:1, [k:3:4, n:4:64, n:64:1]>> -> tensor<?x512xi32>
  return %0 : tensor<?x512xi32>
}

// A kernel of two tokens and of half of a tile's rows: fragments of two sets of tokens
// and of both halves. The last token stands for one that is not there, and only results
// of those that are there are written. The first set asks for weights ahead.
#dots = #tern_x86.group_dots<dot = <vpdpbusd_512>, vectors = 2, first = 0, groups = 4, tokens = 2>
!fours = tensor<256x60x!tern.trit, #tern.layout<s5, columns, k:5:1, [k:4:5, n:2:64, n:64:1]>>

// CHECK-LABEL: func.func @sets(
// CHECK-SAME:    %[[X:.*]]: tensor<3x60xi8>, %[[W:.*]]: tensor<3x2x512xi8>
// CHECK:           %[[ALL:.*]] = tensor.empty() : tensor<4x2x2x4x16xi32>
// CHECK:           scf.for {{.*}} = %c0 to %c3
// CHECK:             scf.for %[[SET:.*]] = %c0 to %c2
// CHECK:               %[[BEFORE:.*]] = arith.muli %[[SET]], %c2
// CHECK:               arith.minui %[[BEFORE]], %c2
// CHECK:               vector.transfer_read %[[X]]{{.*}} vector<1x20xi8>
// CHECK:               %[[NEXT:.*]] = arith.addi %[[BEFORE]], %c1
// CHECK:               %[[TOKEN:.*]] = arith.minui %[[NEXT]], %c2
// CHECK:               vector.transfer_read %[[X]][%[[TOKEN]],{{.*}} vector<1x20xi8>
// CHECK:               tern.micro_prepare
// CHECK:             scf.for %[[ROWS:.*]] = %
// CHECK:               scf.for %[[SET:.*]] = %c0 to %c2
// CHECK:                 %[[FIRST:.*]] = arith.cmpi eq, %[[SET]], %c0
// CHECK:                 scf.if %[[FIRST]] {
// CHECK:                   tern.prefetch %[[W]][{{.*}}, %c512] bytes 512
// CHECK:                 tern.micro "q_proj" {{.*}}first = 0
// CHECK-NOT:             tern.prefetch
// CHECK:                 tern.micro "q_proj" {{.*}}first = 1
// CHECK:           scf.for
// CHECK:             scf.for %[[SET:.*]] = %c0 to %c2
// CHECK:               tern.micro_finish {{.*}}first = 0
// CHECK:               %[[BEFORE:.*]] = arith.muli %[[SET]], %c2
// CHECK:               %[[LEFT:.*]] = arith.subi %c3, %[[BEFORE]]
// CHECK:               %[[HERE:.*]] = arith.minui %[[LEFT]], %c2
// CHECK:               scf.for {{.*}} = %c0 to %[[HERE]]
// CHECK:                 vector.transfer_write {{.*}} vector<1x64xi32>
// CHECK:               tern.micro_finish {{.*}}first = 1
func.func @sets(%x: tensor<3x60xi8>, %w: tensor<3x2x512xi8>, %init: tensor<3x256xi32>) -> tensor<3x256xi32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<3x60xi8>, tensor<3x2x512xi8>)
      outs(%init : tensor<3x256xi32>) codes [-128, 127] weight_type !fours
      strategy #tern.strategy<[#dots], units = 1, prefetch = 512> -> tensor<3x256xi32>
  return %0 : tensor<3x256xi32>
}
