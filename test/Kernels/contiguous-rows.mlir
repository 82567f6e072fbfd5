// RUN: tern-opt %s -convert-tern-to-kernels -split-input-file -canonicalize -cse | FileCheck %s
// RUN: tern-opt %s -convert-tern-to-kernels -split-input-file -canonicalize -cse | FileCheck %s --check-prefix=SHIFTS

#one = #tern.contiguous_rows<dot = #tern_x86.dot<vpdpbusd_512>, rows = 1, tokens = 1>
#four = #tern.contiguous_rows<dot = #tern_x86.dot<vpdpbusd_512>, rows = 4, tokens = 4>

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {

// A row of one token: four fields of 64 columns each, a sum for each, one
// horizontal sum in the end.
// CHECK-LABEL: func.func @one_token(
// SHIFTS-LABEL: func.func @one_token(
// SHIFTS-NOT:    arith.shrui
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT:     llvm.call_intrinsic
// CHECK-COUNT-3: arith.shrsi
// CHECK:         vector.reduction <add>
// CHECK-NOT:     vector.reduction
// CHECK:         return
func.func @one_token(%x: vector<1x256xi8>, %w: vector<1x64xi8>, %acc: vector<1x4x16xi32>) -> vector<1x1xi32> {
  %0 = tern.micro "up_proj" #one %x, %w into %acc : vector<1x256xi8>, vector<1x64xi8> into vector<1x4x16xi32>
  %1 = tern.micro_finish #one %0 : vector<1x4x16xi32> -> vector<1x1xi32>
  return %1 : vector<1x1xi32>
}

// CHECK-LABEL:    func.func @several_tokens(
// SHIFTS-LABEL:   func.func @several_tokens(
// SHIFTS-COUNT-12: arith.shrui {{.*}} : vector<64xi8>
// SHIFTS-NOT:     arith.shrui
// CHECK-COUNT-64:   llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT:        llvm.call_intrinsic
// CHECK-COUNT-16:   vector.reduction <add>
// CHECK:            return
func.func @several_tokens(%x: vector<4x256xi8>, %w: vector<4x64xi8>, %acc: vector<4x4x16xi32>) -> vector<4x4xi32> {
  %0 = tern.micro "up_proj" #four %x, %w into %acc : vector<4x256xi8>, vector<4x64xi8> into vector<4x4x16xi32>
  %1 = tern.micro_finish #four %0 : vector<4x4x16xi32> -> vector<4x4xi32>
  return %1 : vector<4x4xi32>
}

}

// -----

#groups = #tern.contiguous_rows<dot = #tern_x86.dot<vpdpbusd_512>, rows = 1, tokens = 1, digits = 5>

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni,+avx512vbmi">} {

// Five digits a byte: the first four become fields where they are, the fifth a
// byte; opposite numbers have opposite digits.
// CHECK-LABEL:   func.func @groups(
// CHECK-DAG:       %[[FOUR:.*]] = arith.constant dense<85> : vector<64xi8>
// CHECK-DAG:       %[[LAST:.*]] = arith.constant dense<1> : vector<64xi8>
// CHECK-DAG:       llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"
// CHECK-DAG:       arith.addi %{{.*}}, %[[FOUR]]
// CHECK-DAG:       llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"
// CHECK-DAG:       arith.addi %{{.*}}, %[[LAST]]
// CHECK-COUNT-5:   llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT:       llvm.call_intrinsic
// CHECK-COUNT-3:   arith.shrsi
// CHECK-NOT:       arith.shrsi
// CHECK:           vector.reduction <add>
// CHECK-NOT:       vector.reduction
// CHECK:           return
func.func @groups(%x: vector<1x320xi8>, %w: vector<1x64xi8>, %acc: vector<1x5x16xi32>) -> vector<1x1xi32> {
  %0 = tern.micro "up_proj" #groups %x, %w into %acc : vector<1x320xi8>, vector<1x64xi8> into vector<1x5x16xi32>
  %1 = tern.micro_finish #groups %0 : vector<1x5x16xi32> -> vector<1x1xi32>
  return %1 : vector<1x1xi32>
}

}
