// RUN: tern-opt %s -tern-tile-products -cse -mlir-print-local-scope | FileCheck %s
// RUN: tern-opt %s -tern-tile-products -cse -tern-bufferize | FileCheck %s --check-prefix=BUFFERS

// Kernels that store sums themselves: tokens of a step need not all be there. The first one
// goes on while more are left than the second takes, and the consumer is the store's body.

!weight = tensor<64x256x!tern.trit, #tern.layout<b2, rows, k:4:8, [n:8:1, k:4:32, k:2:4, n:2:8, k:4:1]>>
#few16 = #tern_nvptx.mma<tokens = 16>
#few8 = #tern_nvptx.mma<tokens = 8>
#all = affine_map<(t, n) -> (t, n)>
#token = affine_map<(t, n) -> (t)>

// CHECK-LABEL: func.func @few(
// CHECK-SAME:    %[[X:.*]]: tensor<?x256xi8>
// CHECK:         scf.forall (%[[ROW:.*]]) = (0) to (64) step (16) shared_outs(%[[OUT:.*]] = %{{.*}}) -> (tensor<?x64xf32>)
// CHECK:           %[[LEFT:.*]] = arith.maxui %[[N:.*]], %c8
// CHECK:           %[[UP:.*]] = arith.addi %[[LEFT]], %c7
// CHECK:           %[[STEPS:.*]] = arith.divui %[[UP]], %c16
// CHECK:           %[[ALL:.*]] = arith.muli %[[STEPS]], %c16
// CHECK:           %[[END:.*]] = arith.minui %[[ALL]], %[[N]]
// CHECK:           scf.for %[[T:.*]] = %c0 to %[[END]] step %c16
// CHECK:             %[[REST:.*]] = arith.subi %[[N]], %[[T]]
// CHECK:             %[[COUNT:.*]] = arith.minui %[[REST]], %c16
// CHECK:             vector.transfer_read %{{.*}} {in_bounds = [false, true]} : tensor<?x256xi8>, vector<16x128xi8>
// CHECK:             %[[R:.*]] = tern.micro_store #tern_nvptx.mma<tokens = 16> %{{.*}} : vector<256xi32> less %{{.*}} : tensor<?x1xi32> ins(%{{.*}} : tensor<?xf32>) outs(%{{.*}} : tensor<?x16xf32>) maps [affine_map<(d0, d1) -> (d0)>] {
// CHECK-NEXT:        ^bb0(%[[SUM:.*]]: i32, %[[F:.*]]: f32):
// CHECK-NEXT:          %[[V:.*]] = arith.sitofp %[[SUM]]
// CHECK-NEXT:          %[[Y:.*]] = arith.mulf %[[V]], %[[F]]
// CHECK-NEXT:          tern.yield %[[Y]]
// CHECK:             tensor.insert_slice %[[R]] into %{{.*}}[%[[T]], 0] [%[[COUNT]], 16]
// CHECK:           scf.for %{{.*}} = %[[END]] to %[[N]] step %c8
// CHECK:             tern.micro_store #tern_nvptx.mma<tokens = 8>
// CHECK-NOT:       linalg.generic

