// RUN: tern-opt %s --tern-bufferize --cse --mlir-print-local-scope --split-input-file --mlir-print-local-scope | FileCheck %s

// Results are arguments in the order of the results; a ternary weight is its
// bytes, and the product remembers the type; the cache is no buffer.

!digits = tensor<3x7x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
!kv = !tern.kv_cache<layers = 1, heads = 1, head_dim = 4, capacity = 8, bits = 8, bos_bits = 8>
tern.weight @w per_layer <digits> ["{}.w"] : !digits

func.func @layer(%layer: index, %q: tensor<?x8xi8>, %x: tensor<?x4xf32>, %p: tensor<?xi32>, %cache: !kv) -> (tensor<?x3xi32>, tensor<?x4xf32>) {
  %w = tern.get_weight @w[%layer] : !digits
  %0 = tern.matmul "w" (%q, %w) : (tensor<?x8xi8>, !digits) -> tensor<?x3xi32>
  tern.kv_append %x, %x into %cache[%layer] at %p : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>, !kv
  %1 = tern.attention(%x, %cache[%layer], %p) : (tensor<?x4xf32>, !kv, tensor<?xi32>) -> tensor<?x4xf32>
  return %0, %1 : tensor<?x3xi32>, tensor<?x4xf32>
}
// CHECK-LABEL: func.func @layer(
// CHECK-SAME:    %[[LAYER:[a-z0-9]+]]: index, %[[Q:[a-z0-9]+]]: memref<?x8xi8>, %[[X:[a-z0-9]+]]: memref<?x4xf32>, %[[P:[a-z0-9]+]]: memref<?xi32>,
// CHECK-SAME:    %[[CACHE:[a-z0-9]+]]: !tern.kv_cache<{{[^>]*}}>, %[[Y0:[a-z0-9]+]]: memref<?x3xi32>, %[[Y1:[a-z0-9]+]]: memref<?x4xf32>) {
// CHECK-DAG:     %[[W:.*]] = tern.get_weight @w[%[[LAYER]]] : memref<6xi8>
// CHECK-DAG:     %[[TOKENS:.*]] = memref.dim %[[Q]],
// CHECK-DAG:     %[[A:.*]] = memref.alloc(%[[TOKENS]]) {alignment = 64 : i64} : memref<?x3xi32>
// CHECK:         tern.matmul "w"(%[[Q]], %[[W]]) outs(%[[A]] : memref<?x3xi32>) weight_type tensor<3x7x!tern.trit, #tern.layout<b2, rows, k:4:1, []>> :
// CHECK:         tern.kv_append %[[X]], %[[X]] into %[[CACHE]][%[[LAYER]]] at %[[P]] :
// CHECK:         %[[B:.*]] = memref.alloc(%{{.*}}) {alignment = 64 : i64} : memref<?x4xf32>
// CHECK:         tern.attention(%[[X]], %[[CACHE]][%[[LAYER]]], %[[P]]) outs(%[[B]] :
// CHECK:         linalg.copy ins(%[[A]] : {{.*}}) outs(%[[Y0]] :
// CHECK:         linalg.copy ins(%[[B]] : {{.*}}) outs(%[[Y1]] :
// CHECK-NEXT:    return{{$}}

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
// CHECK-NEXT:    %[[A:.*]] = memref.alloc()
// CHECK-NEXT:    linalg.copy ins(%[[X]] : {{.*}}) outs(%[[A]] :
// CHECK-NEXT:    linalg.generic {{.*}} outs(%[[A]] :
// CHECK:         linalg.copy ins(%[[A]] : {{.*}}) outs(%[[Y]] :
