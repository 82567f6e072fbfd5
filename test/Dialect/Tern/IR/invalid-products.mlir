// RUN: tern-opt %s --split-input-file --verify-diagnostics

// Products and attention, one rule per case.

func.func @forms_are_mixed(%q: tensor<?x8xi8>, %w: memref<4x8xi8>, %a: tensor<?x4xi32>) {
  // expected-error @+1 {{expected all operands to be tensors, as init is, got 'memref<4x8xi8>'}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, memref<4x8xi8>)
      outs(%a : tensor<?x4xi32>) codes [-128, 127] -> tensor<?x4xi32>
  return
}

// -----

func.func @result_of_buffers(%q: memref<?x8xi8>, %w: memref<4x8xi8>, %a: memref<?x4xi32>) {
  // expected-error @+1 {{expected the number of tensor results (1) to be equal to the number of output tensors (0)}}
  %0 = tern.matmul "q" ins(%q, %w : memref<?x8xi8>, memref<4x8xi8>)
      outs(%a : memref<?x4xi32>) codes [-128, 127] -> tensor<?x4xi32>
  return
}

// -----

func.func @weight_of_floats(%q: tensor<?x8xi8>, %a: tensor<?x4xi32>, %w: tensor<4x8xf32>) {
  // expected-error @+1 {{expected a matrix of !tern.trit, i8, i6, i4 or i2 as weight, or bytes and their weight_type, got 'tensor<4x8xf32>'}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, tensor<4x8xf32>)
      outs(%a : tensor<?x4xi32>) codes [-128, 127] -> tensor<?x4xi32>
  return
}

// -----

func.func @weight_type_is_missing(%q: tensor<?x8xi8>, %a: tensor<?x4xi32>, %w: tensor<1x2x4xi8>) {
  // expected-error @+1 {{expected a matrix of !tern.trit, i8, i6, i4 or i2 as weight, or bytes and their weight_type, got 'tensor<1x2x4xi8>'}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, tensor<1x2x4xi8>)
      outs(%a : tensor<?x4xi32>) codes [-128, 127] -> tensor<?x4xi32>
  return
}

// -----

func.func @layout_on_digits(%q: tensor<?x8xi8>, %a: tensor<?x4xi32>, %w: tensor<4x8x!tern.trit, #tern.layout<b2, rows, k:4:1, [n:4:1]>>) {
  // expected-error @+1 {{expected a weight with a layout as 'tensor<1x2x4xi8>' and its weight_type, got 'tensor<4x8x!tern.trit, #tern.layout<b2, rows, k:4:1, [n:4:1]>>'}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, tensor<4x8x!tern.trit, #tern.layout<b2, rows, k:4:1, [n:4:1]>>)
      outs(%a : tensor<?x4xi32>) codes [-128, 127] -> tensor<?x4xi32>
  return
}

// -----

func.func @weight_without_layout(%q: tensor<?x8xi8>, %a: tensor<?x4xi32>, %w: tensor<1x2x4xi8>) {
  // expected-error @+1 {{expected weight_type to have a layout, got 'tensor<4x8x!tern.trit>'}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, tensor<1x2x4xi8>)
      outs(%a : tensor<?x4xi32>) codes [-128, 127] weight_type tensor<4x8x!tern.trit> -> tensor<?x4xi32>
  return
}

// -----

func.func @bytes_of_the_layout(%q: memref<?x8xi8>, %w: memref<1x2x5xi8>, %a: memref<?x4xi32>) {
  // expected-error @+1 {{expected weight to be 'tensor<1x2x4xi8>' or a slice of its rows, as weight_type takes, got 'memref<1x2x5xi8>'}}
  tern.matmul "q" ins(%q, %w : memref<?x8xi8>, memref<1x2x5xi8>)
      outs(%a : memref<?x4xi32>) codes [-128, 127] weight_type tensor<4x8x!tern.trit, #tern.layout<b2, rows, k:4:1, [n:4:1]>>
  return
}

// -----

func.func @tiles_of_the_layout(%q: tensor<?x8xi8>, %a: tensor<?x4xi32>, %w: tensor<2x2x4xi8>) {
  // expected-error @+1 {{expected weight to be 'tensor<1x2x4xi8>' or a slice of its rows, as weight_type takes, got 'tensor<2x2x4xi8>'}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, tensor<2x2x4xi8>)
      outs(%a : tensor<?x4xi32>) codes [-128, 127] weight_type tensor<4x8x!tern.trit, #tern.layout<b2, rows, k:4:1, [n:4:1]>> -> tensor<?x4xi32>
  return
}

// -----

