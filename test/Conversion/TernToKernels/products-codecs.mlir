// RUN: tern-opt %s -convert-tern-to-kernels | FileCheck %s

// Digits of any codec. The sum of five, to base 3:

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

// Words of several bytes, whose numbers are scattered: the sixth has two bits of the
// second byte and three of the first.
// CHECK-LABEL: func.func @longer_words(
// CHECK-COUNT-5: arith.extui %{{.*}} : i8 to i64
// CHECK:         arith.shrui %[[WORD:.*]], %c14_i64
// CHECK:         arith.andi %{{.*}}, %c3_i64
// CHECK:         arith.trunci %{{.*}} : i64 to i32
// CHECK:         arith.shrui %[[WORD]], %c5_i64
// CHECK:         arith.andi %{{.*}}, %c7_i64
// CHECK:         %[[HIGH:.*]] = arith.trunci %{{.*}} : i64 to i32
// CHECK:         arith.shli %[[HIGH]], %c2_i32
// CHECK:         arith.ori
func.func @longer_words(%x: memref<1x24xi8>, %w: memref<1x1x20xi8>, %a: memref<1x4xi32>) {
  tern.matmul "q_proj" ins(%x, %w : memref<1x24xi8>, memref<1x1x20xi8>)
      outs(%a : memref<1x4xi32>) codes [-128, 127]
      weight_type tensor<4x24x!tern.trit, #tern.layout<t3p5, rows, k:24:1, [b:5:1, n:4:1]>>
  return
}

}
