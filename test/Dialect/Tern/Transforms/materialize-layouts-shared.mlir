// RUN: tern-opt %s --tern-materialize-layouts --mlir-print-local-scope --mlir-print-local-scope | FileCheck %s

// One weight has one layout: what decode skips decides for prefill too, wherever
// it stands. The number of tokens comes from the widened product.

module attributes {tern.target = #tern.target<triple = "riscv64-unknown-elf", cpu = "generic-rv64", features = "">} {
  // CHECK: tern.weight @w {{.*}} : tensor<6x7x!tern.trit, #tern.layout<b2, columns, n:4:1, []>>
  tern.weight @w <digits> ["w"] : tensor<6x7x!tern.trit>

  func.func @prefill(%q: tensor<?x7xi8>) -> tensor<?x6xi32> {
    %w = tern.get_weight @w : tensor<6x7x!tern.trit>
    %0 = tern.matmul "w" (%q, %w) : (tensor<?x7xi8>, tensor<6x7x!tern.trit>) -> tensor<?x6xi32>
    return %0 : tensor<?x6xi32>
  }
  func.func @decode(%j: tensor<1x8xi32>, %v: tensor<1x8xi8>, %n: tensor<1xi32>) -> tensor<1x6xi32> {
    %w = tern.get_weight @w : tensor<6x7x!tern.trit>
    %0 = tern.sparse_matmul "w" (%j, %v, %n, %w)
        : (tensor<1x8xi32>, tensor<1x8xi8>, tensor<1xi32>, tensor<6x7x!tern.trit>) -> tensor<1x6xi32>
    return %0 : tensor<1x6xi32>
  }
}
// CHECK-LABEL: func.func @prefill(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x7xi8>)
// CHECK:         %[[WIDE:.*]] = tern.matmul "w"(%[[Q]], %{{.*}}) : (tensor<?x7xi8>, {{.*}}) -> tensor<?x8xi32>
// CHECK:         %[[TOKENS:.*]] = tensor.dim %[[WIDE]],
// CHECK:         %[[Y:.*]] = tensor.extract_slice %[[WIDE]][0, 0] [%[[TOKENS]], 6] [1, 1]
// CHECK:         return %[[Y]] :
// CHECK-LABEL: func.func @decode(
// CHECK:         tern.get_weight @w : tensor<6x7x!tern.trit, #tern.layout<b2, columns, n:4:1, []>>
