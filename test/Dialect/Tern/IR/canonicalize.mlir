// RUN: tern-opt %s --canonicalize --cse --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @bitlinear_keeps_all(
// CHECK:         tern.bitlinear "o" %{{.*}} act_quant <int8_absmax> : tensor<?x8xf32>,
func.func @bitlinear_keeps_all(%x: tensor<?x8xf32>, %w: tensor<6x8x!tern.trit>, %s: tensor<1xf32>) -> tensor<?x6xf32> {
  %0 = tern.bitlinear "o" %x, %w scale %s act_quant <int8_absmax> top_k <keep = 8>
      : tensor<?x8xf32>, tensor<6x8x!tern.trit>, tensor<1xf32> -> tensor<?x6xf32>
  return %0 : tensor<?x6xf32>
}

// -----

// CHECK-LABEL: func.func @bitlinear_keeps_fewer(
// CHECK:         top_k <keep = 7>
func.func @bitlinear_keeps_fewer(%x: tensor<?x8xf32>, %w: tensor<6x8x!tern.trit>, %s: tensor<1xf32>) -> tensor<?x6xf32> {
  %0 = tern.bitlinear "o" %x, %w scale %s act_quant <int8_absmax> top_k <keep = 7>
      : tensor<?x8xf32>, tensor<6x8x!tern.trit>, tensor<1xf32> -> tensor<?x6xf32>
  return %0 : tensor<?x6xf32>
}

// -----

// CHECK-LABEL: func.func @keep_all(
// CHECK-SAME:    %{{[a-z0-9]+}}: tensor<?x8xf32>, %[[Q:[a-z0-9]+]]: tensor<?x8xi8>)
// CHECK-NEXT:    return %[[Q]] : tensor<?x8xi8>
func.func @keep_all(%x: tensor<?x8xf32>, %q: tensor<?x8xi8>) -> tensor<?x8xi8> {
  %0 = tern.keep_top_k <keep = 8> (%x, %q) : (tensor<?x8xf32>, tensor<?x8xi8>) -> tensor<?x8xi8>
  return %0 : tensor<?x8xi8>
}

// -----

// CHECK-LABEL: func.func @keep_fewer(
// CHECK:         %[[K:[a-z0-9]+]] = tern.keep_top_k <keep = 7>
// CHECK-NEXT:    return %[[K]] : tensor<?x8xi8>
func.func @keep_fewer(%x: tensor<?x8xf32>, %q: tensor<?x8xi8>) -> tensor<?x8xi8> {
  %0 = tern.keep_top_k <keep = 7> (%x, %q) : (tensor<?x8xf32>, tensor<?x8xi8>) -> tensor<?x8xi8>
  return %0 : tensor<?x8xi8>
}

// -----

// In buffer form the codes still have to get into the out.
// CHECK-LABEL: func.func @keep_all_in_buffers(
// CHECK:         tern.keep_top_k <keep = 8>
func.func @keep_all_in_buffers(%x: memref<?x8xf32>, %q: memref<?x8xi8>, %k: memref<?x8xi8>) {
  tern.keep_top_k <keep = 8> (%x, %q) outs(%k : memref<?x8xi8>) : (memref<?x8xf32>, memref<?x8xi8>)
  return
}

// -----

// CHECK-LABEL: func.func @keep_three_of_five(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x8xf32>, %[[Q:[a-z0-9]+]]: tensor<?x8xi8>)
// CHECK-NEXT:    %[[K:[a-z0-9]+]] = tern.keep_top_k <keep = 3>(%[[X]], %[[Q]]) :
// CHECK-NEXT:    return %[[K]] :
func.func @keep_three_of_five(%x: tensor<?x8xf32>, %q: tensor<?x8xi8>) -> tensor<?x8xi8> {
  %0 = tern.keep_top_k <keep = 5> (%x, %q) : (tensor<?x8xf32>, tensor<?x8xi8>) -> tensor<?x8xi8>
  %1 = tern.keep_top_k <keep = 3> (%x, %0) : (tensor<?x8xf32>, tensor<?x8xi8>) -> tensor<?x8xi8>
  return %1 : tensor<?x8xi8>
}

