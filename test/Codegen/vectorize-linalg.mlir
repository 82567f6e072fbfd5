// RUN: tern-opt %s --tern-vectorize-linalg --fold-memref-alias-ops --canonicalize --split-input-file \
// RUN:   | FileCheck %s
// RUN: tern-opt %s --tern-vectorize-linalg=lanes=1 --canonicalize --split-input-file \
// RUN:   | FileCheck %s --check-prefix=SCALAR
// RUN: tern-opt %s --tern-vectorize-linalg --split-input-file --remarks-filter=tern.* \
// RUN:   --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

#both = affine_map<(t, n) -> (t, n)>
#token = affine_map<(t, n) -> (t)>
#feature = affine_map<(t, n) -> (n)>
#nothing = affine_map<(t, n) -> (0)>

// One token of 44: 32 lanes, then 12; a value of the token is spread over them.

func.func @one_token(%a: memref<1x44xi32>, %f: memref<1xf32>, %w: memref<44xbf16>, %y: memref<1x44xf32>) {
  linalg.generic {indexing_maps = [#both, #token, #feature, #both], iterator_types = ["parallel", "parallel"]}
      ins(%a, %f, %w : memref<1x44xi32>, memref<1xf32>, memref<44xbf16>) outs(%y : memref<1x44xf32>) {
  ^bb0(%ai: i32, %fi: f32, %wi: bf16, %out: f32):
    %0 = arith.sitofp %ai : i32 to f32
    %1 = arith.extf %wi : bf16 to f32
    %2 = arith.mulf %0, %fi : f32
    %3 = arith.mulf %2, %1 : f32
    linalg.yield %3 : f32
  }
  return
}
// CHECK-DAG:     #[[EACH:.*]] = affine_map<(d0) -> (d0, 0)>
// CHECK-LABEL: func.func @one_token(
// CHECK-SAME:    %[[A:.*]]: memref<1x44xi32>, %[[F:.*]]: memref<1xf32>, %[[W:.*]]: memref<44xbf16>, %[[Y:.*]]: memref<1x44xf32>)
// CHECK-DAG:     %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG:     %[[C32:.*]] = arith.constant 32 : index
// CHECK-NOT:     scf.for
// CHECK:         %[[A0:.*]] = vector.transfer_read %[[A]][%[[C0]], %[[C0]]]{{.*}} {in_bounds = [true, true]} : memref<1x44xi32>, vector<1x32xi32>
// CHECK:         %[[S0:.*]] = vector.transfer_read %[[F]][%[[C0]]]{{.*}} permutation_map = #[[EACH]]} : memref<1xf32>, vector<1x32xf32>
// CHECK:         %[[W0:.*]] = vector.transfer_read %[[W]][%[[C0]]]{{.*}} : memref<44xbf16>, vector<1x32xbf16>
// CHECK:         %[[X0:.*]] = arith.sitofp %[[A0]] : vector<1x32xi32> to vector<1x32xf32>
// CHECK:         arith.extf %[[W0]] : vector<1x32xbf16> to vector<1x32xf32>
// CHECK:         arith.mulf %[[X0]], %[[S0]] : vector<1x32xf32>
// CHECK:         vector.transfer_write %{{.*}}, %[[Y]][%[[C0]], %[[C0]]] {in_bounds = [true, true]} : vector<1x32xf32>, memref<1x44xf32>
// CHECK:         vector.transfer_read %[[A]][%[[C0]], %[[C32]]]{{.*}} {in_bounds = [true, true]} : memref<1x44xi32>, vector<1x12xi32>
// CHECK:         vector.transfer_write %{{.*}}, %[[Y]][%[[C0]], %[[C32]]] {in_bounds = [true, true]} : vector<1x12xf32>, memref<1x44xf32>
// CHECK-NOT:     linalg.generic
// CHECK:         return
// SCALAR-LABEL: func.func @one_token(
// SCALAR-NOT:    vector
// SCALAR:        memref.store %{{.*}} : memref<1x44xf32>
// SCALAR-LABEL: func.func @many_tokens(

// -----

#both = affine_map<(t, n) -> (t, n)>
#nothing = affine_map<(t, n) -> (0)>

// Any number of tokens: a loop over them, one over whole vectors, no tail. A
// value from outside is spread over the lanes.

func.func @many_tokens(%x: memref<?x96xf32>, %s: memref<1xf32>, %c: f32, %y: memref<?x96xf32>) {
  linalg.generic {indexing_maps = [#both, #nothing, #both], iterator_types = ["parallel", "parallel"]}
      ins(%x, %s : memref<?x96xf32>, memref<1xf32>) outs(%y : memref<?x96xf32>) {
  ^bb0(%xi: f32, %si: f32, %out: f32):
    %0 = arith.mulf %xi, %si : f32
    %1 = arith.addf %0, %c : f32
    linalg.yield %1 : f32
  }
  return
}
// CHECK-LABEL: func.func @many_tokens(
// CHECK-SAME:    %[[X:.*]]: memref<?x96xf32>, %[[S:.*]]: memref<1xf32>, %[[C:.*]]: f32, %{{.*}}: memref<?x96xf32>)
// CHECK:         %[[TOKENS:.*]] = memref.dim %[[X]], %{{.*}}
// CHECK:         scf.for %[[T:.*]] = %{{.*}} to %[[TOKENS]] step
// CHECK-NEXT:      scf.for %[[N:.*]] = %{{.*}} to %c96 step %c32
// CHECK:             vector.transfer_read %[[X]][%[[T]], %[[N]]]{{.*}} : memref<?x96xf32>, vector<1x32xf32>
// CHECK:             vector.transfer_read %[[S]]
// CHECK:             vector.broadcast %[[C]] : f32 to vector<1x32xf32>
// CHECK:             vector.transfer_write
// CHECK-NOT:       vector.transfer_read
// CHECK:         return

// -----

#token = affine_map<(t) -> (t)>

// One value per token stays scalar, without a remark.

func.func @per_token(%x: memref<?xf32>, %y: memref<?xf32>) {
  linalg.generic {indexing_maps = [#token, #token], iterator_types = ["parallel"]}
      ins(%x : memref<?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%xi: f32, %out: f32):
    %0 = math.sqrt %xi : f32
    linalg.yield %0 : f32
  }
  return
}
// CHECK-LABEL: func.func @per_token(
// CHECK:         scf.for
// CHECK:           memref.load
// CHECK:           math.sqrt %{{.*}} : f32
// CHECK:           memref.store

// -----

// Named operations and memref.copy, into columns of a wider row.

func.func @pad_codes(%q: memref<1x5xi8>, %y: memref<1x8xi8>) {
  %zero = arith.constant 0 : i8
  %right = memref.subview %y[0, 5] [1, 3] [1, 1] : memref<1x8xi8> to memref<1x3xi8, strided<[8, 1], offset: 5>>
  linalg.fill ins(%zero : i8) outs(%right : memref<1x3xi8, strided<[8, 1], offset: 5>>)
  %left = memref.subview %y[0, 0] [1, 5] [1, 1] : memref<1x8xi8> to memref<1x5xi8, strided<[8, 1]>>
  memref.copy %q, %left : memref<1x5xi8> to memref<1x5xi8, strided<[8, 1]>>
  return
}
// CHECK-LABEL: func.func @pad_codes(
// CHECK:         vector.transfer_write %{{.*}}, %{{.*}}[%c0, %c5] {{.*}} : vector<1x3xi8>, memref<1x8xi8>
// CHECK:         vector.transfer_read %{{.*}} : memref<1x5xi8>, vector<1x5xi8>
// CHECK:         vector.transfer_write %{{.*}}, %{{.*}}[%c0, %c0] {{.*}} : vector<1x5xi8>, memref<1x8xi8>
// CHECK-NOT:     memref.copy

// -----

// A value that was written in place is not copied.

func.func @copy_to_itself(%x: memref<1x44xf32>) {
  linalg.copy ins(%x : memref<1x44xf32>) outs(%x : memref<1x44xf32>)
  return
}
// CHECK-LABEL: func.func @copy_to_itself(
// CHECK-NEXT:    return

// -----

#both = affine_map<(t, n) -> (t, n)>
#turned = affine_map<(t, n) -> (n, t)>

// A transposition is no row operation.

func.func @transpose(%x: memref<44x3xf32>, %y: memref<3x44xf32>) {
  linalg.generic {indexing_maps = [#turned, #both], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<44x3xf32>) outs(%y : memref<3x44xf32>) {
  ^bb0(%xi: f32, %out: f32):
    linalg.yield %xi : f32
  }
  return
}
// CHECK-LABEL: func.func @transpose(
// CHECK:         scf.for
// CHECK:           scf.for
// CHECK:             memref.load
// CHECK:             memref.store
// CHECK-NOT:     linalg.generic
// REMARK-NOT:   Missed
// REMARK:       [Missed] ScalarLoops | Category:tern-vectorize-linalg
// REMARK-SAME:  Reason="expected the innermost loop to walk the innermost dimension"
// REMARK-NOT:   Missed

// -----

#both = affine_map<(t, n) -> (t, n)>
#third = affine_map<(t, n) -> (2)>

// Places that vectorization has no map for.

func.func @third(%f: memref<3xf32>, %y: memref<1x44xf32>) {
  linalg.generic {indexing_maps = [#third, #both], iterator_types = ["parallel", "parallel"]}
      ins(%f : memref<3xf32>) outs(%y : memref<1x44xf32>) {
  ^bb0(%fi: f32, %out: f32):
    linalg.yield %fi : f32
  }
  return
}
// CHECK-LABEL: func.func @third(
// CHECK-NOT:     vector
// CHECK:         memref.store
// REMARK:       [Missed] ScalarLoops | Category:tern-vectorize-linalg
// REMARK-SAME:  Reason="expected every index to be a loop or zero"
// REMARK-NOT:   Missed

// -----

#both = affine_map<(t, n) -> (t, n)>

// As many lanes as the target's registers want; four elements where it has none.

module attributes {tern.target = #tern.target<triple = "riscv64", cpu = "generic", features = "+m">} {
func.func @no_vectors(%x: memref<1x96xf32>, %y: memref<1x96xf32>) {
  linalg.generic {indexing_maps = [#both, #both], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<1x96xf32>) outs(%y : memref<1x96xf32>) {
  ^bb0(%xi: f32, %out: f32):
    %0 = arith.mulf %xi, %xi : f32
    linalg.yield %0 : f32
  }
  return
}
}
// CHECK-LABEL: func.func @no_vectors(
// CHECK:         vector.transfer_read {{.*}} : memref<1x96xf32>, vector<1x4xf32>

// -----

#both = affine_map<(t, n) -> (t, n)>

module attributes {tern.target = #tern.target<triple = "wasm64", cpu = "generic", features = "+simd128">} {
func.func @short_vectors(%x: memref<1x96xf32>, %y: memref<1x96xf32>) {
  linalg.generic {indexing_maps = [#both, #both], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<1x96xf32>) outs(%y : memref<1x96xf32>) {
  ^bb0(%xi: f32, %out: f32):
    %0 = arith.mulf %xi, %xi : f32
    linalg.yield %0 : f32
  }
  return
}
}
// CHECK-LABEL: func.func @short_vectors(
// CHECK:         vector.transfer_read {{.*}} : memref<1x96xf32>, vector<1x16xf32>
