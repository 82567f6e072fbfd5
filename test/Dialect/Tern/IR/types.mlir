// RUN: tern-opt %s --split-input-file --verify-diagnostics --mlir-print-local-scope | FileCheck %s

// CHECK-LABEL: func.func private @trit(tensor<2x3x!tern.trit>)
func.func private @trit(tensor<2x3x!tern.trit>)

// CHECK-LABEL: func.func private @cache(
// CHECK-SAME: !tern.kv_cache<layers = 5, heads = 2, head_dim = 64, capacity = 256, bits = 3, bos_bits = 4>)
func.func private @cache(!tern.kv_cache<layers = 5, heads = 2, head_dim = 64, capacity = 256, bits = 3, bos_bits = 4>)

// The default of q_bits is not printed.
// CHECK-LABEL: func.func private @query_width(
// CHECK-SAME: bits = 8, bos_bits = 8>,
// CHECK-SAME: bits = 8, bos_bits = 8, q_bits = 4>)
func.func private @query_width(
    !tern.kv_cache<layers = 1, heads = 2, head_dim = 4, capacity = 8, bits = 8, bos_bits = 8, q_bits = 8>,
    !tern.kv_cache<layers = 1, heads = 2, head_dim = 4, capacity = 8, bits = 8, bos_bits = 8, q_bits = 4>)

// -----

// expected-error @+1 {{expected layers, heads and capacity to be positive, got 1, 0 and 8}}
func.func private @no_heads(!tern.kv_cache<layers = 1, heads = 0, head_dim = 4, capacity = 8, bits = 8, bos_bits = 8>)

// -----

// expected-error @+1 {{expected an even head_dim, got 5}}
func.func private @odd_head(!tern.kv_cache<layers = 1, heads = 1, head_dim = 5, capacity = 8, bits = 8, bos_bits = 8>)

// -----

// expected-error @+1 {{expected bits and bos_bits to be 3, 4, 8 or 16, got 5 and 8}}
func.func private @five_bits(!tern.kv_cache<layers = 1, heads = 1, head_dim = 4, capacity = 8, bits = 5, bos_bits = 8>)

// -----

// expected-error @+1 {{expected bits and bos_bits to be both 16 or both less, got 16 and 4}}
func.func private @mixed_forms(!tern.kv_cache<layers = 1, heads = 1, head_dim = 4, capacity = 8, bits = 16, bos_bits = 4>)

// -----

// expected-error @+1 {{expected q_bits to be 4 or 8, got 3}}
func.func private @query_of_three_bits(!tern.kv_cache<layers = 1, heads = 1, head_dim = 4, capacity = 8, bits = 8, bos_bits = 8, q_bits = 3>)
