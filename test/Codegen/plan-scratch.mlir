// RUN: tern-opt %s --tern-plan-scratch | FileCheck %s

// The largest temporaries come first.
// Those that are never alive together share bytes; a view keeps its buffer alive.
// Sizes are those for 20 tokens, 16 in the head, one in decode, aligned to 64.

// CHECK: tern.scratch_bytes = 2368 : i64
module attributes {tern.max_tokens = 20 : i64,
    tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func @layer.prefill(%x: memref<?x5xf32>, %tokens: index) {
    %a = memref.alloc(%tokens) : memref<?x9xi8>     // 180 bytes
    %part = memref.subview %a[0, 0] [1, 9] [1, 1] : memref<?x9xi8> to memref<1x9xi8, strided<[9, 1]>>
    %b = memref.alloc(%tokens) : memref<?x27xf32>   // 2160 bytes
    memref.copy %b, %b : memref<?x27xf32> to memref<?x27xf32>
    %c = memref.alloc(%tokens) : memref<?x7xi8>     // 140 bytes, when %b is dead
    memref.copy %part, %part : memref<1x9xi8, strided<[9, 1]>> to memref<1x9xi8, strided<[9, 1]>>
    memref.copy %c, %c : memref<?x7xi8> to memref<?x7xi8>
    %d = memref.alloc() : memref<1xi8>              // when %a is dead too
    return
  }
  func.func @layer.decode(%one: index) {
    %a = memref.alloc(%one) : memref<?x27xf32>      // 108 bytes
    %b = memref.alloc() : memref<3xi1>
    memref.copy %a, %a : memref<?x27xf32> to memref<?x27xf32>
    return
  }
  func.func @head.prefill(%tokens: index) {
    %a = memref.alloc(%tokens) : memref<?x27xf32>   // 1728 bytes
    %b = memref.alloc(%tokens) : memref<?xi8>
    memref.copy %a, %a : memref<?x27xf32> to memref<?x27xf32>
    return
  }
}
// CHECK-LABEL: func.func @layer.prefill(
// CHECK-SAME:    %[[TOKENS:[a-z0-9]+]]: index, %[[SCRATCH:[a-z0-9]+]]: memref<2368xi8>)
// CHECK:         %[[A:.*]] = arith.constant 2176 : index
// CHECK:         %[[VIEW:.*]] = memref.view %[[SCRATCH]][%[[A]]][%[[TOKENS]]] : memref<2368xi8> to memref<?x9xi8>
// CHECK:         memref.subview %[[VIEW]][0, 0]
// CHECK:         %[[B:.*]] = arith.constant 0 : index
// CHECK:         memref.view %[[SCRATCH]][%[[B]]][%[[TOKENS]]] : memref<2368xi8> to memref<?x27xf32>
// CHECK:         %[[C:.*]] = arith.constant 0 : index
// CHECK:         memref.view %[[SCRATCH]][%[[C]]][%[[TOKENS]]] : memref<2368xi8> to memref<?x7xi8>
// CHECK:         %[[D:.*]] = arith.constant 0 : index
// CHECK:         memref.view %[[SCRATCH]][%[[D]]][] : memref<2368xi8> to memref<1xi8>
// CHECK-NOT:     memref.alloc
// CHECK-LABEL: func.func @layer.decode(
// CHECK:         %[[B:.*]] = arith.constant 128 : index
// CHECK:         memref.view %{{.*}}[%[[B]]][] : memref<2368xi8> to memref<3xi1>
// CHECK-LABEL: func.func @head.prefill(
// CHECK:         %[[B:.*]] = arith.constant 1728 : index
// CHECK:         memref.view %{{.*}}[%[[B]]][%{{.*}}] : memref<2368xi8> to memref<?xi8>
