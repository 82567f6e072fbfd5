// RUN: tern-opt %s --tern-outline-parallel="min-bytes=44 min-total=0" --allow-unregistered-dialect | FileCheck %s

// The call: as many workers as the host has, no more than there are iterations or
// 44 bytes of weights for each (9 iterations of 5); one without `parallel`, and one
// worker runs here. Each loop has its task, which is called after it.

func.func @layer.decode(%env: !llvm.ptr, %x: memref<7xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    tern.iteration "q_proj+k_proj.rows_in_lanes" bytes 5
    "test.body"(%i, %x) : (index, memref<7xf32>) -> ()
  }
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    "test.body"(%i) : (index) -> ()
  }
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    "test.body"(%i) : (index) -> ()
  }
  return
}
// CHECK:       func.func private @"layer.decode.q_proj+k_proj.rows_in_lanes"(
// CHECK:       func.func private @layer.decode.task(
// CHECK:       func.func private @layer.decode.task.2(
// CHECK-LABEL: func.func @layer.decode(
// CHECK-SAME:    %[[ENV:[a-z0-9]+]]: !llvm.ptr, %[[X:[a-z0-9]+]]: memref<7xf32>, %[[N:[a-z0-9]+]]: index)
// CHECK:         %[[CONTEXT:.*]] = llvm.alloca %{{.*}} x !llvm.struct<(i64, i64, i64)>
// CHECK:         %[[PARALLELP:.*]] = llvm.getelementptr %[[ENV]][0, 2]
// CHECK:         %[[PARALLEL:.*]] = llvm.load %[[PARALLELP]] :
// CHECK:         %[[COUNTP:.*]] = llvm.getelementptr %[[ENV]][0, 1]
// CHECK:         %[[COUNT:.*]] = llvm.load %[[COUNTP]] : !llvm.ptr -> i32
// CHECK:         %[[HOST:.*]] = arith.index_castui %[[COUNT]] :
// CHECK:         %[[M1:.*]] = arith.minui %[[HOST]], %[[N]] :
// CHECK:         %[[WORTH:.*]] = arith.divui %[[N]], %c9{{.*}} :
// CHECK:         %[[M2:.*]] = arith.minui %[[M1]], %[[WORTH]] :
// CHECK:         %[[M3:.*]] = arith.maxui %[[M2]], %c1{{.*}} :
// CHECK:         %[[NULL:.*]] = llvm.mlir.zero
// CHECK:         %[[ALONE:.*]] = llvm.icmp "eq" %[[PARALLEL]], %[[NULL]] :
// CHECK:         %[[M:.*]] = arith.select %[[ALONE]], %c1{{.*}}, %[[M3]] :
// CHECK:         %[[ADDRESS:.*]] = memref.extract_aligned_pointer_as_index %[[X]] :
// CHECK:         %[[SOME:.*]] = arith.cmpi ugt, %[[M]], %c1{{.*}} :
// CHECK:         scf.if %[[SOME]] {
// CHECK:           llvm.getelementptr %[[ENV]][0, 3]
// CHECK:           %[[HOST:.*]] = llvm.load
// CHECK:           %[[F:.*]] = func.constant @"layer.decode.q_proj+k_proj.rows_in_lanes" :
// CHECK:           %[[TASK:.*]] = builtin.unrealized_conversion_cast %[[F]] :
// CHECK:           %[[WORKERS:.*]] = arith.index_castui %[[M]] :
// CHECK:           llvm.call %[[PARALLEL]](%[[HOST]], %[[TASK]], %[[CONTEXT]], %[[WORKERS]]) :
// CHECK:         } else {
// CHECK:           %[[ZERO:.*]] = arith.constant 0 : i32
// CHECK:           func.call @"layer.decode.q_proj+k_proj.rows_in_lanes"(%[[CONTEXT]], %[[ZERO]]) :
// CHECK:         arith.minui
// CHECK-NOT:     arith.divui
// CHECK:         func.call @layer.decode.task(
