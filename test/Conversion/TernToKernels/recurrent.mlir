// RUN: tern-opt %s --convert-tern-to-kernels --canonicalize --mlir-print-local-scope | FileCheck %s

!state = !tern.state<bytes = 32256, layers = 2>
module attributes {tern.target = #tern.target<triple = "x86_64", cpu = "x86-64-v3", features = "+avx2">} {
  func.func @convolution(%layer: index, %x: memref<?x320xf32>, %w: memref<3x320xf32>, %s: !state, %y: memref<?x320xf32>) {
    tern.causal_conv(%x, %w, %s[%layer]) at 64 outs(%y : memref<?x320xf32>) : (memref<?x320xf32>, memref<3x320xf32>, !state)
    return
  }
  func.func @tasks(%layer: index, %x: memref<1x1040xf32>, %w: memref<2x1040xf32>, %s: !state, %y: memref<1x1040xf32>) {
    tern.causal_conv(%x, %w, %s[%layer]) at 0 outs(%y : memref<1x1040xf32>) : (memref<1x1040xf32>, memref<2x1040xf32>, !state)
    return
  }
  func.func @delta(%layer: index, %q: memref<?x10xf32>, %v: memref<?x160xf32>, %g: memref<?x4xf32>, %s: !state, %y: memref<?x160xf32>) {
    tern.delta_rule(%q, %q, %v, %g, %g, %s[%layer]) at 3840 key_heads 2 outs(%y : memref<?x160xf32>)
        : (memref<?x10xf32>, memref<?x10xf32>, memref<?x160xf32>, memref<?x4xf32>, memref<?x4xf32>, !state)
    return
  }
  func.func @tiled(%layer: index, %q: memref<1x10xf32>, %v: memref<1x160xf32>, %g: memref<1x4xf32>, %s: !state, %y: memref<1x160xf32>) {
    tern.delta_rule(%q, %q, %v, %g, %g, %s[%layer]) at 3840 key_heads 2 tiled outs(%y : memref<1x160xf32>)
        : (memref<1x10xf32>, memref<1x10xf32>, memref<1x160xf32>, memref<1x4xf32>, memref<1x4xf32>, !state)
    return
  }
}

// Taps are loaded once for all tokens; each token's rows move up by one.
// CHECK-LABEL: func.func @convolution(
// CHECK-SAME:    %[[LAYER:.*]]: index, %[[X:.*]]: memref<?x320xf32>, %[[W:.*]]: memref<3x320xf32>, %[[S:.*]]: !tern.state<bytes = 32256, layers = 2>, %[[Y:.*]]: memref<?x320xf32>)
// CHECK-DAG:     %[[OFFSET:.*]] = arith.constant 64 : index
// CHECK-DAG:     %[[STRIDE:.*]] = arith.constant 16128 : index
// CHECK:           tern.iteration "causal_conv" bytes 11520
// CHECK:           scf.for %[[COLUMN:.*]] =
// CHECK-COUNT-3:     vector.load %[[W]]
// CHECK:             scf.for %[[T:.*]] =
// CHECK:               %[[STATE:.*]] = tern.state_address %[[S]][%[[T]]]
// CHECK:               %[[PART:.*]] = arith.muli %[[LAYER]], %[[STRIDE]]
// CHECK:               %[[FROM:.*]] = arith.addi %[[PART]], %[[OFFSET]]
// CHECK:               %[[AT:.*]] = arith.addi %[[STATE]], %[[FROM]]
// CHECK:               %[[ROWS:.*]] = tern.from_address %[[AT]] : memref<2x320xf32>
// CHECK-DAG:           %[[X0:.*]] = vector.load %[[ROWS]][%c0, %[[COLUMN]]]
// CHECK-DAG:           %[[X1:.*]] = vector.load %[[ROWS]][%c1, %[[COLUMN]]]
// CHECK:               %[[X2:.*]] = vector.load %[[X]][%[[T]], %[[COLUMN]]]
// CHECK:               %[[P0:.*]] = arith.mulf %{{.*}}, %[[X0]]
// CHECK:               %[[P1:.*]] = arith.mulf %{{.*}}, %[[X1]]
// CHECK:               %[[SUM:.*]] = arith.addf %[[P0]], %[[P1]]
// CHECK:               vector.store %[[X1]], %[[ROWS]][%c0, %[[COLUMN]]]
// CHECK:               %[[P2:.*]] = arith.mulf %{{.*}}, %[[X2]]
// CHECK:               %[[ALL:.*]] = arith.addf %[[SUM]], %[[P2]]
// CHECK:               vector.store %[[X2]], %[[ROWS]][%c1, %[[COLUMN]]]
// CHECK:               %[[RESULT:.*]] = arith.mulf %[[ALL]], %{{.*}}
// CHECK:               vector.store %[[RESULT]], %[[Y]][%[[T]], %[[COLUMN]]]

