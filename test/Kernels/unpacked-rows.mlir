// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

#six = #tern.unpacked_rows<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 4, tokens = 6>
#pairs = #tern.unpacked_rows<dot = #tern_x86.dot<vpmaddubsw_256>, vectors = 4, tokens = 2>

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {

// Digits are bytes already: nothing is shifted or masked. Four codes of each token
// are broadcast and multiplied by all vectors of rows.
// CHECK-LABEL: func.func @six_tokens(
// CHECK-NOT:      arith.shrui
// CHECK-NOT:      arith.andi
// CHECK-COUNT-24: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT:      llvm.call_intrinsic
// CHECK-NOT:      arith.shrsi
// CHECK:          return
func.func @six_tokens(%x: vector<6x4xi8>, %w: vector<256xi8>, %acc: vector<6x4x16xi32>) -> vector<6x64xi32> {
  %0 = tern.micro "q_proj" #six %x, %w into %acc : vector<6x4xi8>, vector<256xi8> into vector<6x4x16xi32>
  %1 = tern.micro_finish #six %0 : vector<6x4x16xi32> -> vector<6x64xi32>
  return %1 : vector<6x64xi32>
}

// Sums of pairs stay in 16 bits for some steps: a product and an addition each. Then
// they are added in pairs to sums of 32 bits.
// CHECK-LABEL:   func.func @narrow(
// CHECK-COUNT-8: llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
// CHECK-NOT:     llvm.x86.avx2.pmadd.ub.sw
// CHECK-COUNT-8: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// CHECK-NOT:     llvm.call_intrinsic
// CHECK:         return
func.func @narrow(%x: vector<2x4xi8>, %w: vector<128xi8>, %narrow: vector<2x4x16xi16>, %acc: vector<2x4x8xi32>) -> vector<2x4x8xi32> {
  %0 = tern.micro "q_proj" #pairs %x, %w into %narrow : vector<2x4xi8>, vector<128xi8> into vector<2x4x16xi16>
  %1 = tern.micro_widen #pairs %0 into %acc : vector<2x4x16xi16> into vector<2x4x8xi32>
  return %1 : vector<2x4x8xi32>
}

}
