// RUN: tern-opt %s --tern-bind-model --allow-unregistered-dialect --mlir-print-local-scope | FileCheck %s

// Arguments are the memory that the call's rows point to, the index is the layer;
// weights are views of the weights section, those of a layer one stride further
// than the layer's before; a state's address comes from the table. 20 tokens are
// the most.

!kv = !tern.kv_cache<layers = 3, heads = 1, head_dim = 4, capacity = 13, bits = 8, bos_bits = 8>
module attributes {tern.max_tokens = 20 : i64, tern.weights_bytes = 1024 : i64, tern.layer_stride = 192 : i64,
    tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  tern.weight @norm <values> ["norm"] offset 64 : tensor<5xf32>
  tern.weight @w per_layer <digits> ["{}.w"] offset 320 : tensor<3x7x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>

  func.func @layer.prefill(%layer: index, %x: memref<?x5xf32>, %positions: memref<?xi32>, %cache: !kv, %y: memref<?x5xf32>, %scratch: memref<4096xi8>) {
    %norm = tern.get_weight @norm : memref<5xf32>
    %w = tern.get_weight @w[%layer] : memref<3x2x1xi8>
    "test.weights"(%norm, %w) : (memref<5xf32>, memref<3x2x1xi8>) -> ()
    "test.slots"(%x, %positions, %y, %scratch) : (memref<?x5xf32>, memref<?xi32>, memref<?x5xf32>, memref<4096xi8>) -> ()
    %token = arith.constant 7 : index
    %state = tern.state_address %cache[%token] : !kv
    "test.state"(%state) : (index) -> ()
    return
  }
}
// CHECK:       tern.states = {layer = !tern.kv_cache<layers = 3, heads = 1, head_dim = 4, capacity = 13, bits = 8, bos_bits = 8>}
// CHECK:       tern.weight @norm <values> ["norm"] offset 64 {readers = ["layer.prefill"]}
// CHECK:       tern.weight @w per_layer <digits> ["{}.w"] offset 320 {readers = ["layer.prefill"]}
// CHECK:       func.func private @layer.prefill(
// CHECK-SAME:    %[[ENV:[a-z0-9]+]]: !llvm.ptr, %[[WEIGHTS:[a-z0-9]+]]: memref<1024xi8>, %[[SCRATCH:[a-z0-9]+]]: memref<4096xi8>,
// CHECK-SAME:    %[[ROWS:[a-z0-9]+]]: !llvm.ptr, %[[LAYER:[a-z0-9]+]]: index) {
// CHECK:         %[[INPUTP:.*]] = llvm.getelementptr %[[ROWS]][0, 4] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(i64, ptr, ptr, ptr, ptr, ptr, ptr, ptr)>
// CHECK:         %[[INPUT:.*]] = llvm.load %[[INPUTP]] : !llvm.ptr -> i64
// CHECK:         %[[INPUTA:.*]] = arith.index_castui %[[INPUT]] : i64 to index
// CHECK:         %[[INPUTB:.*]] = tern.from_address %[[INPUTA]] : memref<400xi8>
// CHECK:         %[[COUNTP:.*]] = llvm.getelementptr %[[ROWS]][0, 0]
// CHECK:         %[[COUNT64:.*]] = llvm.load %[[COUNTP]] : !llvm.ptr -> i64
// CHECK:         %[[COUNT:.*]] = arith.index_castui %[[COUNT64]] : i64 to index
// CHECK:         %[[X:.*]] = memref.view %[[INPUTB]][%{{.*}}][%[[COUNT]]] : memref<400xi8> to memref<?x5xf32>
// CHECK:         llvm.getelementptr %[[ROWS]][0, 2]
// CHECK:         %[[P:.*]] = memref.view %{{.*}}[%{{.*}}][%[[COUNT]]] : memref<80xi8> to memref<?xi32>
// CHECK:         llvm.getelementptr %[[ROWS]][0, 3]
// CHECK:         %[[TABLE:.*]] = tern.from_address %{{.*}} : memref<20xi64>
// CHECK:         llvm.getelementptr %[[ROWS]][0, 5]
// CHECK:         %[[Y:.*]] = memref.view %{{.*}}[%{{.*}}][%[[COUNT]]] : memref<400xi8> to memref<?x5xf32>
// CHECK:         %[[C64:.*]] = arith.constant 64 : index
// CHECK:         %[[NORM:.*]] = memref.view %[[WEIGHTS]][%[[C64]]][] : memref<1024xi8> to memref<5xf32>
// CHECK:         %[[C320:.*]] = arith.constant 320 : index
// CHECK:         %[[STRIDE:.*]] = arith.constant 192 : index
// CHECK:         %[[SKIP:.*]] = arith.muli %[[LAYER]], %[[STRIDE]] :
// CHECK:         %[[START:.*]] = arith.addi %[[C320]], %[[SKIP]] :
// CHECK:         %[[W:.*]] = memref.view %[[WEIGHTS]][%[[START]]][] : memref<1024xi8> to memref<3x2x1xi8>
// CHECK:         "test.weights"(%[[NORM]], %[[W]]) :
// CHECK:         "test.slots"(%[[X]], %[[P]], %[[Y]], %[[SCRATCH]]) :
// CHECK:         %[[TOKEN:.*]] = arith.constant 7 : index
// CHECK:         %[[STATE:.*]] = memref.load %[[TABLE]][%[[TOKEN]]] :
// CHECK:         %[[ADDRESS:.*]] = arith.index_castui %[[STATE]] : i64 to index
// CHECK:         "test.state"(%[[ADDRESS]]) :
