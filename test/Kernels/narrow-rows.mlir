// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

#two = #tern.narrow_rows<rows = 32, tokens = 2>

module attributes {tern.target = #tern.target<triple = "riscv64-unknown-linux-gnu", cpu = "generic-rv64", features = "+v">} {

// Fields are unpacked once for both tokens and widened; each is multiplied by a code of
// each token, a scalar in all lanes. Nothing here is an instruction of one machine.
// CHECK-LABEL:   func.func @narrow(
// CHECK-NOT:       call_intrinsic
// CHECK-COUNT-3:   arith.shrui {{.*}} : vector<32xi8>
// CHECK-NOT:       arith.shrui {{.*}} : vector
// CHECK-COUNT-2:   arith.muli {{.*}} : vector<32xi16>
// CHECK:           return
// Sums of 16 bits of both tokens are added to those of 32.
// CHECK-LABEL:   func.func @widened(
// CHECK:           arith.extsi {{.*}} : vector<2x32xi16> to vector<2x32xi32>
// CHECK:           return
func.func @narrow(%x: vector<2x4xi8>, %w: vector<32xi8>, %narrow: vector<2x32xi16>) -> vector<2x32xi16> {
  %0 = tern.micro "q_proj" #two %x, %w into %narrow : vector<2x4xi8>, vector<32xi8> into vector<2x32xi16>
  return %0 : vector<2x32xi16>
}
func.func @widened(%narrow: vector<2x32xi16>, %acc: vector<2x32xi32>) -> vector<2x32xi32> {
  %0 = tern.micro_widen #two %narrow into %acc : vector<2x32xi16> into vector<2x32xi32>
  return %0 : vector<2x32xi32>
}

}
