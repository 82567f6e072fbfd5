// RUN: tern-reduce %s --reduction-tree='traversal-mode=0 test=%S/Inputs/has-sparsify.sh' | FileCheck %s

// The script finds a module interesting as long as it sparsifies: what has
// nothing to do with that goes.

// CHECK-NOT: func.func @bystander
// CHECK:     tern.sparsify
// CHECK-NOT: func.func @bystander

func.func @bystander(%x: tensor<1x8xf32>) -> tensor<1xf32> {
  %0 = tern.reduce <max_abs> (%x) : (tensor<1x8xf32>) -> tensor<1xf32>
  return %0 : tensor<1xf32>
}

func.func @culprit(%q: tensor<1x8xi8>) -> tensor<1xi32> {
  %i, %v, %n = tern.sparsify(%q) : (tensor<1x8xi8>) -> tensor<1x8xi32>, tensor<1x8xi8>, tensor<1xi32>
  return %n : tensor<1xi32>
}
