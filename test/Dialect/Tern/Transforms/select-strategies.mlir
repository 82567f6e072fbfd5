// RUN: tern-opt %s --tern-select-strategies --mlir-print-local-scope --mlir-print-local-scope | FileCheck %s

// How a product touches its weight decides the layout. The generic target has one
// lane: four columns to a byte, or four rows where columns are skipped. Codes get
// zeros up to the layout's columns, results lose its added rows; destinations that
// hold nothing, or one value, are made wider instead of padded.

module attributes {tern.target = #tern.target<triple = "riscv64-unknown-elf", cpu = "generic-rv64", features = "">} {
  tern.weight @dense <digits> ["d"] : tensor<5x7x!tern.trit>
  tern.weight @rows <digits> ["r"] : tensor<3x7x!tern.trit>
  tern.weight @columns <digits> ["c"] : tensor<6x7x!tern.trit>

  func.func @products(%q: tensor<1x7xi8>, %i: tensor<1x3xi32>, %j: tensor<1x8xi32>, %v: tensor<1x8xi8>, %n: tensor<1xi32>, %init: tensor<1x5xi32>, %init1: tensor<1x3xi32>)
      -> (tensor<1x5xi32>, tensor<1x3xi32>, tensor<1x6xi32>) {
    %zero = arith.constant 0 : i32
    %empty = tensor.empty() : tensor<1x6xi32>
    %init2 = linalg.fill ins(%zero : i32) outs(%empty : tensor<1x6xi32>) -> tensor<1x6xi32>
    %d = tern.get_weight @dense : tensor<5x7x!tern.trit>
    %0 = tern.matmul "dense" ins(%q, %d : tensor<1x7xi8>, tensor<5x7x!tern.trit>)
        outs(%init : tensor<1x5xi32>) codes [-128, 127] -> tensor<1x5xi32>
    %r = tern.get_weight @rows : tensor<3x7x!tern.trit>
    %1 = tern.matmul "rows" ins(%q, %r : tensor<1x7xi8>, tensor<3x7x!tern.trit>) rows(%i, %n : tensor<1x3xi32>, tensor<1xi32>)
        outs(%init1 : tensor<1x3xi32>) codes [-128, 127] -> tensor<1x3xi32>
    %c = tern.get_weight @columns : tensor<6x7x!tern.trit>
    %2 = tern.matmul "columns" ins(%v, %c : tensor<1x8xi8>, tensor<6x7x!tern.trit>) columns(%j, %n : tensor<1x8xi32>, tensor<1xi32>)
        outs(%init2 : tensor<1x6xi32>) codes [-128, 127] -> tensor<1x6xi32>
    return %0, %1, %2 : tensor<1x5xi32>, tensor<1x3xi32>, tensor<1x6xi32>
  }
}
// CHECK:       tern.weight @dense {{.*}} : tensor<5x7x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
// CHECK:       tern.weight @rows {{.*}} : tensor<3x7x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
// CHECK:       tern.weight @columns {{.*}} : tensor<6x7x!tern.trit, #tern.layout<b2, columns, n:4:1, []>>
// CHECK-LABEL: func.func @products(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<1x7xi8>, %[[I:[a-z0-9]+]]: tensor<1x3xi32>, %[[J:[a-z0-9]+]]: tensor<1x8xi32>, %[[V:[a-z0-9]+]]: tensor<1x8xi8>, %[[N:[a-z0-9]+]]: tensor<1xi32>,
// CHECK:         %[[D:.*]] = tern.get_weight @dense : tensor<5x2x1xi8>
// CHECK:         %[[ZERO:.*]] = arith.constant 0 : i8
// CHECK:         %[[QD:.*]] = tensor.pad %[[Q]] low[0, 0] high[0, 1]
// CHECK:           tensor.yield %[[ZERO]] :
// CHECK:         %[[Y0:.*]] = tern.matmul "dense" ins(%[[QD]], %[[D]] : tensor<1x8xi8>, {{.*}} -> tensor<1x5xi32>
// CHECK:         %[[QR:.*]] = tensor.pad %[[Q]] low[0, 0] high[0, 1]
// CHECK:         %[[Y1:.*]] = tern.matmul "rows" ins(%[[QR]], %{{.*}}) rows(%[[I]], %[[N]] :
// CHECK:         %[[C:.*]] = tern.get_weight @columns : tensor<7x2x1xi8>
// CHECK:         %[[EMPTY:.*]] = tensor.empty() : tensor<1x8xi32>
// CHECK:         %[[ZEROS:.*]] = linalg.fill ins(%{{.*}} : i32) outs(%[[EMPTY]] :
// CHECK:         %[[WIDE:.*]] = tern.matmul "columns" ins(%[[V]], %[[C]] : {{.*}}) columns(%[[J]], %[[N]] : {{.*}}) outs(%[[ZEROS]] : tensor<1x8xi32>)
// CHECK:         %[[Y2:.*]] = tensor.extract_slice %[[WIDE]][0, 0] [1, 6] [1, 1]
// CHECK:         return %[[Y0]], %[[Y1]], %[[Y2]] :
