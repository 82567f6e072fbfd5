// RUN: tern-opt %s --split-input-file --verify-diagnostics

// Weights and model operations: one rule per case. Kernel operations are in
// invalid-kernels.mlir.

// expected-error @+1 {{expected a static shape, got 'tensor<?xf32>'}}
tern.weight @w <values> ["a"] : tensor<?xf32>

// -----

// expected-error @+1 {{expected no encoding but a layout, got 'tensor<4xf32, "sparse">'}}
tern.weight @w <values> ["a"] : tensor<4xf32, "sparse">

// -----

// expected-error @+1 {{expected an offset of at least 0, got -64}}
tern.weight @w <values> ["a"] offset -64 : tensor<4xf32>

// -----

// expected-error @+1 {{expected digits to be a matrix of !tern.trit, got 'tensor<4x8xi8>'}}
tern.weight @w <digits> ["a"] : tensor<4x8xi8>

// -----

// expected-error @+1 {{expected values to be floats, got 'tensor<4x8x!tern.trit>'}}
tern.weight @w <values> ["a"] : tensor<4x8x!tern.trit>

// -----

// expected-error @+1 {{expected integer_rows to be a matrix of i8, i6 or i4, got 'tensor<8xi8>'}}
tern.weight @w <integer_rows> ["a"] : tensor<8xi8>

// -----

// expected-error @+1 {{expected integer_scales and lower_norms to be vectors of f32, got 'tensor<8xf16>'}}
tern.weight @w <integer_scales> ["a"] : tensor<8xf16>

// -----

// expected-error @+1 {{expected scale to be f32, one or more per source, or a matrix of rows and groups, f16 or f32, got 'tensor<1xf32>'}}
tern.weight @w <scale> ["a", "b"] : tensor<1xf32>

// -----

// expected-error @+1 {{expected at least one source}}
tern.weight @w <values> [] : tensor<4xf32>

// -----

// expected-error @+1 {{expected {} for the layer's number in source "a"}}
tern.weight @w per_layer <values> ["{}.a", "a"] : tensor<4xf32>

// -----

// expected-error @+1 {{expected no {} in a source of all layers, got "{}.a"}}
tern.weight @w <values> ["{}.a"] : tensor<4xf32>

// -----

// expected-error @+1 {{expected a rotary table to be a matrix of f32, got 'tensor<8xf32>'}}
tern.weight @w <rope_cos> [] {head_dim = 4 : i64, theta = 1.0 : f64} : tensor<8xf32>

// -----

// expected-error @+1 {{expected attributes head_dim and theta, which a rotary table is made from}}
tern.weight @w <rope_cos> [] {head_dim = 4 : i64} : tensor<8x2xf32>

// -----

// expected-error @+1 {{expected a rotary table to have no sources and to be the same for all layers}}
tern.weight @w <rope_sin> ["a"] {head_dim = 4 : i64, theta = 1.0 : f64} : tensor<8x2xf32>

// -----

// expected-error @+1 {{expected half of head_dim 4 columns, got 4}}
tern.weight @w <rope_sin> [] {head_dim = 4 : i64, theta = 1.0 : f64} : tensor<8x4xf32>

// -----

func.func @no_such_weight() {
  // expected-error @+1 {{expected a tern.weight named @w}}
  %0 = tern.get_weight @w : tensor<4xf32>
  return
}

// -----

tern.weight @w per_layer <values> ["{}.a"] : tensor<4xf32>
func.func @layer_is_missing() {
  // expected-error @+1 {{expected a layer, as @w has one instance per layer}}
  %0 = tern.get_weight @w : tensor<4xf32>
  return
}

// -----

tern.weight @w <values> ["a"] : tensor<4xf32>
func.func @layer_of_a_single_weight(%layer: index) {
  // expected-error @+1 {{expected no layer, as @w has only one instance}}
  %0 = tern.get_weight @w[%layer] : tensor<4xf32>
  return
}

// -----

// expected-note @+1 {{the weight is defined here}}
tern.weight @w <digits> ["a"] : tensor<4x8x!tern.trit>
func.func @other_shape() {
  // expected-error @+1 {{expected @w to be read as 'tensor<4x8x!tern.trit>', got 'tensor<4x9x!tern.trit>'}}
  %0 = tern.get_weight @w : tensor<4x9x!tern.trit>
  return
}

// -----

