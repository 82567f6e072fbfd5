// RUN: tern-opt %s --tern-outline-parallel --allow-unregistered-dialect | FileCheck %s

// Addresses and sizes in a task's context are as wide as the machine's.

module attributes {dlti.dl_spec = #dlti.dl_spec<index = 32 : i64>} {
  func.func @layer.decode(%env: !llvm.ptr, %weights: memref<1024xi8>, %n: index, %x: i64) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    scf.parallel (%i) = (%c0) to (%n) step (%c1) {
      "test.body"(%i, %weights, %x) : (index, memref<1024xi8>, i64) -> ()
    }
    return
  }
}
// CHECK-LABEL: func.func private @layer.decode.task(
// CHECK:         llvm.getelementptr %{{.*}}[0, 2] : {{.*}}, !llvm.struct<(i32, i32, i32, i64)>
// CHECK:         %[[A:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i32
// CHECK:         %[[I:.*]] = arith.index_cast %[[A]] : i32 to index
// CHECK:         tern.from_address %[[I]] : memref<1024xi8>
// CHECK-LABEL: func.func @layer.decode(
// CHECK:         arith.index_cast %{{.*}} : index to i32
// CHECK-NEXT:    llvm.getelementptr
// CHECK-NEXT:    llvm.store %{{.*}} : i32, !llvm.ptr
// CHECK-NOT:     index to i64
