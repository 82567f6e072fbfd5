// RUN: tern-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{expected keep to be at least 1, got 0}}
module attributes {tern.a = #tern.top_k<keep = 0>} {}

// -----

// expected-error @+1 {{expected a block of at least 4 features, got 3}}
module attributes {tern.a = #tern.act_quant<int8_absmax, block = 3>} {}

// -----

// expected-error @+1 {{expected no block under f32, which has no factors, got 32}}
module attributes {tern.a = #tern.act_quant<f32, block = 32>} {}

// -----

// expected-error @+1 {{expected one of the codecs b2, s5, t2, t4, t3p5, p2, i4, i6, b8, n2, u2, got b3}}
func.func private @codec(tensor<4x8x!tern.trit, #tern.layout<b3, rows, k:4:1, []>>)

// -----

// expected-error @+1 {{expected 5 digits per byte, as codec s5 has, but they are k:4:1}}
func.func private @digits_of_a_byte(tensor<4x8x!tern.trit, #tern.layout<s5, rows, k:4:1, []>>)

// -----

// expected-error @+1 {{expected 16 digits per word, as codec p2 has, but they are [n:2:1, k:4:1]}}
func.func private @digits_of_a_word(tensor<4x8x!tern.trit, #tern.layout<p2, rows, [n:2:1, k:4:1], [b:4:1]>>)

// -----

// expected-error @+1 {{expected a part b:5:1, the bytes of a word of codec t3p5, but got [n:16:1]}}
func.func private @bytes_of_a_word(tensor<4x8x!tern.trit, #tern.layout<t3p5, rows, k:24:1, [n:16:1]>>)

// -----

// expected-error @+1 {{expected no axis b, because a word of codec s5 is one byte, but got [n:16:1, b:2:1]}}
func.func private @one_byte(tensor<4x8x!tern.trit, #tern.layout<s5, rows, k:5:1, [n:16:1, b:2:1]>>)

// -----

// expected-error @+1 {{expected digits along n or k, but got b:4:1}}
func.func private @digits_along_b(tensor<4x8x!tern.trit, #tern.layout<b2, rows, b:4:1, []>>)

// -----

// expected-error @+1 {{expected rows or columns, got k}}
func.func private @outer(tensor<4x8x!tern.trit, #tern.layout<b2, k, k:4:1, []>>)

// -----

// expected-error @+1 {{expected n (rows), k (columns) or b (bytes of a word), got m}}
func.func private @axis(tensor<4x8x!tern.trit, #tern.layout<b2, rows, m:4:1, []>>)

// -----

// expected-error @+1 {{expected a part of axis n with stride 1, so that each index occurs once, but got n:4:2}}
func.func private @each_index_once(tensor<4x8x!tern.trit, #tern.layout<b2, rows, k:4:1, [n:4:2]>>)

// -----

// expected-error @+1 {{expected f16 or f32, the format of scales, got bf16}}
func.func private @scales(tensor<4x8x!tern.trit, #tern.layout<b2, rows, k:4:1, [k:2:4], bf16>>)

// -----

// expected-error @+1 {{expected the tiles of a group, a part along k, first of the bytes under scales, but got [n:2:1]}}
func.func private @groups(tensor<4x8x!tern.trit, #tern.layout<b2, rows, k:4:1, [n:2:1], f16>>)

// -----

// expected-error @+1 {{expected elements of type '!tern.trit' under a layout of codec b2, got 'i8'}}
func.func private @digits_only(tensor<4x8xi8, #tern.layout<b2, rows, k:4:1, []>>)

// -----

// expected-error @+1 {{expected a matrix under a layout, got rank 1}}
func.func private @matrix(tensor<8x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>)

// -----

// expected-error @+1 {{expected a static shape under a layout, got an unknown size}}
func.func private @unknown_size(tensor<?x8x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>)

// -----

// expected-error @+1 {{expected a triple, got an empty string}}
module attributes {tern.target = #tern.target<triple = "", cpu = "generic", features = "">} {}

// -----

// expected-error @+1 {{expected each feature to be a name after + or -, got `sse2`}}
module attributes {tern.target = #tern.target<triple = "x86_64", cpu = "generic", features = "+avx2,sse2">} {}

// -----

// expected-error @+1 {{expected a name, got an empty string}}
module attributes {tern.model = #tern.model<name = "", vocab = 9, hidden = 4, layers = 1, max_context = 2>} {}

// -----

// expected-error @+1 {{expected layers to be positive, got 0}}
module attributes {tern.model = #tern.model<name = "m", vocab = 9, hidden = 4, layers = 0, max_context = 2>} {}

// -----

// expected-error @+1 {{expected `tern.target` to be #tern.target, got "x86_64"}}
module attributes {tern.target = "x86_64"} {}

// -----

// expected-error @+1 {{expected `tern.model` to be #tern.model, got "bard"}}
module attributes {tern.model = "bard"} {}

// -----

// expected-error @+1 {{expected `tern.max_tokens` to be an integer, got "many"}}
module attributes {tern.max_tokens = "many"} {}

// -----

// expected-error @+1 {{expected `tern.max_tokens` to be on a module only}}
func.func private @on_a_function() attributes {tern.max_tokens = 8}
