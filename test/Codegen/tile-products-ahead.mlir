// RUN: tern-opt %s -tern-tile-products -cse -mlir-print-local-scope | FileCheck %s

// Several tokens ask for weights ahead.

#dot = #tern_x86.dot<vpdpbusd_512>
#rows4 = #tern.contiguous_rows<dot = #dot, rows = 4, tokens = 4>
#row1 = #tern.contiguous_rows<dot = #dot, rows = 4, tokens = 1>
#columns4 = #tern.contiguous_columns<dot = #dot, first = 0, quarters = 4, tokens = 4>
#columns1 = #tern.contiguous_columns<dot = #dot, first = 0, quarters = 4, tokens = 1>

!contiguousRows = tensor<64x512x!tern.trit, #tern.layout<b2, rows, k:4:64, [k:64:1]>>
!contiguousColumns = tensor<256x64x!tern.trit, #tern.layout<b2, columns, n:4:64, [n:4:4, n:4:16, n:4:1]>>

// Four rows are read side by side; the next four follow them.
// CHECK-LABEL: func.func @rows(
// CHECK:         scf.for %[[STEP:.*]] = %c0 to %c2
// CHECK-DAG:       tern.prefetch %{{.*}}[%c4, %[[STEP]], %c0]{{.*}} bytes 64
// CHECK-DAG:       tern.prefetch %{{.*}}[%c5, %[[STEP]], %c0]{{.*}} bytes 64
// CHECK-DAG:       tern.prefetch %{{.*}}[%c6, %[[STEP]], %c0]{{.*}} bytes 64
// CHECK-DAG:       tern.prefetch %{{.*}}[%c7, %[[STEP]], %c0]{{.*}} bytes 64
// CHECK:           tern.micro "up_proj"
func.func @rows(%x: tensor<?x512xi8>, %w: tensor<64x2x64xi8>, %init: tensor<?x64xi32>) -> tensor<?x64xi32> {
  %0 = tern.matmul "up_proj" ins(%x, %w : tensor<?x512xi8>, tensor<64x2x64xi8>)
      outs(%init : tensor<?x64xi32>) codes [-128, 127] weight_type !contiguousRows
      strategy #tern.strategy<[#rows4, #row1], units = 16, prefetch = 4096> -> tensor<?x64xi32>
  return %0 : tensor<?x64xi32>
}

// Columns lie apart; 1024 bytes are a vector of each of sixteen.
// CHECK-LABEL: func.func @columns(
// CHECK:         scf.for %[[STEP:.*]] = %c0 to %c16
// CHECK:           %[[COLUMN:.*]] = arith.muli %[[STEP]], %c4
// CHECK:           %[[THEN:.*]] = arith.addi %[[COLUMN]], %c16
// CHECK:           tern.prefetch %{{.*}}[%[[THEN]], %c0, %c0]{{.*}} bytes 64
// CHECK-COUNT-3:   tern.prefetch
// CHECK:           tern.micro "down_proj"
func.func @columns(%x: tensor<?x64xi8>, %w: tensor<64x1x64xi8>, %init: tensor<?x256xi32>) -> tensor<?x256xi32> {
  %0 = tern.matmul "down_proj" ins(%x, %w : tensor<?x64xi8>, tensor<64x1x64xi8>)
      outs(%init : tensor<?x256xi32>) codes [-128, 127] weight_type !contiguousColumns
      strategy #tern.strategy<[#columns4, #columns1], units = 1, prefetch = 1024> -> tensor<?x256xi32>
  return %0 : tensor<?x256xi32>
}
