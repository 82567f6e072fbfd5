// RUN: tern-opt %s --tern-bufferize --split-input-file | FileCheck %s

// Codes that nothing else reads could be kept in place; what a later operation
// reads must not be overwritten.

func.func @codes_are_read_later(%x: tensor<1x7xf32>) -> (tensor<1x7xi8>, tensor<1x7xi8>) {
  %q, %s = tern.quantize <int8_absmax> (%x) : (tensor<1x7xf32>) -> tensor<1x7xi8>, tensor<1xf32>
  %k = tern.keep_top_k <keep = 5> (%x, %q) : (tensor<1x7xf32>, tensor<1x7xi8>) -> tensor<1x7xi8>
  return %q, %k : tensor<1x7xi8>, tensor<1x7xi8>
}
// CHECK-LABEL: func.func @codes_are_read_later(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<1x7xf32>, %[[Y0:[a-z0-9]+]]: memref<1x7xi8>, %[[Y1:[a-z0-9]+]]: memref<1x7xi8>)
// CHECK:         tern.quantize <int8_absmax>(%[[X]]) outs(%[[Y0]], %{{.*}} : memref<1x7xi8>, memref<1xf32>)
// CHECK-NOT:     memref.alloc
// CHECK:         tern.keep_top_k <keep = 5>(%[[X]], %[[Y0]]) outs(%[[Y1]] :
// CHECK-NEXT:    return

// -----

// One value for two results is computed once.

func.func @twice(%x: tensor<1x7xf32>) -> (tensor<1xf32>, tensor<1xf32>) {
  %0 = tern.reduce <max_abs> (%x) : (tensor<1x7xf32>) -> tensor<1xf32>
  return %0, %0 : tensor<1xf32>, tensor<1xf32>
}
// CHECK-LABEL: func.func @twice(
// CHECK-SAME:    %[[Y0:[a-z0-9]+]]: memref<1xf32>, %[[Y1:[a-z0-9]+]]: memref<1xf32>)
// CHECK:         tern.reduce <max_abs>{{.*}} outs(%[[Y0]] :
// CHECK:         linalg.copy ins(%[[Y0]] : memref<1xf32>) outs(%[[Y1]] :
// CHECK-NEXT:    return

// -----

// An elementwise operation writes into its result's place at once.

#rows = affine_map<(t, n) -> (t, n)>

func.func @sum(%x: tensor<1x7xf32>, %y: tensor<1x7xf32>) -> tensor<1x7xf32> {
  %empty = tensor.empty() : tensor<1x7xf32>
  %z = linalg.generic {indexing_maps = [#rows, #rows, #rows], iterator_types = ["parallel", "parallel"]}
      ins(%x, %y : tensor<1x7xf32>, tensor<1x7xf32>) outs(%empty : tensor<1x7xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %sum = arith.addf %a, %b : f32
    linalg.yield %sum : f32
  } -> tensor<1x7xf32>
  return %z : tensor<1x7xf32>
}
// CHECK-LABEL: func.func @sum(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<1x7xf32>, %[[Y:[a-z0-9]+]]: memref<1x7xf32>, %[[Z:[a-z0-9]+]]: memref<1x7xf32>)
// CHECK-NOT:     memref.alloc
// CHECK:         linalg.generic {{.*}} ins(%[[X]], %[[Y]] : {{.*}}) outs(%[[Z]] :
// CHECK-NOT:     linalg.copy
// CHECK:         return

// -----

// A kernel operation writes its part of a wider row at once.

func.func @part(%x: tensor<1x7xf32>, %q: tensor<1x7xi8>) -> tensor<1x8xi8> {
  %zero = arith.constant 0 : i8
  %k = tern.keep_top_k <keep = 5> (%x, %q) : (tensor<1x7xf32>, tensor<1x7xi8>) -> tensor<1x7xi8>
  %empty = tensor.empty() : tensor<1x8xi8>
  %zeros = linalg.fill ins(%zero : i8) outs(%empty : tensor<1x8xi8>) -> tensor<1x8xi8>
  %row = tensor.insert_slice %k into %zeros[0, 0] [1, 7] [1, 1] : tensor<1x7xi8> into tensor<1x8xi8>
  return %row : tensor<1x8xi8>
}
// CHECK-LABEL: func.func @part(
// CHECK-SAME:    %[[Y:[a-z0-9]+]]: memref<1x8xi8>)
// CHECK-NOT:     memref.alloc
// CHECK:         linalg.fill {{.*}} outs(%[[Y]] :
// CHECK:         %[[PART:.*]] = memref.subview %[[Y]][0, 0] [1, 7] [1, 1]
// CHECK:         tern.keep_top_k {{.*}} outs(%[[PART]] :