// expected-note @+1 {{the weight is defined here}}
tern.weight @w <digits> ["a"] : tensor<4x8x!tern.trit, #tern.layout<b2, rows, k:4:1, [n:4:1]>>
func.func @other_number_of_bytes() {
  // expected-error @+1 {{expected @w to be read as 'tensor<1x2x4xi8>', as a memref, got 'memref<8xi8>'}}
  %0 = tern.get_weight @w : memref<8xi8>
  return
}

// -----

// expected-note @+1 {{the weight is defined here}}
tern.weight @w <digits> ["a"] : tensor<4x8x!tern.trit, #tern.layout<b2, columns, k:4:1, [n:4:1]>>
func.func @digits_that_have_a_layout() {
  // expected-error @+1 {{expected @w to be read as 'tensor<2x1x4xi8>', got 'tensor<4x8x!tern.trit>'}}
  %0 = tern.get_weight @w : tensor<4x8x!tern.trit>
  return
}

// -----

func.func @norm_of_other_width(%x: tensor<?x192xf32>, %w: tensor<190xf32>) {
  // expected-error @+1 {{expected weight to have 192 elements, one per feature, got 190}}
  %0 = tern.rms_norm %x, %w eps 1.0e-05 : tensor<?x192xf32>, tensor<190xf32>
  return
}

// -----

func.func @norm_of_part_of_a_head(%x: tensor<?x192xf32>, %w: tensor<50xf32>) {
  // expected-error @+1 {{expected features to be a multiple of head_dim 50, got 192}}
  %0 = tern.rms_norm %x, %w eps 1.0e-05 head_dim 50 : tensor<?x192xf32>, tensor<50xf32>
  return
}

// -----

func.func @norm_of_empty_heads(%x: tensor<?x192xf32>, %w: tensor<0xf32>) {
  // expected-error @+1 {{expected a head_dim of at least 1, got 0}}
  %0 = tern.rms_norm %x, %w eps 1.0e-05 head_dim 0 : tensor<?x192xf32>, tensor<0xf32>
  return
}

// -----

func.func @weight_for_each_head(%x: tensor<?x192xf32>, %w: tensor<192xf32>) {
  // expected-error @+1 {{expected weight to have 64 elements, one per feature of a head, got 192}}
  %0 = tern.rms_norm %x, %w eps 1.0e-05 head_dim 64 : tensor<?x192xf32>, tensor<192xf32>
  return
}

// -----

func.func @scale_by_nothing(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{expected a factor that is finite and not 0, got 0.000000e+00 : f32}}
  %0 = tern.scale %x divided by 0.0 : tensor<?x4xf32>
  return
}

// -----

// expected-error @+1 {{expected a factor above 0, got -1.000000e+00 : f64}}
tern.weight @rope_cos <rope_cos> [] {head_dim = 4 : i64, theta = 1.0e+04 : f64, factor = -1.0 : f64} : tensor<256x2xf32>

// -----

func.func @negative_eps(%x: tensor<?x4xf32>, %w: tensor<4xf32>) {
  // expected-error @+1 {{expected eps to be finite and not negative, got -1.000000e+00 : f32}}
  %0 = tern.rms_norm %x, %w eps -1.0 : tensor<?x4xf32>, tensor<4xf32>
  return
}

// -----

func.func @feature_counts_differ(%x: tensor<?x128xf32>, %w: tensor<64x256x!tern.trit>, %s: tensor<1xf32>) {
  // expected-error @+1 {{expected weight to have 128 columns, one per feature of input, got 256}}
  %0 = tern.bitlinear "q" %x, %w scale %s act_quant <int8_absmax> : tensor<?x128xf32>, tensor<64x256x!tern.trit>, tensor<1xf32> -> tensor<?x64xf32>
  return
}

// -----

