// RUN: tern-opt %s --cse --loop-invariant-code-motion --canonicalize --cse --split-input-file --allow-unregistered-dialect | FileCheck %s
// RUN: tern-opt %s --tern-outline-parallel="min-bytes=247 min-total=0" --split-input-file --allow-unregistered-dialect | FileCheck %s --check-prefix=TASK

// The worker's number stays in its loop, beside a twin in the inner one, and what
// an iteration moves is said once in each.

func.func @stays(%env: !llvm.ptr, %n: index, %out: memref<64xindex>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %before = tern.worker_index
  memref.store %before, %out[%c0] : memref<64xindex>
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    tern.iteration "first" bytes 100
    scf.for %j = %c0 to %c4 step %c1 {
      %worker = tern.worker_index
      "test.body"(%worker) : (index) -> ()
    }
  }
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    tern.iteration "second" bytes 100
    %worker = tern.worker_index
    memref.store %worker, %out[%i] : memref<64xindex>
  }
  return
}
// CHECK-LABEL: func.func @stays(
// CHECK:         %[[BEFORE:.*]] = tern.worker_index
// CHECK:         memref.store %[[BEFORE]],
// CHECK-NEXT:    scf.parallel
// CHECK-NEXT:      tern.iteration "first" bytes 100
// CHECK-NEXT:      scf.for
// CHECK-NEXT:        %[[FIRST:.*]] = tern.worker_index
// CHECK-NEXT:        "test.body"(%[[FIRST]])
// CHECK:         scf.parallel
// CHECK-NEXT:      tern.iteration "second" bytes 100
// CHECK-NEXT:      %[[SECOND:.*]] = tern.worker_index
// CHECK-NEXT:      memref.store %[[SECOND]],

// Outside of the loops there is one worker, whose number no task is handed.

// TASK-LABEL: func.func private @stays.first(
// TASK:         %[[WORKER:.*]] = arith.index_castui %arg1 : i32 to index
// TASK:         "test.body"(%[[WORKER]])
// TASK-LABEL: func.func private @stays.second(
// TASK:         %[[WORKER:.*]] = arith.index_castui %arg1 : i32 to index
// TASK:         memref.store %[[WORKER]],
// TASK-LABEL: func.func @stays(
// TASK:         memref.store %c0{{.*}}, %arg2[%c0]
// TASK-NOT:     tern.

// -----

// Two loops that were made one: the bytes add up.

func.func @fused(%env: !llvm.ptr, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    tern.iteration "first" bytes 100
    "test.body"(%i) : (index) -> ()
    tern.iteration "second" bytes 23
  }
  return
}
// CHECK-LABEL: func.func @fused(
// CHECK:         tern.iteration "first" bytes 100
// CHECK:         tern.iteration "second" bytes 23
// TASK-LABEL: func.func private @"fused.first+second"(
// TASK-LABEL: func.func @fused(
// TASK:         arith.divui %{{.*}}, %c3

// -----

// How many workers 1000 bytes are worth, 4 of 247 bytes each: no more than the host
// has threads or, if it does not say how many, workers, one if it has no threads.

func.func @workers(%env: !llvm.ptr) -> index {
  %n = tern.worker_count bytes 1000
  return %n : index
}
// CHECK-LABEL: func.func @workers(
// CHECK:         %[[N:.*]] = tern.worker_count bytes 1000
// CHECK:         return %[[N]]
// TASK-LABEL: func.func @workers(
// TASK:         %[[PARALLEL:.*]] = llvm.load %{{.*}} : !llvm.ptr -> !llvm.ptr
// TASK:         %[[HOST:.*]] = arith.index_castui
// TASK:         %[[THREADS:.*]] = arith.index_castui %{{.*}} : i64 to index
// TASK:         %[[UNKNOWN:.*]] = arith.cmpi eq, %[[THREADS]], %c0
// TASK:         %[[KNOWN:.*]] = arith.select %[[UNKNOWN]], %[[HOST]], %[[THREADS]]
// TASK:         %[[MOST:.*]] = arith.minui %[[KNOWN]], %[[HOST]]
// TASK:         %[[N:.*]] = arith.minui %[[MOST]], %c4{{.*}} : index
// TASK:         %[[ALONE:.*]] = llvm.icmp "eq" %[[PARALLEL]],
// TASK:         %[[M:.*]] = arith.select %[[ALONE]], %c1{{.*}}, %[[N]] : index
// TASK:         return %[[M]]
