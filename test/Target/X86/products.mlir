// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse \
// RUN:   | grep -v tern.count_read \
// RUN:   | tern-opt -convert-scf-to-cf -expand-strided-metadata -lower-affine \
// RUN:     -convert-vector-to-llvm -finalize-memref-to-llvm -convert-func-to-llvm \
// RUN:     -convert-arith-to-llvm -convert-cf-to-llvm -reconcile-unrealized-casts \
// RUN:     -mlir-print-local-scope \
// RUN:   | sed 's/^module attributes {.*} {$/module {/' \
// RUN:   | mlir-translate -mlir-to-llvmir \
// RUN:   | llc -O2 -mcpu=x86-64-v4 -mattr=+avx512vnni | FileCheck %s

// Inner loops of decode: an instruction for the mask and one for
// the products of each field, and codes straight from memory where they can be.

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {

// CHECK-LABEL: rows_in_lanes:
// CHECK-COUNT-4: vpbroadcastd {{.*}}(%r{{.*}}), %zmm
// CHECK-COUNT-8: vpdpbusd %zmm{{.*}}, %zmm{{.*}}, %zmm
// CHECK-NOT:     vpdpbusd
// CHECK:         {{^}}.Lfunc_end
func.func @rows_in_lanes(%x: memref<1x256xi8>, %w: memref<2x16x128xi8>, %a: memref<1x64xi32>) {
  tern.matmul "q_proj" ins(%x, %w : memref<1x256xi8>, memref<2x16x128xi8>)
      outs(%a : memref<1x64xi32>) codes [-128, 127]
      weight_type tensor<64x256x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
  return
}

// CHECK-LABEL: contiguous_rows:
// CHECK:         prefetcht1
// CHECK-COUNT-4: vpdpbusd {{.*}}(%r{{.*}}), %zmm{{.*}}, %zmm
// CHECK-NOT:     vpdpbusd
// CHECK:         {{^}}.Lfunc_end
func.func @contiguous_rows(%x: memref<1x512xi8>, %w: memref<64x2x64xi8>, %i: memref<1x64xi32>, %n: memref<1xi32>, %a: memref<1x64xi32>) {
  tern.matmul "up_proj" ins(%x, %w : memref<1x512xi8>, memref<64x2x64xi8>) rows(%i, %n : memref<1x64xi32>, memref<1xi32>)
      outs(%a : memref<1x64xi32>) codes [-128, 127]
      weight_type tensor<64x512x!tern.trit, #tern.layout<b2, rows, k:4:64, [k:64:1]>>
  return
}

// CHECK-LABEL: contiguous_columns:
// Interleaving is punpck, not a general permutation.
// CHECK-NOT:      vperm
// CHECK:          vpunpcklbw
// CHECK-NOT:      vperm
// CHECK-COUNT-16: vpdpbusd
// CHECK-NOT:      vpdpbusd
// CHECK:          {{^}}.Lfunc_end
func.func @contiguous_columns(%i: memref<1x64xi32>, %v: memref<1x64xi8>, %n: memref<1xi32>, %w: memref<64x2x64xi8>, %a: memref<1x512xi32>) {
  tern.matmul "down_proj" ins(%v, %w : memref<1x64xi8>, memref<64x2x64xi8>) columns(%i, %n : memref<1x64xi32>, memref<1xi32>)
      outs(%a : memref<1x512xi32>) codes [-128, 127]
      weight_type tensor<512x64x!tern.trit, #tern.layout<b2, columns, n:4:64, [n:4:4, n:4:16, n:4:1]>>
  return
}

}
