// RUN: tern-opt %s | tern-opt | FileCheck %s

// A head of int8 in two planes, and the best token without all of its logits.

// CHECK-LABEL: func.func @planes(
func.func @planes(%h: tensor<?x192xf32>, %u: tensor<1024x192xi6>, %l: tensor<1024x192xi2>, %s: tensor<1024xf32>, %n: tensor<1024xf32>) -> (tensor<?x1024xf32>, tensor<?xi32>) {
  // CHECK: tern.lm_head(%{{.*}}, %[[U:.*]]) low(%[[L:.*]] : tensor<1024x192xi2>) scales(%[[S:.*]] : tensor<1024xf32>) :
  %0 = tern.lm_head(%h, %u) low(%l : tensor<1024x192xi2>) scales(%s : tensor<1024xf32>)
      : (tensor<?x192xf32>, tensor<1024x192xi6>) -> tensor<?x1024xf32>
  // CHECK: tern.best_token(%{{.*}}, %[[U]], %[[L]]) scales(%[[S]]) norms(%{{.*}}) :
  %1 = tern.best_token(%h, %u, %l) scales(%s) norms(%n)
      : (tensor<?x192xf32>, tensor<1024x192xi6>, tensor<1024x192xi2>, tensor<1024xf32>, tensor<1024xf32>) -> tensor<?xi32>
  return %0, %1 : tensor<?x1024xf32>, tensor<?xi32>
}

// CHECK-LABEL: func.func @rows(
func.func @rows(%a: tensor<1x40xi32>, %q: tensor<1x16xi8>, %f: tensor<1xf32>, %s: tensor<40xf32>, %n: tensor<40xf32>, %l: tensor<1x40xi32>) -> tensor<1xi32> {
  // CHECK: %[[B:.*]]:3 = tern.bound_rows(%[[A:.*]], %{{.*}}, %[[F:.*]], %[[S:.*]], %{{.*}}) :
  %b:3 = tern.bound_rows(%a, %q, %f, %s, %n)
      : (tensor<1x40xi32>, tensor<1x16xi8>, tensor<1xf32>, tensor<40xf32>, tensor<40xf32>) -> tensor<1x40xf32>, tensor<1x40xi32>, tensor<1xi32>
  // CHECK: %[[C:.*]]:2 = tern.candidate_rows(%[[B]]#0, %[[A]], %{{.*}}, %[[B]]#1, %[[F]], %[[S]]) :
  %c:2 = tern.candidate_rows(%b#0, %a, %l, %b#1, %f, %s)
      : (tensor<1x40xf32>, tensor<1x40xi32>, tensor<1x40xi32>, tensor<1x40xi32>, tensor<1xf32>, tensor<40xf32>) -> tensor<1x40xi32>, tensor<1xi32>
  // CHECK: tern.best_row(%[[A]], %{{.*}}, %[[C]]#0, %[[C]]#1, %[[F]], %[[S]]) :
  %t = tern.best_row(%a, %l, %c#0, %c#1, %f, %s)
      : (tensor<1x40xi32>, tensor<1x40xi32>, tensor<1x40xi32>, tensor<1xi32>, tensor<1xf32>, tensor<40xf32>) -> tensor<1xi32>
  return %t : tensor<1xi32>
}
