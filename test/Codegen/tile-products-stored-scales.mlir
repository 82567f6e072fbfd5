// RUN: tern-opt %s -tern-tile-products -cse -mlir-print-local-scope | FileCheck %s

// Scales stored behind the digits of a tile, 1024 bytes of 32 rows and 128
// columns: one token reads both as one stream.

// CHECK-LABEL: func.func @one(
// CHECK-SAME:    %[[X:.*]]: tensor<1x256xi8>, %{{.*}}: tensor<2x2x1088xi8>, %[[F:[a-z0-9]+]]: tensor<1x2xf32>
// CHECK:         tern.sum_codes(%[[X]]) : (tensor<1x256xi8>) -> tensor<1x2xi32>
// CHECK:         scf.forall
// CHECK-NOT:       linalg.transpose
// CHECK:           %[[W:.*]] = tensor.extract_slice %{{.*}} [1, 2, 1088] [1, 1, 1]
// CHECK:           %[[RESULT:.*]] = scf.for %[[GROUP:.*]] = %c0 to %c2 step %c1 iter_args(%[[OLD:.*]] = %{{.*}}) -> (vector<32xf32>)
// CHECK:             scf.for %[[STEP:.*]] = %c0 to %c8 step %c1
// CHECK:               %[[BYTE:.*]] = arith.muli %[[STEP]], %c128
// CHECK:               vector.transfer_read %[[W]][%c0, %[[GROUP]], %[[BYTE]]], {{.*}} vector<128xi8>
// CHECK:               tern.micro "q_proj"
// CHECK:             {loop_annotation = #llvm.loop_annotation<unroll = <disable = true>>}
// CHECK:             %[[SUMS:.*]] = tern.micro_finish
// CHECK:             vector.transfer_read %[[W]][%c0, %[[GROUP]], %c1024], {{.*}} vector<1x64xi8>
// CHECK:             %[[SCALE:.*]] = arith.extf %{{.*}} : vector<32xf16> to vector<32xf32>
// CHECK:             %[[SUM:.*]] = arith.sitofp
// CHECK:             %[[SCALED:.*]] = arith.mulf %[[SUM]], %[[SCALE]]
// CHECK:             tensor.extract %[[F]][%c0, %[[GROUP]]]
// CHECK:             %[[TERM:.*]] = arith.mulf %[[SCALED]],
// CHECK:             arith.addf %[[OLD]], %[[TERM]]
module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x", features = "+avx2,+f16c,+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {
func.func @one(%x: tensor<1x256xi8>, %w: tensor<2x2x1088xi8>, %f: tensor<1x2xf32>, %init: tensor<1x64xf32>) -> tensor<1x64xf32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<1x256xi8>, tensor<2x2x1088xi8>) factors(%f : tensor<1x2xf32>)
      outs(%init : tensor<1x64xf32>) codes [-128, 127]
      weight_type tensor<64x256x!tern.trit, #tern.layout<b2, rows, k:4:4, [k:8:16, n:2:16, n:16:1, k:4:1], f16>>
      strategy #tern.strategy<[#tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 1>], units = 1, prefetch = 0>
      -> tensor<1x64xf32>
  return %0 : tensor<1x64xf32>
}

// A panel of 64 rows has a tile of 32 steps for a group, and behind it the scales
// in f32, as many bytes as a step.
// CHECK-LABEL: func.func @panel(
// CHECK:         scf.forall
// CHECK:           scf.for %[[GROUP:.*]] = %c0 to %c2 step %c1
// CHECK:             scf.for %[[TILE:.*]] = %c0 to %c8 step %c1
// CHECK:               vector.transfer_read %{{.*}}[%c0, %[[GROUP]], %{{.*}}], {{.*}} vector<128xi8>
// CHECK:               vector.transfer_read %{{.*}}[%c1, %[[GROUP]], %{{.*}}], {{.*}} vector<128xi8>
// CHECK:             vector.transfer_read %{{.*}}[%c0, %[[GROUP]], %c1024], {{.*}} vector<64xi8>
// CHECK:             vector.transfer_write %{{.*}}[%c0, %[[GROUP]], %c8192]
// CHECK:             vector.transfer_write %{{.*}}[%c0, %[[GROUP]], %c8320]
// CHECK:           scf.for
// CHECK:             scf.for %[[J:.*]] = %c0 to %c2 step %c1 iter_args({{.*}}) -> (vector<6x64xf32>)
// CHECK:               scf.for {{.*}} = %c0 to %c32 step %c1
// CHECK:                 vector.transfer_read %{{.*}}[%c0, %[[J]], %{{.*}}], {{.*}} vector<256xi8>
// CHECK:               vector.transfer_read %{{.*}}[%c0, %[[J]], %c8192], {{.*}} vector<1x256xi8>
func.func @panel(%x: tensor<?x256xi8>, %w: tensor<4x2x1088xi8>, %f: tensor<?x2xf32>, %init: tensor<?x128xf32>) -> tensor<?x128xf32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<?x256xi8>, tensor<4x2x1088xi8>) factors(%f : tensor<?x2xf32>)
      outs(%init : tensor<?x128xf32>) codes [-128, 127]
      weight_type tensor<128x256x!tern.trit, #tern.layout<b2, rows, k:4:4, [k:8:16, n:2:16, n:16:1, k:4:1], f16>>
      strategy #tern.strategy<[#tern.unpacked_rows<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 4, tokens = 6>, #tern.unpacked_rows<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 4, tokens = 1>], units = 1, prefetch = 0, panel = <b8, rows, k:1:1, [k:32:4, n:4:16, n:16:1, k:4:1], f32>>
      -> tensor<?x128xf32>
  return %0 : tensor<?x128xf32>
}
}
