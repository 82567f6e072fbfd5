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
// CHECK:         tern.quantize <int8_absmax>(%[[X]]) outs(%[[Q:.*]], %{{.*}} : memref<1x7xi8>, memref<1xf32>)
// CHECK:         %[[K:.*]] = memref.alloc() {alignment = 64 : i64} : memref<1x7xi8>
// CHECK:         tern.keep_top_k <keep = 5>(%[[X]], %[[Q]]) outs(%[[K]] :
// CHECK:         linalg.copy ins(%[[Q]] : memref<1x7xi8>) outs(%[[Y0]] :
// CHECK:         linalg.copy ins(%[[K]] : memref<1x7xi8>) outs(%[[Y1]] :
