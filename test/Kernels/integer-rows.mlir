// RUN: tern-opt %s -split-input-file -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

#one = #tern.integer_rows<dot = #tern_x86.dot<vpdpbusd_512>, bits = 8, rows = 1, tokens = 1, vectors = 4>
#four = #tern.integer_rows<dot = #tern_x86.dot<vpdpbusd_512>, bits = 8, rows = 4, tokens = 4, vectors = 1>

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {

// A signed weight is the unsigned side as w + 128.
// CHECK-LABEL: func.func @one_token(
// CHECK:         %[[OFFSET:.*]] = arith.constant dense<-128> : vector<64xi8>
// CHECK:         %[[U:.*]] = arith.xori %{{.*}}, %[[OFFSET]]
// CHECK:         llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%{{.*}}, %[[U]],
// CHECK-COUNT-3: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT:     llvm.call_intrinsic
// CHECK-COUNT-3: arith.addi
// CHECK:         vector.reduction <add>
// CHECK:         return
func.func @one_token(%x: vector<1x256xi8>, %w: vector<1x256xi8>, %acc: vector<1x1x4x16xi32>) -> vector<1x1xi32> {
  %0 = tern.micro "lm_head" #one %x, %w into %acc : vector<1x256xi8>, vector<1x256xi8> into vector<1x1x4x16xi32>
  %1 = tern.micro_finish #one %0 : vector<1x1x4x16xi32> -> vector<1x1xi32>
  return %1 : vector<1x1xi32>
}

// Each weight is converted once for all tokens.
// CHECK-LABEL:    func.func @several_tokens(
// CHECK-COUNT-4:    arith.xori
// CHECK-NOT:        arith.xori
// CHECK:            return
func.func @several_tokens(%x: vector<4x64xi8>, %w: vector<4x64xi8>, %acc: vector<4x4x1x16xi32>) -> vector<4x4x1x16xi32> {
  %0 = tern.micro "lm_head" #four %x, %w into %acc : vector<4x64xi8>, vector<4x64xi8> into vector<4x4x1x16xi32>
  return %0 : vector<4x4x1x16xi32>
}

}

// -----

// Four integers of six bits in three bytes, each byte in a vector of its own. The
// first is the low bits of the first byte, the last the high bits of the last.

#six = #tern.integer_rows<dot = #tern_x86.dot<vpdpbusd_512>, bits = 6, rows = 1, tokens = 1, vectors = 4>

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {

// CHECK-LABEL: func.func @six_bits(
// CHECK-DAG:     %[[MASK:.*]] = arith.constant dense<63> : vector<64xi8>
// CHECK-DAG:     %[[TWO:.*]] = arith.constant dense<2> : vector<64xi8>
// CHECK-DAG:     %[[FOUR:.*]] = arith.constant dense<4> : vector<64xi8>
// CHECK-DAG:     %[[SIX:.*]] = arith.constant dense<6> : vector<64xi8>
// CHECK:         %[[B0:.*]] = vector.extract %{{.*}}[0, 0]
// CHECK:         %[[U0:.*]] = arith.andi %[[B0]], %[[MASK]]
// CHECK:         llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%{{.*}}, %[[U0]],
// CHECK:         %[[LOW:.*]] = arith.shrui %[[B0]], %[[SIX]]
// CHECK:         %[[B1:.*]] = vector.extract %{{.*}}[0, 1]
// CHECK:         %[[HIGH:.*]] = arith.shli %[[B1]], %[[TWO]]
// CHECK:         %[[CUT:.*]] = arith.andi %[[HIGH]], %[[MASK]]
// CHECK:         %[[U1:.*]] = arith.ori %[[LOW]], %[[CUT]]
// CHECK:         llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%{{.*}}, %[[U1]],
// CHECK:         arith.shrui %[[B1]], %[[FOUR]]
// CHECK:         %[[B2:.*]] = vector.extract %{{.*}}[0, 2] : vector<64xi8>
// CHECK:         llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK:         %[[U3:.*]] = arith.shrui %[[B2]], %[[TWO]]
// CHECK:         llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%{{.*}}, %[[U3]],
// CHECK-NOT:     llvm.call_intrinsic
// CHECK:         return
func.func @six_bits(%x: vector<1x256xi8>, %w: vector<1x192xi8>, %acc: vector<1x1x4x16xi32>) -> vector<1x1x4x16xi32> {
  %0 = tern.micro "lm_head" #six %x, %w into %acc : vector<1x256xi8>, vector<1x192xi8> into vector<1x1x4x16xi32>
  return %0 : vector<1x1x4x16xi32>
}

}

