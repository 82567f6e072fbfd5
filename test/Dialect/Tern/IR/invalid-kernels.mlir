// RUN: tern-opt %s --split-input-file --verify-diagnostics

// Kernel operations, one rule per case. Products and attention are in
// invalid-products.mlir.

func.func @neither_results_nor_outs(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{expected results (tensor form) or outs (buffer form), got neither}}
  tern.reduce <max_abs> (%x) : (tensor<?x8xf32>)
  return
}

// -----

func.func @outs_of_another_type(%x: tensor<?x8xf32>, %m: tensor<4xf32>) {
  // expected-error @+1 {{expected outs of the results' types, got 'tensor<4xf32>'}}
  %0 = tern.reduce <max_abs> (%x) outs(%m : tensor<4xf32>) : (tensor<?x8xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @buffers_as_destinations(%x: tensor<?x8xf32>, %m: memref<?xf32>) {
  // expected-error @+1 {{expected tensors only in tensor form, got 'memref<?xf32>'}}
  %0 = tern.reduce <max_abs> (%x) outs(%m : memref<?xf32>) : (tensor<?x8xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @tensor_in_buffer_form(%x: tensor<?x8xf32>, %m: memref<?xf32>) {
  // expected-error @+1 {{expected memrefs only in buffer form, got 'tensor<?x8xf32>'}}
  tern.reduce <max_abs> (%x) outs(%m : memref<?xf32>) : (tensor<?x8xf32>)
  return
}

// -----

func.func @memref_in_tensor_form(%x: memref<?x8xf32>) {
  // expected-error @+1 {{expected tensors only in tensor form, got 'memref<?x8xf32>'}}
  %0 = tern.reduce <max_abs> (%x) : (memref<?x8xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @number_of_results(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{expected 2 results (codes, factors), got 1}}
  %0 = tern.quantize <int8_absmax> (%x) : (tensor<?x8xf32>) -> tensor<?x8xi8>
  return
}

// -----

func.func @number_of_outs(%x: memref<?x8xf32>, %q: memref<?x8xi8>) {
  // expected-error @+1 {{expected 2 outs (codes, factors), got 1}}
  tern.quantize <int8_absmax> (%x) outs(%q : memref<?x8xi8>) : (memref<?x8xf32>)
  return
}

// -----

func.func @width_of_codes(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{expected codes of type 'tensor<?x8xi8>', got 'tensor<?x7xi8>'}}
  %0:2 = tern.quantize <int8_absmax> (%x) : (tensor<?x8xf32>) -> tensor<?x7xi8>, tensor<?xf32>
  return
}

// -----

func.func @element_of_codes(%x: memref<?x8xf32>, %q: memref<?x8xi32>, %s: memref<?xf32>) {
  // expected-error @+1 {{expected codes of type 'tensor<?x8xi8>' as a memref, got 'memref<?x8xi32>'}}
  tern.quantize <int8_absmax> (%x) outs(%q, %s : memref<?x8xi32>, memref<?xf32>) : (memref<?x8xf32>)
  return
}

// -----

func.func @factor_per_token(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expected factors of type 'tensor<3xf32>', got 'tensor<2xf32>'}}
  %0:2 = tern.quantize <int8_absmax> (%x) : (tensor<3x8xf32>) -> tensor<3x8xi8>, tensor<2xf32>
  return
}

// -----

func.func @statistic_per_token(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expected result of type 'tensor<3xf32>', got 'tensor<8xf32>'}}
  %0 = tern.reduce <sum_squares> (%x) : (tensor<3x8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @row_of_the_table(%t: tensor<?xi32>, %w: tensor<16x8xbf16>) {
  // expected-error @+1 {{expected result of type 'tensor<?x8xf32>', got 'tensor<?x16xf32>'}}
  %0 = tern.gather_rows(%t, %w) : (tensor<?xi32>, tensor<16x8xbf16>) -> tensor<?x16xf32>
  return
}

// -----

func.func @table_of_integers(%t: tensor<?xi32>, %w: tensor<16x8xi16>) {
  // expected-error @+1 {{expected a matrix of f32, f16, bf16, i8 or !tern.trit as table, or bytes and their weight_type, got 'tensor<16x8xi16>'}}
  %0 = tern.gather_rows(%t, %w) : (tensor<?xi32>, tensor<16x8xi16>) -> tensor<?x8xf32>
  return
}

// -----

func.func @table_of_integers_with_scales_of_groups(%t: tensor<?xi32>, %w: tensor<16x8xi8>, %s: tensor<16x2xf32>) {
  // expected-error @+1 {{expected one scale per row of integers, got 'tensor<16x2xf32>'}}
  %0 = tern.gather_rows(%t, %w) scales(%s : tensor<16x2xf32>) : (tensor<?xi32>, tensor<16x8xi8>) -> tensor<?x8xf32>
  return
}

// -----

func.func @table_of_digits_without_scales(%t: tensor<?xi32>, %w: tensor<16x8x!tern.trit>) {
  // expected-error @+1 {{expected scales exactly if table is of i8 or !tern.trit, got none for 'tensor<16x8x!tern.trit>'}}
  %0 = tern.gather_rows(%t, %w) : (tensor<?xi32>, tensor<16x8x!tern.trit>) -> tensor<?x8xf32>
  return
}

// -----

func.func @table_of_floats_with_scales(%t: tensor<?xi32>, %w: tensor<16x8xf16>, %s: tensor<16xf32>) {
  // expected-error @+1 {{expected scales exactly if table is of i8 or !tern.trit, got scales for 'tensor<16x8xf16>'}}
  %0 = tern.gather_rows(%t, %w) scales(%s : tensor<16xf32>) : (tensor<?xi32>, tensor<16x8xf16>) -> tensor<?x8xf32>
  return
}

// -----

func.func @scales_of_other_rows(%t: tensor<?xi32>, %w: tensor<16x8x!tern.trit>, %s: tensor<12xf32>) {
  // expected-error @+1 {{expected one scale or one per row of table (16), got 12}}
  %0 = tern.gather_rows(%t, %w) scales(%s : tensor<12xf32>) : (tensor<?xi32>, tensor<16x8x!tern.trit>) -> tensor<?x8xf32>
  return
}

// -----

func.func @groups_of_other_rows(%t: tensor<?xi32>, %w: tensor<16x8x!tern.trit>, %s: tensor<12x2xf32>) {
  // expected-error @+1 {{expected scales to have 16 rows, one per row of table, got 12}}
  %0 = tern.gather_rows(%t, %w) scales(%s : tensor<12x2xf32>) : (tensor<?xi32>, tensor<16x8x!tern.trit>) -> tensor<?x8xf32>
  return
}

// -----

func.func @groups_that_do_not_divide(%t: tensor<?xi32>, %w: tensor<16x8x!tern.trit>, %s: tensor<16x3xf32>) {
  // expected-error @+1 {{expected a number of groups that divides 8 columns, got 3}}
  %0 = tern.gather_rows(%t, %w) scales(%s : tensor<16x3xf32>) : (tensor<?xi32>, tensor<16x8x!tern.trit>) -> tensor<?x8xf32>
  return
}

// -----

func.func @table_of_another_grid(%t: tensor<?xi32>, %w: tensor<16x3x1xi8>, %s: tensor<1xf32>) {
  // expected-error @+1 {{expected table to be 'tensor<16x2x1xi8>', as weight_type takes, got 'tensor<16x3x1xi8>'}}
  %0 = tern.gather_rows(%t, %w) scales(%s : tensor<1xf32>) weight_type tensor<16x8x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
      : (tensor<?xi32>, tensor<16x3x1xi8>) -> tensor<?x8xf32>
  return
}

// -----

func.func @weight_type_without_layout(%t: tensor<?xi32>, %w: tensor<16x2x1xi8>, %s: tensor<1xf32>) {
  // expected-error @+1 {{expected weight_type to be !tern.trit with a layout, got 'tensor<16x8x!tern.trit>'}}
  %0 = tern.gather_rows(%t, %w) scales(%s : tensor<1xf32>) weight_type tensor<16x8x!tern.trit>
      : (tensor<?xi32>, tensor<16x2x1xi8>) -> tensor<?x8xf32>
  return
}

// -----

func.func @head_of_other_width(%x: tensor<?x8xf32>, %w: tensor<16x6xbf16>) {
  // expected-error @+1 {{expected weight to have 8 columns, one per feature of input, got 6}}
  %0 = tern.lm_head(%x, %w) : (tensor<?x8xf32>, tensor<16x6xbf16>) -> tensor<?x16xf32>
  return
}

// -----

func.func @int8_head_without_scales(%x: tensor<?x8xf32>, %w: tensor<16x8xi8>) {
  // expected-error @+1 {{expected scales exactly if weight is of i8, i6 or i4, got none for 'tensor<16x8xi8>'}}
  %0 = tern.lm_head(%x, %w) : (tensor<?x8xf32>, tensor<16x8xi8>) -> tensor<?x16xf32>
  return
}

// -----

func.func @float_head_with_scales(%x: tensor<?x8xf32>, %w: tensor<16x8xf16>, %s: tensor<16xf32>) {
  // expected-error @+1 {{expected scales exactly if weight is of i8, i6 or i4, got scales for 'tensor<16x8xf16>'}}
  %0 = tern.lm_head(%x, %w) scales(%s : tensor<16xf32>) : (tensor<?x8xf32>, tensor<16x8xf16>) -> tensor<?x16xf32>
  return
}

// -----

func.func @int8_head_in_buffer_form(%x: memref<?x8xf32>, %w: memref<16x8xi8>, %s: memref<16xf32>, %l: memref<?x16xf32>) {
  // expected-error @+1 {{expected a weight of floats in buffer form, got 'memref<16x8xi8>'}}
  tern.lm_head(%x, %w) scales(%s : memref<16xf32>) outs(%l : memref<?x16xf32>) : (memref<?x8xf32>, memref<16x8xi8>)
  return
}

// -----

func.func @scale_per_row(%x: tensor<?x8xf32>, %w: tensor<16x8xi8>, %s: tensor<8xf32>) {
  // expected-error @+1 {{expected scales to have 16 elements, one per row of weight, got 8}}
  %0 = tern.lm_head(%x, %w) scales(%s : tensor<8xf32>) : (tensor<?x8xf32>, tensor<16x8xi8>) -> tensor<?x16xf32>
  return
}

// -----

func.func @logits_per_row(%x: tensor<?x8xf32>, %w: tensor<16x8xf16>) {
  // expected-error @+1 {{expected logits of type 'tensor<?x16xf32>', got 'tensor<?x8xf32>'}}
  %0 = tern.lm_head(%x, %w) : (tensor<?x8xf32>, tensor<16x8xf16>) -> tensor<?x8xf32>
  return
}

// -----

func.func @codes_of_other_tokens(%x: tensor<3x8xf32>, %q: tensor<2x8xi8>) {
  // expected-error @+1 {{expected codes to have 3 tokens, as input has, got 2}}
  %0 = tern.keep_top_k <keep = 4> (%x, %q) : (tensor<3x8xf32>, tensor<2x8xi8>) -> tensor<3x8xi8>
  return
}

// -----

func.func @codes_of_other_width(%x: tensor<3x8xf32>, %q: tensor<3x6xi8>) {
  // expected-error @+1 {{expected codes to have 8 columns, as input has, got 6}}
  %0 = tern.keep_top_k <keep = 4> (%x, %q) : (tensor<3x8xf32>, tensor<3x6xi8>) -> tensor<3x8xi8>
  return
}

// -----

func.func @keeps_more_than_there_are(%x: tensor<?x8xf32>, %q: tensor<?x8xi8>) {
  // expected-error @+1 {{expected to keep at most 8 features, got 9}}
  %0 = tern.keep_top_k <keep = 9> (%x, %q) : (tensor<?x8xf32>, tensor<?x8xi8>) -> tensor<?x8xi8>
  return
}

// -----

func.func @kept_codes(%x: tensor<?x8xf32>, %q: tensor<?x8xi8>) {
  // expected-error @+1 {{expected result of type 'tensor<?x8xi8>', got 'tensor<?x4xi8>'}}
  %0 = tern.keep_top_k <keep = 4> (%x, %q) : (tensor<?x8xf32>, tensor<?x8xi8>) -> tensor<?x4xi8>
  return
}

// -----

func.func @multiple_of_four(%q: tensor<1x190xi8>) {
  // expected-error @+1 {{expected indices of type 'tensor<1x192xi32>', got 'tensor<1x190xi32>'}}
  %0:3 = tern.sparsify(%q) : (tensor<1x190xi8>) -> tensor<1x190xi32>, tensor<1x190xi8>, tensor<1xi32>
  return
}

// -----

func.func @value_per_index(%q: tensor<1x192xi8>) {
  // expected-error @+1 {{expected values of type 'tensor<1x192xi8>', got 'tensor<1x96xi8>'}}
  %0:3 = tern.sparsify(%q) : (tensor<1x192xi8>) -> tensor<1x192xi32>, tensor<1x96xi8>, tensor<1xi32>
  return
}

// -----

func.func @count_per_token(%g: tensor<2x8xf32>) {
  // expected-error @+1 {{expected count of type 'tensor<2xi32>', got 'tensor<8xi32>'}}
  %0:2 = tern.active_rows(%g) : (tensor<2x8xf32>) -> tensor<2x8xi32>, tensor<8xi32>
  return
}

// -----

func.func @factors_of_other_tokens(%a: tensor<3x8xi32>, %s: tensor<2xf32>, %alpha: tensor<1xf32>) {
  // expected-error @+1 {{expected factor to have 3 tokens, as acc has, got 2}}
  %0 = tern.dequantize(%a, %s, %alpha) : (tensor<3x8xi32>, tensor<2xf32>, tensor<1xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @scale_per_output(%a: tensor<3x8xi32>, %s: tensor<3xf32>, %alpha: tensor<2xf32>) {
  // expected-error @+1 {{expected one scale or one per output (8), got 2}}
  %0 = tern.dequantize(%a, %s, %alpha) : (tensor<3x8xi32>, tensor<3xf32>, tensor<2xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @float_per_sum(%a: tensor<3x8xi32>, %s: tensor<3xf32>, %alpha: tensor<1xf32>) {
  // expected-error @+1 {{expected result of type 'tensor<3x8xf32>', got 'tensor<3x4xf32>'}}
  %0 = tern.dequantize(%a, %s, %alpha) : (tensor<3x8xi32>, tensor<3xf32>, tensor<1xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @block_of_three(%x: tensor<?x12xf32>) {
  // expected-error @+1 {{expected a block of 2, 4, 8, ... features, got 3}}
  %0 = tern.hadamard block 3 (%x) : (tensor<?x12xf32>) -> tensor<?x12xf32>
  return
}

// -----

func.func @block_of_one(%x: tensor<?x12xf32>) {
  // expected-error @+1 {{expected a block of 2, 4, 8, ... features, got 1}}
  %0 = tern.hadamard block 1 (%x) : (tensor<?x12xf32>) -> tensor<?x12xf32>
  return
}

// -----

func.func @blocks_that_do_not_fit(%x: tensor<?x12xf32>) {
  // expected-error @+1 {{expected a multiple of block = 8 features, got 12}}
  %0 = tern.hadamard block 8 (%x) : (tensor<?x12xf32>) -> tensor<?x12xf32>
  return
}

// -----

func.func @transformed_row(%x: tensor<?x12xf32>) {
  // expected-error @+1 {{expected result of type 'tensor<?x12xf32>', got 'tensor<?x8xf32>'}}
  %0 = tern.hadamard block 4 (%x) : (tensor<?x12xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @top_logits_parts(%x: tensor<?x40xf32>) {
  // expected-error @+1 {{expected 1 to 2 parts and a value of each at least, got 3 and 1}}
  %t = tern.top_logits(%x) parts 3 each 1 : (tensor<?x40xf32>) -> tensor<?x6xi32>
  return
}

// -----

func.func @top_logits_result(%x: tensor<?x40xf32>) {
  // expected-error @+1 {{expected result of type 'tensor<?x8xi32>', got 'tensor<?x4xi32>'}}
  %t = tern.top_logits(%x) parts 2 each 2 : (tensor<?x40xf32>) -> tensor<?x4xi32>
  return
}

// -----

func.func @argmax_columns(%x: tensor<?x?xf32>) {
  // expected-error @+1 {{expected a static number of columns}}
  %t = tern.argmax(%x) : (tensor<?x?xf32>) -> tensor<?x2xi32>
  return
}

// -----

func.func @argmax_result(%x: tensor<?x11xf32>) {
  // expected-error @+1 {{expected result of type 'tensor<?x2xi32>', got 'tensor<?x1xi32>'}}
  %t = tern.argmax(%x) : (tensor<?x11xf32>) -> tensor<?x1xi32>
  return
}
