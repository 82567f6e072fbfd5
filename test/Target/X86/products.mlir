// RUN: tern-opt %s -tern-tile-products -canonicalize -cse -tern-bufferize -canonicalize -cse -canonicalize \
// RUN:     -tern-lower-forall -tern-vectorize-linalg -convert-tern-to-kernels -canonicalize -cse \
// RUN:   | grep -v -e tern.count_read -e tern.iteration \
// RUN:   | tern-opt -convert-vector-to-scf=full-unroll=true -convert-scf-to-cf -expand-strided-metadata -lower-affine \
// RUN:     -convert-vector-to-llvm -finalize-memref-to-llvm -convert-func-to-llvm \
// RUN:     -convert-arith-to-llvm -convert-cf-to-llvm -convert-ub-to-llvm -reconcile-unrealized-casts \
// RUN:     -mlir-print-local-scope \
// RUN:   | sed 's/^module attributes {.*} {$/module {/' \
// RUN:   | mlir-translate -mlir-to-llvmir \
// RUN:   | llc -O2 -mcpu=x86-64-v4 -mattr=+avx512vnni | FileCheck %s

// Inner loops of decode, from tensors: an instruction for the mask and one for
// the products of each field, and codes straight from memory where they can be.

#dot = #tern_x86.dot<vpdpbusd_512>

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {

// CHECK-LABEL: rows_in_lanes:
// CHECK-COUNT-4: vpbroadcastd {{.*}}(%r{{.*}}), %zmm
// CHECK-COUNT-8: vpdpbusd %zmm{{.*}}, %zmm{{.*}}, %zmm
// CHECK-NOT:     vpdpbusd
// CHECK:         {{^}}.Lfunc_end
func.func @rows_in_lanes(%x: tensor<1x256xi8>, %w: tensor<2x16x128xi8>) -> tensor<1x64xi32> {
  %init = tensor.empty() : tensor<1x64xi32>
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<1x256xi8>, tensor<2x16x128xi8>)
      outs(%init : tensor<1x64xi32>) codes [-128, 127]
      weight_type tensor<64x256x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
      strategy #tern.strategy<[#tern.rows_in_lanes<dot = #dot, vectors = 2, tokens = 1>], units = 1, prefetch = 0> -> tensor<1x64xi32>
  return %0 : tensor<1x64xi32>
}

// CHECK-LABEL: contiguous_rows:
// CHECK:         prefetcht1
// CHECK-COUNT-4: vpdpbusd {{.*}}(%r{{.*}}), %zmm{{.*}}, %zmm
// CHECK-NOT:     vpdpbusd
// CHECK:         {{^}}.Lfunc_end
func.func @contiguous_rows(%x: tensor<1x512xi8>, %w: tensor<64x2x64xi8>, %i: tensor<1x64xi32>, %n: tensor<1xi32>) -> tensor<1x64xi32> {
  %init = tensor.empty() : tensor<1x64xi32>
  %0 = tern.matmul "up_proj" ins(%x, %w : tensor<1x512xi8>, tensor<64x2x64xi8>) rows(%i, %n : tensor<1x64xi32>, tensor<1xi32>)
      outs(%init : tensor<1x64xi32>) codes [-128, 127]
      weight_type tensor<64x512x!tern.trit, #tern.layout<b2, rows, k:4:64, [k:64:1]>>
      strategy #tern.strategy<[#tern.contiguous_rows<dot = #dot, rows = 1, tokens = 1>], units = 1, prefetch = 8> -> tensor<1x64xi32>
  return %0 : tensor<1x64xi32>
}

// CHECK-LABEL: contiguous_columns:
// Interleaving is punpck, not a general permutation.
// CHECK-NOT:      vperm
// CHECK:          vpunpcklbw
// CHECK-NOT:      vperm
// CHECK-COUNT-16: vpdpbusd
// CHECK-NOT:      vpdpbusd
// CHECK:          {{^}}.Lfunc_end
func.func @contiguous_columns(%i: tensor<1x64xi32>, %v: tensor<1x64xi8>, %n: tensor<1xi32>, %w: tensor<64x2x64xi8>) -> tensor<1x512xi32> {
  %init = tensor.empty() : tensor<1x512xi32>
  %0 = tern.matmul "down_proj" ins(%v, %w : tensor<1x64xi8>, tensor<64x2x64xi8>) columns(%i, %n : tensor<1x64xi32>, tensor<1xi32>)
      outs(%init : tensor<1x512xi32>) codes [-128, 127]
      weight_type tensor<512x64x!tern.trit, #tern.layout<b2, columns, n:4:64, [n:4:4, n:4:16, n:4:1]>>
      strategy #tern.strategy<[#tern.contiguous_columns<dot = #dot, first = 0, quarters = 4, tokens = 1>], units = 1, prefetch = 8> -> tensor<1x512xi32>
  return %0 : tensor<1x512xi32>
}

}