func.func @slice_of_columns(%q: tensor<?x8xi8>, %a: tensor<?x4xi32>, %w: tensor<1x1x4xi8>) {
  // expected-error @+1 {{expected weight to be 'tensor<1x2x4xi8>' or a slice of its rows, as weight_type takes, got 'tensor<1x1x4xi8>'}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, tensor<1x1x4xi8>)
      outs(%a : tensor<?x4xi32>) codes [-128, 127] weight_type tensor<4x8x!tern.trit, #tern.layout<b2, rows, k:4:1, [n:4:1]>> -> tensor<?x4xi32>
  return
}

// -----

func.func @columns_of_the_weight(%q: tensor<?x9xi8>, %w: tensor<4x8x!tern.trit>, %a: tensor<?x4xi32>) {
  // expected-error @+1 {{expected codes to have 8 columns, as the weight and its layout have, got 9}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x9xi8>, tensor<4x8x!tern.trit>)
      outs(%a : tensor<?x4xi32>) codes [-128, 127] -> tensor<?x4xi32>
  return
}

// -----

func.func @columns_of_the_layout(%q: tensor<?x6xi8>, %w: tensor<1x2x4xi8>, %a: tensor<?x4xi32>) {
  // expected-error @+1 {{expected codes to have 8 columns, as the weight and its layout have, got 6}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x6xi8>, tensor<1x2x4xi8>)
      outs(%a : tensor<?x4xi32>) codes [-128, 127] weight_type tensor<4x6x!tern.trit, #tern.layout<b2, rows, k:4:1, [n:4:1]>> -> tensor<?x4xi32>
  return
}

// -----

func.func @rows_of_the_layout(%q: tensor<?x8xi8>, %w: tensor<1x2x4xi8>, %a: tensor<?x3xi32>) {
  // expected-error @+1 {{expected init of type 'tensor<?x4xi32>', got 'tensor<?x3xi32>'}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, tensor<1x2x4xi8>)
      outs(%a : tensor<?x3xi32>) codes [-128, 127] weight_type tensor<3x8x!tern.trit, #tern.layout<b2, rows, k:4:1, [n:4:1]>> -> tensor<?x3xi32>
  return
}

// -----

func.func @rows_of_a_slice(%q: tensor<?x8xi8>, %w: tensor<1x2x4xi8>, %a: tensor<?x8xi32>) {
  // expected-error @+1 {{expected init of type 'tensor<?x4xi32>', got 'tensor<?x8xi32>'}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, tensor<1x2x4xi8>)
      outs(%a : tensor<?x8xi32>) codes [-128, 127] weight_type tensor<8x8x!tern.trit, #tern.layout<b2, rows, k:4:1, [n:4:1]>> -> tensor<?x8xi32>
  return
}

// -----

func.func @result_per_token(%q: tensor<3x8xi8>, %w: tensor<4x8x!tern.trit>, %a: tensor<2x4xi32>) {
  // expected-error @+1 {{expected init of type 'tensor<3x4xi32>', got 'tensor<2x4xi32>'}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<3x8xi8>, tensor<4x8x!tern.trit>)
      outs(%a : tensor<2x4xi32>) codes [-128, 127] -> tensor<2x4xi32>
  return
}

// -----

func.func @range_without_zero(%q: tensor<?x8xi8>, %a: tensor<?x4xi32>, %w: tensor<4x8x!tern.trit>) {
  // expected-error @+1 {{expected codes in a range [lowest, highest] that holds 0 and fits i8, got [1, 7]}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, tensor<4x8x!tern.trit>)
      outs(%a : tensor<?x4xi32>) codes [1, 7] -> tensor<?x4xi32>
  return
}

// -----

func.func @range_beyond_i8(%q: tensor<?x8xi8>, %a: tensor<?x4xi32>, %w: tensor<4x8x!tern.trit>) {
  // expected-error @+1 {{expected codes in a range [lowest, highest] that holds 0 and fits i8, got [-128, 128]}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, tensor<4x8x!tern.trit>)
      outs(%a : tensor<?x4xi32>) codes [-128, 128] -> tensor<?x4xi32>
  return
}

// -----

func.func @range_of_one_number(%q: tensor<?x8xi8>, %a: tensor<?x4xi32>, %w: tensor<4x8x!tern.trit>) {
  // expected-error @+1 {{expected codes in a range [lowest, highest] that holds 0 and fits i8, got [7]}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, tensor<4x8x!tern.trit>)
      outs(%a : tensor<?x4xi32>) codes [7] -> tensor<?x4xi32>
  return
}

// -----

