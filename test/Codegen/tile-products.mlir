// RUN: tern-opt %s -tern-tile-products -cse -mlir-print-local-scope | FileCheck %s

// Loops around micro kernels: parallel over units of rows or over a list of rows,
// over the rows of a unit, over tokens, over columns. Loops are named after the
// product and say how many bytes of the weight an iteration reads: those of one token, or
// of two, which more have at least.

!rowsInLanes = tensor<64x256x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
!contiguousRows = tensor<64x512x!tern.trit, #tern.layout<b2, rows, k:4:64, [k:64:1]>>
!contiguousColumns = tensor<512x64x!tern.trit, #tern.layout<b2, columns, n:4:64, [n:4:4, n:4:16, n:4:1]>>

#dot = #tern_x86.dot<vpdpbusd_512>
#lanes1 = #tern.rows_in_lanes<dot = #dot, vectors = 2, tokens = 1>
#lanes4 = #tern.rows_in_lanes<dot = #dot, vectors = 2, tokens = 4>
#lanes8 = #tern.rows_in_lanes<dot = #dot, vectors = 2, tokens = 8>
#row1 = #tern.contiguous_rows<dot = #dot, rows = 1, tokens = 1>
#columns1 = #tern.contiguous_columns<dot = #dot, first = 0, quarters = 4, tokens = 1>
#columns4 = #tern.contiguous_columns<dot = #dot, first = 0, quarters = 2, tokens = 4>
#int8 = #tern.integer_rows<dot = #dot, bits = 8, rows = 1, tokens = 1, vectors = 4>

// A unit is a tile of 32 rows. Stored digits are digits + 1: the sum of the codes
// goes off.
// CHECK-LABEL: func.func @decode(
// CHECK-SAME:    %[[X:.*]]: tensor<1x256xi8>, %[[W:.*]]: tensor<2x16x128xi8>
// CHECK-DAG:     %[[BYTES:.*]] = arith.constant 4096 : index
// CHECK-DAG:     %[[STEPS:.*]] = arith.constant 16 : index
// CHECK:         %[[CODES:.*]] = tern.sum_codes(%[[X]]) : (tensor<1x256xi8>) -> tensor<1x1xi32>
// CHECK:         scf.forall (%[[UNIT:.*]]) in (2) shared_outs(
// CHECK:           tern.iteration "q_proj" bytes 2048
// CHECK:           %[[TILE:.*]] = tensor.extract_slice %[[W]][%[[UNIT]], 0, 0] [1, 16, 128]
// CHECK:           %[[ZERO:.*]] = tern.micro_begin #tern.rows_in_lanes<{{.*}}tokens = 1> -> vector<2x4x16xi32>
// CHECK:           %[[SUMS:.*]] = scf.for %[[STEP:.*]] = {{.*}} to %[[STEPS]] step {{.*}} iter_args(%[[OLD:.*]] = %[[ZERO]])
// CHECK:             %[[COLUMN:.*]] = arith.muli %[[STEP]], %[[STEPS]]
// CHECK:             %[[FEW:.*]] = vector.transfer_read %[[X]][{{.*}}, %[[COLUMN]]], {{.*}}, vector<1x16xi8>
// CHECK:             %[[WORDS:.*]] = vector.transfer_read %[[TILE]][{{.*}}, %[[STEP]], {{.*}}], {{.*}}, vector<128xi8>
// CHECK:             tern.micro "q_proj" #tern.rows_in_lanes<{{.*}}> %[[FEW]], %[[WORDS]] into %[[OLD]]
// CHECK:           %[[DONE:.*]] = tern.micro_finish #tern.rows_in_lanes<{{.*}}> %[[SUMS]]
// CHECK:           vector.transfer_read %[[CODES]]
// CHECK:           arith.subi %[[DONE]],
// CHECK:         tern.count_read "q_proj" held %[[BYTES]] read %[[BYTES]]
func.func @decode(%x: tensor<1x256xi8>, %w: tensor<2x16x128xi8>, %init: tensor<1x64xi32>) -> tensor<1x64xi32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<1x256xi8>, tensor<2x16x128xi8>)
      outs(%init : tensor<1x64xi32>) codes [-128, 127] weight_type !rowsInLanes
      strategy #tern.strategy<[#lanes1], units = 1, prefetch = 0> -> tensor<1x64xi32>
  return %0 : tensor<1x64xi32>
}

