// RUN: tern-opt %s --convert-tern-to-linalg --split-input-file | FileCheck %s

// Consecutive features are slices.

func.func @features(%x: tensor<?x12xf32>) -> (tensor<?x4xf32>, tensor<?x8xf32>) {
  %0, %1 = tern.split %x : tensor<?x12xf32> -> tensor<?x4xf32>, tensor<?x8xf32>
  return %0, %1 : tensor<?x4xf32>, tensor<?x8xf32>
}
// CHECK-LABEL: func.func @features(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x12xf32>)
// CHECK:         %[[A:.*]] = tensor.extract_slice %[[X]][0, 0] [%{{.*}}, 4] [1, 1] : tensor<?x12xf32> to tensor<?x4xf32>
// CHECK:         %[[B:.*]] = tensor.extract_slice %[[X]][0, 4] [%{{.*}}, 8] [1, 1] : tensor<?x12xf32> to tensor<?x8xf32>
// CHECK:         return %[[A]], %[[B]]

// -----

// Of heads, each has its own.

func.func @of_heads(%x: tensor<?x12xf32>) -> (tensor<?x3xf32>, tensor<?x9xf32>) {
  %0, %1 = tern.split %x heads 3 : tensor<?x12xf32> -> tensor<?x3xf32>, tensor<?x9xf32>
  return %0, %1 : tensor<?x3xf32>, tensor<?x9xf32>
}
// CHECK-LABEL: func.func @of_heads(
// CHECK:         %[[CUT:.*]] = tensor.expand_shape %{{.*}} {{\[\[}}0], [1, 2]] output_shape [%{{.*}}, 3, 4]
// CHECK:         %[[A:.*]] = tensor.extract_slice %[[CUT]][0, 0, 0] [%{{.*}}, 3, 1] [1, 1, 1]
// CHECK:         %[[FIRST:.*]] = tensor.collapse_shape %[[A]] {{\[\[}}0], [1, 2]] : tensor<?x3x1xf32> into tensor<?x3xf32>
// CHECK:         %[[B:.*]] = tensor.extract_slice %[[CUT]][0, 0, 1] [%{{.*}}, 3, 3] [1, 1, 1]
// CHECK:         %[[SECOND:.*]] = tensor.collapse_shape %[[B]] {{\[\[}}0], [1, 2]] : tensor<?x3x3xf32> into tensor<?x9xf32>
// CHECK:         return %[[FIRST]], %[[SECOND]]

// -----

// The sum, not the mean, and no weight.

func.func @length_one(%x: tensor<?x12xf32>) -> tensor<?x12xf32> {
  %0 = tern.l2_norm %x eps 1.000000e-06 head_dim 4 : tensor<?x12xf32>
  return %0 : tensor<?x12xf32>
}
// CHECK-LABEL: func.func @length_one(
// CHECK:         %[[SUM:.*]] = tern.reduce <sum_squares>(%{{.*}}) : (tensor<?x3x4xf32>) -> tensor<?x3xf32>
// CHECK:         linalg.generic
// CHECK-SAME:      ins(%[[SUM]] : tensor<?x3xf32>)
// CHECK-NEXT:    ^bb0(%[[IN:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT:      %[[EPS:.*]] = arith.constant 9.99999997E-7 : f32
// CHECK-NEXT:      %[[MORE:.*]] = arith.addf %[[IN]], %[[EPS]] : f32
// CHECK-NEXT:      %[[ROOT:.*]] = math.sqrt %[[MORE]] : f32
// CHECK:           arith.divf %{{.*}}, %[[ROOT]] : f32
// CHECK:         linalg.generic
// CHECK:           arith.mulf
// CHECK-NEXT:      linalg.yield

// -----

// Each half of the first four features is turned in place, the last two are copied.

