// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s
// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s --check-prefix=SIGNS
// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s --check-prefix=HALVES

#one = #tern.lookup_groups<lanes = 64, vectors = 2, groups = 96, planes = 1, tokens = 16>
#two = #tern.lookup_groups<lanes = 64, vectors = 2, groups = 57, planes = 2, tokens = 16>
#four = #tern.lookup_groups<lanes = 64, vectors = 8, groups = 36, planes = 1, tokens = 32, codec = "t4">
#pairs = #tern.lookup_groups<lanes = 32, vectors = 2, groups = 12, planes = 1, tokens = 16, codec = "t2">
#pair = #tern.lookup_groups<lanes = 32, vectors = 4, groups = 144, planes = 1, tokens = 32, codec = "n2">

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni,+avx512vbmi">} {

// Three groups times two vectors of rows, a table each; bytes begin at 128.
// CHECK-LABEL: func.func @one_plane(
// CHECK:         arith.constant dense<-128> : vector<64xi8>
// CHECK-COUNT-6: llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"
// CHECK-NOT:     llvm.call_intrinsic
// CHECK:         return
func.func @one_plane(%t: vector<3x1x128xi8>, %w: vector<384xi8>, %acc: vector<1x2x2x32xi16>) -> vector<1x2x2x32xi16> {
  %0 = tern.micro "q_proj" #one %t, %w into %acc : vector<3x1x128xi8>, vector<384xi8> into vector<1x2x2x32xi16>
  return %0 : vector<1x2x2x32xi16>
}

// Both planes look up the same bytes: their signs are taken once.
// CHECK-LABEL: func.func @two_planes(
// SIGNS-LABEL: func.func @two_planes(
// CHECK-COUNT-12: llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"
// CHECK-NOT:      llvm.call_intrinsic
// CHECK:          return
// SIGNS-COUNT-6:  arith.cmpi slt
// SIGNS-NOT:      arith.cmpi slt
// SIGNS:          return
func.func @two_planes(%t: vector<3x2x128xi8>, %w: vector<384xi8>, %acc: vector<2x2x2x32xi16>) -> vector<2x2x2x32xi16> {
  %0 = tern.micro "q_proj" #two %t, %w into %acc : vector<3x2x128xi8>, vector<384xi8> into vector<2x2x2x32xi16>
  return %0 : vector<2x2x2x32xi16>
}

// A table is made of permutes, not of products.
// CHECK-LABEL: func.func @prepare(
// CHECK-NOT:     arith.muli
// CHECK-COUNT-3: vector.shuffle {{.*}} : vector<16xi8>, vector<16xi8>
// CHECK:         vector.shuffle {{.*}} : vector<64xi8>, vector<64xi8>
// CHECK:         return
func.func @prepare(%x: vector<1x15xi8>) -> vector<3x1x128xi8> {
  %0 = tern.micro_prepare #one %x : vector<1x15xi8> -> vector<3x1x128xi8>
  return %0 : vector<3x1x128xi8>
}

// Three steps add 3 * 128 to an odd byte's sum, and 257 times that to a word's
// total: -0x180 and -0x18180 modulo 2^16.
// CHECK-LABEL: func.func @begin(
// CHECK:         dense<"0x{{(807E){32}(80FE){32}(807E){32}(80FE){32}"> }}: vector<1x2x2x32xi16>
// CHECK:         return
func.func @begin() -> vector<1x2x2x32xi16> {
  %0 = tern.micro_begin #one steps 3 -> vector<1x2x2x32xi16>
  return %0 : vector<1x2x2x32xi16>
}

// low + 16 * high.
// CHECK-LABEL: func.func @finish(
// CHECK-DAG:     %[[FOUR:.*]] = arith.constant dense<4> : vector<64xi32>
// CHECK:         %[[LOW:.*]] = arith.extsi {{.*}} : vector<64xi16> to vector<64xi32>
// CHECK:         %[[HIGH:.*]] = arith.extsi {{.*}} : vector<64xi16> to vector<64xi32>
// CHECK:         %[[UP:.*]] = arith.shli %[[HIGH]], %[[FOUR]]
// CHECK:         arith.addi %[[LOW]], %[[UP]]
// CHECK:         return
func.func @finish(%acc: vector<2x2x2x32xi16>) -> vector<1x128xi32> {
  %0 = tern.micro_finish #two %acc : vector<2x2x2x32xi16> -> vector<1x128xi32>
  return %0 : vector<1x128xi32>
}

