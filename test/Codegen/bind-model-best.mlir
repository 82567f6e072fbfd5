// RUN: tern-opt %s --tern-bind-model | FileCheck %s

// The best tokens go where the call's rows say, one behind the other.

module attributes {tern.max_tokens = 20 : i64, tern.weights_bytes = 128 : i64,
    tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  // CHECK: tern.weight @norms {{.*}} {readers = ["best.decode", "best.prefill"]}
  tern.weight @norms <lower_norms> ["w"] offset 64 : tensor<11xf32>
  // CHECK-LABEL: func.func private @best.decode(
  // CHECK-SAME:    %{{.*}}: !llvm.ptr, %{{.*}}: memref<128xi8>, %{{.*}}: memref<64xi8>, %[[ROWS:.*]]: !llvm.ptr, %{{.*}}: index)
  // CHECK:         llvm.getelementptr %[[ROWS]][0, 4]
  // CHECK:         llvm.getelementptr %[[ROWS]][0, 7]
  // CHECK:         %[[BEST:.*]] = tern.from_address %{{.*}} : memref<1xi32>
  // CHECK:         memref.store %{{.*}}, %[[BEST]][%{{.*}}] : memref<1xi32>
  func.func @best.decode(%x: memref<1x5xf32>, %best: memref<1xi32>, %scratch: memref<64xi8>) {
    %c0 = arith.constant 0 : index
    %n = tern.get_weight @norms : memref<11xf32>
    %v = memref.load %n[%c0] : memref<11xf32>
    %w = memref.load %x[%c0, %c0] : memref<1x5xf32>
    %s = arith.addf %v, %w : f32
    %i = arith.fptosi %s : f32 to i32
    memref.store %i, %best[%c0] : memref<1xi32>
    return
  }
  // CHECK-LABEL: func.func private @best.prefill(
  // CHECK:         %[[MEMORY:.*]] = tern.from_address %{{.*}} : memref<64xi8>
  // CHECK:         memref.view %[[MEMORY]][%{{.*}}][%{{.*}}] : memref<64xi8> to memref<?xi32>
  func.func @best.prefill(%x: memref<?x5xf32>, %best: memref<?xi32>, %scratch: memref<64xi8>) {
    %c0 = arith.constant 0 : index
    %n = tern.get_weight @norms : memref<11xf32>
    %v = memref.load %n[%c0] : memref<11xf32>
    %i = arith.fptosi %v : f32 to i32
    memref.store %i, %best[%c0] : memref<?xi32>
    return
  }
}