// The second task has 16 features, fewer than are taken at a time.
// CHECK-LABEL: func.func @tasks(
// CHECK:         scf.parallel (%[[TASK:.*]]) = (%{{.*}}) to (%c2)
// CHECK:           tern.iteration "causal_conv" bytes 24576
// CHECK:           scf.for
// CHECK:             vector.load {{.*}} vector<32xf32>
// CHECK:           %[[LAST:.*]] = arith.cmpi eq, %[[TASK]], %c1
// CHECK:           scf.if %[[LAST]]
// CHECK:             vector.load {{.*}} vector<16xf32>

// Heads side by side share keys. 40 columns are 32 and 8, each of all tokens; the matrix
// is read twice, and decayed each time.
// CHECK-LABEL: func.func @delta(
// CHECK-SAME:    %[[LAYER:.*]]: index, %[[Q:.*]]: memref<?x10xf32>, %[[V:.*]]: memref<?x160xf32>, %[[G:.*]]: memref<?x4xf32>, %{{.*}}, %[[Y:.*]]: memref<?x160xf32>)
// CHECK:         scf.parallel (%[[HEAD:.*]]) =
// CHECK:           tern.iteration "delta_rule" bytes 1600
// CHECK:           %[[KEY_HEAD:.*]] = arith.divui %[[HEAD]], %c2
// CHECK:           %[[FIRST:.*]] = arith.muli %[[KEY_HEAD]], %c5
// CHECK:           scf.for %[[T:.*]] =
// CHECK:             %[[MATRICES:.*]] = tern.from_address %{{.*}} : memref<4x5x40xf32>
// CHECK:             %[[DECAY:.*]] = vector.broadcast %{{.*}} : f32 to vector<32xf32>
// CHECK:             %[[SEEN:.*]] = scf.for %[[I:.*]] = %c0 to %c5 step %c1 iter_args(%[[TOTAL:.*]] = %{{.*}})
// CHECK:               %[[AT:.*]] = arith.addi %[[FIRST]], %[[I]]
// CHECK:               memref.load %[[Q]][%[[T]], %[[AT]]]
// CHECK:               %[[ROW:.*]] = vector.load %[[MATRICES]][%[[HEAD]], %[[I]], %c0]
// CHECK:               %[[DECAYED:.*]] = arith.mulf %[[ROW]], %[[DECAY]]
// CHECK:               %[[P:.*]] = arith.mulf %{{.*}}, %[[DECAYED]]
// CHECK:               arith.addf %[[TOTAL]], %[[P]]
// CHECK:             %[[VALUE:.*]] = vector.load %[[V]]
// CHECK:             %[[MISSED:.*]] = arith.subf %[[VALUE]], %[[SEEN]]
// CHECK:             %[[UPDATE:.*]] = arith.mulf %{{.*}}, %[[MISSED]]
// CHECK:             scf.for
// CHECK:               vector.store %{{.*}}, %[[MATRICES]]
// CHECK:             vector.store %{{.*}}, %[[Y]]
// CHECK:           scf.for
// CHECK:             vector.broadcast {{.*}} vector<8xf32>

// Heads that share keys lie two apart.
// CHECK-LABEL: func.func @tiled(
// CHECK:         scf.parallel (%[[HEAD:.*]]) =
// CHECK:           arith.remui %[[HEAD]], %c2
