// RUN: tern-opt %s --tern-plan-scratch | FileCheck %s

// A temporary of a parallel loop exists once per worker, in the worker's part, which
// lies behind what exists once: what a worker writes no other one reads. Inside of a
// sequential loop it exists once.

// CHECK: tern.scratch_bytes = 128 : i64, tern.scratch_worker_bytes = 192 : i64
module attributes {tern.max_tokens = 20 : i64,
    tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func @layer.prefill(%n: index, %x: f32) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    scf.parallel (%i) = (%c0) to (%n) step (%c1) {
      scf.for %j = %c0 to %n step %c1 {
        %row = memref.alloc() : memref<27xf32>        // 108 bytes
        memref.store %x, %row[%j] : memref<27xf32>
      }
      %more = memref.alloc() : memref<2xf32>
      memref.store %x, %more[%i] : memref<2xf32>
    }
    %kept = memref.alloc() : memref<3xf32>
    scf.for %i = %c0 to %n step %c1 {
      %once = memref.alloc() : memref<5xf32>
      memref.store %x, %once[%i] : memref<5xf32>
      memref.store %x, %kept[%i] : memref<3xf32>
    }
    return
  }
}
// CHECK-LABEL: func.func @layer.prefill(
// CHECK-SAME:    %[[SCRATCH:[a-z0-9]+]]: memref<320xi8>)
// CHECK:         scf.parallel
// CHECK:           %[[START:.*]] = arith.constant 128 : index
// CHECK:           %[[WORKER:.*]] = tern.worker_index
// CHECK:           %[[SIZE:.*]] = arith.constant 192 : index
// CHECK:           %[[SKIP:.*]] = arith.muli %[[WORKER]], %[[SIZE]] :
// CHECK:           %[[OFFSET:.*]] = arith.addi %[[START]], %[[SKIP]] :
// CHECK:           %[[ROW:.*]] = memref.view %[[SCRATCH]][%[[OFFSET]]][] : memref<320xi8> to memref<27xf32>
// CHECK:           memref.store %{{.*}}, %[[ROW]][
// CHECK:           arith.constant 256 : index
// CHECK:           memref.view %[[SCRATCH]][%{{.*}}][] : memref<320xi8> to memref<2xf32>
// CHECK:         %[[KEPT:.*]] = arith.constant 0 : index
// CHECK:         memref.view %[[SCRATCH]][%[[KEPT]]][] : memref<320xi8> to memref<3xf32>
// CHECK-NOT:     tern.worker_index
// CHECK:         %[[ONCE:.*]] = arith.constant 64 : index
// CHECK:         memref.view %[[SCRATCH]][%[[ONCE]]][] : memref<320xi8> to memref<5xf32>
// CHECK:         return