func.func @indices_without_count(%q: tensor<1x8xi8>, %w: tensor<4x8x!tern.trit>, %i: tensor<1x4xi32>, %a: tensor<1x4xi32>) {
  // expected-error @+1 {{expected indices and count of rows together, got only one}}
  %0 = "tern.matmul"(%q, %w, %i, %a) <{projection = "q", code_range = array<i64: -8, 7>, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0, 0, 1>}> : (tensor<1x8xi8>, tensor<4x8x!tern.trit>, tensor<1x4xi32>, tensor<1x4xi32>) -> tensor<1x4xi32>
  return
}

// -----

func.func @rows_for_many_tokens(%q: tensor<?x8xi8>, %w: tensor<4x8x!tern.trit>, %i: tensor<1x4xi32>, %n: tensor<1xi32>, %a: tensor<?x4xi32>) {
  // expected-error @+1 {{expected codes of exactly one token, got 'tensor<?x8xi8>'}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, tensor<4x8x!tern.trit>) rows(%i, %n : tensor<1x4xi32>, tensor<1xi32>)
      outs(%a : tensor<?x4xi32>) codes [-128, 127] -> tensor<?x4xi32>
  return
}

// -----

func.func @room_for_all_rows(%q: tensor<1x8xi8>, %w: tensor<4x8x!tern.trit>, %i: tensor<1x3xi32>, %n: tensor<1xi32>, %a: tensor<1x4xi32>) {
  // expected-error @+1 {{expected room for 4 row indices, as the weight has rows, got 3}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<1x8xi8>, tensor<4x8x!tern.trit>) rows(%i, %n : tensor<1x3xi32>, tensor<1xi32>)
      outs(%a : tensor<1x4xi32>) codes [-128, 127] -> tensor<1x4xi32>
  return
}

// -----

func.func @columns_for_two_tokens(%i: tensor<2x8xi32>, %v: tensor<2x8xi8>, %n: tensor<2xi32>, %w: tensor<4x8x!tern.trit>, %a: tensor<2x4xi32>) {
  // expected-error @+1 {{expected codes of exactly one token, got 'tensor<2x8xi8>'}}
  %0 = tern.matmul "q" ins(%v, %w : tensor<2x8xi8>, tensor<4x8x!tern.trit>) columns(%i, %n : tensor<2x8xi32>, tensor<2xi32>)
      outs(%a : tensor<2x4xi32>) codes [-128, 127] -> tensor<2x4xi32>
  return
}

// -----

func.func @code_per_index(%i: tensor<1x8xi32>, %v: tensor<1x4xi8>, %n: tensor<1xi32>, %w: tensor<4x8x!tern.trit>, %a: tensor<1x4xi32>) {
  // expected-error @+1 {{expected codes to have 8 columns, as column indices have, got 4}}
  %0 = tern.matmul "q" ins(%v, %w : tensor<1x4xi8>, tensor<4x8x!tern.trit>) columns(%i, %n : tensor<1x8xi32>, tensor<1xi32>)
      outs(%a : tensor<1x4xi32>) codes [-128, 127] -> tensor<1x4xi32>
  return
}

// -----

func.func @room_for_all_columns(%i: tensor<1x4xi32>, %v: tensor<1x4xi8>, %n: tensor<1xi32>, %w: tensor<4x7x!tern.trit>, %a: tensor<1x4xi32>) {
  // expected-error @+1 {{expected room for 8 column indices, the weight's columns rounded up to a multiple of four, got 4}}
  %0 = tern.matmul "q" ins(%v, %w : tensor<1x4xi8>, tensor<4x7x!tern.trit>) columns(%i, %n : tensor<1x4xi32>, tensor<1xi32>)
      outs(%a : tensor<1x4xi32>) codes [-128, 127] -> tensor<1x4xi32>
  return
}

// -----

func.func @sum_per_row(%i: memref<1x8xi32>, %v: memref<1x8xi8>, %n: memref<1xi32>, %w: memref<1x2x4xi8>, %a: memref<1x3xi32>) {
  // expected-error @+1 {{expected init of type 'tensor<1x4xi32>' as a memref, got 'memref<1x3xi32>'}}
  tern.matmul "q" ins(%v, %w : memref<1x8xi8>, memref<1x2x4xi8>) columns(%i, %n : memref<1x8xi32>, memref<1xi32>)
      outs(%a : memref<1x3xi32>) codes [-128, 127] weight_type tensor<3x7x!tern.trit, #tern.layout<b2, rows, k:4:1, [n:4:1]>>
  return
}

// -----

