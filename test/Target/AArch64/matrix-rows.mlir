// RUN: tern-opt %s -convert-tern-to-kernels -split-input-file -verify-diagnostics | FileCheck %s

// Digits of two fields are two rows of eight columns, codes two tokens of as many.

#rows = #tern_aarch64.matrix_rows<of = 2, first = 1, vectors = 1, tokens = 2>

module attributes {tern.target = #tern.target<triple = "aarch64-unknown-linux-gnu", cpu = "generic", features = "+neon,+dotprod,+i8mm">} {

// CHECK-LABEL: func.func @products(
// CHECK:         vector.shuffle {{.*}} [0, 4, 1, 5]
// CHECK:         vector.shuffle {{.*}} [2, 6, 3, 7]
// CHECK:         vector.shuffle {{.*}} [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]
// CHECK-COUNT-4: "llvm.aarch64.neon.smmla.v4i32.v16i8"
// CHECK-NOT:     smmla
func.func @products(%x: vector<2x16xi8>, %w: vector<32xi8>, %acc: vector<1x2x4xi32>) -> vector<1x2x4xi32> {
  %0 = tern.micro "q_proj" #rows %x, %w into %acc : vector<2x16xi8>, vector<32xi8> into vector<1x2x4xi32>
  return %0 : vector<1x2x4xi32>
}

// CHECK-LABEL: func.func @sums(
// CHECK:         vector.shuffle {{.*}} [0, 1, 4, 5]
// CHECK:         vector.shuffle {{.*}} [2, 3, 6, 7]
func.func @sums(%acc: vector<1x2x4xi32>) -> vector<2x1x4xi32> {
  %0 = tern.micro_finish #rows %acc : vector<1x2x4xi32> -> vector<2x1x4xi32>
  return %0 : vector<2x1x4xi32>
}

}

// -----

// expected-error@+1 {{expected an even number of tokens, got 3}}
func.func private @odd() attributes {k = #tern_aarch64.matrix_rows<of = 4, first = 0, vectors = 2, tokens = 3>}

// -----

// expected-error@+1 {{expected a part of 4 vectors, from a multiple of their number on, got 3 from 0}}
func.func private @part() attributes {k = #tern_aarch64.matrix_rows<of = 4, first = 0, vectors = 3, tokens = 2>}
