// RUN: tern-opt %s --convert-to-llvm | FileCheck %s

// An address becomes a descriptor: both pointers, offset 0, static sizes and strides.

func.func @view(%a: index, %i: index) -> i8 {
  %m = tern.from_address %a : memref<320x64xi8>
  %x = memref.load %m[%i, %i] : memref<320x64xi8>
  return %x : i8
}

// CHECK-LABEL: llvm.func @view(
// CHECK-SAME:    %[[A:.*]]: i64, %[[I:.*]]: i64) -> i8
// CHECK:         %[[P:.*]] = llvm.inttoptr %[[A]] : i64 to !llvm.ptr
// CHECK:         %[[D0:.*]] = llvm.insertvalue %[[P]], %{{.*}}[0] :
// CHECK:         %[[D1:.*]] = llvm.insertvalue %[[P]], %[[D0]][1] :
// CHECK:         %[[ZERO:.*]] = llvm.mlir.constant(0 : index) : i64
// CHECK:         llvm.insertvalue %[[ZERO]], %[[D1]][2] :
// CHECK:         llvm.getelementptr
// CHECK-NOT:     tern.