// -----

// CHECK-LABEL: func.func @keep_five_of_three(
// CHECK-NEXT:    %[[K:[a-z0-9]+]] = tern.keep_top_k <keep = 3>
// CHECK-NEXT:    return %[[K]] :
func.func @keep_five_of_three(%x: tensor<?x8xf32>, %q: tensor<?x8xi8>) -> tensor<?x8xi8> {
  %0 = tern.keep_top_k <keep = 3> (%x, %q) : (tensor<?x8xf32>, tensor<?x8xi8>) -> tensor<?x8xi8>
  %1 = tern.keep_top_k <keep = 5> (%x, %0) : (tensor<?x8xf32>, tensor<?x8xi8>) -> tensor<?x8xi8>
  return %1 : tensor<?x8xi8>
}

// -----

// Other activations choose other features.
// CHECK-LABEL: func.func @two_selections(
// CHECK:         tern.keep_top_k <keep = 5>
// CHECK:         tern.keep_top_k <keep = 3>
func.func @two_selections(%x: tensor<?x8xf32>, %y: tensor<?x8xf32>, %q: tensor<?x8xi8>) -> tensor<?x8xi8> {
  %0 = tern.keep_top_k <keep = 5> (%x, %q) : (tensor<?x8xf32>, tensor<?x8xi8>) -> tensor<?x8xi8>
  %1 = tern.keep_top_k <keep = 3> (%y, %0) : (tensor<?x8xf32>, tensor<?x8xi8>) -> tensor<?x8xi8>
  return %1 : tensor<?x8xi8>
}

// -----

// A value read before the cache changes is not the one read after.
!kv = !tern.kv_cache<layers = 2, heads = 2, head_dim = 4, capacity = 16, bits = 8, bos_bits = 8>
// CHECK-LABEL: func.func @attention_reads_the_cache(
// CHECK:         %[[A:[a-z0-9]+]] = tern.attention(
// CHECK-NEXT:    tern.kv_append
// CHECK-NEXT:    %[[B:[a-z0-9]+]] = tern.attention(
// CHECK-NEXT:    return %[[A]], %[[B]] :
func.func @attention_reads_the_cache(%q: tensor<?x8xf32>, %p: tensor<?xi32>, %cache: !kv, %layer: index) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %0 = tern.attention(%q, %cache[%layer], %p) : (tensor<?x8xf32>, !kv, tensor<?xi32>) -> tensor<?x8xf32>
  tern.kv_append %q, %q into %cache[%layer] at %p : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>, !kv
  %1 = tern.attention(%q, %cache[%layer], %p) : (tensor<?x8xf32>, !kv, tensor<?xi32>) -> tensor<?x8xf32>
  return %0, %1 : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// A product nobody reads goes; equal ones are one.
// CHECK-LABEL: func.func @tensor_form_has_no_effects(
// CHECK-COUNT-1: tern.quantize
// CHECK-NOT:     tern.quantize
// CHECK-NOT:     tern.matmul
func.func @tensor_form_has_no_effects(%x: tensor<?x8xf32>, %w: tensor<4x8x!tern.trit>, %init: tensor<?x4xi32>) -> (tensor<?x8xi8>, tensor<?xf32>) {
  %q, %s = tern.quantize <int8_absmax> (%x) : (tensor<?x8xf32>) -> tensor<?x8xi8>, tensor<?xf32>
  %r, %t = tern.quantize <int8_absmax> (%x) : (tensor<?x8xf32>) -> tensor<?x8xi8>, tensor<?xf32>
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, tensor<4x8x!tern.trit>)
      outs(%init : tensor<?x4xi32>) codes [-128, 127] -> tensor<?x4xi32>
  return %q, %t : tensor<?x8xi8>, tensor<?xf32>
}
