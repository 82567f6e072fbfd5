// RUN: tern-opt %s --split-input-file --verify-diagnostics

// Biases and scales of groups, one rule per case.

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

// expected-error @+1 {{expected half of head_dim 4 divisors, got 1}}
tern.weight @cos <rope_cos> [] {divisors = array<f64: 1.0>, head_dim = 4 : i64, theta = 1.0e4 : f64} : tensor<8x2xf32>
