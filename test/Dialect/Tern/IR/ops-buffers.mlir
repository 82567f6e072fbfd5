// RUN: tern-opt %s | tern-opt --mlir-print-local-scope | FileCheck %s
// RUN: tern-opt %s --mlir-print-op-generic | tern-opt --mlir-print-local-scope | FileCheck %s

// Kernel operations in buffer form: outs instead of results, and a product's
// weight is a grid of bytes beside the type of what they hold.

!kv = !tern.kv_cache<layers = 5, heads = 1, head_dim = 64, capacity = 256, bits = 3, bos_bits = 4>
!digits = tensor<50x200x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:16:1, k:4:1]>>

tern.weight @q_proj per_layer <digits> ["model.layers.{}.q.weight"] : !digits

// CHECK-LABEL: func.func @get_weight(
func.func @get_weight(%layer: index) -> memref<4x13x64xi8> {
  // CHECK: tern.get_weight @q_proj[%{{.*}}] : memref<4x13x64xi8>
  %0 = tern.get_weight @q_proj[%layer] : memref<4x13x64xi8>
  return %0 : memref<4x13x64xi8>
}

// CHECK-LABEL: func.func @gather_rows_and_head(
func.func @gather_rows_and_head(%t: memref<?xi32>, %w: memref<1024x192xbf16>, %x: memref<?x192xf32>, %l: memref<?x1024xf32>) {
  // CHECK: tern.gather_rows(%{{.*}}, %{{.*}}) outs(%[[X:[a-z0-9]+]] : memref<?x192xf32>) : (memref<?xi32>, memref<1024x192xbf16>)
  tern.gather_rows(%t, %w) outs(%x : memref<?x192xf32>) : (memref<?xi32>, memref<1024x192xbf16>)
  // CHECK: tern.lm_head(%[[X]], %{{.*}}) outs(%{{.*}} : memref<?x1024xf32>) : (memref<?x192xf32>, memref<1024x192xbf16>)
  tern.lm_head(%x, %w) outs(%l : memref<?x1024xf32>) : (memref<?x192xf32>, memref<1024x192xbf16>)
  return
}

// CHECK-LABEL: func.func @quantization(
func.func @quantization(%x: memref<?x190xf32>, %m: memref<?xf32>, %q: memref<?x190xi8>, %s: memref<?xf32>, %i: memref<?x192xi32>, %v: memref<?x192xi8>, %n: memref<?xi32>) {
  // CHECK: tern.reduce <sum_abs>(%[[X:[a-z0-9]+]]) outs(%{{.*}} : memref<?xf32>) : (memref<?x190xf32>)
  tern.reduce <sum_abs> (%x) outs(%m : memref<?xf32>) : (memref<?x190xf32>)
  // CHECK: tern.quantize <int8_absmax>(%[[X]]) outs(%[[Q:[a-z0-9]+]], %{{.*}} : memref<?x190xi8>, memref<?xf32>) : (memref<?x190xf32>)
  tern.quantize <int8_absmax> (%x) outs(%q, %s : memref<?x190xi8>, memref<?xf32>) : (memref<?x190xf32>)
  // CHECK: tern.keep_top_k <keep = 95>(%[[X]], %[[Q]]) outs(%[[Q]] : memref<?x190xi8>) : (memref<?x190xf32>, memref<?x190xi8>)
  tern.keep_top_k <keep = 95> (%x, %q) outs(%q : memref<?x190xi8>) : (memref<?x190xf32>, memref<?x190xi8>)
  // CHECK: tern.sparsify(%[[Q]]) outs(%{{.*}}, %{{.*}}, %{{.*}} : memref<?x192xi32>, memref<?x192xi8>, memref<?xi32>) : (memref<?x190xi8>)
  tern.sparsify(%q) outs(%i, %v, %n : memref<?x192xi32>, memref<?x192xi8>, memref<?xi32>) : (memref<?x190xi8>)
  return
}

// CHECK-LABEL: func.func @hadamard(
func.func @hadamard(%x: memref<?x12xf32>, %y: memref<?x12xf32>) {
  // CHECK: tern.hadamard block 4(%{{.*}}) outs(%{{.*}} : memref<?x12xf32>) : (memref<?x12xf32>)
  tern.hadamard block 4 (%x) outs(%y : memref<?x12xf32>) : (memref<?x12xf32>)
  return
}

// CHECK-LABEL: func.func @around_products(
func.func @around_products(%q: memref<?x192xi8>, %one: memref<1x192xi8>, %n: memref<1xi32>, %s: memref<?x3xi32>, %t: memref<1x1xi32>, %w: memref<512x10x64xi8>, %row: index) {
  // CHECK: tern.sum_codes(%{{.*}}) outs(%{{.*}} : memref<?x3xi32>) : (memref<?x192xi8>)
  tern.sum_codes(%q) outs(%s : memref<?x3xi32>) : (memref<?x192xi8>)
  // CHECK: tern.sum_codes(%{{.*}}) count(%{{.*}} : memref<1xi32>) outs(%{{.*}} : memref<1x1xi32>) : (memref<1x192xi8>)
  tern.sum_codes(%one) count(%n : memref<1xi32>) outs(%t : memref<1x1xi32>) : (memref<1x192xi8>)
  // CHECK: tern.prefetch %{{.*}}[%[[ROW:.*]], %[[ROW]], %[[ROW]]] bytes 640 : memref<512x10x64xi8>
  tern.prefetch %w[%row, %row, %row] bytes 640 : memref<512x10x64xi8>
  return
}

