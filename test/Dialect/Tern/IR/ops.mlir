// RUN: tern-opt %s | tern-opt --mlir-print-local-scope | FileCheck %s
// RUN: tern-opt %s --mlir-print-op-generic | tern-opt --mlir-print-local-scope | FileCheck %s
// RUN: tern-opt %s --emit-bytecode | tern-opt --mlir-print-local-scope | FileCheck %s

// Every operation in tensor form, printed and read back. Buffer forms are in
// ops-buffers.mlir.

!kv = !tern.kv_cache<layers = 5, heads = 1, head_dim = 64, capacity = 256, bits = 3, bos_bits = 4>

// CHECK: tern.weight @norm <values> ["model.norm.weight"] : tensor<192xf32>
tern.weight @norm <values> ["model.norm.weight"] : tensor<192xf32>
// CHECK: tern.weight @q_proj per_layer <digits> ["model.layers.{}.q.weight", "model.layers.{}.k.weight"] offset 4096 : tensor<320x192x!tern.trit>
tern.weight @q_proj per_layer <digits> ["model.layers.{}.q.weight", "model.layers.{}.k.weight"] offset 4096 : tensor<320x192x!tern.trit>
// CHECK: tern.weight @q_proj.scale per_layer <scale> ["model.layers.{}.q.weight", "model.layers.{}.k.weight"] : tensor<2xf32>
tern.weight @q_proj.scale per_layer <scale> ["model.layers.{}.q.weight", "model.layers.{}.k.weight"] : tensor<2xf32>

// CHECK-LABEL: func.func @weights(
// CHECK-SAME:    %[[LAYER:[a-z0-9]+]]: index)
func.func @weights(%layer: index) -> (tensor<192xf32>, tensor<320x192x!tern.trit>) {
  // CHECK: tern.get_weight @norm : tensor<192xf32>
  %0 = tern.get_weight @norm : tensor<192xf32>
  // CHECK: tern.get_weight @q_proj[%[[LAYER]]] : tensor<320x192x!tern.trit>
  %1 = tern.get_weight @q_proj[%layer] : tensor<320x192x!tern.trit>
  return %0, %1 : tensor<192xf32>, tensor<320x192x!tern.trit>
}

// CHECK-LABEL: func.func @rms_norm(
func.func @rms_norm(%x: tensor<?x192xf32>, %w: tensor<192xf32>) -> tensor<?x192xf32> {
  // CHECK: tern.rms_norm %{{.*}}, %{{.*}} eps 9.99999974E-6 : tensor<?x192xf32>, tensor<192xf32>
  %0 = tern.rms_norm %x, %w eps 1.000000e-05 : tensor<?x192xf32>, tensor<192xf32>
  return %0 : tensor<?x192xf32>
}

// CHECK-LABEL: func.func @rms_norm_of_heads(
func.func @rms_norm_of_heads(%x: tensor<?x192xf32>, %w: tensor<64xf32>) -> tensor<?x192xf32> {
  // CHECK: tern.rms_norm %{{.*}}, %{{.*}} eps 9.99999974E-6 head_dim 64 : tensor<?x192xf32>, tensor<64xf32>
  %0 = tern.rms_norm %x, %w eps 1.000000e-05 head_dim 64 : tensor<?x192xf32>, tensor<64xf32>
  return %0 : tensor<?x192xf32>
}

// CHECK-LABEL: func.func @scale(
func.func @scale(%x: tensor<?x192xf32>) -> tensor<?x192xf32> {
  // CHECK: %[[S:.*]] = tern.scale %{{.*}} by 1.200000e+01 : tensor<?x192xf32>
  %0 = tern.scale %x by 1.200000e+01 : tensor<?x192xf32>
  // CHECK: tern.scale %[[S]] divided by 6.000000e+00 : tensor<?x192xf32>
  %1 = tern.scale %0 divided by 6.000000e+00 : tensor<?x192xf32>
  return %1 : tensor<?x192xf32>
}

