// RUN: tern-opt %s --split-input-file --verify-diagnostics

func.func @no_parts(%x: tensor<?x12xf32>) {
  // expected-error @+1 {{expected the widths of the results to sum to 12, the features of input, got 8}}
  %a, %b = tern.split %x : tensor<?x12xf32> -> tensor<?x4xf32>, tensor<?x4xf32>
  return
}

// -----

func.func @part_of_no_heads(%x: tensor<?x12xf32>) {
  // expected-error @+1 {{expected features to be a multiple of heads 3, got 4}}
  %a, %b = tern.split %x heads 3 : tensor<?x12xf32> -> tensor<?x4xf32>, tensor<?x8xf32>
  return
}

// -----

func.func @no_heads(%x: tensor<?x12xf32>) {
  // expected-error @+1 {{expected heads to be at least 1, got 0}}
  %a, %b = tern.split %x heads 0 : tensor<?x12xf32> -> tensor<?x6xf32>, tensor<?x6xf32>
  return
}

// -----

func.func @unknown_part(%x: tensor<?x12xf32>) {
  // expected-error @+1 {{expected results of static width, got 'tensor<?x?xf32>'}}
  %a = tern.split %x : tensor<?x12xf32> -> tensor<?x?xf32>
  return
}

// -----

func.func @head_of_other_size(%x: tensor<?x12xf32>) {
  // expected-error @+1 {{expected features to be a multiple of head_dim 5, got 12}}
  %0 = tern.l2_norm %x eps 1.000000e-06 head_dim 5 : tensor<?x12xf32>
  return
}

// -----

func.func @negative_eps(%x: tensor<?x12xf32>) {
  // expected-error @+1 {{expected eps to be finite and not negative}}
  %0 = tern.l2_norm %x eps -1.000000e-06 head_dim 4 : tensor<?x12xf32>
  return
}

// -----

func.func @gates_of_other_heads(%x: tensor<?x6xf32>, %d: tensor<6xf32>, %r: tensor<5xf32>) {
  // expected-error @+1 {{expected rate to have 6 elements, one per head, got 5}}
  %a, %b = tern.delta_gates %x, %x bias %d rate %r : tensor<?x6xf32>, tensor<6xf32>, tensor<5xf32>
  return
}

// -----

func.func @more_than_a_head(%q: tensor<?x8xf32>, %p: tensor<?xi32>, %c: tensor<16x3xf32>) {
  // expected-error @+1 {{expected an even rotary_dim of at most head_dim 4, got 6}}
  %0 = tern.rope %q at %p cos %c sin %c head_dim 4 rotary_dim 6 : tensor<?x8xf32>, tensor<?xi32>, tensor<16x3xf32>, tensor<16x3xf32>
  return
}

// -----

func.func @table_of_heads(%q: tensor<?x8xf32>, %p: tensor<?xi32>, %c: tensor<16x2xf32>) {
  // expected-error @+1 {{expected cos to have 1 columns, half of rotary_dim, got 2}}
  %0 = tern.rope %q at %p cos %c sin %c head_dim 4 rotary_dim 2 : tensor<?x8xf32>, tensor<?xi32>, tensor<16x2xf32>, tensor<16x2xf32>
  return
}

// -----

func.func @one_tap(%l: index, %x: tensor<?x8xf32>, %w: tensor<1x8xf32>, %s: !tern.state<bytes = 96>) {
  // expected-error @+1 {{expected at least two taps, got 1}}
  %0 = tern.causal_conv(%x, %w, %s[%l]) at 0 : (tensor<?x8xf32>, tensor<1x8xf32>, !tern.state<bytes = 96>) -> tensor<?x8xf32>
  return
}

// -----

func.func @taps_of_others(%l: index, %x: tensor<?x8xf32>, %w: tensor<4x9xf32>, %s: !tern.state<bytes = 96>) {
  // expected-error @+1 {{expected taps to have 8 columns, one per feature of input, got 9}}
  %0 = tern.causal_conv(%x, %w, %s[%l]) at 0 : (tensor<?x8xf32>, tensor<4x9xf32>, !tern.state<bytes = 96>) -> tensor<?x8xf32>
  return
}

// -----

func.func @beyond_the_state(%l: index, %x: tensor<?x8xf32>, %w: tensor<4x8xf32>, %s: !tern.state<bytes = 192, layers = 2>) {
  // expected-error @+1 {{expected 96 bytes at a multiple of four within a layer's 96 bytes of state, got them at 4}}
  %0 = tern.causal_conv(%x, %w, %s[%l]) at 4 : (tensor<?x8xf32>, tensor<4x8xf32>, !tern.state<bytes = 192, layers = 2>) -> tensor<?x8xf32>
  return
}

// -----