// Eight tokens at a time, then four of those left, then one.
// CHECK-LABEL: func.func @prefill(
// CHECK-SAME:    %[[X:.*]]: tensor<?x256xi8>, %[[W:.*]]: tensor<2x16x128xi8>
// CHECK:         %[[TOKENS:.*]] = tensor.dim %[[X]],
// CHECK:         scf.forall
// CHECK:           tern.iteration "q_proj" bytes 4096
// CHECK:           %[[LEFT:.*]] = arith.remui %[[TOKENS]], %c8
// CHECK:           %[[EIGHTS:.*]] = arith.subi %[[TOKENS]], %[[LEFT]]
// CHECK:           scf.for {{.*}} = %c0 to %[[EIGHTS]] step %c8
// CHECK:             scf.for
// CHECK:               tern.micro "q_proj" {{.*}} vector<8x16xi8>, vector<128xi8> into vector<8x2x16xi32>
// CHECK:           %[[FOURS:.*]] = arith.addi %[[EIGHTS]],
// CHECK:           scf.for {{.*}} = %[[EIGHTS]] to %[[FOURS]] step %c4
// CHECK:             scf.for
// CHECK:               tern.micro "q_proj" {{.*}} vector<4x16xi8>, vector<128xi8> into vector<4x2x16xi32>
// CHECK:           scf.for {{.*}} = %[[FOURS]] to %[[TOKENS]] step %c1
// CHECK:             scf.for
// CHECK:               tern.micro "q_proj" {{.*}} vector<1x16xi8>, vector<128xi8> into vector<2x4x16xi32>
func.func @prefill(%x: tensor<?x256xi8>, %w: tensor<2x16x128xi8>, %init: tensor<?x64xi32>) -> tensor<?x64xi32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<?x256xi8>, tensor<2x16x128xi8>)
      outs(%init : tensor<?x64xi32>) codes [-128, 127] weight_type !rowsInLanes
      strategy #tern.strategy<[#lanes8, #lanes4, #lanes1], units = 1, prefetch = 0> -> tensor<?x64xi32>
  return %0 : tensor<?x64xi32>
}

// Only rows of the list are read; a later one is asked for first, at most the last.
// CHECK-LABEL: func.func @listed_rows(
// CHECK-SAME:    %[[X:.*]]: tensor<1x512xi8>, %[[W:.*]]: tensor<64x2x64xi8>, %[[LIST:.*]]: tensor<1x64xi32>, %[[COUNT:.*]]: tensor<1xi32>
// CHECK-DAG:     %[[ROW_BYTES:.*]] = arith.constant 128 : index
// CHECK:         %[[N32:.*]] = tensor.extract %[[COUNT]]
// CHECK:         %[[N:.*]] = arith.index_castui %[[N32]]
// CHECK:         scf.forall (%[[ENTRY:.*]]) in (%[[N]]) shared_outs(
// CHECK:           tern.iteration "up_proj" bytes 128
// CHECK:           arith.addi %[[ENTRY]], %c8
// CHECK:           arith.minui
// CHECK:           tern.prefetch %[[W]][%{{.*}}, %c0, %c0] bytes 128
// CHECK:           %[[ROW32:.*]] = tensor.extract %[[LIST]][%c0, %[[ENTRY]]]
// CHECK:           %[[ROW:.*]] = arith.index_castui %[[ROW32]]
// CHECK:           tensor.extract_slice %[[W]][%[[ROW]], 0, 0] [1, 2, 64]
// CHECK:           tern.micro "up_proj" #tern.contiguous_rows
// CHECK:           tensor.parallel_insert_slice %{{.*}} into %{{.*}}[0, %[[ROW]]] [1, 1]
// CHECK:         %[[READ:.*]] = arith.muli %[[N]], %[[ROW_BYTES]]
// CHECK:         tern.count_read "up_proj" held %{{.*}} read %[[READ]]
func.func @listed_rows(%x: tensor<1x512xi8>, %w: tensor<64x2x64xi8>, %i: tensor<1x64xi32>, %n: tensor<1xi32>, %init: tensor<1x64xi32>) -> tensor<1x64xi32> {
  %0 = tern.matmul "up_proj" ins(%x, %w : tensor<1x512xi8>, tensor<64x2x64xi8>) rows(%i, %n : tensor<1x64xi32>, tensor<1xi32>)
      outs(%init : tensor<1x64xi32>) codes [-128, 127] weight_type !contiguousRows
      strategy #tern.strategy<[#row1], units = 1, prefetch = 8> -> tensor<1x64xi32>
  return %0 : tensor<1x64xi32>
}

