// RUN: tern-opt %s --tern-plan-weights | FileCheck %s

// Weights without a layer come first, then one layer's, each in the order they
// are read; each starts at a multiple of 64 bytes. A weight read twice lies once,
// one that nobody reads is gone.

// CHECK: tern.layer_stride = 192 : i64
// CHECK-SAME: tern.weights_bytes = 832 : i64, tern.weights_id = {{[0-9]+}} : ui64
module attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  // CHECK-NOT: @unread
  // CHECK: @norm <values> ["norm"] offset 128 : tensor<5xf32>
  tern.weight @norm <values> ["norm"] : tensor<5xf32>
  tern.weight @unread <values> ["unread"] : tensor<5xf32>
  // CHECK: @bias per_layer <values> ["{}.bias"] offset 320 : tensor<17xf32>
  tern.weight @bias per_layer <values> ["{}.bias"] : tensor<17xf32>
  // Seven columns are two bytes of digits: 3 rows, 6 bytes; embeddings 110.
  // CHECK: @digits per_layer <digits> ["{}.digits"] offset 256 :
  tern.weight @digits per_layer <digits> ["{}.digits"] : tensor<3x7x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
  // CHECK: @embed <values> ["embed"] offset 0 : tensor<11x5xbf16>
  tern.weight @embed <values> ["embed"] : tensor<11x5xbf16>
  // CHECK: @last <values> ["last"] offset 192 : tensor<1xf32>
  tern.weight @last <values> ["last"] : tensor<1xf32>

  func.func @embed_tokens() {
    %0 = tern.get_weight @embed : tensor<11x5xbf16>
    return
  }
  func.func @layer(%layer: index) {
    %0 = tern.get_weight @digits[%layer] : tensor<3x2x1xi8>
    %1 = tern.get_weight @norm : tensor<5xf32>
    %2 = tern.get_weight @bias[%layer] : tensor<17xf32>
    return
  }
  func.func @head() {
    %0 = tern.get_weight @embed : tensor<11x5xbf16>
    %1 = tern.get_weight @last : tensor<1xf32>
    return
  }
}
