// RUN: tern-opt %s --convert-tern-to-llvm | FileCheck %s

// Only addresses are converted; the memref is a cast until memrefs are.

func.func @view(%a: index, %i: index) -> i8 {
  %m = tern.from_address %a : memref<3x65xi8>
  %x = memref.load %m[%i, %i] : memref<3x65xi8>
  return %x : i8
}

// CHECK-LABEL: func.func @view(
// CHECK-SAME:    %[[A:.*]]: index, %[[I:.*]]: index) -> i8
// CHECK:         %[[WIDE:.*]] = builtin.unrealized_conversion_cast %[[A]] : index to i64
// CHECK:         %[[P:.*]] = llvm.inttoptr %[[WIDE]] : i64 to !llvm.ptr
// CHECK:         %[[M:.*]] = builtin.unrealized_conversion_cast %{{.*}} to memref<3x65xi8>
// CHECK-NEXT:    memref.load %[[M]][%[[I]], %[[I]]] : memref<3x65xi8>
