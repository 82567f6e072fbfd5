// RUN: tern-opt %s | tern-opt --mlir-print-local-scope | FileCheck %s

// CHECK-LABEL: module @schemes attributes {
// CHECK-SAME: tern.a = #tern.act_quant<int8_absmax>, tern.b = #tern.act_quant<int4_absmean>, tern.c = #tern.act_quant<fp4_e2m1>, tern.d = #tern.top_k<keep = 96>, tern.e = #tern.act_quant<int8_absmax, block = 128>, tern.f = #tern.act_quant<f32>
module @schemes attributes {
  tern.a = #tern.act_quant<int8_absmax>, tern.b = #tern.act_quant<int4_absmean>,
  tern.c = #tern.act_quant<fp4_e2m1>, tern.d = #tern.top_k<keep = 96>,
  tern.e = #tern.act_quant<int8_absmax, block = 128>, tern.f = #tern.act_quant<f32>} {}

// CHECK-LABEL: module @kinds attributes {
// CHECK-SAME: tern.a = #tern.glu_kind<relu2>, tern.b = #tern.reduce_kind<max_abs>, tern.c = #tern.weight_encoding<rope_cos>
module @kinds attributes {
  tern.a = #tern.glu_kind<relu2>, tern.b = #tern.reduce_kind<max_abs>,
  tern.c = #tern.weight_encoding<rope_cos>} {}

// CHECK-LABEL: module @target_and_model attributes {
// CHECK-SAME: tern.model = #tern.model<name = "bard", vocab = 1024, hidden = 192, layers = 5, max_context = 256>,
// CHECK-SAME: tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2,-sse4a">}
module @target_and_model attributes {
  tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2,-sse4a">,
  tern.model = #tern.model<name = "bard", vocab = 1024, hidden = 192, layers = 5, max_context = 256>} {}

// CHECK-LABEL: func.func private @layouts(
// CHECK-SAME: tensor<2560x6912x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:16:1, k:4:1]>>,
// CHECK-SAME: tensor<3x5x!tern.trit, #tern.layout<b2, columns, n:4:1, []>>)
func.func private @layouts(
    tensor<2560x6912x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:16:1, k:4:1]>>,
    tensor<3x5x!tern.trit, #tern.layout<b2, columns, n:4:1, []>>)

// Groups of digits to look up: 1.6, 1.667 and 2 bits a digit.
// CHECK-LABEL: func.func private @groups_in_lanes(
// CHECK-SAME: tensor<64x10x!tern.trit, #tern.layout<s5, rows, k:5:1, [n:8:64, n:64:1]>>,
// CHECK-SAME: tensor<64x10x!tern.trit, #tern.layout<s5, columns, k:5:1, [k:24:5, n:8:64, n:64:1]>>,
// CHECK-SAME: tensor<64x10x!tern.trit, #tern.layout<t2, columns, k:4:1, [k:4:4, n:16:1]>>,
// CHECK-SAME: tensor<64x10x!tern.trit, #tern.layout<t4, rows, k:4:1, [n:8:64, n:64:1]>>,
// CHECK-SAME: tensor<64x10x!tern.trit, #tern.layout<t3p5, rows, k:24:1, [n:2:16, b:5:1, n:16:1]>>)
func.func private @groups_in_lanes(
    tensor<64x10x!tern.trit, #tern.layout<s5, rows, k:5:1, [n:8:64, n:64:1]>>,
    tensor<64x10x!tern.trit, #tern.layout<s5, columns, k:5:1, [k:24:5, n:8:64, n:64:1]>>,
    tensor<64x10x!tern.trit, #tern.layout<t2, columns, k:4:1, [k:4:4, n:16:1]>>,
    tensor<64x10x!tern.trit, #tern.layout<t4, rows, k:4:1, [n:8:64, n:64:1]>>,
    tensor<64x10x!tern.trit, #tern.layout<t3p5, rows, k:24:1, [n:2:16, b:5:1, n:16:1]>>)

// Scales behind the digits of 32 rows and 128 columns, and of a row and 64.
// CHECK-LABEL: func.func private @scales(
// CHECK-SAME: tensor<64x256x!tern.trit, #tern.layout<b2, rows, k:4:4, [k:8:16, n:2:16, n:16:1, k:4:1], f16>>,
// CHECK-SAME: tensor<3x64x!tern.trit, #tern.layout<b2, rows, k:4:1, [k:16:4], f32>>)
func.func private @scales(
    tensor<64x256x!tern.trit, #tern.layout<b2, rows, k:4:4, [k:8:16, n:2:16, n:16:1, k:4:1], f16>>,
    tensor<3x64x!tern.trit, #tern.layout<b2, rows, k:4:1, [k:16:4], f32>>)

// Digits of two rows in a word.
// CHECK-LABEL: func.func private @paired_rows(
// CHECK-SAME: tensor<8x8x!tern.trit, #tern.layout<p2, rows, [n:2:1, k:2:4, k:2:1, k:2:2], [n:4:2, b:4:1]>>)
func.func private @paired_rows(
    tensor<8x8x!tern.trit, #tern.layout<p2, rows, [n:2:1, k:2:4, k:2:1, k:2:2], [n:4:2, b:4:1]>>)
