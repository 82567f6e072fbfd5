// RUN: tern-opt %s -tern-tile-products -canonicalize -cse -tern-bufferize -canonicalize -cse -canonicalize \
// RUN:     -tern-lower-forall -tern-vectorize-linalg -convert-tern-to-kernels -canonicalize -cse \
// RUN:     -tern-run-target-passes=phase=kernels -canonicalize -cse \
// RUN:   | grep -v -e tern.count_read -e tern.iteration | sed 's/memref.alloc()/memref.alloca()/' \
// RUN:   | tern-opt -convert-vector-to-scf=full-unroll=true -convert-scf-to-cf -expand-strided-metadata -lower-affine \
// RUN:     -convert-vector-to-llvm -finalize-memref-to-llvm -convert-func-to-llvm \
// RUN:     -convert-to-llvm -reconcile-unrealized-casts -mlir-print-local-scope \
// RUN:   | sed 's/^module attributes {.*} {$/module {/' \
// RUN:   | mlir-translate -mlir-to-llvmir \
// RUN:   | llc -O2 -mcpu=x86-64-v4 -mattr=+avx512vnni,+amx-tile,+amx-int8 \
// RUN:   | FileCheck %s --implicit-check-not='1024-byte Folded'

// The loop over columns of 32 tokens by 32 rows, from tensors: four loads and four
// products of tiles, and sums that leave their registers only after it. No tile is spilt.
// LLVM writes the configuration.

#two = #tern_x86.tiles<panel = 4, first = 0, vectors = 2, tokens = 32>
#one = #tern.unpacked_rows<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 4, tokens = 1>

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni,+amx-tile,+amx-int8">} {

// CHECK-LABEL:   rows_in_lanes:
// CHECK:           ldtilecfg
// CHECK-NOT:       ldtilecfg
// CHECK-COUNT-4:   tilezero
// CHECK-NOT:       tilezero
// CHECK:         [[LOOP:.LBB0_[0-9]+]]:
// CHECK-NOT:       tilestored
// CHECK:           tileloadd ({{.*}}), %[[T0:tmm.]]
// CHECK-NEXT:      tileloadd ({{.*}}), %[[T1:tmm.]]
// CHECK:           tileloadd ({{.*}}), %[[V0:tmm.]]
// CHECK-NEXT:      tdpbsud %[[V0]], %[[T0]], %tmm
// CHECK-NEXT:      tdpbsud %[[V0]], %[[T1]], %tmm
// CHECK-NEXT:      tileloadd ({{.*}}), %[[V1:tmm.]]
// CHECK-NEXT:      tdpbsud %[[V1]], %[[T0]], %tmm
// CHECK-NEXT:      tdpbsud %[[V1]], %[[T1]], %tmm
// CHECK-NOT:       tile
// CHECK:           jle [[LOOP]]
// CHECK:           tilerelease
func.func @rows_in_lanes(%x: tensor<?x256xi8>, %w: tensor<2x16x128xi8>, %init: tensor<?x64xi32>) -> tensor<?x64xi32> {
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<?x256xi8>, tensor<2x16x128xi8>)
      outs(%init : tensor<?x64xi32>) codes [-128, 127]
      weight_type tensor<64x256x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
      strategy #tern.strategy<[#two, #one], units = 1, prefetch = 0, panel = <b8, rows, k:1:1, [n:4:16, n:16:1, k:4:1]>> -> tensor<?x64xi32>
  return %0 : tensor<?x64xi32>
}

}
