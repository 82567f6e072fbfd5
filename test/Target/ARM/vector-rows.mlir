// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

#rows = #tern_arm.vector_rows<rows = 2>

module attributes {tern.target = #tern.target<triple = "thumbv8.1m.main-none-eabihf", cpu = "cortex-m55", features = "+dsp,+mve">} {

// Four fields of two rows; the last one is shifted down.
// CHECK-LABEL:   func.func @fields(
// CHECK-COUNT-6:   arith.andi {{.*}} : vector<16xi8>
// CHECK-NOT:       arith.andi
// CHECK-COUNT-2:   arith.shrui {{.*}} : vector<16xi8>
// CHECK:           return
func.func @fields(%x: vector<1x64xi8>, %w: vector<32xi8>, %acc: vector<6x1xi32>) -> vector<6x1xi32> {
  %0 = tern.micro "q_proj" #rows %x, %w into %acc : vector<1x64xi8>, vector<32xi8> into vector<6x1xi32>
  return %0 : vector<6x1xi32>
}

// CHECK-LABEL:   func.func @products(
// CHECK-COUNT-8:   "llvm.arm.mve.vmldava"
// CHECK-NOT:       vmldava
// CHECK:           return
func.func @products(%x: vector<1x64xi8>, %w: vector<32xi8>, %acc: vector<6x1xi32>) -> vector<6x1xi32> {
  %0 = tern.micro "q_proj" #rows %x, %w into %acc : vector<1x64xi8>, vector<32xi8> into vector<6x1xi32>
  return %0 : vector<6x1xi32>
}

// Codes in memory are read a field at a time, and none before its turn.
// CHECK-LABEL:   func.func @in_memory(
// CHECK-NOT:       llvm.fence
// CHECK:           vector.load {{.*}} vector<16xi8>
// CHECK-COUNT-2:   "llvm.arm.mve.vmldava"
// CHECK-NEXT:      llvm.fence syncscope("singlethread") seq_cst
// CHECK:           vector.load {{.*}} vector<16xi8>
// CHECK:           llvm.fence
// CHECK:           vector.load {{.*}} vector<16xi8>
// CHECK:           llvm.fence
// CHECK:           vector.load {{.*}} vector<16xi8>
// CHECK-NOT:       llvm.fence
// CHECK:           return
func.func @in_memory(%codes: memref<1x192xi8>, %w: vector<32xi8>, %step: index, %acc: vector<6x1xi32>) -> vector<6x1xi32> {
  %zero = arith.constant 0 : index
  %pad = arith.constant 0 : i8
  %column = affine.apply affine_map<(d0) -> (64 * d0)>(%step)
  %x = vector.transfer_read %codes[%zero, %column], %pad {in_bounds = [true, true]} : memref<1x192xi8>, vector<1x64xi8>
  %0 = tern.micro "q_proj" #rows %x, %w into %acc : vector<1x64xi8>, vector<32xi8> into vector<6x1xi32>
  return %0 : vector<6x1xi32>
}

}
