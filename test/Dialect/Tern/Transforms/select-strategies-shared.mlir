// RUN: tern-opt %s --tern-select-strategies --mlir-print-local-scope --mlir-print-local-scope | FileCheck %s

// One weight has one layout: what decode skips decides for prefill too, wherever
// it stands. The number of tokens comes from the widened product.

module attributes {tern.target = #tern.target<triple = "riscv64-unknown-elf", cpu = "generic-rv64", features = "">} {
  // CHECK: tern.weight @w {{.*}} : tensor<6x7x!tern.trit, #tern.layout<b2, columns, n:4:1, []>>
  tern.weight @w <digits> ["w"] : tensor<6x7x!tern.trit>

  func.func @prefill(%q: tensor<?x7xi8>, %init: tensor<?x6xi32>) -> tensor<?x6xi32> {
    %w = tern.get_weight @w : tensor<6x7x!tern.trit>
    %0 = tern.matmul "w" ins(%q, %w : tensor<?x7xi8>, tensor<6x7x!tern.trit>)
        outs(%init : tensor<?x6xi32>) codes [-128, 127] -> tensor<?x6xi32>
    return %0 : tensor<?x6xi32>
  }
  func.func @decode(%j: tensor<1x8xi32>, %v: tensor<1x8xi8>, %n: tensor<1xi32>, %init: tensor<1x6xi32>) -> tensor<1x6xi32> {
    %w = tern.get_weight @w : tensor<6x7x!tern.trit>
    %0 = tern.matmul "w" ins(%v, %w : tensor<1x8xi8>, tensor<6x7x!tern.trit>) columns(%j, %n : tensor<1x8xi32>, tensor<1xi32>)
        outs(%init : tensor<1x6xi32>) codes [-128, 127] -> tensor<1x6xi32>
    return %0 : tensor<1x6xi32>
  }
}
// CHECK-LABEL: func.func @prefill(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x7xi8>, %[[INIT:[a-z0-9]+]]: tensor<?x6xi32>)
// CHECK:         %[[WIDER:.*]] = tensor.pad %[[INIT]] low[0, 0] high[0, 2]
// CHECK:         %[[WIDE:.*]] = tern.matmul "w" ins(%[[Q]], %{{.*}} : tensor<?x7xi8>, tensor<7x2x1xi8>) outs(%[[WIDER]] : tensor<?x8xi32>)
// CHECK-SAME:      weight_type tensor<6x7x!tern.trit, #tern.layout<b2, columns, n:4:1, []>>
// CHECK-SAME:      strategy #tern.strategy<[#tern.digit_by_digit<layout = <b2, columns, n:4:1, []>, tokens = 1>], units = 1, prefetch = 0> -> tensor<?x8xi32>
// CHECK:         %[[TOKENS:.*]] = tensor.dim %[[WIDE]],
// CHECK:         %[[Y:.*]] = tensor.extract_slice %[[WIDE]][0, 0] [%[[TOKENS]], 6] [1, 1]
// CHECK:         return %[[Y]] :
// CHECK-LABEL: func.func @decode(
// CHECK:         tern.get_weight @w : tensor<7x2x1xi8>
