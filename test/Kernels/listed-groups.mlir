// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

#two = #tern.listed_groups<lanes = 64, vectors = 2, groups = 36, planes = 2, tokens = 32>

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni,+avx512vbmi">} {

// Three groups times two vectors of rows, one after the other; steps are counted.
// CHECK-LABEL: func.func @step(
// CHECK-SAME:    %{{.*}}: vector<3x128xi8>, %{{.*}}, %{{.*}}, %{{.*}}, %[[ACC:.*]]: vector<5x32xi16>
// CHECK-COUNT-3: llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"
// CHECK-NOT:     llvm.call_intrinsic
// CHECK:         arith.shrui
// CHECK-COUNT-3: llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"
// CHECK-NOT:     llvm.call_intrinsic
// CHECK:         %[[COUNT:.*]] = vector.extract %[[ACC]][4]
// CHECK:         arith.addi %[[COUNT]], %{{.*}} : vector<32xi16>
// CHECK:         return
func.func @step(%t: vector<3x128xi8>, %a: vector<128xi8>, %b: vector<128xi8>, %c: vector<128xi8>, %acc: vector<5x32xi16>) -> vector<5x32xi16> {
  %0 = tern.micro "down_proj" #two %t, %a, %b, %c into %acc : vector<3x128xi8>, vector<128xi8>, vector<128xi8>, vector<128xi8> into vector<5x32xi16>
  return %0 : vector<5x32xi16>
}

// A step adds 96 to an odd byte's sum, 257 times that to a word's total.
// CHECK-LABEL: func.func @finish(
// CHECK-SAME:    %[[ACC:.*]]: vector<5x32xi16>
// CHECK-DAG:     %[[BIAS:.*]] = arith.constant dense<96> : vector<32xi16>
// CHECK-DAG:     %[[EIGHT:.*]] = arith.constant dense<8> : vector<32xi16>
// CHECK:         %[[COUNT:.*]] = vector.extract %[[ACC]][4]
// CHECK:         %[[ODD:.*]] = arith.muli %[[COUNT]], %[[BIAS]]
// CHECK:         %[[HIGH:.*]] = arith.shli %[[ODD]], %[[EIGHT]]
// CHECK:         %[[TOTAL:.*]] = arith.addi %[[ODD]], %[[HIGH]]
// CHECK:         %[[FIRST:.*]] = vector.extract %[[ACC]][0]
// CHECK:         arith.subi %[[FIRST]], %[[TOTAL]]
// CHECK:         %[[SECOND:.*]] = vector.extract %[[ACC]][1]
// CHECK:         arith.subi %[[SECOND]], %[[ODD]]
func.func @finish(%acc: vector<5x32xi16>) -> vector<1x128xi32> {
  %0 = tern.micro_finish #two %acc : vector<5x32xi16> -> vector<1x128xi32>
  return %0 : vector<1x128xi32>
}

}
