// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

// The three layout families over the dot product of AVX-512 VNNI: 16 lanes, exact
// for any unsigned byte.

!rowsInLanes = tensor<64x256x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
!contiguousRows = tensor<64x512x!tern.trit, #tern.layout<b2, rows, k:4:64, [k:64:1]>>
!contiguousColumns = tensor<512x64x!tern.trit, #tern.layout<b2, columns, n:4:64, [n:4:4, n:4:16, n:4:1]>>

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {

// One token: a mask per field and no shift inside the loop; two vectors of rows
// times four fields are eight sums.
// CHECK-LABEL: func.func @rows_in_lanes_decode(
// CHECK-DAG:     arith.constant dense<3> : vector<64xi8>
// CHECK-DAG:     arith.constant dense<12> : vector<64xi8>
// CHECK-DAG:     arith.constant dense<48> : vector<64xi8>
// CHECK-DAG:     arith.constant dense<-64> : vector<64xi8>
// CHECK:         %[[SUMS:.*]] = memref.alloc() : memref<1xi32>
// CHECK:         scf.parallel
// CHECK:           scf.for
// CHECK-NOT:         arith.shr
// CHECK-COUNT-8:     llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT:         llvm.call_intrinsic
// CHECK:             scf.yield
// CHECK-COUNT-6:   arith.shrsi
// CHECK:         } {tern.bytes_per_iteration = 2048 : i64, tern.name = "q_proj.rows_in_lanes"}
// CHECK:         tern.count_read "q_proj"
func.func @rows_in_lanes_decode(%x: memref<1x256xi8>, %w: memref<2x16x128xi8>, %a: memref<1x64xi32>) {
  tern.matmul "q_proj" ins(%x, %w : memref<1x256xi8>, memref<2x16x128xi8>)
      outs(%a : memref<1x64xi32>) codes [-128, 127] weight_type !rowsInLanes
  return
}

// Several tokens: digits are moved to the lowest bits once for eight of them;
// what is left is taken four and one at a time.
// CHECK-LABEL: func.func @rows_in_lanes_prefill(
// CHECK:         memref.alloc(%{{.*}}) : memref<?xi32>
// CHECK:         scf.parallel
// CHECK:           scf.for
// CHECK:             scf.for
// CHECK-COUNT-64:      llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT:           llvm.call_intrinsic
// CHECK:               scf.yield
// CHECK:           scf.for
// CHECK:             scf.for
// CHECK-COUNT-32:      llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT:           llvm.call_intrinsic
// CHECK:               scf.yield
// CHECK:           scf.for
// CHECK:             scf.for
// CHECK-COUNT-8:       llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT:           llvm.call_intrinsic
// CHECK:               scf.yield
func.func @rows_in_lanes_prefill(%x: memref<?x256xi8>, %w: memref<2x16x128xi8>, %a: memref<?x64xi32>) {
  tern.matmul "q_proj" ins(%x, %w : memref<?x256xi8>, memref<2x16x128xi8>)
      outs(%a : memref<?x64xi32>) codes [-128, 127] weight_type !rowsInLanes
  return
}

// Only rows of the list are read; all lines of a later one are asked for first.
// CHECK-LABEL: func.func @contiguous_rows_listed(
// CHECK-DAG:     %[[ROW:.*]] = arith.constant 128 : index
// CHECK:         %[[N:.*]] = arith.index_castui %{{.*}} : i32 to index
// CHECK:         scf.parallel {{.*}} to (%[[N]])
// CHECK:           memref.prefetch {{.*}}, read, locality<2>, data
// CHECK:           scf.for
// CHECK-COUNT-4:     llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT:         llvm.call_intrinsic
// CHECK:           vector.reduction <add>
// CHECK:         } {tern.bytes_per_iteration = 128 : i64, tern.name = "up_proj.listed_rows"}
// CHECK:         %[[READ:.*]] = arith.muli %[[N]], %[[ROW]] : index
// CHECK:         tern.count_read "up_proj" held %{{.*}} read %[[READ]]
func.func @contiguous_rows_listed(%x: memref<1x512xi8>, %w: memref<64x2x64xi8>, %i: memref<1x64xi32>, %n: memref<1xi32>, %a: memref<1x64xi32>) {
  tern.matmul "up_proj" ins(%x, %w : memref<1x512xi8>, memref<64x2x64xi8>) rows(%i, %n : memref<1x64xi32>, memref<1xi32>)
      outs(%a : memref<1x64xi32>) codes [-128, 127] weight_type !contiguousRows
  return
}

// Four columns become lanes of rows by interleaving bytes, then pairs, within
// 16 byte parts. Four quarters times four fields are sixteen sums. Columns are
// counted in fours.
// CHECK-LABEL: func.func @contiguous_columns_listed(
// CHECK-DAG:     %[[FOUR:.*]] = arith.constant 4 : index
// CHECK-DAG:     %[[THREE:.*]] = arith.constant 3 : index
// CHECK-DAG:     %[[GROUP:.*]] = arith.constant 512 : index
// CHECK:         %[[ROUNDED:.*]] = arith.addi %{{.*}}, %[[THREE]] : index
// CHECK:         %[[GROUPS:.*]] = arith.divui %[[ROUNDED]], %[[FOUR]] : index
// CHECK:         scf.parallel
// CHECK:           scf.for {{.*}} to %[[GROUPS]]
// CHECK-COUNT-4:     memref.prefetch
// CHECK:             vector.shuffle %{{.*}} [0, 64, 1, 65, 2, 66, 3, 67, 4, 68, 5, 69, 6, 70, 7, 71, 16, 80,
// CHECK:             vector.shuffle %{{.*}} [0, 32, 1, 33, 2, 34, 3, 35, 8, 40,
// CHECK-COUNT-16:    llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT:         llvm.call_intrinsic
// CHECK:         %[[READ:.*]] = arith.muli %[[GROUPS]], %[[GROUP]] : index
// CHECK:         tern.count_read "down_proj" held %{{.*}} read %[[READ]]
func.func @contiguous_columns_listed(%i: memref<1x64xi32>, %v: memref<1x64xi8>, %n: memref<1xi32>, %w: memref<64x2x64xi8>, %a: memref<1x512xi32>) {
  tern.matmul "down_proj" ins(%v, %w : memref<1x64xi8>, memref<64x2x64xi8>) columns(%i, %n : memref<1x64xi32>, memref<1xi32>)
      outs(%a : memref<1x512xi32>) codes [-128, 127] weight_type !contiguousColumns
  return
}

// A signed weight is the unsigned side as w + 128.
// CHECK-LABEL: func.func @int8_rows(
// CHECK-DAG:     arith.constant dense<-128> : vector<64xi8>
// CHECK-DAG:     arith.constant 128 : i32
// CHECK:           scf.for
// CHECK-COUNT-4:     llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK:             scf.yield
func.func @int8_rows(%x: memref<1x512xi8>, %w: memref<32x512xi8>, %a: memref<1x32xi32>) {
  tern.matmul "lm_head" ins(%x, %w : memref<1x512xi8>, memref<32x512xi8>)
      outs(%a : memref<1x32xi32>) codes [-128, 127]
  return
}

}
