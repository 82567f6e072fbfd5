// RUN: tern-opt %s | tern-opt --mlir-print-local-scope | FileCheck %s

// CHECK-LABEL: module @schemes attributes {
// CHECK-SAME: tern.a = #tern.act_quant<int8_absmax>, tern.b = #tern.act_quant<int4_absmean>, tern.c = #tern.act_quant<fp4_e2m1>, tern.d = #tern.top_k<keep = 96>
module @schemes attributes {
  tern.a = #tern.act_quant<int8_absmax>, tern.b = #tern.act_quant<int4_absmean>,
  tern.c = #tern.act_quant<fp4_e2m1>, tern.d = #tern.top_k<keep = 96>} {}

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