func.func @no_result(%x: tensor<?x8xf32>, %w: tensor<4x8x!tern.trit>, %s: tensor<1xf32>) {
  // expected-error @+1 {{expected at least one result, got 0}}
  "tern.bitlinear"(%x, %w, %s) <{projection = "q", act_quant = #tern.act_quant<int8_absmax>}> : (tensor<?x8xf32>, tensor<4x8x!tern.trit>, tensor<1xf32>) -> ()
  return
}

// -----

func.func @token_counts_differ(%x: tensor<3x8xf32>, %w: tensor<4x8x!tern.trit>, %s: tensor<1xf32>) {
  // expected-error @+1 {{expected result to have 3 tokens, as input has, got 2}}
  %0 = tern.bitlinear "q" %x, %w scale %s act_quant <int8_absmax> : tensor<3x8xf32>, tensor<4x8x!tern.trit>, tensor<1xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @width_is_unknown(%x: tensor<3x8xf32>, %w: tensor<4x8x!tern.trit>, %s: tensor<1xf32>) {
  // expected-error @+1 {{expected results of static width, got 'tensor<3x?xf32>'}}
  %0 = tern.bitlinear "q" %x, %w scale %s act_quant <int8_absmax> : tensor<3x8xf32>, tensor<4x8x!tern.trit>, tensor<1xf32> -> tensor<3x?xf32>
  return
}

// -----

func.func @widths_do_not_sum_up(%x: tensor<?x8xf32>, %w: tensor<6x8x!tern.trit>, %s: tensor<2xf32>) {
  // expected-error @+1 {{expected the widths of the results to sum to 6, the rows of weight, got 7}}
  %0:2 = tern.bitlinear "q+k" %x, %w scale %s act_quant <int8_absmax> : tensor<?x8xf32>, tensor<6x8x!tern.trit>, tensor<2xf32> -> tensor<?x4xf32>, tensor<?x3xf32>
  return
}

// -----

func.func @three_scales_for_two_results(%x: tensor<?x8xf32>, %w: tensor<6x8x!tern.trit>, %s: tensor<3xf32>) {
  // expected-error @+1 {{expected one scale per result (2) or per row of weight (6), got 3}}
  %0:2 = tern.bitlinear "q+k" %x, %w scale %s act_quant <int8_absmax> : tensor<?x8xf32>, tensor<6x8x!tern.trit>, tensor<3xf32> -> tensor<?x4xf32>, tensor<?x2xf32>
  return
}

// -----

func.func @keeps_more_than_there_are(%x: tensor<?x8xf32>, %w: tensor<6x8x!tern.trit>, %s: tensor<1xf32>) {
  // expected-error @+1 {{expected top_k to keep at most 8 features, got 9}}
  %0 = tern.bitlinear "o" %x, %w scale %s act_quant <int8_absmax> top_k <keep = 9> : tensor<?x8xf32>, tensor<6x8x!tern.trit>, tensor<1xf32> -> tensor<?x6xf32>
  return
}

// -----

func.func @head_of_odd_size(%q: tensor<?x9xf32>, %p: tensor<?xi32>, %c: tensor<16x1xf32>) {
  // expected-error @+1 {{expected an even head_dim, got 3}}
  %0 = tern.rope %q at %p cos %c sin %c head_dim 3 : tensor<?x9xf32>, tensor<?xi32>, tensor<16x1xf32>, tensor<16x1xf32>
  return
}

// -----

func.func @not_a_number_of_heads(%q: tensor<?x10xf32>, %p: tensor<?xi32>, %c: tensor<16x2xf32>) {
  // expected-error @+1 {{expected features to be a multiple of head_dim 4, got 10}}
  %0 = tern.rope %q at %p cos %c sin %c head_dim 4 : tensor<?x10xf32>, tensor<?xi32>, tensor<16x2xf32>, tensor<16x2xf32>
  return
}

// -----

func.func @position_for_each_token(%q: tensor<3x8xf32>, %p: tensor<2xi32>, %c: tensor<16x2xf32>) {
  // expected-error @+1 {{expected positions to have 3 tokens, as input has, got 2}}
  %0 = tern.rope %q at %p cos %c sin %c head_dim 4 : tensor<3x8xf32>, tensor<2xi32>, tensor<16x2xf32>, tensor<16x2xf32>
  return
}

// -----

func.func @table_of_whole_heads(%q: tensor<?x8xf32>, %p: tensor<?xi32>, %c: tensor<16x2xf32>, %s: tensor<16x4xf32>) {
  // expected-error @+1 {{expected sin to have 2 columns, half of head_dim, got 4}}
  %0 = tern.rope %q at %p cos %c sin %s head_dim 4 : tensor<?x8xf32>, tensor<?xi32>, tensor<16x2xf32>, tensor<16x4xf32>
  return
}

// -----

func.func @tables_of_other_lengths(%q: tensor<?x8xf32>, %p: tensor<?xi32>, %c: tensor<16x2xf32>, %s: tensor<15x2xf32>) {
  // expected-error @+1 {{expected sin to have 16 positions, as cos has, got 15}}
  %0 = tern.rope %q at %p cos %c sin %s head_dim 4 : tensor<?x8xf32>, tensor<?xi32>, tensor<16x2xf32>, tensor<15x2xf32>
  return
}
