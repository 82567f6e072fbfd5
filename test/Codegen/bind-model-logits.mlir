// RUN: tern-opt %s --tern-bind-model --allow-unregistered-dialect --split-input-file --verify-diagnostics | FileCheck %s

// Logits are written to an address for each row; the decode body has one, which is
// taken once.

module attributes {tern.max_tokens = 20 : i64, tern.weights_bytes = 64 : i64,
    tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func @head.prefill(%x: memref<?x5xf32>, %logits: memref<?x11xf32>, %scratch: memref<64xi8>) {
    %c3 = arith.constant 3 : index
    %c2 = arith.constant 2 : index
    %v = memref.load %x[%c3, %c2] : memref<?x5xf32>
    memref.store %v, %logits[%c3, %c2] : memref<?x11xf32>
    %vector = vector.load %x[%c2, %c2] : memref<?x5xf32>, vector<3xf32>
    vector.store %vector, %logits[%c2, %c3] : memref<?x11xf32>, vector<3xf32>
    %row = memref.subview %logits[%c3, 0] [1, 11] [1, 1] : memref<?x11xf32> to memref<1x11xf32, strided<[11, 1], offset: ?>>
    %c0 = arith.constant 0 : index
    memref.store %v, %row[%c0, %c2] : memref<1x11xf32, strided<[11, 1], offset: ?>>
    %count = memref.dim %logits, %c0 : memref<?x11xf32>
    memref.store %v, %x[%count, %c2] : memref<?x5xf32>
    return
  }
  func.func @head.decode(%x: memref<1x5xf32>, %logits: memref<1x11xf32>, %scratch: memref<64xi8>) {
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %v = memref.load %x[%c0, %c2] : memref<1x5xf32>
    memref.store %v, %logits[%c0, %c2] : memref<1x11xf32>
    return
  }
}
// CHECK-LABEL: func.func private @head.prefill(
// CHECK-SAME:    %[[ROWS:[a-z0-9]+]]: !llvm.ptr, %{{[a-z0-9]+}}: index) {
// CHECK:         llvm.getelementptr %[[ROWS]][0, 0]
// CHECK:         %[[COUNT:.*]] = arith.index_castui
// CHECK:         llvm.getelementptr %[[ROWS]][0, 6]
// CHECK:         %[[TABLE:.*]] = tern.from_address %{{.*}} : memref<16xi64>
// CHECK:         %[[C3:.*]] = arith.constant 3 : index
// CHECK:         %[[C2:.*]] = arith.constant 2 : index
// CHECK:         %[[A3:.*]] = memref.load %[[TABLE]][%[[C3]]] :
// CHECK:         %[[I3:.*]] = arith.index_castui %[[A3]] :
// CHECK:         %[[ROW3:.*]] = tern.from_address %[[I3]] : memref<1x11xf32>
// CHECK:         %[[ZERO:.*]] = arith.constant 0 : index
// CHECK:         memref.store %{{.*}}, %[[ROW3]][%[[ZERO]], %[[C2]]] : memref<1x11xf32>
// CHECK:         memref.load %[[TABLE]][%[[C2]]] :
// CHECK:         vector.store %{{.*}}, %{{.*}}[%{{.*}}, %[[C3]]] : memref<1x11xf32>, vector<3xf32>
// CHECK:         memref.load %[[TABLE]][%[[C3]]] :
// CHECK:         memref.cast %{{.*}} : memref<1x11xf32> to memref<1x11xf32, strided<[11, 1], offset: ?>>
// CHECK:         memref.store %{{.*}}, %{{.*}}[%[[COUNT]], %[[C2]]] : memref<?x5xf32>
// CHECK-LABEL: func.func private @head.decode(
// CHECK:         %[[TABLE:.*]] = tern.from_address %{{.*}} : memref<1xi64>
// CHECK:         memref.load %[[TABLE]]
// CHECK:         %[[ROW:.*]] = tern.from_address %{{.*}} : memref<1x11xf32>
// CHECK-NOT:     %[[TABLE]]
// CHECK:         memref.store %{{.*}}, %[[ROW]][

// -----

module attributes {tern.weights_bytes = 64 : i64, tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func @head.prefill(%x: memref<?x5xf32>, %logits: memref<?x11xf32>, %scratch: memref<64xi8>) {
    %v = arith.constant 0.0 : f32
    // expected-error @+1 {{'linalg.fill' op expected the logits to be written row by row}}
    linalg.fill ins(%v : f32) outs(%logits : memref<?x11xf32>)
    return
  }
}

// -----

module attributes {tern.weights_bytes = 64 : i64, tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func @head.prefill(%x: memref<?x5xf32>, %logits: memref<?x11xf32>, %scratch: memref<64xi8>) {
    // expected-error @+1 {{'memref.subview' op expected one row of the logits}}
    %0 = memref.subview %logits[0, 0] [2, 11] [1, 1] : memref<?x11xf32> to memref<2x11xf32, strided<[11, 1]>>
    return
  }
}
