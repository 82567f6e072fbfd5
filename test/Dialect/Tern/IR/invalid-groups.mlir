// RUN: tern-opt %s --split-input-file --verify-diagnostics

// Biases, scales of groups and factors of blocks, one rule per case.

func.func @bias_of_other_size(%x: tensor<?x8xf32>, %w: tensor<4x8x!tern.trit>, %s: tensor<1xf32>, %b: tensor<1xf32>) {
  // expected-error @+1 {{expected bias to have 4 elements, one per row of weight, got 1}}
  %0 = tern.bitlinear "q" %x, %w scale %s bias(%b : tensor<1xf32>) act_quant <int8_absmax> : tensor<?x8xf32>, tensor<4x8x!tern.trit>, tensor<1xf32> -> tensor<?x4xf32>
  return
}

// -----

func.func @rows_of_scales(%x: tensor<?x8xf32>, %w: tensor<4x8x!tern.trit>, %s: tensor<1x2xf32>) {
  // expected-error @+1 {{expected scale to have 4 rows, one per row of weight, got 1}}
  %0 = tern.bitlinear "q" %x, %w scale %s act_quant <int8_absmax> : tensor<?x8xf32>, tensor<4x8x!tern.trit>, tensor<1x2xf32> -> tensor<?x4xf32>
  return
}

// -----

func.func @groups_do_not_divide(%x: tensor<?x8xf32>, %w: tensor<4x8x!tern.trit>, %s: tensor<4x3xf32>) {
  // expected-error @+1 {{expected a number of groups that divides 8 columns, got 3}}
  %0 = tern.bitlinear "q" %x, %w scale %s act_quant <int8_absmax> : tensor<?x8xf32>, tensor<4x8x!tern.trit>, tensor<4x3xf32> -> tensor<?x4xf32>
  return
}

// -----

func.func @product_without_groups(%q: tensor<?x8xi8>, %w: tensor<4x8x!tern.trit>, %s: tensor<4x?xf32>, %init: tensor<?x4xf32>) {
  // expected-error @+1 {{expected a static number of groups of columns}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, tensor<4x8x!tern.trit>) scales(%s : tensor<4x?xf32>)
      outs(%init : tensor<?x4xf32>) codes [-128, 127] -> tensor<?x4xf32>
  return
}

// -----

func.func @product_of_int8(%q: tensor<?x8xi8>, %w: tensor<4x8xi8>, %s: tensor<4x2xf32>, %init: tensor<?x4xf32>) {
  // expected-error @+1 {{expected a weight of !tern.trit under scales, got 'tensor<4x8xi8>'}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, tensor<4x8xi8>) scales(%s : tensor<4x2xf32>)
      outs(%init : tensor<?x4xf32>) codes [-128, 127] -> tensor<?x4xf32>
  return
}

// -----

func.func @product_of_integers(%q: tensor<?x8xi8>, %w: tensor<4x8x!tern.trit>, %s: tensor<4x2xf32>, %init: tensor<?x4xi32>) {
  // expected-error @+1 {{expected init of type 'tensor<?x4xf32>', got 'tensor<?x4xi32>'}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, tensor<4x8x!tern.trit>) scales(%s : tensor<4x2xf32>)
      outs(%init : tensor<?x4xi32>) codes [-128, 127] -> tensor<?x4xi32>
  return
}

// -----

