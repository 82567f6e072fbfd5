// RUN: tern-opt %s -convert-tern-to-kernels -split-input-file -verify-diagnostics | FileCheck %s

// Digits of any codec whose word is a byte: here the sum of five, to base 3.

module attributes {tern.target = #tern.target<triple = "riscv64", cpu = "generic", features = "">} {

// CHECK-LABEL: func.func @sign_magnitude(
// CHECK:         %[[WORD:.*]] = arith.extui %{{.*}} : i8 to i32
// CHECK:         %[[MAGNITUDE:.*]] = arith.andi %[[WORD]], %c127_i32
// CHECK:         arith.cmpi uge, %[[WORD]], %c128_i32
// CHECK:         arith.subi %c121_i32, %[[MAGNITUDE]]
// CHECK:         arith.addi %[[MAGNITUDE]], %c121_i32
// CHECK:         arith.select
// CHECK-COUNT-5: arith.muli %{{.*}} : i32
func.func @sign_magnitude(%x: memref<1x20xi8>, %w: memref<1x4x8xi8>, %a: memref<1x8xi32>) {
  tern.matmul "q_proj" ins(%x, %w : memref<1x20xi8>, memref<1x4x8xi8>)
      outs(%a : memref<1x8xi32>) codes [-128, 127]
      weight_type tensor<8x20x!tern.trit, #tern.layout<s5, rows, k:5:1, [n:8:1]>>
  return
}

}

// -----

module attributes {tern.target = #tern.target<triple = "riscv64", cpu = "generic", features = "">} {

func.func @longer_words(%x: memref<1x8xi8>, %w: memref<1x1x16xi8>, %a: memref<1x8xi32>) {
  // expected-error @+1 {{expected buffer form and operands a kernel exists for, but no pattern of target Generic took it}}
  tern.matmul "q_proj" ins(%x, %w : memref<1x8xi8>, memref<1x1x16xi8>)
      outs(%a : memref<1x8xi32>) codes [-128, 127]
      weight_type tensor<8x8x!tern.trit, #tern.layout<p2, rows, [n:2:1, k:8:1], [n:4:2, b:4:1]>>
  return
}

}
