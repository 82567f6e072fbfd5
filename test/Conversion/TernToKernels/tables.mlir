// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2">} {

// 32 partial sums, multiplied and added apart; then halves are added.
// CHECK-LABEL: func.func @head_of_one_token(
// CHECK-DAG:     %[[BLOCKS:.*]] = arith.constant 4 : index
// CHECK:         scf.parallel {{.*}} to (%[[BLOCKS]])
// CHECK-NEXT:      tern.iteration "lm_head" bytes 2048
// CHECK:           scf.for
// CHECK:             scf.for {{.*}} iter_args({{.*}}) -> (vector<32xf32>)
// bf16 is widened by a shift, never by arith.extf.
// CHECK-NOT:           arith.extf
// CHECK:               arith.shli {{.*}} : vector<32xi32>
// CHECK:               arith.mulf {{.*}} : vector<32xf32>
// CHECK:               arith.addf {{.*}} : vector<32xf32>
// CHECK:             arith.addf {{.*}} : vector<16xf32>
// CHECK:             arith.addf {{.*}} : vector<8xf32>
// CHECK:             arith.addf {{.*}} : vector<4xf32>
// CHECK:             arith.addf {{.*}} : vector<2xf32>
// CHECK:             arith.addf {{.*}} : f32
func.func @head_of_one_token(%h: memref<1x64xf32>, %w: memref<56x64xbf16>, %l: memref<1x56xf32>) {
  tern.lm_head (%h, %w) outs(%l : memref<1x56xf32>)
      : (memref<1x64xf32>, memref<56x64xbf16>)
  return
}

// A row is widened once for four tokens.
// CHECK-LABEL: func.func @head_of_tokens(
// CHECK:         scf.parallel
// CHECK:           scf.for
// CHECK:             scf.for
// CHECK:               scf.for
// CHECK-COUNT-1:         vector.load {{.*}} : memref<56x64xf16>, vector<32xf16>
// CHECK-COUNT-4:         vector.load {{.*}} : memref<?x64xf32>, vector<32xf32>
// CHECK:                 scf.yield
func.func @head_of_tokens(%h: memref<?x64xf32>, %w: memref<56x64xf16>, %l: memref<?x56xf32>) {
  tern.lm_head (%h, %w) outs(%l : memref<?x56xf32>)
      : (memref<?x64xf32>, memref<56x64xf16>)
  return
}

// CHECK-LABEL: func.func @gather_rows(
// CHECK-NOT:     arith.extf
// CHECK:         scf.for
// CHECK:           arith.index_castui
// CHECK:           scf.for
// CHECK:             vector.load {{.*}} : memref<56x65xbf16>, vector<32xbf16>
// CHECK:             vector.store {{.*}} : memref<?x65xf32>, vector<32xf32>
// CHECK:           vector.load {{.*}} : memref<56x65xbf16>, vector<1xbf16>
// CHECK:           vector.store {{.*}} : memref<?x65xf32>, vector<1xf32>
func.func @gather_rows(%t: memref<?xi32>, %w: memref<56x65xbf16>, %x: memref<?x65xf32>) {
  tern.gather_rows (%t, %w) outs(%x : memref<?x65xf32>)
      : (memref<?xi32>, memref<56x65xbf16>)
  return
}

// CHECK-LABEL: func.func @gather_integers(
// CHECK:         scf.for
// CHECK:           memref.load {{.*}} : memref<56xf32>
// CHECK:           scf.for
// CHECK:             vector.load {{.*}} : memref<56x65xi8>, vector<32xi8>
// CHECK:             arith.sitofp {{.*}} to vector<32xf32>
// CHECK:             arith.mulf {{.*}} : vector<32xf32>
// CHECK:             vector.store {{.*}} : memref<?x65xf32>, vector<32xf32>
func.func @gather_integers(%t: memref<?xi32>, %w: memref<56x65xi8>, %s: memref<56xf32>, %x: memref<?x65xf32>) {
  tern.gather_rows (%t, %w) scales(%s : memref<56xf32>) outs(%x : memref<?x65xf32>)
      : (memref<?xi32>, memref<56x65xi8>)
  return
}

}
