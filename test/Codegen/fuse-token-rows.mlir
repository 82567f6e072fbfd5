// RUN: tern-opt %s --tern-fuse-token-rows --cse --split-input-file | FileCheck %s

#token = affine_map<(t) -> (t)>
#both = affine_map<(t, n) -> (t, n)>
#row = affine_map<(t, n) -> (t)>
#column = affine_map<(t, n) -> (n)>

// A norm becomes one loop; allocations and views move in front of it; a weight
// is not cut into rows.

func.func @norm(%x: memref<?x5xf32>, %w: memref<5xf32>, %y: memref<?x5xf32>) {
  %c0 = arith.constant 0 : index
  %tokens = memref.dim %x, %c0 : memref<?x5xf32>
  %s = memref.alloc(%tokens) : memref<?xf32>
  tern.reduce <sum_squares>(%x) outs(%s : memref<?xf32>) : (memref<?x5xf32>)
  %r = memref.alloc(%tokens) : memref<?xf32>
  linalg.generic {indexing_maps = [#token, #token], iterator_types = ["parallel"]}
      ins(%s : memref<?xf32>) outs(%r : memref<?xf32>) {
  ^bb0(%si: f32, %out: f32):
    %0 = math.sqrt %si : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#both, #row, #column, #both], iterator_types = ["parallel", "parallel"]}
      ins(%x, %r, %w : memref<?x5xf32>, memref<?xf32>, memref<5xf32>) outs(%y : memref<?x5xf32>) {
  ^bb0(%xi: f32, %ri: f32, %wi: f32, %out: f32):
    %0 = arith.mulf %xi, %ri : f32
    %1 = arith.mulf %0, %wi : f32
    linalg.yield %1 : f32
  }
  return
}
// CHECK-LABEL: func.func @norm(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<?x5xf32>, %[[W:[a-z0-9]+]]: memref<5xf32>, %[[Y:[a-z0-9]+]]: memref<?x5xf32>)
// CHECK:         %[[TOKENS:.*]] = memref.dim %[[X]], %{{.*}}
// CHECK:         %[[S:.*]] = memref.alloc(%[[TOKENS]])
// CHECK:         %[[R:.*]] = memref.alloc(%[[TOKENS]])
// CHECK:         scf.parallel (%[[T:.*]]) = (%{{.*}}) to (%{{.*}}) step
// CHECK-NEXT:      tern.iteration "token_rows" bytes 68
// CHECK-DAG:       %[[XT:.*]] = memref.subview %[[X]][%[[T]], 0] [1, 5] [1, 1]
// CHECK-DAG:       %[[ST:.*]] = memref.subview %[[S]][%[[T]]] [1] [1]
// CHECK:           tern.reduce <sum_squares>(%[[XT]]) outs(%[[ST]] :
// CHECK:           %[[RT:.*]] = memref.subview %[[R]][%[[T]]] [1] [1]
// CHECK:           linalg.generic {{.*}} ins(%[[ST]] : {{.*}}) outs(%[[RT]] :
// CHECK:           %[[YT:.*]] = memref.subview %[[Y]][%[[T]], 0] [1, 5] [1, 1]
// CHECK:           linalg.generic {{.*}} ins(%[[XT]], %[[RT]], %[[W]] : {{.*}}) outs(%[[YT]] :
// CHECK:           scf.reduce
// CHECK-NEXT:    }
// CHECK-NEXT:    return

// -----

// A product is not row-wise, so what stands before it and what behind it are two
// loops; allocations of the second do not move into the first.

func.func @product_in_between(%x: memref<?x8xf32>, %w: memref<8x8xi8>, %f: memref<?xf32>, %y: memref<?x8xf32>) {
  %c0 = arith.constant 0 : index
  %tokens = memref.dim %x, %c0 : memref<?x8xf32>
  %q = memref.alloc(%tokens) : memref<?x8xi8>
  tern.quantize <int8_absmax>(%x) outs(%q, %f : memref<?x8xi8>, memref<?xf32>) : (memref<?x8xf32>)
  %a = memref.alloc(%tokens) : memref<?x8xi32>
  tern.matmul "down_proj" ins(%q, %w : memref<?x8xi8>, memref<8x8xi8>)
      outs(%a : memref<?x8xi32>) codes [-128, 127]
  memref.copy %x, %y : memref<?x8xf32> to memref<?x8xf32>
  return
}
// CHECK-LABEL: func.func @product_in_between(
// CHECK:         scf.parallel
// CHECK-NEXT:      tern.iteration "token_rows" bytes 44
// CHECK:           tern.quantize
// CHECK:         %[[A:.*]] = memref.alloc(%{{.*}}) : memref<?x8xi32>
// CHECK:         tern.matmul {{.*}} outs(%[[A]] :
// CHECK:         scf.parallel
// CHECK:           memref.copy

// -----

#both = affine_map<(t, n) -> (t, n)>
#first = affine_map<(t, n) -> (0, n)>

// Every token reads the first row of what the copy writes: two loops.

func.func @reads_another_token(%x: memref<?x8xf32>, %y: memref<?x8xf32>, %z: memref<?x8xf32>) {
  memref.copy %x, %y : memref<?x8xf32> to memref<?x8xf32>
  linalg.generic {indexing_maps = [#both, #first, #both], iterator_types = ["parallel", "parallel"]}
      ins(%x, %y : memref<?x8xf32>, memref<?x8xf32>) outs(%z : memref<?x8xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %0 = arith.addf %a, %b : f32
    linalg.yield %0 : f32
  }
  return
}
// CHECK-LABEL: func.func @reads_another_token(
// CHECK:         scf.parallel
// CHECK:           memref.copy
// CHECK:         scf.parallel
// CHECK:           linalg.generic {{.*}} ins(%{{.*}}, %arg1 :

// -----

// Nothing says that there are as many rows in both: two loops.

func.func @counts_may_differ(%a: memref<?x8xf32>, %b: memref<?x8xf32>, %c: memref<?x8xf32>, %d: memref<?x8xf32>) {
  memref.copy %a, %b : memref<?x8xf32> to memref<?x8xf32>
  memref.copy %c, %d : memref<?x8xf32> to memref<?x8xf32>
  return
}
// CHECK-LABEL: func.func @counts_may_differ(
// CHECK-COUNT-2: scf.parallel

// -----

// The later operation shows that both have: one loop. Rows of a table are looked
// up in the same one, and of its 288 bytes an iteration moves those of one row:
// 4 + 4 * 32.

func.func @counts_are_equal(%p: memref<?xi32>, %t: memref<9x8xf32>, %b: memref<?x8xf32>, %c: memref<?x8xf32>, %d: memref<?x8xf32>) {
  tern.gather_rows(%p, %t) outs(%b : memref<?x8xf32>) : (memref<?xi32>, memref<9x8xf32>)
  memref.copy %c, %d : memref<?x8xf32> to memref<?x8xf32>
  linalg.copy ins(%b : memref<?x8xf32>) outs(%c : memref<?x8xf32>)
  return
}
// CHECK-LABEL: func.func @counts_are_equal(
// CHECK:         scf.parallel (%[[T:.*]]) =
// CHECK-NEXT:      tern.iteration "token_rows" bytes 132
// CHECK:           %[[PT:.*]] = memref.subview %arg0[%[[T]]] [1] [1]
// CHECK:           tern.gather_rows(%[[PT]], %arg1)
// CHECK-NOT:     scf.parallel
// CHECK:         return

// -----

// One token: nothing to do.

func.func @one_token(%x: memref<1x8xf32>, %y: memref<1x8xf32>) {
  memref.copy %x, %y : memref<1x8xf32> to memref<1x8xf32>
  return
}
// CHECK-LABEL: func.func @one_token(
// CHECK-NEXT:    memref.copy

// -----

#element = affine_map<(t, i) -> (t, i)>

// RoPE: rows of both tables at one position, and both halves of what a copy has
// filled. A token's bytes are 4 of the position, 2 * 16 of the tables, 2 * 16 of
// their copies, 32 each of %x and %a, and 32 of %y.

func.func @rope(%p: memref<?xi32>, %cos: memref<256x4xf32>, %sin: memref<256x4xf32>, %x: memref<?x8xf32>, %y: memref<?x8xf32>, %tokens: index) {
  %a = memref.alloc(%tokens) : memref<?x8xf32>
  %c = memref.alloc(%tokens) : memref<?x4xf32>
  %s = memref.alloc(%tokens) : memref<?x4xf32>
  %a0 = memref.subview %a[0, 0] [%tokens, 4] [1, 1] : memref<?x8xf32> to memref<?x4xf32, strided<[8, 1]>>
  %a1 = memref.subview %a[0, 4] [%tokens, 4] [1, 1] : memref<?x8xf32> to memref<?x4xf32, strided<[8, 1], offset: 4>>
  %y0 = memref.subview %y[0, 0] [%tokens, 4] [1, 1] : memref<?x8xf32> to memref<?x4xf32, strided<[8, 1]>>
  %y1 = memref.subview %y[0, 4] [%tokens, 4] [1, 1] : memref<?x8xf32> to memref<?x4xf32, strided<[8, 1], offset: 4>>
  memref.copy %x, %a : memref<?x8xf32> to memref<?x8xf32>
  tern.gather_rows(%p, %cos) outs(%c : memref<?x4xf32>) : (memref<?xi32>, memref<256x4xf32>)
  tern.gather_rows(%p, %sin) outs(%s : memref<?x4xf32>) : (memref<?xi32>, memref<256x4xf32>)
  linalg.generic {indexing_maps = [#element, #element, #element, #element], iterator_types = ["parallel", "parallel"]}
      ins(%a0, %a1, %c : memref<?x4xf32, strided<[8, 1]>>, memref<?x4xf32, strided<[8, 1], offset: 4>>, memref<?x4xf32>)
      outs(%y0 : memref<?x4xf32, strided<[8, 1]>>) {
  ^bb0(%ai: f32, %bi: f32, %ci: f32, %out: f32):
    %0 = arith.mulf %ai, %ci : f32
    %1 = arith.subf %0, %bi : f32
    linalg.yield %1 : f32
  }
  linalg.generic {indexing_maps = [#element, #element, #element, #element], iterator_types = ["parallel", "parallel"]}
      ins(%a1, %a0, %s : memref<?x4xf32, strided<[8, 1], offset: 4>>, memref<?x4xf32, strided<[8, 1]>>, memref<?x4xf32>)
      outs(%y1 : memref<?x4xf32, strided<[8, 1], offset: 4>>) {
  ^bb0(%ai: f32, %bi: f32, %si: f32, %out: f32):
    %0 = arith.mulf %ai, %si : f32
    %1 = arith.addf %0, %bi : f32
    linalg.yield %1 : f32
  }
  return
}
// CHECK-LABEL: func.func @rope(
// CHECK:         scf.parallel
// CHECK-NEXT:      tern.iteration "token_rows" bytes 164
// CHECK-NOT:     scf.parallel
// CHECK:         return

// -----

// Of a table of digits a token reads one row, 16 bytes in any layout, and its two scales:
// with 4 of the index and 256 of each of %x and %y, 540 bytes.

func.func @digits(%p: memref<?xi32>, %w: memref<4x1x512xi8>, %s: memref<128x2xf32>, %x: memref<?x64xf32>, %y: memref<?x64xf32>) {
  tern.gather_rows(%p, %w) scales(%s : memref<128x2xf32>) outs(%x : memref<?x64xf32>)
      weight_type tensor<128x64x!tern.trit, #tern.layout<b2, rows, k:4:16, [n:32:1, k:16:1]>>
      : (memref<?xi32>, memref<4x1x512xi8>)
  memref.copy %x, %y : memref<?x64xf32> to memref<?x64xf32>
  return
}
// CHECK-LABEL: func.func @digits(
// CHECK:         scf.parallel
// CHECK-NEXT:      tern.iteration "token_rows" bytes 540
// CHECK:           tern.gather_rows(%{{.*}}, %arg1) scales(%arg2 : memref<128x2xf32>)

// -----

#head = affine_map<(t, h) -> (t, h)>
#all = affine_map<(t, h, i) -> (t, h, i)>
#of_head = affine_map<(t, h, i) -> (t, h)>
#feature = affine_map<(t, h, i) -> (i)>

// The norm of heads, whose rows are views of %x: one loop over tokens too. A token's
// bytes are 48 each of %x and %y, 12 each of the statistics, 16 of the weight.

func.func @norm_of_heads(%x: memref<?x12xf32>, %w: memref<4xf32>, %y: memref<?x3x4xf32>, %tokens: index) {
  %c = memref.expand_shape %x [[0], [1, 2]] output_shape [%tokens, 3, 4] : memref<?x12xf32> into memref<?x3x4xf32>
  %s = memref.alloc(%tokens) : memref<?x3xf32>
  tern.reduce <sum_squares>(%c) outs(%s : memref<?x3xf32>) : (memref<?x3x4xf32>)
  %r = memref.alloc(%tokens) : memref<?x3xf32>
  linalg.generic {indexing_maps = [#head, #head], iterator_types = ["parallel", "parallel"]}
      ins(%s : memref<?x3xf32>) outs(%r : memref<?x3xf32>) {
  ^bb0(%si: f32, %out: f32):
    %0 = math.sqrt %si : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#all, #of_head, #feature, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%c, %r, %w : memref<?x3x4xf32>, memref<?x3xf32>, memref<4xf32>) outs(%y : memref<?x3x4xf32>) {
  ^bb0(%xi: f32, %ri: f32, %wi: f32, %out: f32):
    %0 = arith.mulf %xi, %ri : f32
    %1 = arith.mulf %0, %wi : f32
    linalg.yield %1 : f32
  }
  return
}
// CHECK-LABEL: func.func @norm_of_heads(
// CHECK:         scf.parallel (%[[T:.*]]) =
// CHECK-NEXT:      tern.iteration "token_rows" bytes 136
// CHECK:           %[[XT:.*]] = memref.subview %{{.*}}[%[[T]], 0, 0] [1, 3, 4] [1, 1, 1]
// CHECK:           tern.reduce <sum_squares>(%[[XT]])
// CHECK-NOT:     scf.parallel
// CHECK:         return
