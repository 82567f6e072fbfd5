// RUN: tern-opt %s --tern-plan-weights --split-input-file | FileCheck %s

// A fingerprint stands for names, layouts and model; not for where weights come
// from.

// CHECK-LABEL: @base attributes
// CHECK-SAME:    tern.weights_id = [[ID:[0-9]+]] : ui64
module @base attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  tern.weight @w per_layer <digits> ["{}.w"] : tensor<4x8x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
  func.func @layer(%layer: index) {
    %0 = tern.get_weight @w[%layer] : tensor<4x2x1xi8>
    return
  }
}

// -----

// CHECK-LABEL: @other_source attributes
// CHECK-SAME:    tern.weights_id = [[ID]] :
module @other_source attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  tern.weight @w per_layer <digits> ["{}.ww"] : tensor<4x8x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
  func.func @layer(%layer: index) {
    %0 = tern.get_weight @w[%layer] : tensor<4x2x1xi8>
    return
  }
}

// -----

// CHECK-LABEL: @other_name attributes
// CHECK-NOT:     tern.weights_id = [[ID]] :
module @other_name attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  tern.weight @ww per_layer <digits> ["{}.w"] : tensor<4x8x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
  func.func @layer(%layer: index) {
    %0 = tern.get_weight @ww[%layer] : tensor<4x2x1xi8>
    return
  }
}

// -----

// CHECK-LABEL: @other_layout attributes
// CHECK-NOT:     tern.weights_id = [[ID]] :
module @other_layout attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  tern.weight @w per_layer <digits> ["{}.w"] : tensor<4x8x!tern.trit, #tern.layout<b2, columns, n:4:1, []>>
  func.func @layer(%layer: index) {
    %0 = tern.get_weight @w[%layer] : tensor<8x1x1xi8>
    return
  }
}

// -----

// CHECK-LABEL: @other_layers attributes
// CHECK-NOT:     tern.weights_id = [[ID]] :
module @other_layers attributes {tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 2, max_context = 13>} {
  tern.weight @w per_layer <digits> ["{}.w"] : tensor<4x8x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
  func.func @layer(%layer: index) {
    %0 = tern.get_weight @w[%layer] : tensor<4x2x1xi8>
    return
  }
}