// CHECK-LABEL: func.func @bitlinear_top_k(
func.func @bitlinear_top_k(%x: tensor<?x192xf32>, %w: tensor<64x192x!tern.trit>, %s: tensor<1xf32>) -> tensor<?x64xf32> {
  // CHECK: tern.bitlinear "o_proj" %{{.*}}, %{{.*}} scale %{{.*}} act_quant <int8_absmax> top_k <keep = 96> :
  // CHECK-SAME: tensor<?x192xf32>, tensor<64x192x!tern.trit>, tensor<1xf32> -> tensor<?x64xf32>
  %0 = tern.bitlinear "o_proj" %x, %w scale %s act_quant <int8_absmax> top_k <keep = 96>
      : tensor<?x192xf32>, tensor<64x192x!tern.trit>, tensor<1xf32> -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @bitlinear_merged(
func.func @bitlinear_merged(%x: tensor<?x192xf32>, %w: tensor<96x192x!tern.trit>, %s: tensor<2xf32>) -> (tensor<?x64xf32>, tensor<?x32xf32>) {
  // CHECK: tern.bitlinear "q_proj+k_proj" %{{.*}} act_quant <int4_absmean> :
  // CHECK-SAME: tensor<2xf32> -> tensor<?x64xf32>, tensor<?x32xf32>
  %0:2 = tern.bitlinear "q_proj+k_proj" %x, %w scale %s act_quant <int4_absmean>
      : tensor<?x192xf32>, tensor<96x192x!tern.trit>, tensor<2xf32> -> tensor<?x64xf32>, tensor<?x32xf32>
  return %0#0, %0#1 : tensor<?x64xf32>, tensor<?x32xf32>
}

// CHECK-LABEL: func.func @rope(
func.func @rope(%q: tensor<?x192xf32>, %p: tensor<?xi32>, %c: tensor<256x32xf32>, %s: tensor<256x32xf32>) -> tensor<?x192xf32> {
  // CHECK: tern.rope %{{.*}} at %{{.*}} cos %{{.*}} sin %{{.*}} head_dim 64 :
  // CHECK-SAME: tensor<?x192xf32>, tensor<?xi32>, tensor<256x32xf32>, tensor<256x32xf32>
  %0 = tern.rope %q at %p cos %c sin %s head_dim 64
      : tensor<?x192xf32>, tensor<?xi32>, tensor<256x32xf32>, tensor<256x32xf32>
  return %0 : tensor<?x192xf32>
}

// CHECK-LABEL: func.func @glu(
func.func @glu(%g: tensor<?x512xf32>, %u: tensor<?x512xf32>) -> tensor<?x512xf32> {
  // CHECK: tern.glu <relu2> %{{.*}}, %{{.*}} : tensor<?x512xf32>
  %0 = tern.glu <relu2> %g, %u : tensor<?x512xf32>
  // CHECK: tern.glu <silu> %{{.*}}, %{{.*}} : tensor<?x512xf32>
  %1 = tern.glu <silu> %0, %u : tensor<?x512xf32>
  return %1 : tensor<?x512xf32>
}

// CHECK-LABEL: func.func @gather_rows(
func.func @gather_rows(%t: tensor<?xi32>, %w: tensor<1024x192xbf16>) -> tensor<?x192xf32> {
  // CHECK: tern.gather_rows(%{{.*}}, %{{.*}}) : (tensor<?xi32>, tensor<1024x192xbf16>) -> tensor<?x192xf32>
  %0 = tern.gather_rows(%t, %w) : (tensor<?xi32>, tensor<1024x192xbf16>) -> tensor<?x192xf32>
  return %0 : tensor<?x192xf32>
}

// CHECK-LABEL: func.func @gather_rows_of_integers(
func.func @gather_rows_of_integers(%t: tensor<?xi32>, %w: tensor<12x8xi8>, %rows: tensor<12xf32>) -> tensor<?x8xf32> {
  // CHECK: tern.gather_rows(%{{.*}}, %{{.*}}) scales(%{{.*}} : tensor<12xf32>) : (tensor<?xi32>, tensor<12x8xi8>) -> tensor<?x8xf32>
  %0 = tern.gather_rows(%t, %w) scales(%rows : tensor<12xf32>) : (tensor<?xi32>, tensor<12x8xi8>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @gather_rows_of_digits(
func.func @gather_rows_of_digits(%t: tensor<?xi32>, %w: tensor<12x8x!tern.trit>, %g: tensor<12x2x1xi8>, %one: tensor<1xf32>, %rows: tensor<12xf32>, %groups: tensor<12x2xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  // CHECK: tern.gather_rows(%{{.*}}, %{{.*}}) scales(%{{.*}} : tensor<1xf32>) : (tensor<?xi32>, tensor<12x8x!tern.trit>) -> tensor<?x8xf32>
  %0 = tern.gather_rows(%t, %w) scales(%one : tensor<1xf32>) : (tensor<?xi32>, tensor<12x8x!tern.trit>) -> tensor<?x8xf32>
  // CHECK: tern.gather_rows(%{{.*}}, %{{.*}}) scales(%{{.*}} : tensor<12xf32>) :
  %1 = tern.gather_rows(%t, %w) scales(%rows : tensor<12xf32>) : (tensor<?xi32>, tensor<12x8x!tern.trit>) -> tensor<?x8xf32>
  // CHECK: tern.gather_rows(%{{.*}}, %{{.*}}) scales(%{{.*}} : tensor<12x2xf32>) weight_type tensor<12x8x!tern.trit, #tern.layout<b2, rows, k:4:1, []>> : (tensor<?xi32>, tensor<12x2x1xi8>)
  %2 = tern.gather_rows(%t, %g) scales(%groups : tensor<12x2xf32>)
      weight_type tensor<12x8x!tern.trit, #tern.layout<b2, rows, k:4:1, []>> : (tensor<?xi32>, tensor<12x2x1xi8>) -> tensor<?x8xf32>
  return %0, %1, %2 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}

// CHECK-LABEL: func.func @lm_head(
func.func @lm_head(%h: tensor<?x192xf32>, %w: tensor<1024x192xi8>, %s: tensor<1024xf32>) -> tensor<?x1024xf32> {
  // CHECK: tern.lm_head(%{{.*}}, %{{.*}}) scales(%{{.*}} : tensor<1024xf32>) :
  // CHECK-SAME: (tensor<?x192xf32>, tensor<1024x192xi8>) -> tensor<?x1024xf32>
  %0 = tern.lm_head(%h, %w) scales(%s : tensor<1024xf32>)
      : (tensor<?x192xf32>, tensor<1024x192xi8>) -> tensor<?x1024xf32>
  return %0 : tensor<?x1024xf32>
}

// CHECK-LABEL: func.func @reduce(
func.func @reduce(%x: tensor<?x192xf32>) -> tensor<?xf32> {
  // CHECK: tern.reduce <max_abs>(%{{.*}}) : (tensor<?x192xf32>) -> tensor<?xf32>
  %0 = tern.reduce <max_abs> (%x) : (tensor<?x192xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// CHECK-LABEL: func.func @hadamard(
func.func @hadamard(%x: tensor<?x192xf32>) -> tensor<?x192xf32> {
  // CHECK: tern.hadamard block 64(%{{.*}}) : (tensor<?x192xf32>) -> tensor<?x192xf32>
  %0 = tern.hadamard block 64 (%x) : (tensor<?x192xf32>) -> tensor<?x192xf32>
  return %0 : tensor<?x192xf32>
}

// CHECK-LABEL: func.func @quantize_and_keep(
func.func @quantize_and_keep(%x: tensor<?x192xf32>) -> (tensor<?x192xi8>, tensor<?xf32>) {
  // CHECK: %[[Q:[a-z0-9]+]]:2 = tern.quantize <fp4_e2m1>(%{{.*}}) : (tensor<?x192xf32>) -> tensor<?x192xi8>, tensor<?xf32>
  %q, %s = tern.quantize <fp4_e2m1> (%x) : (tensor<?x192xf32>) -> tensor<?x192xi8>, tensor<?xf32>
  // CHECK: tern.keep_top_k <keep = 96>(%{{.*}}, %[[Q]]#0) : (tensor<?x192xf32>, tensor<?x192xi8>) -> tensor<?x192xi8>
  %k = tern.keep_top_k <keep = 96> (%x, %q) : (tensor<?x192xf32>, tensor<?x192xi8>) -> tensor<?x192xi8>
  return %k, %s : tensor<?x192xi8>, tensor<?xf32>
}

// CHECK-LABEL: func.func @sparse_product(
func.func @sparse_product(%q: tensor<1x190xi8>, %w: tensor<64x190x!tern.trit>, %init: tensor<1x64xi32>) -> tensor<1x64xi32> {
  // CHECK: %[[S:[a-z0-9]+]]:3 = tern.sparsify(%{{.*}}) :
  // CHECK-SAME: (tensor<1x190xi8>) -> tensor<1x192xi32>, tensor<1x192xi8>, tensor<1xi32>
  %i, %v, %n = tern.sparsify(%q) : (tensor<1x190xi8>) -> tensor<1x192xi32>, tensor<1x192xi8>, tensor<1xi32>
  // CHECK: tern.matmul "down_proj" ins(%[[S]]#1, %{{.*}} : tensor<1x192xi8>, tensor<64x190x!tern.trit>)
  // CHECK-SAME: columns(%[[S]]#0, %[[S]]#2 : tensor<1x192xi32>, tensor<1xi32>) outs(%{{.*}} : tensor<1x64xi32>) codes [-128, 127] -> tensor<1x64xi32>
  %0 = tern.matmul "down_proj" ins(%v, %w : tensor<1x192xi8>, tensor<64x190x!tern.trit>) columns(%i, %n : tensor<1x192xi32>, tensor<1xi32>)
      outs(%init : tensor<1x64xi32>) codes [-128, 127] -> tensor<1x64xi32>
  return %0 : tensor<1x64xi32>
}

// CHECK-LABEL: func.func @product_of_active_rows(
func.func @product_of_active_rows(%g: tensor<1x512xf32>, %q: tensor<1x192xi8>, %w: tensor<512x192x!tern.trit>, %init: tensor<1x512xi32>) -> tensor<1x512xi32> {
  // CHECK: %[[A:[a-z0-9]+]]:2 = tern.active_rows(%{{.*}}) : (tensor<1x512xf32>) -> tensor<1x512xi32>, tensor<1xi32>
  %i, %n = tern.active_rows(%g) : (tensor<1x512xf32>) -> tensor<1x512xi32>, tensor<1xi32>
  // CHECK: tern.matmul "up_proj" ins(%{{.*}}, %{{.*}} : tensor<1x192xi8>, tensor<512x192x!tern.trit>)
  // CHECK-SAME: rows(%[[A]]#0, %[[A]]#1 : tensor<1x512xi32>, tensor<1xi32>) outs(%{{.*}} : tensor<1x512xi32>) codes [-128, 127] -> tensor<1x512xi32>
  %0 = tern.matmul "up_proj" ins(%q, %w : tensor<1x192xi8>, tensor<512x192x!tern.trit>) rows(%i, %n : tensor<1x512xi32>, tensor<1xi32>)
      outs(%init : tensor<1x512xi32>) codes [-128, 127] -> tensor<1x512xi32>
  return %0 : tensor<1x512xi32>
}

// CHECK-LABEL: func.func @product_with_all_modifiers(
func.func @product_with_all_modifiers(%v: tensor<1x192xi8>, %w: tensor<64x190x!tern.trit>, %i: tensor<1x64xi32>, %j: tensor<1x192xi32>, %n: tensor<1xi32>, %s: tensor<64x5xf32>, %init: tensor<1x64xf32>) -> tensor<1x64xf32> {
  // CHECK: tern.matmul "any" ins(%{{.*}}, %{{.*}} : tensor<1x192xi8>, tensor<64x190x!tern.trit>) rows(%{{.*}}, %[[N:[a-z0-9]+]] : tensor<1x64xi32>, tensor<1xi32>)
  // CHECK-SAME: columns(%{{.*}}, %[[N]] : tensor<1x192xi32>, tensor<1xi32>) scales(%{{.*}} : tensor<64x5xf32>) outs(%{{.*}} : tensor<1x64xf32>) codes [-12, 12] -> tensor<1x64xf32>
  %0 = tern.matmul "any" ins(%v, %w : tensor<1x192xi8>, tensor<64x190x!tern.trit>) rows(%i, %n : tensor<1x64xi32>, tensor<1xi32>)
      columns(%j, %n : tensor<1x192xi32>, tensor<1xi32>) scales(%s : tensor<64x5xf32>)
      outs(%init : tensor<1x64xf32>) codes [-12, 12] -> tensor<1x64xf32>
  return %0 : tensor<1x64xf32>
}

// CHECK-LABEL: func.func @product_with_a_layout(
func.func @product_with_a_layout(%q: tensor<?x208xi8>, %w: tensor<4x13x64xi8>, %sums: tensor<?x1xi32>, %s: tensor<?xf32>, %a: tensor<1xf32>, %init: tensor<?x64xi32>) -> tensor<?x64xf32> {
  // CHECK: tern.matmul "q_proj" ins(%{{.*}}, %{{.*}} : tensor<?x208xi8>, tensor<4x13x64xi8>) code_sums(%{{.*}} : tensor<?x1xi32>) outs(%{{.*}} : tensor<?x64xi32>)
  // CHECK-SAME: codes [-8, 7] weight_type tensor<50x200x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:16:1, k:4:1]>> strategy #tern.strategy<[#tern.rows_in_lanes<dot = #tern.scalar_dot, vectors = 16, tokens = 4>, #tern.rows_in_lanes<dot = #tern.scalar_dot, vectors = 16, tokens = 1>], units = 1, prefetch = 0> -> tensor<?x64xi32>
  %0 = tern.matmul "q_proj" ins(%q, %w : tensor<?x208xi8>, tensor<4x13x64xi8>)
      code_sums(%sums : tensor<?x1xi32>) outs(%init : tensor<?x64xi32>) codes [-8, 7]
      weight_type tensor<50x200x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:16:1, k:4:1]>>
      strategy #tern.strategy<[#tern.rows_in_lanes<dot = #tern.scalar_dot, vectors = 16, tokens = 4>, #tern.rows_in_lanes<dot = #tern.scalar_dot, vectors = 16, tokens = 1>], units = 1, prefetch = 0> -> tensor<?x64xi32>
  // CHECK: tern.dequantize(%{{.*}}, %{{.*}}, %{{.*}}) : (tensor<?x64xi32>, tensor<?xf32>, tensor<1xf32>) -> tensor<?x64xf32>
  %1 = tern.dequantize(%0, %s, %a) : (tensor<?x64xi32>, tensor<?xf32>, tensor<1xf32>) -> tensor<?x64xf32>
  return %1 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @cache(
func.func @cache(%q: tensor<?x192xf32>, %k: tensor<?x64xf32>, %v: tensor<?x64xf32>, %p: tensor<?xi32>, %cache: !kv, %layer: index) -> tensor<?x192xf32> {
  // CHECK: tern.kv_append %{{.*}}, %{{.*}} into %[[CACHE:[a-z0-9]+]][%[[LAYER:[a-z0-9]+]]] at %[[P:[a-z0-9]+]] :
  // CHECK-SAME: tensor<?x64xf32>, tensor<?x64xf32>, tensor<?xi32>, !tern.kv_cache<layers = 5, heads = 1, head_dim = 64, capacity = 256, bits = 3, bos_bits = 4>
  tern.kv_append %k, %v into %cache[%layer] at %p : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?xi32>, !kv
  // CHECK: tern.attention(%{{.*}}, %[[CACHE]][%[[LAYER]]], %[[P]]) :
  %0 = tern.attention(%q, %cache[%layer], %p) : (tensor<?x192xf32>, !kv, tensor<?xi32>) -> tensor<?x192xf32>
  return %0 : tensor<?x192xf32>
}

// CHECK-LABEL: func.func @surroundings(
func.func @surroundings(%cache: !kv, %i: index) -> index {
  // CHECK: %[[A:[a-z0-9]+]] = tern.state_address %{{.*}}[%{{.*}}] :
  %0 = tern.state_address %cache[%i] : !kv
  // CHECK: tern.from_address %[[A]] : memref<16xi8>
  %1 = tern.from_address %0 : memref<16xi8>
  // CHECK: %[[W:[a-z0-9]+]] = tern.worker_index
  %2 = tern.worker_index
  // CHECK: tern.worker_count bytes 1000
  %count = tern.worker_count bytes 1000
  // CHECK: tern.iteration "q_proj.rows_in_lanes" bytes 2048
  tern.iteration "q_proj.rows_in_lanes" bytes 2048
  // CHECK: tern.count_read "up_proj" held %[[A]] read %[[W]]
  tern.count_read "up_proj" held %0 read %2
  return %2 : index
}
