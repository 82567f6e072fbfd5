// RUN: tern-opt %s --tern-decompose-bitlinear | FileCheck %s

// A head of int8 rows is a product like any other; one of floats is a kernel
// operation already.

func.func @heads(%h: tensor<?x7xf32>, %codes: tensor<11x7xi8>, %scales: tensor<11xf32>, %rows: tensor<11x7xbf16>)
    -> (tensor<?x11xf32>, tensor<?x11xf32>) {
  %0 = tern.lm_head(%h, %codes) scales(%scales : tensor<11xf32>) : (tensor<?x7xf32>, tensor<11x7xi8>) -> tensor<?x11xf32>
  %1 = tern.lm_head(%h, %rows) : (tensor<?x7xf32>, tensor<11x7xbf16>) -> tensor<?x11xf32>
  return %0, %1 : tensor<?x11xf32>, tensor<?x11xf32>
}

// CHECK-LABEL: func.func @heads(
// CHECK-SAME:    %[[H:[a-z0-9]+]]: tensor<?x7xf32>, %[[CODES:[a-z0-9]+]]: tensor<11x7xi8>, %[[SCALES:[a-z0-9]+]]: tensor<11xf32>, %[[ROWS:[a-z0-9]+]]:
// CHECK-NEXT:    %[[Q:.*]]:2 = tern.quantize <int8_absmax>(%[[H]]) :
// CHECK:         %[[A:.*]] = tern.matmul "lm_head" ins(%[[Q]]#0, %[[CODES]] : {{.*}} outs(%{{.*}} : tensor<?x11xi32>) codes [-128, 127]
// CHECK-NEXT:    %[[L0:.*]] = tern.dequantize(%[[A]], %[[Q]]#1, %[[SCALES]]) :
// CHECK-NEXT:    %[[L1:.*]] = tern.lm_head(%[[H]], %[[ROWS]]) :
// CHECK-NEXT:    return %[[L0]], %[[L1]] :

// Planes are two products, and four times the sums of the upper one are added.
// CHECK-LABEL: func.func @planes(
// CHECK:         %[[Q:.*]]:2 = tern.quantize <int8_absmax>
// CHECK:         %[[U:.*]] = tern.matmul "lm_head" ins(%[[Q]]#0, %{{.*}} : tensor<?x7xi8>, tensor<11x7xi6>)
// CHECK:         %[[L:.*]] = tern.matmul "lm_head" ins(%[[Q]]#0, %{{.*}} : tensor<?x7xi8>, tensor<11x7xi2>)
// CHECK-NEXT:    %[[U2:.*]] = arith.addi %[[U]], %[[U]]
// CHECK-NEXT:    %[[U4:.*]] = arith.addi %[[U2]], %[[U2]]
// CHECK-NEXT:    %[[A:.*]] = arith.addi %[[U4]], %[[L]]
// CHECK-NEXT:    tern.dequantize(%[[A]], %[[Q]]#1, %{{.*}}) :
func.func @planes(%h: tensor<?x7xf32>, %u: tensor<11x7xi6>, %l: tensor<11x7xi2>, %s: tensor<11xf32>) -> tensor<?x11xf32> {
  %0 = tern.lm_head(%h, %u) low(%l : tensor<11x7xi2>) scales(%s : tensor<11xf32>) : (tensor<?x7xf32>, tensor<11x7xi6>) -> tensor<?x11xf32>
  return %0 : tensor<?x11xf32>
}

// Of the lower plane one row is read, and then those that may be better.
// CHECK-LABEL: func.func @best(
// CHECK:         %[[Q:.*]]:2 = tern.quantize <int8_absmax>
// CHECK:         %[[U:.*]] = tern.matmul "lm_head" ins(%[[Q]]#0, %{{.*}} : tensor<1x7xi8>, tensor<11x7xi6>) outs(
// CHECK:         %[[B:.*]]:3 = tern.bound_rows(%[[U]], %[[Q]]#0, %[[Q]]#1, %[[S:.*]], %{{.*}}) :
// CHECK:         %[[F:.*]] = tern.matmul "lm_head" ins(%[[Q]]#0, %[[LOW:.*]] : tensor<1x7xi8>, tensor<11x7xi2>) rows(%[[B]]#1, %[[B]]#2 :
// CHECK:         %[[C:.*]]:2 = tern.candidate_rows(%[[B]]#0, %[[U]], %[[F]], %[[B]]#1, %[[Q]]#1, %[[S]]) :
// CHECK:         %[[L:.*]] = tern.matmul "lm_head" ins(%[[Q]]#0, %[[LOW]] : {{.*}}) rows(%[[C]]#0, %[[C]]#1 :
// CHECK:         %[[T:.*]] = tern.best_row(%[[U]], %[[L]], %[[C]]#0, %[[C]]#1, %[[Q]]#1, %[[S]]) :
// CHECK:         return %[[T]]
func.func @best(%h: tensor<1x7xf32>, %u: tensor<11x7xi6>, %l: tensor<11x7xi2>, %s: tensor<11xf32>, %n: tensor<11xf32>) -> tensor<1xi32> {
  %0 = tern.best_token(%h, %u, %l) scales(%s) norms(%n) : (tensor<1x7xf32>, tensor<11x7xi6>, tensor<11x7xi2>, tensor<11xf32>, tensor<11xf32>) -> tensor<1xi32>
  return %0 : tensor<1xi32>
}

// Several tokens read the upper plane together.
// CHECK-LABEL: func.func @best_of_tokens(
// CHECK:         %[[Q:.*]]:2 = tern.quantize <int8_absmax>
// CHECK:         %[[U:.*]] = tern.matmul "lm_head" ins(%[[Q]]#0, %{{.*}} : tensor<?x7xi8>, tensor<11x7xi6>) outs(
// CHECK:         %[[ALL:.*]] = scf.for %[[T:.*]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args(%[[BEST:.*]] = %{{.*}}) -> (tensor<?xi32>) {
// CHECK-DAG:       %[[UT:.*]] = tensor.extract_slice %[[U]][%[[T]], 0] [1, 11] [1, 1]
// CHECK-DAG:       %[[QT:.*]] = tensor.extract_slice %[[Q]]#0[%[[T]], 0] [1, 7] [1, 1]
// CHECK-DAG:       %[[FT:.*]] = tensor.extract_slice %[[Q]]#1[%[[T]]] [1] [1]
// CHECK:           tern.bound_rows(%[[UT]], %[[QT]], %[[FT]],
// CHECK:           %[[ONE:.*]] = tern.best_row(
// CHECK-NEXT:      %[[NEXT:.*]] = tensor.insert_slice %[[ONE]] into %[[BEST]][%[[T]]] [1] [1]
// CHECK-NEXT:      scf.yield %[[NEXT]]
// CHECK:         return %[[ALL]]
func.func @best_of_tokens(%h: tensor<?x7xf32>, %u: tensor<11x7xi6>, %l: tensor<11x7xi2>, %s: tensor<11xf32>, %n: tensor<11xf32>) -> tensor<?xi32> {
  %0 = tern.best_token(%h, %u, %l) scales(%s) norms(%n) : (tensor<?x7xf32>, tensor<11x7xi6>, tensor<11x7xi2>, tensor<11xf32>, tensor<11xf32>) -> tensor<?xi32>
  return %0 : tensor<?xi32>
}