func.func @integers_need_a_scale(%a: tensor<3x8xi32>, %s: tensor<3xf32>) {
  // expected-error @+1 {{expected a scale exactly if acc is of i32, got none for 'tensor<3x8xi32>'}}
  %0 = tern.dequantize(%a, %s) : (tensor<3x8xi32>, tensor<3xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @floats_have_been_scaled(%a: tensor<3x8xf32>, %s: tensor<3xf32>, %alpha: tensor<1xf32>) {
  // expected-error @+1 {{expected a scale exactly if acc is of i32, got one for 'tensor<3x8xf32>'}}
  %0 = tern.dequantize(%a, %s, %alpha) : (tensor<3x8xf32>, tensor<3xf32>, tensor<1xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @dequantize_bias(%a: tensor<3x8xf32>, %s: tensor<3xf32>, %b: tensor<7xf32>) {
  // expected-error @+1 {{expected bias to have 8 elements, one per output, got 7}}
  %0 = tern.dequantize(%a, %s) bias(%b : tensor<7xf32>) : (tensor<3x8xf32>, tensor<3xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @dequantize_nothing(%a: tensor<3x8xf32>) {
  // expected-error @+1 {{expected a factor, or of floats a bias alone, got neither}}
  %0 = tern.dequantize(%a) : (tensor<3x8xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @blocks_do_not_divide(%x: tensor<?x10xf32>) {
  // expected-error @+1 {{expected a multiple of block = 4 features, got 10}}
  %q, %s = tern.quantize <int8_absmax, block = 4> (%x) : (tensor<?x10xf32>) -> tensor<?x10xi8>, tensor<?x2xf32>
  return
}

// -----

func.func @blocks_of_unknown_width(%x: tensor<1x?xf32>) {
  // expected-error @+1 {{expected a multiple of block = 4 features, got an unknown number}}
  %q, %s = tern.quantize <int8_absmax, block = 4> (%x) : (tensor<1x?xf32>) -> tensor<1x?xi8>, tensor<1x2xf32>
  return
}

// -----

func.func @factors_of_tokens(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{expected factors of type 'tensor<?x2xf32>', got 'tensor<?xf32>'}}
  %q, %s = tern.quantize <int8_absmax, block = 4> (%x) : (tensor<?x8xf32>) -> tensor<?x8xi8>, tensor<?xf32>
  return
}

// -----

func.func @codes_of_floats(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{expected a scheme of integers, got f32}}
  %q, %s = tern.quantize <f32> (%x) : (tensor<?x8xf32>) -> tensor<?x8xi8>, tensor<?xf32>
  return
}

// -----

func.func @parts_of_blocks(%x: tensor<?x24xf32>, %w: tensor<4x24x!tern.trit>, %s: tensor<4x2xf32>) {
  // expected-error @+1 {{expected each of 3 blocks of 8 features to be whole groups, got 2 groups}}
  %0 = tern.bitlinear "q" %x, %w scale %s act_quant <int8_absmax, block = 8> : tensor<?x24xf32>, tensor<4x24x!tern.trit>, tensor<4x2xf32> -> tensor<?x4xf32>
  return
}

// -----

func.func @blocks_without_groups(%x: tensor<?x24xf32>, %w: tensor<4x24x!tern.trit>, %s: tensor<4xf32>) {
  // expected-error @+1 {{expected a matrix of scales of groups under #tern.act_quant<int8_absmax, block = 8>, got 'tensor<4xf32>'}}
  %0 = tern.bitlinear "q" %x, %w scale %s act_quant <int8_absmax, block = 8> : tensor<?x24xf32>, tensor<4x24x!tern.trit>, tensor<4xf32> -> tensor<?x4xf32>
  return
}

// -----

func.func @blocks_of_a_row(%x: tensor<?x10xf32>, %w: tensor<4x10x!tern.trit>, %s: tensor<4x2xf32>) {
  // expected-error @+1 {{expected a multiple of block = 4 features, got 10}}
  %0 = tern.bitlinear "q" %x, %w scale %s act_quant <int8_absmax, block = 4> : tensor<?x10xf32>, tensor<4x10x!tern.trit>, tensor<4x2xf32> -> tensor<?x4xf32>
  return
}

// -----

func.func @largest_floats(%x: tensor<?x8xf32>, %w: tensor<4x8x!tern.trit>, %s: tensor<4x1xf32>) {
  // expected-error @+1 {{expected no top_k under f32, which has no codes}}
  %0 = tern.bitlinear "q" %x, %w scale %s act_quant <f32> top_k <keep = 4> : tensor<?x8xf32>, tensor<4x8x!tern.trit>, tensor<4x1xf32> -> tensor<?x4xf32>
  return
}

// -----

func.func @factors_without_scales(%q: tensor<?x8xi8>, %w: tensor<4x8x!tern.trit>, %f: tensor<?x2xf32>, %init: tensor<?x4xi32>) {
  // expected-error @+1 {{expected scales of groups under factors, got none}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x8xi8>, tensor<4x8x!tern.trit>) factors(%f : tensor<?x2xf32>)
      outs(%init : tensor<?x4xi32>) codes [-128, 127] -> tensor<?x4xi32>
  return
}

// -----

func.func @factors_of_other_tokens(%q: tensor<2x8xi8>, %w: tensor<4x8x!tern.trit>, %s: tensor<4x2xf32>, %f: tensor<3x2xf32>, %init: tensor<2x4xf32>) {
  // expected-error @+1 {{expected factors to have 2 tokens, as codes has, got 3}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<2x8xi8>, tensor<4x8x!tern.trit>) scales(%s : tensor<4x2xf32>) factors(%f : tensor<3x2xf32>)
      outs(%init : tensor<2x4xf32>) codes [-128, 127] -> tensor<2x4xf32>
  return
}

// -----

func.func @factors_do_not_divide(%q: tensor<?x12xi8>, %w: tensor<4x12x!tern.trit>, %s: tensor<4x3xf32>, %f: tensor<?x2xf32>, %init: tensor<?x4xf32>) {
  // expected-error @+1 {{expected a number of factors that divides 3 groups, got 2}}
  %0 = tern.matmul "q" ins(%q, %w : tensor<?x12xi8>, tensor<4x12x!tern.trit>) scales(%s : tensor<4x3xf32>) factors(%f : tensor<?x2xf32>)
      outs(%init : tensor<?x4xf32>) codes [-128, 127] -> tensor<?x4xf32>
  return
}

// -----

func.func @range_of_floats(%x: tensor<?x8xf32>, %w: tensor<4x8x!tern.trit>, %s: tensor<4x2xf32>, %init: tensor<?x4xf32>) {
  // expected-error @+1 {{expected no range of codes that are floats, got [-8, 7]}}
  %0 = tern.matmul "q" ins(%x, %w : tensor<?x8xf32>, tensor<4x8x!tern.trit>) scales(%s : tensor<4x2xf32>)
      outs(%init : tensor<?x4xf32>) codes [-8, 7] -> tensor<?x4xf32>
  return
}

// -----

func.func @floats_without_scales(%x: tensor<?x8xf32>, %w: tensor<4x8x!tern.trit>, %init: tensor<?x4xi32>) {
  // expected-error @+1 {{expected scales and no other modifier of codes that are floats}}
  %0 = tern.matmul "q" ins(%x, %w : tensor<?x8xf32>, tensor<4x8x!tern.trit>)
      outs(%init : tensor<?x4xi32>) codes [] -> tensor<?x4xi32>
  return
}

// -----

// expected-error @+1 {{expected half of head_dim 4 divisors, got 1}}
tern.weight @cos <rope_cos> [] {divisors = array<f64: 1.0>, head_dim = 4 : i64, theta = 1.0e4 : f64} : tensor<8x2xf32>
