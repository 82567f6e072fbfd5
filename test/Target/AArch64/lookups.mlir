// RUN: tern-opt %s -convert-tern-to-kernels | FileCheck %s

// Tables of 32 bytes are two registers of TBL; numbers come down by SRI and a shift.

#table = #tern.lookup_table<digits = 3, codes = [-8, 8], bias = 0>
#words = #tern.lookup_words<lanes = 16, vectors = 1, groups = 2, planes = 2, tokens = 1>

module attributes {tern.target = #tern.target<triple = "aarch64-unknown-linux-gnu", cpu = "generic", features = "+neon">} {

// CHECK-LABEL: func.func @look_up(
// CHECK:         %[[ENTRIES:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.tbl2.v16i8"
// CHECK:         arith.addi %{{.*}}, %[[ENTRIES]] : vector<16xi8>
func.func @look_up(%sums: vector<16xi8>, %table: vector<32xi8>, %codes: vector<16xi8>) -> vector<16xi8> {
  %0 = tern.lookup_add #table %sums, %table[%codes] : vector<16xi8>, vector<32xi8>, vector<16xi8>
  return %0 : vector<16xi8>
}

// CHECK-LABEL: func.func @numbers(
// CHECK-COUNT-4: "llvm.aarch64.neon.vsri.v16i8"
// CHECK-NOT:     vsri
func.func @numbers(%words: vector<5x16xi8>) -> vector<8x16xi8> {
  %0 = tern.gather_numbers %words "t3p5" : vector<5x16xi8> -> vector<8x16xi8>
  return %0 : vector<8x16xi8>
}

// Eight lanes are no register: portable arithmetic.
// CHECK-LABEL: func.func @eight(
// CHECK-NOT:     vsri
// CHECK-COUNT-8: vector.insert
// CHECK:         return
func.func @eight(%words: vector<5x8xi8>) -> vector<8x8xi8> {
  %0 = tern.gather_numbers %words "t3p5" : vector<5x8xi8> -> vector<8x8xi8>
  return %0 : vector<8x8xi8>
}

// Tables of many steps are read where they are looked up in: those of both planes of a
// number, then no others before its turn.
// CHECK-LABEL: func.func @in_memory(
// CHECK:         llvm.fence syncscope("singlethread") seq_cst
// CHECK-COUNT-2: vector.load {{.*}} vector<32xi8>
// CHECK:         llvm.fence
// CHECK-COUNT-2: vector.load {{.*}} vector<32xi8>
// CHECK-COUNT-6: llvm.fence
// CHECK-NOT:     llvm.fence
// CHECK:         return
func.func @in_memory(%tables: memref<1x2x8x2x32xi8>, %step: index, %words: vector<80xi8>, %sums: vector<2x1x16xi16>) -> vector<2x1x16xi16> {
  %zero = arith.constant 0 : index
  %pad = arith.constant 0 : i8
  %x = vector.transfer_read %tables[%zero, %step, %zero, %zero, %zero], %pad {in_bounds = [true, true, true]} : memref<1x2x8x2x32xi8>, vector<8x2x32xi8>
  %0 = tern.micro "q_proj" #words %x, %words into %sums : vector<8x2x32xi8>, vector<80xi8> into vector<2x1x16xi16>
  return %0 : vector<2x1x16xi16>
}

}