// BUFFERS-LABEL: func.func @few(
// BUFFERS-NOT:     alloc{{.*}}x16xf32
// BUFFERS:         %[[PLACE:.*]] = memref.subview %{{.*}} : memref<?x16xf32
// BUFFERS-NOT:     memref.copy
// BUFFERS:         tern.micro_store {{.*}} outs(%{{.*}} : memref<?x16xf32, strided<[64, 1], offset: ?>>)
func.func @few(%x: tensor<?x256xi8>, %w: tensor<4x2x512xi8>, %s: tensor<?xf32>, %n: index) -> tensor<?x64xf32> {
  %init = tensor.empty(%n) : tensor<?x64xi32>
  %a = tern.matmul "q_proj" ins(%x, %w : tensor<?x256xi8>, tensor<4x2x512xi8>)
      outs(%init : tensor<?x64xi32>) codes [-128, 127] weight_type !weight
      strategy #tern.strategy<[#few16, #few8], units = 1, prefetch = 0> -> tensor<?x64xi32>
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

// Where no more tokens come than the first kernel takes, the smallest that takes all does,
// without a loop.
// CHECK-LABEL: func.func @layer.few(
// CHECK:         scf.forall
// CHECK-NOT:       step %c16
// CHECK:           %[[MORE:.*]] = arith.cmpi ugt, %[[TOKENS:.*]], %c8
// CHECK:           scf.if %[[MORE]]
// CHECK:             tern.micro_store #tern_nvptx.mma<tokens = 16>
// CHECK:           } else {
// CHECK-NOT:         step %c8
// CHECK:             tern.micro_store #tern_nvptx.mma<tokens = 8>
func.func @layer.few(%x: tensor<?x256xi8>, %w: tensor<4x2x512xi8>, %n: index) -> tensor<?x64xi32> {
  %init = tensor.empty(%n) : tensor<?x64xi32>
  %a = tern.matmul "q_proj" ins(%x, %w : tensor<?x256xi8>, tensor<4x2x512xi8>)
      outs(%init : tensor<?x64xi32>) codes [-128, 127] weight_type !weight
      strategy #tern.strategy<[#few16, #few8], units = 1, prefetch = 0> -> tensor<?x64xi32>
  return %a : tensor<?x64xi32>
}

// Sums of a group are scaled where they are, and what is stored are floats.
// CHECK-LABEL: func.func @groups(
// CHECK-SAME:    %{{.*}}: tensor<?x256xi8>, %{{.*}}: tensor<4x2x544xi8>, %{{.*}}: tensor<?x1xf32>
// CHECK:         tern.sum_codes(%{{.*}}) : (tensor<?x256xi8>) -> tensor<?x2xi32>
// CHECK:         scf.forall
// CHECK:           %[[TOTAL:.*]] = scf.for %[[GROUP:.*]] = %c0 to %c2 step %c1 iter_args(%[[OLD:.*]] = %{{.*}}) -> (vector<128xf32>)
// CHECK:             %[[SUMS:.*]] = tern.micro "q_proj" #tern_nvptx.mma<tokens = 8>
// CHECK:             %[[NEW:.*]] = tern.micro_scale #tern_nvptx.mma<tokens = 8> %[[SUMS]] into %[[OLD]] group %[[GROUP]] less %{{.*}} : tensor<?x2xi32> scales %{{.*}} : tensor<1x2x544xi8> in <b2, rows, k:4:8, [k:1:128, {{.*}}], f16> factors %{{.*}} : tensor<?x1xf32> of 2 : vector<128xi32> into vector<128xf32>
// CHECK:             scf.yield %[[NEW]]
// CHECK:           tern.micro_store #tern_nvptx.mma<tokens = 8> %[[TOTAL]] : vector<128xf32> outs
// CHECK-NEXT:      ^bb0(%[[SUM:.*]]: f32):
// BUFFERS-LABEL: func.func @groups(
// BUFFERS:         tern.micro_scale {{.*}} less %{{.*}} : memref<?x2xi32{{.*}} scales %{{.*}} : memref<1x2x544xi8{{.*}} factors %{{.*}} : memref<?x1xf32
func.func @groups(%x: tensor<?x256xi8>, %w: tensor<4x2x544xi8>, %f: tensor<?x1xf32>, %n: index) -> tensor<?x64xf32> {
  %init = tensor.empty(%n) : tensor<?x64xf32>
  %a = tern.matmul "q_proj" ins(%x, %w : tensor<?x256xi8>, tensor<4x2x544xi8>) factors(%f : tensor<?x1xf32>)
      outs(%init : tensor<?x64xf32>) codes [-128, 127]
      weight_type tensor<64x256x!tern.trit, #tern.layout<b2, rows, k:4:8, [k:1:128, n:8:1, k:4:32, k:2:4, n:2:8, k:4:1], f16>>
      strategy #tern.strategy<[#few8], units = 1, prefetch = 0> -> tensor<?x64xf32>
  return %a : tensor<?x64xf32>
}
