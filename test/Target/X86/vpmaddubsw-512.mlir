// RUN: tern-opt %s -convert-tern-to-kernels | FileCheck %s

// Without VNNI: pairs of products of digits fit 16 bits, moved or in place. Those of
// larger bytes do not: even and odd ones then are words of their own.

#digits = #tern.rows_in_lanes<dot = #tern_x86.dot<vpmaddubsw_512>, vectors = 1, tokens = 1>
#bytes = #tern.integer_rows<dot = #tern_x86.dot<vpmaddubsw_512>, bits = 8, rows = 1, tokens = 1, vectors = 1>

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f,+avx512bw,+avx512vl">} {

// CHECK-LABEL: func.func @digits(
// CHECK:         %[[PAIRS:.*]] = llvm.call_intrinsic "llvm.x86.avx512.pmaddubs.w.512"{{.*}} -> vector<32xi16>
// CHECK:         llvm.call_intrinsic "llvm.x86.avx512.pmaddw.d.512"(%[[PAIRS]], {{.*}} -> vector<16xi32>
// CHECK-COUNT-3: "llvm.x86.avx512.pmaddubs.w.512"
// CHECK:         return
func.func @digits(%x: vector<1x16xi8>, %w: vector<64xi8>, %acc: vector<1x4x16xi32>) -> vector<1x4x16xi32> {
  %0 = tern.micro "q_proj" #digits %x, %w into %acc : vector<1x16xi8>, vector<64xi8> into vector<1x4x16xi32>
  return %0 : vector<1x4x16xi32>
}

// CHECK-LABEL: func.func @bytes(
// CHECK-NOT:     pmaddubs
// CHECK-COUNT-2: "llvm.x86.avx512.pmaddw.d.512"
// CHECK-NOT:     pmadd
// CHECK:         return
func.func @bytes(%x: vector<1x64xi8>, %w: vector<1x64xi8>, %acc: vector<1x1x1x16xi32>) -> vector<1x1x1x16xi32> {
  %0 = tern.micro "lm_head" #bytes %x, %w into %acc : vector<1x64xi8>, vector<1x64xi8> into vector<1x1x1x16xi32>
  return %0 : vector<1x1x1x16xi32>
}

}
