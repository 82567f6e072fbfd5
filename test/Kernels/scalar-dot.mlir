// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

// Kernels over a dot product of one lane: four products of widened bytes.

#one = #tern.rows_in_lanes<dot = #tern.scalar_dot, vectors = 1, tokens = 1>

module attributes {tern.target = #tern.target<triple = "riscv64-unknown-elf", cpu = "generic-rv64", features = "">} {

// CHECK-LABEL:   func.func @rows_in_lanes(
// CHECK-COUNT-4:   vector.reduction <add>, {{.*}} : vector<4xi32> into i32
// CHECK-NOT:       vector.reduction
// CHECK:           return
func.func @rows_in_lanes(%x: vector<1x16xi8>, %w: vector<4xi8>) -> vector<1x1xi32> {
  %zero = tern.micro_begin #one -> vector<1x4x1xi32>
  %0 = tern.micro "q_proj" #one %x, %w into %zero : vector<1x16xi8>, vector<4xi8> into vector<1x4x1xi32>
  %1 = tern.micro_finish #one %0 : vector<1x4x1xi32> -> vector<1x1xi32>
  return %1 : vector<1x1xi32>
}

}
