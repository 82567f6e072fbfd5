// RUN: tern-opt %s -tern-tile-products -cse -mlir-print-local-scope | FileCheck %s

// An elementwise consumer is tiled with its product: sums of a tile stay vectors
// and are never stored. One that takes a part of the rows is not.

!weight = tensor<64x256x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
#lanes1 = #tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 1>
#lanes4 = #tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 4>
#all = affine_map<(t, n) -> (t, n)>
#token = affine_map<(t, n) -> (t)>

// CHECK-LABEL: func.func @decode(
// CHECK-NOT:     tensor<1x64xi32> to
// CHECK:         scf.forall (%[[ROW:.*]]) = (0) to (64) step (32) shared_outs(%{{.*}} = %{{.*}}) -> (tensor<1x64xf32>)
// CHECK:           tern.iteration "q_proj" bytes 2048
// CHECK:           affine.apply affine_map<(d0) -> (d0 floordiv 32)>(%[[ROW]])
// CHECK:           %[[SUMS:.*]] = tern.micro_finish
// CHECK:           %[[EXACT:.*]] = arith.subi %[[SUMS]],
// CHECK-NOT:       vector.transfer_write {{.*}}xi32>
// CHECK:           arith.sitofp %[[EXACT]] : vector<1x32xi32> to vector<1x32xf32>
// CHECK:           vector.transfer_write %{{.*}} : vector<1x32xf32>
func.func @decode(%x: tensor<1x256xi8>, %w: tensor<2x16x128xi8>, %s: tensor<1xf32>) -> tensor<1x64xf32> {
  %init = tensor.empty() : tensor<1x64xi32>
  %a = tern.matmul "q_proj" ins(%x, %w : tensor<1x256xi8>, tensor<2x16x128xi8>)
      outs(%init : tensor<1x64xi32>) codes [-128, 127] weight_type !weight
      strategy #tern.strategy<[#lanes1], units = 1, prefetch = 0> -> tensor<1x64xi32>
  %out = tensor.empty() : tensor<1x64xf32>
  %y = linalg.generic {indexing_maps = [#all, #token, #all], iterator_types = ["parallel", "parallel"]}
      ins(%a, %s : tensor<1x64xi32>, tensor<1xf32>) outs(%out : tensor<1x64xf32>) {
  ^bb0(%i: i32, %f: f32, %o: f32):
    %0 = arith.sitofp %i : i32 to f32
    %1 = arith.mulf %0, %f : f32
    linalg.yield %1 : f32
  } -> tensor<1x64xf32>
  return %y : tensor<1x64xf32>
}

// CHECK-LABEL: func.func @prefill(
// CHECK:         scf.forall
// CHECK:           scf.for {{.*}} step %c4 iter_args(%{{.*}}) -> (tensor<?x32xf32>)
// CHECK:             arith.sitofp %{{.*}} : vector<4x32xi32> to vector<4x32xf32>
// CHECK:           scf.for {{.*}} step %c1 iter_args(%{{.*}}) -> (tensor<?x32xf32>)
// CHECK:             arith.sitofp %{{.*}} : vector<1x32xi32> to vector<1x32xf32>
func.func @prefill(%x: tensor<?x256xi8>, %w: tensor<2x16x128xi8>, %s: tensor<?xf32>, %n: index) -> tensor<?x64xf32> {
  %init = tensor.empty(%n) : tensor<?x64xi32>
  %a = tern.matmul "q_proj" ins(%x, %w : tensor<?x256xi8>, tensor<2x16x128xi8>)
      outs(%init : tensor<?x64xi32>) codes [-128, 127] weight_type !weight
      strategy #tern.strategy<[#lanes4, #lanes1], units = 1, prefetch = 0> -> tensor<?x64xi32>
  %out = tensor.empty(%n) : tensor<?x64xf32>
  %y = linalg.generic {indexing_maps = [#all, #token, #all], iterator_types = ["parallel", "parallel"]}
      ins(%a, %s : tensor<?x64xi32>, tensor<?xf32>) outs(%out : tensor<?x64xf32>) {
  ^bb0(%i: i32, %f: f32, %o: f32):
    %0 = arith.sitofp %i : i32 to f32
    %1 = arith.mulf %0, %f : f32
    linalg.yield %1 : f32
  } -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @part(
// CHECK:         scf.forall
// CHECK:           tern.iteration "q_proj"
// CHECK:         linalg.generic
func.func @part(%x: tensor<1x256xi8>, %w: tensor<2x16x128xi8>) -> tensor<1x48xf32> {
  %init = tensor.empty() : tensor<1x64xi32>
  %a = tern.matmul "q_proj" ins(%x, %w : tensor<1x256xi8>, tensor<2x16x128xi8>)
      outs(%init : tensor<1x64xi32>) codes [-128, 127] weight_type !weight
      strategy #tern.strategy<[#lanes1], units = 1, prefetch = 0> -> tensor<1x64xi32>
  %part = tensor.extract_slice %a[0, 0] [1, 48] [1, 1] : tensor<1x64xi32> to tensor<1x48xi32>
  %out = tensor.empty() : tensor<1x48xf32>
  %y = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%part : tensor<1x48xi32>) outs(%out : tensor<1x48xf32>) {
  ^bb0(%i: i32, %o: f32):
    %0 = arith.sitofp %i : i32 to f32
    linalg.yield %0 : f32
  } -> tensor<1x48xf32>
  return %y : tensor<1x48xf32>
}
