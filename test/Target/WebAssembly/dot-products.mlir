// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize | FileCheck %s

// Relaxed: digits in place up to 32 take one instruction, the highest ones are moved
// down. Without it, even and odd bytes become words, of which two products are added.

#relaxed = #tern.rows_in_lanes<dot = #tern_wasm.dot<i32x4_relaxed_dot_i8x16_i7x16_add>, vectors = 1, tokens = 1>
#words = #tern.rows_in_lanes<dot = #tern_wasm.dot<i32x4_dot_i16x8>, vectors = 1, tokens = 1>

module attributes {tern.target = #tern.target<triple = "wasm32-unknown-unknown", cpu = "generic", features = "+simd128,+relaxed-simd">} {

// CHECK-LABEL:   func.func @relaxed(
// CHECK-COUNT-4:   "llvm.wasm.relaxed.dot.i8x16.i7x16.add.signed"
// CHECK-NOT:       llvm.wasm.dot
// CHECK:           return
func.func @relaxed(%x: vector<1x16xi8>, %w: vector<16xi8>) -> vector<1x4xi32> {
  %0 = tern.micro_begin #relaxed -> vector<1x3x4xi32>
  %1 = tern.micro "q_proj" #relaxed %x, %w into %0 : vector<1x16xi8>, vector<16xi8> into vector<1x3x4xi32>
  %2 = tern.micro_finish #relaxed %1 : vector<1x3x4xi32> -> vector<1x4xi32>
  return %2 : vector<1x4xi32>
}

// CHECK-LABEL:   func.func @words(
// CHECK-COUNT-8:   "llvm.wasm.dot"
// CHECK-NOT:       llvm.wasm
// CHECK:           return
func.func @words(%x: vector<1x16xi8>, %w: vector<16xi8>) -> vector<1x4xi32> {
  %0 = tern.micro_begin #words -> vector<1x4x4xi32>
  %1 = tern.micro "q_proj" #words %x, %w into %0 : vector<1x16xi8>, vector<16xi8> into vector<1x4x4xi32>
  %2 = tern.micro_finish #words %1 : vector<1x4x4xi32> -> vector<1x4xi32>
  return %2 : vector<1x4xi32>
}

// CHECK-LABEL: func.func @swizzle(
// CHECK:         "llvm.wasm.swizzle"(%arg1, %arg2)
// CHECK-NOT:     arith.andi
// CHECK:         return
func.func @swizzle(%sums: vector<16xi8>, %table: vector<16xi8>, %codes: vector<16xi8>) -> vector<16xi8> {
  %0 = tern.lookup_add #tern.lookup_table<digits = 2, codes = [-8, 8], bias = 16> %sums, %table[%codes] in_bounds
      : vector<16xi8>, vector<16xi8>, vector<16xi8>
  return %0 : vector<16xi8>
}

}