func.func @within_a_float(%l: index, %x: tensor<?x8xf32>, %w: tensor<4x8xf32>, %s: !tern.state<bytes = 192>) {
  // expected-error @+1 {{expected 96 bytes at a multiple of four within a layer's 192 bytes of state, got them at 2}}
  %0 = tern.causal_conv(%x, %w, %s[%l]) at 2 : (tensor<?x8xf32>, tensor<4x8xf32>, !tern.state<bytes = 192>) -> tensor<?x8xf32>
  return
}

// -----

func.func @heads_that_share_none(%l: index, %q: tensor<?x8xf32>, %g: tensor<?x3xf32>, %v: tensor<?x12xf32>, %s: !tern.state<bytes = 192>) {
  // expected-error @+1 {{expected value heads, one per column of beta, to be a multiple of key_heads 2, got 3}}
  %0 = tern.delta_rule(%q, %q, %v, %g, %g, %s[%l]) at 0 key_heads 2
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x12xf32>, tensor<?x3xf32>, tensor<?x3xf32>, !tern.state<bytes = 192>) -> tensor<?x12xf32>
  return
}

// -----

func.func @decay_of_other_heads(%l: index, %q: tensor<?x8xf32>, %g: tensor<?x4xf32>, %d: tensor<?x3xf32>, %v: tensor<?x12xf32>, %s: !tern.state<bytes = 192>) {
  // expected-error @+1 {{expected decay to have 4 columns, as beta has, got 3}}
  %0 = tern.delta_rule(%q, %q, %v, %g, %d, %s[%l]) at 0 key_heads 2
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x12xf32>, tensor<?x4xf32>, tensor<?x3xf32>, !tern.state<bytes = 192>) -> tensor<?x12xf32>
  return
}

// -----

func.func @queries_of_another_size(%l: index, %q: tensor<?x6xf32>, %k: tensor<?x8xf32>, %g: tensor<?x4xf32>, %v: tensor<?x12xf32>, %s: !tern.state<bytes = 192>) {
  // expected-error @+1 {{expected query to have 8 columns, as key has, got 6}}
  %0 = tern.delta_rule(%q, %k, %v, %g, %g, %s[%l]) at 0 key_heads 2
      : (tensor<?x6xf32>, tensor<?x8xf32>, tensor<?x12xf32>, tensor<?x4xf32>, tensor<?x4xf32>, !tern.state<bytes = 192>) -> tensor<?x12xf32>
  return
}

// -----

func.func @values_of_no_heads(%l: index, %q: tensor<?x8xf32>, %g: tensor<?x4xf32>, %v: tensor<?x10xf32>, %s: !tern.state<bytes = 192>) {
  // expected-error @+1 {{expected features to be multiples of 2 key heads and 4 value heads, got 8 and 10}}
  %0 = tern.delta_rule(%q, %q, %v, %g, %g, %s[%l]) at 0 key_heads 2
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x10xf32>, tensor<?x4xf32>, tensor<?x4xf32>, !tern.state<bytes = 192>) -> tensor<?x10xf32>
  return
}

// -----

func.func @matrices_beyond_the_state(%l: index, %q: tensor<?x8xf32>, %g: tensor<?x4xf32>, %v: tensor<?x12xf32>, %s: !tern.state<bytes = 188>) {
  // expected-error @+1 {{expected 192 bytes at a multiple of four within a layer's 188 bytes of state, got them at 0}}
  %0 = tern.delta_rule(%q, %q, %v, %g, %g, %s[%l]) at 0 key_heads 2
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x12xf32>, tensor<?x4xf32>, tensor<?x4xf32>, !tern.state<bytes = 188>) -> tensor<?x12xf32>
  return
}

// -----

func.func @unlike_the_values(%l: index, %q: tensor<?x8xf32>, %g: tensor<?x4xf32>, %v: tensor<?x12xf32>, %s: !tern.state<bytes = 192>) {
  // expected-error @+1 {{expected result of type 'tensor<?x12xf32>', got 'tensor<?x8xf32>'}}
  %0 = tern.delta_rule(%q, %q, %v, %g, %g, %s[%l]) at 0 key_heads 2
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x12xf32>, tensor<?x4xf32>, tensor<?x4xf32>, !tern.state<bytes = 192>) -> tensor<?x8xf32>
  return
}

// -----

// expected-error @+1 {{expected bytes to be those of some layers, equal ones, got 100 of 3}}
func.func @layers_of_no_size(%s: !tern.state<bytes = 100, layers = 3>) {
  return
}

// -----

// expected-error @+1 {{expected one_plus and minus_exp to be vectors of f32, got 'tensor<4xbf16>'}}
tern.weight @norm <one_plus> ["norm"] : tensor<4xbf16>

// -----

// expected-error @+1 {{expected taps to be a matrix of f32, got 'tensor<4xf32>'}}
tern.weight @conv <taps> ["conv"] : tensor<4xf32>
