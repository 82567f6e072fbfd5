// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize | FileCheck %s

#table = #tern_riscv.table_rows<rows = 2, groups = 8>

module attributes {tern.target = #tern.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "+m">} {

// 81 sums: four negations of the first, then each entry and a code.
// CHECK-LABEL:   func.func @prepare(
// CHECK-COUNT-79:  arith.addi
// CHECK-NOT:       arith.addi
// CHECK:           vector.from_elements {{.*}} : vector<81xi16>
func.func @prepare(%x: vector<1x4xi8>) -> vector<81xi16> {
  %0 = tern.micro_prepare #table %x : vector<1x4xi8> -> vector<81xi16>
  return %0 : vector<81xi16>
}

// An entry for each row, from memory.
// CHECK-LABEL:   func.func @look_up(
// CHECK-NOT:       vector.transfer_read
// CHECK-COUNT-2:   memref.load %{{.*}} : memref<8x81xi16>
// CHECK-NOT:       memref.load
// CHECK:           return
func.func @look_up(%tables: memref<8x81xi16>, %step: index, %w: vector<2xi8>, %acc: vector<1x2xi32>) -> vector<1x2xi32> {
  %zero = arith.constant 0 : index
  %pad = arith.constant 0 : i16
  %t = vector.transfer_read %tables[%step, %zero], %pad {in_bounds = [true]} : memref<8x81xi16>, vector<81xi16>
  %0 = tern.micro "o_proj" #table %t, %w into %acc : vector<81xi16>, vector<2xi8> into vector<1x2xi32>
  return %0 : vector<1x2xi32>
}

}