// -----

// Four integers of two bits in a byte, which are not negative: no offset.

#two = #tern.integer_rows<dot = #tern_x86.dot<vpdpbusd_512>, bits = 2, rows = 1, tokens = 1, vectors = 4>

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {

// CHECK-LABEL: func.func @two_bits(
// CHECK-DAG:     %[[MASK:.*]] = arith.constant dense<3> : vector<64xi8>
// CHECK-DAG:     %[[SIX:.*]] = arith.constant dense<6> : vector<64xi8>
// CHECK:         %[[U0:.*]] = arith.andi %{{.*}}, %[[MASK]]
// CHECK:         llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%{{.*}}, %[[U0]],
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK:         %[[U3:.*]] = arith.shrui %{{.*}}, %[[SIX]]
// CHECK:         llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%{{.*}}, %[[U3]],
// CHECK-NOT:     llvm.call_intrinsic
// CHECK:         return
func.func @two_bits(%x: vector<1x256xi8>, %w: vector<1x64xi8>, %acc: vector<1x1x4x16xi32>) -> vector<1x1x4x16xi32> {
  %0 = tern.micro "lm_head" #two %x, %w into %acc : vector<1x256xi8>, vector<1x64xi8> into vector<1x1x4x16xi32>
  return %0 : vector<1x1x4x16xi32>
}

}

// -----

// Eight tokens share what is unpacked of a row, and all four vectors of it are one sum of
// each. Eight sums are halved together: seven additions leave one vector of two lanes each,
// one more their sums.

#eight = #tern.integer_rows<dot = #tern_x86.dot<vpdpbusd_512>, bits = 6, rows = 1, tokens = 8, vectors = 4>

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {

// CHECK-LABEL:    func.func @eight_tokens(
// CHECK-COUNT-32:   llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT:        llvm.call_intrinsic
// CHECK-NOT:        vector.reduction
// CHECK:            vector.shuffle %{{.*}}, %{{.*}} [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23] :
// CHECK-COUNT-6:    arith.addi
// CHECK:            %[[PAIRS:.*]] = arith.addi {{.*}} : vector<16xi32>
// CHECK:            %[[FIRST:.*]] = vector.shuffle %[[PAIRS]], %[[PAIRS]] [0, 2, 4, 6, 8, 10, 12, 14] :
// CHECK:            %[[SECOND:.*]] = vector.shuffle %[[PAIRS]], %[[PAIRS]] [1, 3, 5, 7, 9, 11, 13, 15] :
// CHECK:            arith.addi %[[FIRST]], %[[SECOND]] : vector<8xi32>
// CHECK-NOT:        arith.addi
// CHECK:            return
func.func @eight_tokens(%x: vector<8x256xi8>, %w: vector<1x192xi8>, %acc: vector<8x1x1x16xi32>) -> vector<8x1xi32> {
  %0 = tern.micro "lm_head" #eight %x, %w into %acc : vector<8x256xi8>, vector<1x192xi8> into vector<8x1x1x16xi32>
  %1 = tern.micro_finish #eight %0 : vector<8x1x1x16xi32> -> vector<8x1xi32>
  return %1 : vector<8x1xi32>
}

}
