// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

module attributes {tern.target = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "">} {

// A part looks for its largest value behind the one before: a smaller key, or the same one at
// a later place. The last run of 32 begins at 68, of which those from 96 on are its own.
// CHECK-LABEL: func.func @top_logits(
// CHECK-SAME:    %[[LOGITS:.*]]: memref<?x100xf32>, %[[PAIRS:.*]]: memref<?x32xi32>
// CHECK-DAG:     %[[NONE:.*]] = arith.constant -1 : i32
// CHECK:         scf.parallel (%[[TASK:.*]]) =
// CHECK:           %[[ROW:.*]] = arith.divui %[[TASK]], %c2
// CHECK:           %[[PART:.*]] = arith.remui %[[TASK]], %c2
// CHECK:           scf.for %[[I:.*]] = %c0 to %c8 step %c1 iter_args(%[[KEY:.*]] = %[[NONE]], %[[NEXT:.*]] = %c0_i32)
// CHECK:             scf.for %{{.*}} = %[[PART]] to %c4 step %c2
// CHECK:               %[[OWN:.*]] = arith.muli %{{.*}}, %c32
// CHECK:               %[[FIRST:.*]] = arith.minui %[[OWN]], %c68
// CHECK:               vector.load %[[LOGITS]][%[[ROW]], %[[FIRST]]]
// CHECK-DAG:           arith.cmpi ult
// CHECK-DAG:           arith.cmpi eq
// CHECK-DAG:           arith.cmpi uge
// CHECK:             vector.reduction <maxui>
// CHECK:             memref.store %{{.*}}, %[[PAIRS]][%[[ROW]], %[[AT:.*]]]
// CHECK:             arith.select %{{.*}}, %[[NONE]]
// CHECK:             memref.store %{{.*}}, %[[PAIRS]][%[[ROW]],
func.func @top_logits(%logits: memref<?x100xf32>, %pairs: memref<?x32xi32>) {
  tern.top_logits(%logits) parts 2 each 8 outs(%pairs : memref<?x32xi32>) : (memref<?x100xf32>)
  return
}
}