// Four columns of the list at a time; lists and what is counted end with a
// multiple of four.
// CHECK-LABEL: func.func @listed_columns(
// CHECK-SAME:    %[[X:.*]]: tensor<1x64xi8>, %[[W:.*]]: tensor<64x2x64xi8>, %[[LIST:.*]]: tensor<1x64xi32>, %[[COUNT:.*]]: tensor<1xi32>
// CHECK:         tern.sum_codes(%[[X]]) count(%[[COUNT]] : tensor<1xi32>)
// CHECK:         scf.forall (%{{.*}}) in (2) shared_outs(
// CHECK:           tern.iteration "down_proj" bytes 1024
// CHECK:           arith.addi %{{.*}}, %c3
// CHECK:           %[[STEPS:.*]] = arith.divui %{{.*}}, %c4
// CHECK:           scf.for {{.*}} to %[[STEPS]]
// CHECK-COUNT-4:     tern.prefetch {{.*}} bytes 64
// CHECK:             %[[FEW:.*]] = vector.transfer_read %[[X]][{{.*}} vector<1x4xi8>
// CHECK-COUNT-4:     tensor.extract %[[LIST]]
// CHECK:             tern.micro "down_proj" {{.*}} %[[FEW]], {{.*}} vector<1x4xi8>, vector<64xi8>, vector<64xi8>, vector<64xi8>, vector<64xi8> into vector<1x4x4x16xi32>
// CHECK:         tern.count_read "down_proj" held
func.func @listed_columns(%x: tensor<1x64xi8>, %w: tensor<64x2x64xi8>, %i: tensor<1x64xi32>, %n: tensor<1xi32>, %init: tensor<1x512xi32>) -> tensor<1x512xi32> {
  %0 = tern.matmul "down_proj" ins(%x, %w : tensor<1x64xi8>, tensor<64x2x64xi8>) columns(%i, %n : tensor<1x64xi32>, tensor<1xi32>)
      outs(%init : tensor<1x512xi32>) codes [-128, 127] weight_type !contiguousColumns
      strategy #tern.strategy<[#columns1], units = 1, prefetch = 8> -> tensor<1x512xi32>
  return %0 : tensor<1x512xi32>
}

// Sums of four tokens' 256 rows are too many for the registers: first half of the
// quarters, then the other.
// CHECK-LABEL: func.func @columns_in_parts(
// CHECK:         scf.forall
// CHECK:           tern.iteration "down_proj" bytes 8192
// CHECK:           scf.for {{.*}} step %c4
// CHECK:             scf.for
// CHECK:               tern.micro "down_proj" #tern.contiguous_columns<{{.*}}first = 0, quarters = 2, tokens = 4>
// CHECK:             vector.transfer_write %{{.*}}[%c0, %c0, %c0] {{.*}} : vector<4x4x32xi32>, tensor<4x4x64xi32>
// CHECK:             scf.for
// CHECK:               tern.micro "down_proj" #tern.contiguous_columns<{{.*}}first = 2, quarters = 2, tokens = 4>
// CHECK:             vector.transfer_write %{{.*}}[%c0, %c0, %c32] {{.*}} : vector<4x4x32xi32>, tensor<4x4x64xi32>
// CHECK:           scf.for {{.*}} step %c1
// CHECK:             scf.for
// CHECK:               tern.micro "down_proj" #tern.contiguous_columns<{{.*}}first = 0, quarters = 4, tokens = 1>
func.func @columns_in_parts(%x: tensor<?x64xi8>, %w: tensor<64x2x64xi8>, %init: tensor<?x512xi32>) -> tensor<?x512xi32> {
  %0 = tern.matmul "down_proj" ins(%x, %w : tensor<?x64xi8>, tensor<64x2x64xi8>)
      outs(%init : tensor<?x512xi32>) codes [-128, 127] weight_type !contiguousColumns
      strategy #tern.strategy<[#columns4, #columns1], units = 1, prefetch = 0> -> tensor<?x512xi32>
  return %0 : tensor<?x512xi32>
}

