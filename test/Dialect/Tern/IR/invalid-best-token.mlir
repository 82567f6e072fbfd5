// RUN: tern-opt %s -split-input-file -verify-diagnostics

func.func @low_beside_int4(%h: tensor<?x8xf32>, %u: tensor<16x8xi4>, %l: tensor<16x8xi2>, %s: tensor<16xf32>) {
  // expected-error @+1 {{expected a weight of i6 beside low, got 'tensor<16x8xi4>'}}
  %0 = tern.lm_head(%h, %u) low(%l : tensor<16x8xi2>) scales(%s : tensor<16xf32>) : (tensor<?x8xf32>, tensor<16x8xi4>) -> tensor<?x16xf32>
  return
}

// -----

func.func @low_of_other_rows(%h: tensor<?x8xf32>, %u: tensor<16x8xi6>, %l: tensor<15x8xi2>, %s: tensor<16xf32>) {
  // expected-error @+1 {{expected low to have 16 rows, as weight has, got 15}}
  %0 = tern.lm_head(%h, %u) low(%l : tensor<15x8xi2>) scales(%s : tensor<16xf32>) : (tensor<?x8xf32>, tensor<16x8xi6>) -> tensor<?x16xf32>
  return
}

// -----

func.func @best_of_two(%h: tensor<2x8xf32>, %u: tensor<16x8xi6>, %l: tensor<16x8xi2>, %s: tensor<16xf32>) {
  // expected-error @+1 {{expected result to have 2 tokens, as input has, got 1}}
  %0 = tern.best_token(%h, %u, %l) scales(%s) norms(%s) : (tensor<2x8xf32>, tensor<16x8xi6>, tensor<16x8xi2>, tensor<16xf32>, tensor<16xf32>) -> tensor<1xi32>
  return
}

// -----

func.func @norms_of_other_rows(%h: tensor<1x8xf32>, %u: tensor<16x8xi6>, %l: tensor<16x8xi2>, %s: tensor<16xf32>, %n: tensor<1xf32>) {
  // expected-error @+1 {{expected norms to have 16 elements, one per row, got 1}}
  %0 = tern.best_token(%h, %u, %l) scales(%s) norms(%n) : (tensor<1x8xf32>, tensor<16x8xi6>, tensor<16x8xi2>, tensor<16xf32>, tensor<1xf32>) -> tensor<1xi32>
  return
}

// -----

func.func @many_columns(%h: tensor<1x32769xf32>, %u: tensor<16x32769xi6>, %l: tensor<16x32769xi2>, %s: tensor<16xf32>) {
  // expected-error @+1 {{expected at most 32768 columns, for which bounds fit 32 bits, got 32769}}
  %0 = tern.best_token(%h, %u, %l) scales(%s) norms(%s) : (tensor<1x32769xf32>, tensor<16x32769xi6>, tensor<16x32769xi2>, tensor<16xf32>, tensor<16xf32>) -> tensor<1xi32>
  return
}

// -----

func.func @bounds_of_other_rows(%a: tensor<1x40xi32>, %q: tensor<1x16xi8>, %f: tensor<1xf32>, %s: tensor<40xf32>) {
  // expected-error @+1 {{expected bounds of type 'tensor<1x40xf32>', got 'tensor<1x39xf32>'}}
  %b:3 = tern.bound_rows(%a, %q, %f, %s, %s) : (tensor<1x40xi32>, tensor<1x16xi8>, tensor<1xf32>, tensor<40xf32>, tensor<40xf32>) -> tensor<1x39xf32>, tensor<1x40xi32>, tensor<1xi32>
  return
}

// -----

func.func @candidates_of_other_sums(%b: tensor<1x40xf32>, %a: tensor<1x41xi32>, %l: tensor<1x40xi32>, %f: tensor<1xf32>, %s: tensor<40xf32>) {
  // expected-error @+1 {{expected upper to have 40 columns, one per row, got 41}}
  %c:2 = tern.candidate_rows(%b, %a, %l, %l, %f, %s) : (tensor<1x40xf32>, tensor<1x41xi32>, tensor<1x40xi32>, tensor<1x40xi32>, tensor<1xf32>, tensor<40xf32>) -> tensor<1x40xi32>, tensor<1xi32>
  return
}

// -----

func.func @best_of_other_scales(%a: tensor<1x40xi32>, %n: tensor<1xi32>, %f: tensor<1xf32>, %s: tensor<4xf32>) {
  // expected-error @+1 {{expected scales to have 40 elements, one per row, got 4}}
  %t = tern.best_row(%a, %a, %a, %n, %f, %s) : (tensor<1x40xi32>, tensor<1x40xi32>, tensor<1x40xi32>, tensor<1xi32>, tensor<1xf32>, tensor<4xf32>) -> tensor<1xi32>
  return
}
