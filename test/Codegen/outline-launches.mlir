// RUN: tern-opt %s --tern-outline-launches --canonicalize --allow-unregistered-dialect | FileCheck %s

// Each parallel loop is a kernel whose blocks take its iterations in turn, or one each, and what is
// done between loops is one of one block. Addresses are computed again, and what nobody
// writes is read again; another number waits behind the parts of 264 workers.

// CHECK:      module attributes {
// CHECK-SAME:   tern.launches = {layer.decode = [@layer_decode_0, @layer_decode_1_up_proj, @layer_decode_2_token_rows]}
// CHECK-SAME:   tern.scratch_bytes = 4416 : i64, tern.scratch_worker_bytes = 0 : i64
module attributes {tern.scratch_bytes = 128 : i64, tern.scratch_worker_bytes = 16 : i64,
    tern.target = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">} {
  func.func private @layer.decode(%env: !llvm.ptr, %weights: memref<1024xi8>, %scratch: memref<144xi8>, %rows: !llvm.ptr, %layer: index) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %n = arith.constant 48 : index
    %stride = arith.constant 192 : index
    %start = arith.muli %layer, %stride : index
    %w = memref.view %weights[%start][] : memref<1024xi8> to memref<33x5xi8>
    %field = llvm.getelementptr %rows[0, 2] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(i64, ptr, ptr)>
    %address = llvm.load %field : !llvm.ptr -> i64
    %at = arith.index_castui %address : i64 to index
    %positions = tern.from_address %at : memref<1xi32>
    %sum = memref.view %scratch[%c0][] : memref<144xi8> to memref<1xf32>
    %x = memref.load %sum[%c0] : memref<1xf32>
    %y = arith.addf %x, %x : f32
    scf.parallel (%i) = (%c0) to (%n) step (%c1) {
      tern.iteration "up_proj" bytes 960
      %worker = tern.worker_index
      "test.body"(%i, %worker, %w, %y) : (index, index, memref<33x5xi8>, f32) -> ()
    }
    %position = memref.load %positions[%c0] : memref<1xi32>
    %m = arith.index_cast %position : i32 to index
    scf.parallel (%i) = (%c0) to (%m) step (%c1) {
      tern.iteration "token_rows" bytes 960
      "test.body"(%i) : (index) -> ()
    }
    return
  }
}
// CHECK-NOT:   func.func private
// CHECK-LABEL: func.func @layer_decode_0(
// CHECK-SAME:    %{{.*}}: memref<1024xi8>, %[[SCRATCH:.*]]: memref<4416xi8>, %{{.*}}: !llvm.ptr, %{{.*}}: index) attributes {tern.blocks = 1 : i64}
// CHECK:         %[[SUM:.*]] = memref.view %[[SCRATCH]][%c0][] : memref<4416xi8> to memref<1xf32>
// CHECK:         %[[X:.*]] = memref.load %[[SUM]][%c0]
// CHECK:         %[[SLOT:.*]] = memref.view %[[SCRATCH]][%c4352][] : memref<4416xi8> to memref<1xf32>
// CHECK:         memref.store %[[X]], %[[SLOT]][%c0]

// CHECK-LABEL: func.func @layer_decode_1_up_proj(
// CHECK-SAME:    attributes {tern.blocks = 48 : i64}
// CHECK:         %[[W:.*]] = memref.view
// CHECK:         %[[LEFT:.*]] = memref.load
// CHECK:         %[[Y:.*]] = arith.addf %[[LEFT]], %[[LEFT]]
// CHECK:         %[[BLOCK:.*]] = tern.worker_index
// CHECK-NOT:     scf.for
// CHECK-NOT:     tern.iteration
// CHECK:         %[[WORKER:.*]] = tern.worker_index
// CHECK:         "test.body"(%[[BLOCK]], %[[WORKER]], %[[W]], %[[Y]])

// CHECK-LABEL: func.func @layer_decode_2_token_rows(
// CHECK-SAME:    attributes {tern.blocks = 264 : i64}
// CHECK:         %[[POSITION:.*]] = memref.load %{{.*}} : memref<1xi32>
// CHECK:         %[[M:.*]] = arith.index_cast %[[POSITION]]
// CHECK:         scf.for %{{.*}} = %{{.*}} to %[[M]] step %c264
