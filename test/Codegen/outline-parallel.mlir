// RUN: tern-opt %s --split-input-file --tern-outline-parallel --allow-unregistered-dialect | FileCheck %s

// The task: worker w of m runs iterations [w*n/m, (w+1)*n/m). It is handed base
// addresses and values; views and index arithmetic it does again.

func.func @layer.decode(%env: !llvm.ptr, %weights: memref<1024xi8>, %layer: index, %x: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 33 : index
  %stride = arith.constant 192 : index
  %start = arith.muli %layer, %stride : index
  %w = memref.view %weights[%start][] : memref<1024xi8> to memref<33x5xi8>
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %worker = tern.worker_index
    "test.body"(%i, %worker, %w, %x) : (index, index, memref<33x5xi8>, f32) -> ()
  }
  return
}
// Fields: n, m, then what is captured.
// CHECK-LABEL: func.func private @layer.decode.task(
// CHECK-SAME:    %[[CONTEXT:[a-z0-9]+]]: !llvm.ptr, %[[NUMBER:[a-z0-9]+]]: i32)
// CHECK:         llvm.getelementptr %[[CONTEXT]][0, 2] : {{.*}}, !llvm.struct<(i64, i64, i64, i64, f32)>
// CHECK:         %[[WEIGHTS:.*]] = tern.from_address %{{.*}} : memref<1024xi8>
// CHECK:         llvm.getelementptr %[[CONTEXT]][0, 3]
// CHECK:         %[[LAYER:.*]] = arith.index_cast %{{.*}} : i64 to index
// CHECK:         %[[XP:.*]] = llvm.getelementptr %[[CONTEXT]][0, 4]
// CHECK:         %[[X:.*]] = llvm.load %[[XP]] : !llvm.ptr -> f32
// CHECK:         %[[START:.*]] = arith.muli %[[LAYER]], %c192
// CHECK:         %[[W:.*]] = memref.view %[[WEIGHTS]][%[[START]]][] : memref<1024xi8> to memref<33x5xi8>
// CHECK:         %[[NP:.*]] = llvm.getelementptr %[[CONTEXT]][0, 0]
// CHECK:         %[[N64:.*]] = llvm.load %[[NP]] :
// CHECK:         %[[N:.*]] = arith.index_cast %[[N64]] :
// CHECK:         %[[MP:.*]] = llvm.getelementptr %[[CONTEXT]][0, 1]
// CHECK:         %[[M64:.*]] = llvm.load %[[MP]] :
// CHECK:         %[[M:.*]] = arith.index_cast %[[M64]] :
// CHECK:         %[[WORKER:.*]] = arith.index_castui %[[NUMBER]] : i32 to index
// CHECK:         %[[NEXT:.*]] = arith.addi %[[WORKER]], %c1{{.*}} :
// CHECK:         %[[LOW:.*]] = arith.muli %[[WORKER]], %[[N]] :
// CHECK:         %[[FIRST:.*]] = arith.divui %[[LOW]], %[[M]] :
// CHECK:         %[[HIGH:.*]] = arith.muli %[[NEXT]], %[[N]] :
// CHECK:         %[[END:.*]] = arith.divui %[[HIGH]], %[[M]] :
// CHECK:         scf.for %[[I:.*]] = %[[FIRST]] to %[[END]] step %c1
// CHECK:           "test.body"(%[[I]], %[[WORKER]], %[[W]], %[[X]]) :
// CHECK-LABEL: func.func @layer.decode(
// CHECK-NOT:     scf.parallel

// -----

// LLVM has vectors of one dimension: so lie those of others in the context.

func.func @layer.vectors(%env: !llvm.ptr, %n: index, %x: vector<1x1xi32>, %y: vector<2x3xi8>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    "test.body"(%i, %x, %y) : (index, vector<1x1xi32>, vector<2x3xi8>) -> ()
  }
  return
}
// CHECK-LABEL: func.func private @layer.vectors.task(
// CHECK:         llvm.getelementptr %{{.*}}[0, 2] : {{.*}}, !llvm.struct<(i64, i64, vector<1xi32>, vector<6xi8>)>
// CHECK:         %[[X:.*]] = vector.shape_cast %{{.*}} : vector<1xi32> to vector<1x1xi32>
// CHECK:         %[[Y:.*]] = vector.shape_cast %{{.*}} : vector<6xi8> to vector<2x3xi8>
// CHECK:           "test.body"(%{{.*}}, %[[X]], %[[Y]])
// CHECK-LABEL: func.func @layer.vectors(
// CHECK:         vector.shape_cast %{{.*}} : vector<1x1xi32> to vector<1xi32>
// CHECK:         vector.shape_cast %{{.*}} : vector<2x3xi8> to vector<6xi8>
