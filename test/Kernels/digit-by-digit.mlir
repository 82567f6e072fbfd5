// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

#one = #tern.digit_by_digit<layout = #tern.layout<b2, rows, k:4:1, []>, tokens = 1>
#two = #tern.digit_by_digit<layout = #tern.layout<b2, rows, k:4:1, []>, tokens = 2>

module attributes {tern.target = #tern.target<triple = "riscv64-unknown-elf", cpu = "generic-rv64", features = "">} {

// A byte is four digits of a row: a multiplication and an addition each.
// CHECK-LABEL:   func.func @one_token(
// CHECK-COUNT-4:   arith.muli {{.*}} : i32
// CHECK-NOT:       arith.muli
// CHECK:           return
func.func @one_token(%x: vector<1x4xi8>, %w: vector<1xi8>, %acc: vector<1x1xi32>) -> vector<1x1xi32> {
  %0 = tern.micro "q_proj" #one %x, %w into %acc : vector<1x4xi8>, vector<1xi8> into vector<1x1xi32>
  %1 = tern.micro_finish #one %0 : vector<1x1xi32> -> vector<1x1xi32>
  return %1 : vector<1x1xi32>
}

// Each digit is unpacked once for all tokens.
// CHECK-LABEL:   func.func @several_tokens(
// CHECK-COUNT-3:   arith.shrui
// CHECK-NOT:       arith.shrui
// CHECK:           return
func.func @several_tokens(%x: vector<2x4xi8>, %w: vector<1xi8>, %acc: vector<2x1xi32>) -> vector<2x1xi32> {
  %0 = tern.micro "q_proj" #two %x, %w into %acc : vector<2x4xi8>, vector<1xi8> into vector<2x1xi32>
  return %0 : vector<2x1xi32>
}

// CHECK-LABEL:   func.func @int8(
// CHECK-COUNT-2:   arith.muli {{.*}} : i32
// CHECK-NOT:       arith.muli
// CHECK:           return
func.func @int8(%x: vector<2x1xi8>, %w: vector<1x1xi8>, %acc: vector<2x1xi32>) -> vector<2x1xi32> {
  %0 = tern.micro "lm_head" #tern.int8_by_int8<tokens = 2> %x, %w into %acc : vector<2x1xi8>, vector<1x1xi8> into vector<2x1xi32>
  return %0 : vector<2x1xi32>
}

}