// Sixteen rows are a unit. 300 columns are one step of 256 and 44 of another one,
// zeros behind them. Weights are taken as w + 128; not ternary, they are not counted.
// CHECK-LABEL: func.func @int8(
// CHECK:         scf.forall (%{{.*}}) = (0) to (32) step (16)
// CHECK:           tern.iteration "lm_head" bytes 4800
// CHECK:           scf.for {{.*}} to %c16 step %c1
// CHECK:             %[[STEP:.*]] = tern.micro "lm_head" #tern.integer_rows<
// CHECK:             vector.transfer_read {{.*}} : tensor<1x300xi8>, vector<1x44xi8>
// CHECK:             tern.micro "lm_head" #tern.integer_rows<{{.*}} into %[[STEP]] :
// CHECK:             arith.subi
// CHECK-NOT:     tern.count_read
// CHECK:         return
func.func @int8(%x: tensor<1x300xi8>, %w: tensor<32x300xi8>, %init: tensor<1x32xi32>) -> tensor<1x32xi32> {
  %0 = tern.matmul "lm_head" ins(%x, %w : tensor<1x300xi8>, tensor<32x300xi8>)
      outs(%init : tensor<1x32xi32>) codes [-128, 127]
      strategy #tern.strategy<[#int8], units = 16, prefetch = 0> -> tensor<1x32xi32>
  return %0 : tensor<1x32xi32>
}

// A product without a strategy stays.
// CHECK-LABEL: func.func @without_strategy(
// CHECK-NEXT:    tern.matmul
// CHECK-NEXT:    return
func.func @without_strategy(%x: tensor<1x256xi8>, %w: tensor<2x16x128xi8>, %init: tensor<1x64xi32>) -> tensor<1x64xi32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<1x256xi8>, tensor<2x16x128xi8>)
      outs(%init : tensor<1x64xi32>) codes [-128, 127] weight_type !rowsInLanes -> tensor<1x64xi32>
  return %0 : tensor<1x64xi32>
}

// A stream is asked for some bytes ahead, beyond the end of a row of tiles, where
// the next one follows.
// CHECK-LABEL: func.func @ahead(
// CHECK-SAME:    %{{.*}}: tensor<1x256xi8>, %[[W:.*]]: tensor<2x16x128xi8>
// CHECK:         scf.forall
// CHECK:           scf.for %[[STEP:.*]] = %c0 to %c16 step %c1
// CHECK:             %[[THEN:.*]] = arith.addi %[[STEP]], %c8
// CHECK:             tern.prefetch %{{.*}}[%c0, %[[THEN]], %c0] bytes 128
// CHECK:             tern.micro "q_proj"
// CHECK-NOT:         tern.prefetch
func.func @ahead(%x: tensor<1x256xi8>, %w: tensor<2x16x128xi8>, %init: tensor<1x64xi32>) -> tensor<1x64xi32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<1x256xi8>, tensor<2x16x128xi8>)
      outs(%init : tensor<1x64xi32>) codes [-128, 127] weight_type !rowsInLanes
      strategy #tern.strategy<[#lanes1], units = 1, prefetch = 1000> -> tensor<1x64xi32>
  return %0 : tensor<1x64xi32>
}
