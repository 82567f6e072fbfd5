// RUN: tern-opt %s --tern-bind-model | FileCheck %s

// Projections are numbered in the order in which they are counted first; each has
// two counters, held and read. A host that does not count has none.

// CHECK: tern.projections = ["o_proj", "up_proj"]
module attributes {tern.weights_bytes = 64 : i64, tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func @embed.decode(%scratch: memref<64xi8>) {
    %held = arith.constant 3 : index
    tern.count_read "o_proj" held %held read %held
    return
  }
  func.func @head.decode(%scratch: memref<64xi8>) {
    %held = arith.constant 5 : index
    %read = arith.constant 7 : index
    tern.count_read "up_proj" held %held read %read
    tern.count_read "o_proj" held %held read %read
    return
  }
}
// CHECK-LABEL: func.func private @head.decode(
// CHECK-SAME:    %[[ENV:[a-z0-9]+]]: !llvm.ptr,
// CHECK:         %[[HELD:.*]] = arith.constant 5 : index
// CHECK:         %[[READ:.*]] = arith.constant 7 : index
// CHECK:         %[[FIELD:.*]] = llvm.getelementptr %[[ENV]][0, 4] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(i32, i32, ptr, ptr, ptr, i64, ptr)>
// CHECK:         %[[COUNTERS:.*]] = llvm.load %[[FIELD]] :
// CHECK:         %[[NULL:.*]] = llvm.mlir.zero : !llvm.ptr
// CHECK:         %[[WANTED:.*]] = llvm.icmp "ne" %[[COUNTERS]], %[[NULL]] :
// CHECK:         scf.if %[[WANTED]] {
// CHECK:           %[[P2:.*]] = llvm.getelementptr %[[COUNTERS]][2] : (!llvm.ptr) -> !llvm.ptr, i64
// CHECK:           %[[OLD2:.*]] = llvm.load %[[P2]] :
// CHECK:           %[[MORE2:.*]] = arith.index_cast %[[HELD]] : index to i64
// CHECK:           %[[SUM2:.*]] = arith.addi %[[OLD2]], %[[MORE2]] :
// CHECK:           llvm.store %[[SUM2]], %[[P2]] :
// CHECK:           %[[P3:.*]] = llvm.getelementptr %[[COUNTERS]][3] :
// CHECK:           arith.index_cast %[[READ]] : index to i64
// CHECK:           llvm.store %{{.*}}, %[[P3]] :
// CHECK:         scf.if
// CHECK:           llvm.getelementptr %{{.*}}[0] :
// CHECK:           llvm.getelementptr %{{.*}}[1] :
// CHECK-NOT:     tern.count_read
