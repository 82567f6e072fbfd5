// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

#four = #tern_riscv.word_rows<word_bits = 32, words = 1, code_bits = 4>
#eight = #tern_riscv.word_rows<word_bits = 64, words = 1, code_bits = 8>

module attributes {tern.target = #tern.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "+m">} {

// Of a word four rows at a time: eight columns, then both kinds of sums.
// CHECK-LABEL:   func.func @bytes(
// CHECK-DAG:       %[[DIGITS:.*]] = arith.constant 50529027 : i32
// CHECK-DAG:       %[[SIGNS:.*]] = arith.constant -2139062144 : i32
// CHECK-DAG:       %[[LOW:.*]] = arith.constant 16711935 : i32
// CHECK-COUNT-8:   arith.muli {{.*}} : i32
// CHECK-NOT:       arith.muli
// CHECK:           %[[POSITIVE:.*]] = arith.addi %[[SUMS:.*]], %[[SIGNS]] : i32
// CHECK:           %[[ODD:.*]] = arith.shrui %[[POSITIVE]], %{{.*}} : i32
// CHECK:           arith.andi %[[ODD]], %[[LOW]] : i32
// CHECK:           arith.addi %{{.*}}, %[[SUMS]] : i32
// CHECK:           return
func.func @bytes(%x: vector<1x8xi8>, %w: vector<2x4xi8>, %acc: vector<3xi32>) -> vector<3xi32> {
  %0 = tern.micro "q_proj" #four %x, %w into %acc : vector<1x8xi8>, vector<2x4xi8> into vector<3xi32>
  return %0 : vector<3xi32>
}

// Codes of 8 bits: even rows and odd ones.
// CHECK-LABEL:   func.func @words(
// CHECK-DAG:       arith.constant 844437815230467 : i64
// CHECK-COUNT-16:  arith.muli {{.*}} : i64
// CHECK-NOT:       arith.muli
// CHECK:           return
func.func @words(%x: vector<1x8xi8>, %w: vector<2x8xi8>, %acc: vector<2xi64>) -> vector<2xi64> {
  %0 = tern.micro "o_proj" #eight %x, %w into %acc : vector<1x8xi8>, vector<2x8xi8> into vector<2xi64>
  return %0 : vector<2xi64>
}

// A word is read at its address; the next one after the sums of the one before.
// CHECK-LABEL:   func.func @read(
// CHECK-NOT:       vector.transfer_read %{{.*}}, vector<2x8xi8>
// CHECK:           llvm.load %{{.*}} {alignment = 8 : i64} : !llvm.ptr -> i64
// CHECK:           llvm.inline_asm "", "=r,=r,=r,0,1,2"
// CHECK:           llvm.load %{{.*}} {alignment = 8 : i64} : !llvm.ptr -> i64
func.func @read(%x: vector<1x8xi8>, %weights: memref<2x8x8xi8>, %step: index, %acc: vector<2xi64>) -> vector<2xi64> {
  %zero = arith.constant 0 : index
  %pad = arith.constant 0 : i8
  %w = vector.transfer_read %weights[%zero, %step, %zero], %pad {in_bounds = [true, true]} : memref<2x8x8xi8>, vector<2x8xi8>
  %0 = tern.micro "o_proj" #eight %x, %w into %acc : vector<1x8xi8>, vector<2x8xi8> into vector<2xi64>
  return %0 : vector<2xi64>
}

// The excess of odd sums is taken off, then the part of even ones that is of odd ones.
// CHECK-LABEL:   func.func @widen(
// CHECK:           %[[ODD:.*]] = arith.subi %{{.*}}, %{{.*}} : i32
// CHECK:           %[[HIGH:.*]] = arith.shli %[[ODD]], %{{.*}} : i32
// CHECK:           arith.subi %{{.*}}, %[[HIGH]] : i32
// CHECK:           arith.trunci %{{.*}} : i32 to i16
func.func @widen(%narrow: vector<3xi32>, %acc: vector<1x4xi32>) -> vector<1x4xi32> {
  %0 = tern.micro_widen #four %narrow into %acc : vector<3xi32> into vector<1x4xi32>
  return %0 : vector<1x4xi32>
}

}
