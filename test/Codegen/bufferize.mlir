// RUN: tern-opt %s --tern-bufferize --cse --mlir-print-local-scope --split-input-file --mlir-print-local-scope | FileCheck %s

// Results are arguments in the order of the results; a product writes where its
// init is; the cache is no buffer.

!digits = tensor<3x7x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
!kv = !tern.kv_cache<layers = 1, heads = 1, head_dim = 4, capacity = 8, bits = 8, bos_bits = 8>
tern.weight @w per_layer <digits> ["{}.w"] : !digits

func.func @layer(%layer: index, %q: tensor<?x8xi8>, %x: tensor<?x4xf32>, %p: tensor<?xi32>, %cache: !kv) -> (tensor<?x3xi32>, tensor<?x4xf32>) {
  %w = tern.get_weight @w[%layer] : tensor<3x2x1xi8>
  %c0 = arith.constant 0 : index
  %tokens = tensor.dim %q, %c0 : tensor<?x8xi8>
  %init = tensor.empty(%tokens) : tensor<?x3xi32>
  %0 = tern.matmul "w" ins(%q, %w : tensor<?x8xi8>, tensor<3x2x1xi8>)
      outs(%init : tensor<?x3xi32>) codes [-128, 127] weight_type !digits -> tensor<?x3xi32>
  tern.kv_append %x, %x into %cache[%layer] at %p : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>, !kv
  %1 = tern.attention(%x, %cache[%layer], %p) : (tensor<?x4xf32>, !kv, tensor<?xi32>) -> tensor<?x4xf32>
  return %0, %1 : tensor<?x3xi32>, tensor<?x4xf32>
}
// CHECK-LABEL: func.func @layer(
// CHECK-SAME:    %[[LAYER:[a-z0-9]+]]: index, %[[Q:[a-z0-9]+]]: memref<?x8xi8>, %[[X:[a-z0-9]+]]: memref<?x4xf32>, %[[P:[a-z0-9]+]]: memref<?xi32>,
// CHECK-SAME:    %[[CACHE:[a-z0-9]+]]: !tern.kv_cache<{{[^>]*}}>, %[[Y0:[a-z0-9]+]]: memref<?x3xi32>, %[[Y1:[a-z0-9]+]]: memref<?x4xf32>) {
// CHECK-DAG:     %[[W:.*]] = tern.get_weight @w[%[[LAYER]]] : memref<3x2x1xi8>
// CHECK:         tern.matmul "w" ins(%[[Q]], %[[W]] : memref<?x8xi8>, memref<3x2x1xi8>) outs(%[[Y0]] : memref<?x3xi32>) codes [-128, 127]
// CHECK-SAME:      weight_type tensor<3x7x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>{{$}}
// CHECK:         tern.kv_append %[[X]], %[[X]] into %[[CACHE]][%[[LAYER]]] at %[[P]] :
// CHECK-NOT:     memref.alloc
// CHECK:         tern.attention(%[[X]], %[[CACHE]][%[[LAYER]]], %[[P]]) outs(%[[Y1]] :
// CHECK-NEXT:    return{{$}}

// -----

// Two products do not share a destination that holds nothing, though it is one
// value; one with a list of rows keeps what its own holds.

func.func @destinations(%q: tensor<1x8xi8>, %w: tensor<4x8xi8>, %i: tensor<1x4xi32>, %n: tensor<1xi32>) -> (tensor<1xi32>, tensor<1xi32>) {
  %zero = arith.constant 0 : i32
  %init = tensor.empty() : tensor<1x4xi32>
  %0 = tern.matmul "a" ins(%q, %w : tensor<1x8xi8>, tensor<4x8xi8>) outs(%init : tensor<1x4xi32>) codes [-128, 127] -> tensor<1x4xi32>
  %zeros = linalg.fill ins(%zero : i32) outs(%init : tensor<1x4xi32>) -> tensor<1x4xi32>
  %1 = tern.matmul "b" ins(%q, %w : tensor<1x8xi8>, tensor<4x8xi8>) rows(%i, %n : tensor<1x4xi32>, tensor<1xi32>)
      outs(%zeros : tensor<1x4xi32>) codes [-128, 127] -> tensor<1x4xi32>
  %2 = tensor.extract_slice %0[0, 2] [1, 1] [1, 1] : tensor<1x4xi32> to tensor<1xi32>
  %3 = tensor.extract_slice %1[0, 2] [1, 1] [1, 1] : tensor<1x4xi32> to tensor<1xi32>
  return %2, %3 : tensor<1xi32>, tensor<1xi32>
}
// CHECK-LABEL: func.func @destinations(
// CHECK:         %[[B:.*]] = memref.alloc() {alignment = 64 : i64} : memref<1x4xi32>
// CHECK:         %[[A:.*]] = memref.alloc() {alignment = 64 : i64} : memref<1x4xi32>
// CHECK:         tern.matmul "a" {{.*}} outs(%[[A]] :
// CHECK:         linalg.fill {{.*}} outs(%[[B]] :
// CHECK:         tern.matmul "b" {{.*}} outs(%[[B]] :

// -----

// Arguments are only read: an addition that could be done in place is not.

#both = affine_map<(t, n) -> (t, n)>
func.func @no_argument_is_written(%x: tensor<1x3xf32>) -> tensor<1x3xf32> {
  %0 = linalg.generic {indexing_maps = [#both], iterator_types = ["parallel", "parallel"]} outs(%x : tensor<1x3xf32>) {
  ^bb0(%xi: f32):
    %1 = arith.addf %xi, %xi : f32
    linalg.yield %1 : f32
  } -> tensor<1x3xf32>
  return %0 : tensor<1x3xf32>
}
// CHECK-LABEL: func.func @no_argument_is_written(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<1x3xf32>, %[[Y:[a-z0-9]+]]: memref<1x3xf32>)
// CHECK-NEXT:    %[[COPY:.*]] = memref.alloc()
// CHECK-NEXT:    linalg.copy ins(%[[X]] : {{.*}}) outs(%[[COPY]] :
// CHECK-NEXT:    linalg.generic {{.*}} outs(%[[COPY]] :
// CHECK:         linalg.copy ins(%[[COPY]] : {{.*}}) outs(%[[Y]] :