func.func @scales_per_row(%q: tensor<?x8xi8>, %w: tensor<1x2x4xi8>, %s: tensor<4x2xf32>, %a: tensor<?x4xf32>) {
  // expected-error @+1 {{expected scales to have 3 rows, one per row of weight, got 4}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, tensor<1x2x4xi8>) scales(%s : tensor<4x2xf32>)
      outs(%a : tensor<?x4xf32>) codes [-128, 127] weight_type tensor<3x8x!tern.trit, #tern.layout<b2, rows, k:4:1, [n:4:1]>> -> tensor<?x4xf32>
  return
}

// -----

!kv = !tern.kv_cache<layers = 2, heads = 2, head_dim = 4, capacity = 16, bits = 8, bos_bits = 8>
func.func @mixed_forms(%k: tensor<?x8xf32>, %p: memref<?xi32>, %cache: !kv, %layer: index) {
  // expected-error @+1 {{expected keys, values and positions to be all tensors or all memrefs, got 'tensor<?x8xf32>' and 'memref<?xi32>'}}
  tern.kv_append %k, %k into %cache[%layer] at %p : tensor<?x8xf32>, tensor<?x8xf32>, memref<?xi32>, !kv
  return
}

// -----

!kv = !tern.kv_cache<layers = 2, heads = 2, head_dim = 4, capacity = 16, bits = 8, bos_bits = 8>
func.func @value_per_key(%k: tensor<3x8xf32>, %v: tensor<2x8xf32>, %p: tensor<3xi32>, %cache: !kv, %layer: index) {
  // expected-error @+1 {{expected values to have 3 tokens, as keys has, got 2}}
  tern.kv_append %k, %v into %cache[%layer] at %p : tensor<3x8xf32>, tensor<2x8xf32>, tensor<3xi32>, !kv
  return
}

// -----

!kv = !tern.kv_cache<layers = 2, heads = 2, head_dim = 4, capacity = 16, bits = 8, bos_bits = 8>
func.func @heads_of_the_cache(%k: tensor<?x8xf32>, %v: tensor<?x4xf32>, %p: tensor<?xi32>, %cache: !kv, %layer: index) {
  // expected-error @+1 {{expected values to have 8 columns, heads * head_dim of the cache, got 4}}
  tern.kv_append %k, %v into %cache[%layer] at %p : tensor<?x8xf32>, tensor<?x4xf32>, tensor<?xi32>, !kv
  return
}

// -----

!kv = !tern.kv_cache<layers = 2, heads = 2, head_dim = 4, capacity = 16, bits = 8, bos_bits = 8>
func.func @position_per_query(%q: tensor<3x8xf32>, %p: tensor<2xi32>, %cache: !kv, %layer: index) {
  // expected-error @+1 {{expected positions to have 3 tokens, as query has, got 2}}
  %0 = tern.attention(%q, %cache[%layer], %p) : (tensor<3x8xf32>, !kv, tensor<2xi32>) -> tensor<3x8xf32>
  return
}

// -----

!kv = !tern.kv_cache<layers = 2, heads = 2, head_dim = 4, capacity = 16, bits = 8, bos_bits = 8>
func.func @whole_heads(%q: tensor<?x10xf32>, %p: tensor<?xi32>, %cache: !kv, %layer: index) {
  // expected-error @+1 {{expected the width of query to be a multiple of head_dim 4, got 10}}
  %0 = tern.attention(%q, %cache[%layer], %p) : (tensor<?x10xf32>, !kv, tensor<?xi32>) -> tensor<?x10xf32>
  return
}

// -----

!kv = !tern.kv_cache<layers = 2, heads = 2, head_dim = 4, capacity = 16, bits = 8, bos_bits = 8>
func.func @groups_of_queries(%q: tensor<?x12xf32>, %p: tensor<?xi32>, %cache: !kv, %layer: index) {
  // expected-error @+1 {{expected query heads to be a multiple of the cache's 2 heads, got 3}}
  %0 = tern.attention(%q, %cache[%layer], %p) : (tensor<?x12xf32>, !kv, tensor<?xi32>) -> tensor<?x12xf32>
  return
}

// -----

!kv = !tern.kv_cache<layers = 2, heads = 2, head_dim = 4, capacity = 16, bits = 8, bos_bits = 8>
func.func @row_per_query(%q: tensor<?x16xf32>, %p: tensor<?xi32>, %cache: !kv, %layer: index) {
  // expected-error @+1 {{expected result of type 'tensor<?x16xf32>', got 'tensor<?x8xf32>'}}
  %0 = tern.attention(%q, %cache[%layer], %p) : (tensor<?x16xf32>, !kv, tensor<?xi32>) -> tensor<?x8xf32>
  return
}
