// RUN: tern-opt %s -convert-tern-to-kernels -split-input-file -canonicalize -cse | FileCheck %s

#one = #tern.contiguous_columns<dot = #tern_x86.dot<vpdpbusd_512>, first = 0, quarters = 4, tokens = 1>
#four = #tern.contiguous_columns<dot = #tern_x86.dot<vpdpbusd_512>, first = 3, quarters = 1, tokens = 4>

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {

// Four columns become lanes of rows by interleaving bytes, then pairs, within 16
// byte parts. Four quarters times four fields are sixteen sums.
// CHECK-LABEL:    func.func @one_token(
// CHECK:            vector.shuffle %{{.*}} [0, 64, 1, 65, 2, 66, 3, 67, 4, 68, 5, 69, 6, 70, 7, 71, 16, 80,
// CHECK:            vector.shuffle %{{.*}} [0, 32, 1, 33, 2, 34, 3, 35, 8, 40,
// CHECK-COUNT-16:   llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT:        llvm.call_intrinsic
// CHECK-COUNT-12:   arith.shrsi
// CHECK:            return
func.func @one_token(%x: vector<1x4xi8>, %w0: vector<64xi8>, %w1: vector<64xi8>, %w2: vector<64xi8>, %w3: vector<64xi8>, %acc: vector<1x4x4x16xi32>) -> vector<1x4x64xi32> {
  %0 = tern.micro "down_proj" #one %x, %w0, %w1, %w2, %w3 into %acc : vector<1x4xi8>, vector<64xi8>, vector<64xi8>, vector<64xi8>, vector<64xi8> into vector<1x4x4x16xi32>
  %1 = tern.micro_finish #one %0 : vector<1x4x4x16xi32> -> vector<1x4x64xi32>
  return %1 : vector<1x4x64xi32>
}

// The last quarter only, for four tokens: the upper halves, and of them again.
// CHECK-LABEL:    func.func @several_tokens(
// CHECK:            vector.shuffle %{{.*}} [8, 72, 9, 73,
// CHECK:            vector.shuffle %{{.*}} [4, 36, 5, 37,
// CHECK-NOT:        vector.shuffle %{{.*}} [0,
// CHECK-COUNT-16:   llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT:        llvm.call_intrinsic
// CHECK:            return
func.func @several_tokens(%x: vector<4x4xi8>, %w0: vector<64xi8>, %w1: vector<64xi8>, %w2: vector<64xi8>, %w3: vector<64xi8>, %acc: vector<4x1x4x16xi32>) -> vector<4x1x4x16xi32> {
  %0 = tern.micro "down_proj" #four %x, %w0, %w1, %w2, %w3 into %acc : vector<4x4xi8>, vector<64xi8>, vector<64xi8>, vector<64xi8>, vector<64xi8> into vector<4x1x4x16xi32>
  return %0 : vector<4x1x4x16xi32>
}

}

// -----

#groups = #tern.contiguous_columns<dot = #tern_x86.dot<vpdpbusd_512>, first = 0, quarters = 4, tokens = 1, digits = 5>

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni,+avx512vbmi">} {

// Groups of five rows are interleaved as they are and then split.
// CHECK-LABEL:    func.func @groups(
// CHECK:            vector.shuffle %{{.*}} [0, 64, 1, 65, 2, 66, 3, 67, 4, 68, 5, 69, 6, 70, 7, 71, 16, 80,
// CHECK:            vector.shuffle %{{.*}} [0, 32, 1, 33, 2, 34, 3, 35, 8, 40,
// CHECK-COUNT-2:    llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"
// CHECK-COUNT-5:    llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-COUNT-2:    llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"
// CHECK-COUNT-5:    llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-COUNT-2:    llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"
// CHECK-COUNT-5:    llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-COUNT-2:    llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"
// CHECK-COUNT-5:    llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT:        llvm.call_intrinsic
// CHECK-COUNT-12:   arith.shrsi
// CHECK-NOT:        arith.shrsi
// CHECK:            return
func.func @groups(%x: vector<1x4xi8>, %w0: vector<64xi8>, %w1: vector<64xi8>, %w2: vector<64xi8>, %w3: vector<64xi8>, %acc: vector<1x4x5x16xi32>) -> vector<1x5x64xi32> {
  %0 = tern.micro "down_proj" #groups %x, %w0, %w1, %w2, %w3 into %acc : vector<1x4xi8>, vector<64xi8>, vector<64xi8>, vector<64xi8>, vector<64xi8> into vector<1x4x5x16xi32>
  %1 = tern.micro_finish #groups %0 : vector<1x4x5x16xi32> -> vector<1x5x64xi32>
  return %1 : vector<1x5x64xi32>
}

}