// CHECK-LABEL: func.func @active_rows(
func.func @active_rows(%g: memref<1x512xf32>, %i: memref<1x512xi32>, %n: memref<1xi32>) {
  // CHECK: tern.active_rows(%{{.*}}) outs(%{{.*}}, %{{.*}} : memref<1x512xi32>, memref<1xi32>) : (memref<1x512xf32>)
  tern.active_rows(%g) outs(%i, %n : memref<1x512xi32>, memref<1xi32>) : (memref<1x512xf32>)
  return
}

// CHECK-LABEL: func.func @products(
func.func @products(%q: memref<1x208xi8>, %w: memref<4x13x64xi8>, %i: memref<1x64xi32>, %n: memref<1xi32>, %acc: memref<1x64xi32>,
    %j: memref<1x200xi32>, %v: memref<1x200xi8>, %s: memref<1xf32>, %y: memref<1x64xf32>) {
  // CHECK: tern.matmul "up_proj" ins(%{{.*}}, %[[W:[a-z0-9]+]] : memref<1x208xi8>, memref<4x13x64xi8>)
  // CHECK-SAME: rows(%{{.*}}, %[[N:[a-z0-9]+]] : memref<1x64xi32>, memref<1xi32>)
  // CHECK-SAME: outs(%[[ACC:[a-z0-9]+]] : memref<1x64xi32>) codes [-128, 127]
  // CHECK-SAME: weight_type tensor<50x200x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:16:1, k:4:1]>>{{$}}
  tern.matmul "up_proj" ins(%q, %w : memref<1x208xi8>, memref<4x13x64xi8>) rows(%i, %n : memref<1x64xi32>, memref<1xi32>)
      outs(%acc : memref<1x64xi32>) codes [-128, 127] weight_type !digits
  // CHECK: tern.matmul "down_proj" ins(%{{.*}}, %[[W]] : memref<1x200xi8>, memref<4x13x64xi8>)
  // CHECK-SAME: columns(%{{.*}}, %[[N]] : memref<1x200xi32>, memref<1xi32>) outs(%[[ACC]] : memref<1x64xi32>)
  // CHECK-SAME: weight_type tensor<50x200x!tern.trit,
  tern.matmul "down_proj" ins(%v, %w : memref<1x200xi8>, memref<4x13x64xi8>) columns(%j, %n : memref<1x200xi32>, memref<1xi32>)
      outs(%acc : memref<1x64xi32>) codes [-128, 127] weight_type !digits
  // CHECK: tern.dequantize(%[[ACC]], %[[S:[a-z0-9]+]], %[[S]]) outs(%{{.*}} : memref<1x64xf32>) : (memref<1x64xi32>, memref<1xf32>, memref<1xf32>)
  tern.dequantize(%acc, %s, %s) outs(%y : memref<1x64xf32>) : (memref<1x64xi32>, memref<1xf32>, memref<1xf32>)
  return
}

// CHECK-LABEL: func.func @cache(
func.func @cache(%q: memref<?x192xf32>, %k: memref<?x64xf32>, %p: memref<?xi32>, %cache: !kv, %layer: index, %a: memref<?x192xf32>) {
  // CHECK: tern.kv_append %[[K:[a-z0-9]+]], %[[K]] into %{{.*}}[%{{.*}}] at %{{.*}} : memref<?x64xf32>, memref<?x64xf32>, memref<?xi32>, !tern.kv_cache<
  tern.kv_append %k, %k into %cache[%layer] at %p : memref<?x64xf32>, memref<?x64xf32>, memref<?xi32>, !kv
  // CHECK: tern.attention(%{{.*}}, %{{.*}}[%{{.*}}], %{{.*}}) outs(%{{.*}} : memref<?x192xf32>) : (memref<?x192xf32>, !tern.kv_cache<
  tern.attention(%q, %cache[%layer], %p) outs(%a : memref<?x192xf32>) : (memref<?x192xf32>, !kv, memref<?xi32>)
  return
}

// CHECK-LABEL: func.func @top_logits(
// CHECK:         tern.top_logits(%{{.*}}) parts 2 each 3 : (tensor<?x40xf32>) -> tensor<?x12xi32>
// CHECK:         tern.top_logits(%{{.*}}) parts 2 each 3 outs(%{{.*}} : memref<?x12xi32>) : (memref<?x40xf32>)
// CHECK:         %{{.*}} = tern.arrive %{{.*}} of 8 by 256
func.func @top_logits(%x: tensor<?x40xf32>, %m: memref<?x40xf32>, %t: memref<?x12xi32>, %i: index) {
  %0 = tern.top_logits(%x) parts 2 each 3 : (tensor<?x40xf32>) -> tensor<?x12xi32>
  tern.top_logits(%m) parts 2 each 3 outs(%t : memref<?x12xi32>) : (memref<?x40xf32>)
  %1 = tern.arrive %i of 8 by 256
  return
}

// CHECK-LABEL: func.func @argmax(
// CHECK:         %{{.*}} = tern.argmax(%{{.*}}) : (tensor<?x11xf32>) -> tensor<?x2xi32>
// CHECK:         tern.argmax(%{{.*}}) outs(%{{.*}} : memref<?x2xi32>) : (memref<?x11xf32>)
func.func @argmax(%x: tensor<?x11xf32>, %m: memref<?x11xf32>, %t: memref<?x2xi32>) {
  %0 = tern.argmax(%x) : (tensor<?x11xf32>) -> tensor<?x2xi32>
  tern.argmax(%m) outs(%t : memref<?x2xi32>) : (memref<?x11xf32>)
  return
}