func.func @part_of_a_head(%q: tensor<?x12xf32>, %p: tensor<?xi32>, %c: tensor<16x2xf32>, %s: tensor<16x2xf32>) -> tensor<?x12xf32> {
  %0 = tern.rope %q at %p cos %c sin %s head_dim 6 rotary_dim 4
      : tensor<?x12xf32>, tensor<?xi32>, tensor<16x2xf32>, tensor<16x2xf32>
  return %0 : tensor<?x12xf32>
}
// CHECK-LABEL: func.func @part_of_a_head(
// CHECK:         %[[CUT:.*]] = tensor.expand_shape %{{.*}} {{\[\[}}0], [1, 2]] output_shape [%{{.*}}, 2, 6]
// CHECK:         tensor.extract_slice %[[CUT]][0, 0, 0] [%{{.*}}, 2, 2] [1, 1, 1]
// CHECK:         tensor.extract_slice %[[CUT]][0, 0, 2] [%{{.*}}, 2, 2] [1, 1, 1]
// CHECK:         %[[A:.*]] = tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 0] [%{{.*}}, 2, 2] [1, 1, 1]
// CHECK:         %[[B:.*]] = tensor.insert_slice %{{.*}} into %[[A]][0, 0, 2] [%{{.*}}, 2, 2] [1, 1, 1]
// CHECK:         %[[REST:.*]] = tensor.extract_slice %[[CUT]][0, 0, 4] [%{{.*}}, 2, 2] [1, 1, 1]
// CHECK:         tensor.insert_slice %[[REST]] into %[[B]][0, 0, 4] [%{{.*}}, 2, 2] [1, 1, 1]

// -----

func.func @gates(%b: tensor<?x6xf32>, %a: tensor<?x6xf32>, %d: tensor<6xf32>, %r: tensor<6xf32>) -> (tensor<?x6xf32>, tensor<?x6xf32>) {
  %0, %1 = tern.delta_gates %b, %a bias %d rate %r : tensor<?x6xf32>, tensor<6xf32>, tensor<6xf32>
  return %0, %1 : tensor<?x6xf32>, tensor<?x6xf32>
}
// CHECK-LABEL: func.func @gates(
// CHECK-SAME:    %[[B:[a-z0-9]+]]: tensor<?x6xf32>, %[[A:[a-z0-9]+]]: tensor<?x6xf32>, %[[D:[a-z0-9]+]]: tensor<6xf32>, %[[R:[a-z0-9]+]]: tensor<6xf32>)
// CHECK:         %[[BETA:.*]] = linalg.generic
// CHECK-SAME:      ins(%[[B]] : tensor<?x6xf32>)
// CHECK:         %[[DECAY:.*]] = linalg.generic
// CHECK-SAME:      ins(%[[A]], %[[D]], %[[R]] : tensor<?x6xf32>, tensor<6xf32>, tensor<6xf32>)
// CHECK-NEXT:    ^bb0(%[[KEEP:.*]]: f32, %[[BIAS:.*]]: f32, %[[RATE:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT:      %[[SUM:.*]] = arith.addf %[[KEEP]], %[[BIAS]] : f32
// CHECK-NEXT:      math.absf %[[SUM]] : f32
// CHECK:           arith.constant 0.0666666701 : f32
// CHECK:           arith.mulf %[[RATE]], %{{.*}} : f32
// CHECK:         return %[[BETA]], %[[DECAY]]

// -----

func.func @output_gate(%g: tensor<?x6xf32>, %x: tensor<?x6xf32>) -> tensor<?x6xf32> {
  %0 = tern.glu <sigmoid> %g, %x : tensor<?x6xf32>
  return %0 : tensor<?x6xf32>
}
// CHECK-LABEL: func.func @output_gate(
// CHECK:         linalg.generic
// CHECK-NEXT:    ^bb0(%{{.*}}: f32, %[[X:.*]]: f32, %{{.*}}: f32):
// CHECK:           %[[SIGMOID:.*]] = arith.divf
// CHECK-NEXT:      %[[Y:.*]] = arith.mulf %[[SIGMOID]], %[[X]] : f32
// CHECK-NEXT:      linalg.yield %[[Y]] : f32
