// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

// Dot products with the bytes that lookups take.

#kernel = #tern_x86.group_dots<dot = <vpdpbusd_512>, vectors = 2, first = 1, groups = 8, tokens = 2>

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni,+avx512vbmi">} {

// The codes of a digit of four groups follow each other.
// CHECK-LABEL: func.func @prepare(
// CHECK-SAME:    %[[X:.*]]: vector<2x20xi8>
// CHECK:         %[[ROW:.*]] = vector.extract %[[X]][0]
// CHECK:         vector.shuffle %[[ROW]], %[[ROW]] [0, 5, 10, 15, 1, 6, 11, 16, 2, 7, 12, 17, 3, 8, 13, 18, 4, 9, 14, 19]
func.func @prepare(%x: vector<2x20xi8>) -> vector<2x20xi8> {
  %0 = tern.micro_prepare #kernel %x : vector<2x20xi8> -> vector<2x20xi8>
  return %0 : vector<2x20xi8>
}

// Of each group the second vector of rows, which become four quarters; each quarter is
// looked up twice, and a digit of it is multiplied for both tokens.
// CHECK-LABEL: func.func @build(
// CHECK-SAME:    %[[X:.*]]: vector<2x20xi8>, %[[W:.*]]: vector<512xi8>
// CHECK:         %[[GROUPS:.*]] = vector.shape_cast %[[W]] : vector<512xi8> to vector<4x2x64xi8>
// CHECK:         vector.extract %[[GROUPS]][0, 1]
// CHECK:         vector.extract %[[GROUPS]][3, 1]
// CHECK-COUNT-2: vpermi2var
// CHECK-COUNT-10: vpdpbusd
// CHECK-COUNT-2: vpermi2var
// CHECK-COUNT-10: vpdpbusd
// CHECK-COUNT-2: vpermi2var
// CHECK-COUNT-10: vpdpbusd
// CHECK-COUNT-2: vpermi2var
// CHECK-COUNT-10: vpdpbusd
// CHECK-NOT:     vpdpbusd
func.func @build(%x: vector<2x20xi8>, %w: vector<512xi8>, %acc: vector<2x4x16xi32>) -> vector<2x4x16xi32> {
  %0 = tern.micro "q_proj" #kernel %x, %w into %acc : vector<2x20xi8>, vector<512xi8> into vector<2x4x16xi32>
  return %0 : vector<2x4x16xi32>
}

// Four rows of each sixteen are in a quarter.
// CHECK-LABEL: func.func @finish(
// CHECK:         vector.shuffle {{.*}} [0, 1, 2, 3, 16, 17, 18, 19, 32, 33, 34, 35, 48, 49, 50, 51, 4, 5, 6, 7, 20,
func.func @finish(%acc: vector<2x4x16xi32>) -> vector<2x64xi32> {
  %0 = tern.micro_finish #kernel %acc : vector<2x4x16xi32> -> vector<2x64xi32>
  return %0 : vector<2x64xi32>
}

}
