// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

module attributes {tern.target = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "">} {

// 9000 logits are 282 vectors, which 256 parts take in turn; the last begins so early that it
// is whole. Finite ones become integers in their order, -0 as 0; others are the largest. Who
// comes last of a row's parts goes on with what all have found.
// CHECK-LABEL: func.func @argmax(
// CHECK-SAME:    %[[LOGITS:.*]]: memref<?x9000xf32>, %[[TOKENS:.*]]: memref<?x2xi32>
// CHECK-DAG:     %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<32xf32>
// CHECK-DAG:     %[[SIGN:.*]] = arith.constant dense<-2147483648> : vector<32xi32>
// CHECK:         %[[TASKS:.*]] = arith.muli %{{.*}}, %c256
// CHECK:         scf.parallel (%[[TASK:.*]]) = (%c0) to (%[[TASKS]])
// CHECK:           %[[ROW:.*]] = arith.divui %[[TASK]], %c256
// CHECK:           %[[PART:.*]] = arith.remui %[[TASK]], %c256
// CHECK:           scf.for %{{.*}} = %[[PART]] to %c282 step %c256
// CHECK:             %[[FIRST:.*]] = arith.minui %{{.*}}, %c8968
// CHECK:             %[[X:.*]] = vector.load %[[LOGITS]][%{{.*}}, %[[FIRST]]]
// CHECK:             %[[SUM:.*]] = arith.addf %[[X]], %[[ZERO]]
// CHECK:             %[[BITS:.*]] = vector.bitcast %[[SUM]]
// CHECK:             %[[SIGNS:.*]] = arith.shrsi %[[BITS]]
// CHECK:             %[[FLIP:.*]] = arith.ori %[[SIGNS]], %[[SIGN]]
// CHECK:             arith.xori %[[BITS]], %[[FLIP]]
// CHECK:             arith.cmpi ugt
// CHECK:           vector.reduction <maxui>
// CHECK:           vector.reduction <maxui>
// CHECK:           %[[LAST:.*]] = tern.arrive %[[ROW]] of 32 by 256
// CHECK:           scf.if %[[LAST]]
// CHECK:             scf.for
// CHECK:             memref.store %{{.*}}, %[[TOKENS]][%[[ROW]], %c0]
// CHECK:             memref.store %{{.*}}, %[[TOKENS]][%[[ROW]], %c1]
// CHECK-NOT:     scf.parallel
func.func @argmax(%logits: memref<?x9000xf32>, %tokens: memref<?x2xi32>) {
  tern.argmax(%logits) outs(%tokens : memref<?x2xi32>) : (memref<?x9000xf32>)
  return
}

// CHECK-LABEL: func.func @one(
// CHECK:         vector.load %{{.*}} : memref<1x1xf32>, vector<1xf32>
// CHECK:         tern.arrive %{{.*}} of 1 by 1
func.func @one(%logits: memref<1x1xf32>, %tokens: memref<1x2xi32>) {
  tern.argmax(%logits) outs(%tokens : memref<1x2xi32>) : (memref<1x1xf32>)
  return
}
}
