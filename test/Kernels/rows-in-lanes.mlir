// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s
// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s --check-prefix=SHIFTS

#one = #tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 1>
#four = #tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 4>

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {

// One token: a mask of each field and no shift; two vectors of rows times four
// fields are eight sums, shifted once in the end.
// CHECK-LABEL: func.func @one_token(
// CHECK-DAG:     arith.constant dense<3> : vector<64xi8>
// CHECK-DAG:     arith.constant dense<12> : vector<64xi8>
// CHECK-DAG:     arith.constant dense<48> : vector<64xi8>
// CHECK-DAG:     arith.constant dense<-64> : vector<64xi8>
// CHECK-NOT:     arith.shr
// CHECK-COUNT-8: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT:     llvm.call_intrinsic
// CHECK-COUNT-6: arith.shrsi
// CHECK:         return
func.func @one_token(%x: vector<1x16xi8>, %w: vector<128xi8>, %acc: vector<2x4x16xi32>) -> vector<1x32xi32> {
  %0 = tern.micro "q_proj" #one %x, %w into %acc : vector<1x16xi8>, vector<128xi8> into vector<2x4x16xi32>
  %1 = tern.micro_finish #one %0 : vector<2x4x16xi32> -> vector<1x32xi32>
  return %1 : vector<1x32xi32>
}

// Several: digits are moved to the lowest bits once for all of them.
// CHECK-LABEL:    func.func @several_tokens(
// SHIFTS-LABEL:   func.func @several_tokens(
// SHIFTS-COUNT-6: arith.shrui {{.*}} : vector<64xi8>
// SHIFTS-NOT:     arith.shrui
// CHECK-COUNT-32:   llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT:        llvm.call_intrinsic
// CHECK-NOT:        arith.shrsi
// CHECK:            return
func.func @several_tokens(%x: vector<4x16xi8>, %w: vector<128xi8>, %acc: vector<4x2x16xi32>) -> vector<4x32xi32> {
  %0 = tern.micro "q_proj" #four %x, %w into %acc : vector<4x16xi8>, vector<128xi8> into vector<4x2x16xi32>
  %1 = tern.micro_finish #four %0 : vector<4x2x16xi32> -> vector<4x32xi32>
  return %1 : vector<4x32xi32>
}

}