// Groups of four: nothing is negated. A vector of rows has its three lookups and is
// widened before the next one begins, so all others wait in registers.
// CHECK-LABEL: func.func @groups_of_four(
// CHECK-NOT:     arith.select
// CHECK-COUNT-3: llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"
// CHECK-NOT:     llvm.call_intrinsic
// CHECK:         arith.shrui
// CHECK-COUNT-21: llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"
// CHECK-NOT:     llvm.call_intrinsic
// CHECK:         return
func.func @groups_of_four(%t: vector<3x1x128xi8>, %w: vector<1536xi8>, %acc: vector<1x8x2x32xi16>) -> vector<1x8x2x32xi16> {
  %0 = tern.micro "q_proj" #four %t, %w into %acc : vector<3x1x128xi8>, vector<1536xi8> into vector<1x8x2x32xi16>
  return %0 : vector<1x8x2x32xi16>
}

// Entries are 32 too large, so a chunk 96: three of them add 0x120 to an odd byte's
// sum and 0x12120 to a word's total.
// CHECK-LABEL: func.func @begin_four(
// CHECK:         dense<"0x{{((E0DE){32}(E0FE){32}){8}"> }}: vector<1x8x2x32xi16>
// CHECK:         return
func.func @begin_four() -> vector<1x8x2x32xi16> {
  %0 = tern.micro_begin #four steps 3 -> vector<1x8x2x32xi16>
  return %0 : vector<1x8x2x32xi16>
}

// A byte of two numbers is two lookups in 16 entries each: twelve columns are a step,
// six lookups for each vector. Codes are not masked again.
// CHECK-LABEL: func.func @halves_of_bytes(
// CHECK-COUNT-12: llvm.call_intrinsic "llvm.x86.avx2.pshuf.b"({{.*}}) : (vector<32xi8>, vector<32xi8>)
// CHECK-NOT:      llvm.call_intrinsic
// CHECK:          return
// HALVES-LABEL: func.func @halves_of_bytes(
// HALVES-COUNT-6: arith.andi
// HALVES-NOT:     arith.andi
// HALVES:         return
func.func @halves_of_bytes(%t: vector<6x1x16xi8>, %w: vector<192xi8>, %acc: vector<1x2x2x16xi16>) -> vector<1x2x2x16xi16> {
  %0 = tern.micro "q_proj" #pairs %t, %w into %acc : vector<6x1x16xi8>, vector<192xi8> into vector<1x2x2x16xi16>
  return %0 : vector<1x2x2x16xi16>
}

// In a panel a byte is an index as it stands.
// CHECK-LABEL: func.func @pairs(
// CHECK-COUNT-24: llvm.call_intrinsic "llvm.x86.avx2.pshuf.b"
// CHECK-NOT:      llvm.call_intrinsic
// CHECK:          return
// HALVES-LABEL: func.func @pairs(
// HALVES-NOT:     arith.andi
// HALVES:         return
func.func @pairs(%t: vector<6x1x16xi8>, %w: vector<768xi8>, %acc: vector<1x4x2x16xi16>) -> vector<1x4x2x16xi16> {
  %0 = tern.micro "q_proj" #pair %t, %w into %acc : vector<6x1x16xi8>, vector<768xi8> into vector<1x4x2x16xi16>
  return %0 : vector<1x4x2x16xi16>
}

// Sixteen entries of each of six groups are permuted out of the codes and their
// opposites, a permute for each digit.
// CHECK-LABEL: func.func @prepare_pairs(
// CHECK-NOT:      arith.muli
// CHECK-COUNT-12: vector.shuffle {{.*}} : vector<16xi8>, vector<16xi8>
// CHECK-NOT:      vector.shuffle {{.*}} : vector<16xi8>, vector<16xi8>
// CHECK:          return
func.func @prepare_pairs(%x: vector<1x12xi8>) -> vector<6x1x16xi8> {
  %0 = tern.micro_prepare #pair %x : vector<1x12xi8> -> vector<6x1x16xi8>
  return %0 : vector<6x1x16xi8>
}

// Six entries of 16 too much are 96 for an odd byte and 257 times that for a total.
// CHECK-LABEL: func.func @begin_pairs(
// CHECK:         dense<{{.*}}[-24672, {{(-24672, ){14}-24672\], \[(-96, ){15}-96\].*}}> : vector<1x2x2x16xi16>
// CHECK:         return
func.func @begin_pairs() -> vector<1x2x2x16xi16> {
  %0 = tern.micro_begin #pairs steps 1 -> vector<1x2x2x16xi16>
  return %0 : vector<1x2x2x16xi16>
}

}
