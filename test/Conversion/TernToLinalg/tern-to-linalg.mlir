// RUN: tern-opt %s --convert-tern-to-linalg --split-input-file | FileCheck %s

// The statistic stays a tern.reduce; 1/sqrt is computed once per token; the
// order of operations is that of docs/numerics.md.

func.func @norm_of_many_tokens(%x: tensor<?x44xf32>, %w: tensor<44xf32>) -> tensor<?x44xf32> {
  %0 = tern.rms_norm %x, %w eps 1.000000e-05 : tensor<?x44xf32>, tensor<44xf32>
  return %0 : tensor<?x44xf32>
}
// CHECK: #[[TOKEN:.*]] = affine_map<(d0) -> (d0)>
// CHECK: #[[BOTH:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK: #[[ROW:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK: #[[COLUMN:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @norm_of_many_tokens(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x44xf32>, %[[W:[a-z0-9]+]]: tensor<44xf32>)
// CHECK:         %[[SUM:.*]] = tern.reduce <sum_squares>(%[[X]]) : (tensor<?x44xf32>) -> tensor<?xf32>
// CHECK:         %[[R:.*]] = linalg.generic
// CHECK-SAME:      indexing_maps = [#[[TOKEN]], #[[TOKEN]]]
// CHECK-SAME:      ins(%[[SUM]] : tensor<?xf32>)
// CHECK:           %[[MEAN:.*]] = arith.divf %{{.*}}, %cst{{[_0-9]*}} : f32
// CHECK:           %[[EPS:.*]] = arith.addf %[[MEAN]], %cst{{[_0-9]*}} : f32
// CHECK:           %[[ROOT:.*]] = math.sqrt %[[EPS]] : f32
// CHECK:           arith.divf %cst{{[_0-9]*}}, %[[ROOT]] : f32
// CHECK:         linalg.generic
// CHECK-SAME:      indexing_maps = [#[[BOTH]], #[[ROW]], #[[COLUMN]], #[[BOTH]]]
// CHECK-SAME:      ins(%[[X]], %[[R]], %[[W]] : tensor<?x44xf32>, tensor<?xf32>, tensor<44xf32>)
// CHECK:           %[[SCALED:.*]] = arith.mulf %{{.*}}, %{{.*}} : f32
// CHECK:           arith.mulf %[[SCALED]], %{{.*}} : f32

// -----

// Heads are rows of their own, with one statistic each and one weight for all.

func.func @norm_of_heads(%x: tensor<?x192xf32>, %w: tensor<64xf32>) -> tensor<?x192xf32> {
  %0 = tern.rms_norm %x, %w eps 1.000000e-06 head_dim 64 : tensor<?x192xf32>, tensor<64xf32>
  return %0 : tensor<?x192xf32>
}
// CHECK: #[[HEAD:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK: #[[ALL:.*]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK: #[[OF_HEAD:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK: #[[FEATURE:.*]] = affine_map<(d0, d1, d2) -> (d2)>
// CHECK-LABEL: func.func @norm_of_heads(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x192xf32>, %[[W:[a-z0-9]+]]: tensor<64xf32>)
// CHECK:         %[[CUT:.*]] = tensor.expand_shape %[[X]] {{\[\[}}0], [1, 2]] output_shape [%{{.*}}, 3, 64]
// CHECK:         %[[SUM:.*]] = tern.reduce <sum_squares>(%[[CUT]]) : (tensor<?x3x64xf32>) -> tensor<?x3xf32>
// CHECK:         %[[R:.*]] = linalg.generic
// CHECK-SAME:      indexing_maps = [#[[HEAD]], #[[HEAD]]]
// CHECK-SAME:      ins(%[[SUM]] : tensor<?x3xf32>)
// CHECK:           %[[N:.*]] = arith.constant 6.400000e+01 : f32
// CHECK:           arith.divf %{{.*}}, %[[N]] : f32
// CHECK:           math.sqrt
// CHECK:         %[[Y:.*]] = linalg.generic
// CHECK-SAME:      indexing_maps = [#[[ALL]], #[[OF_HEAD]], #[[FEATURE]], #[[ALL]]]
// CHECK-SAME:      ins(%[[CUT]], %[[R]], %[[W]] : tensor<?x3x64xf32>, tensor<?x3xf32>, tensor<64xf32>)
// CHECK:         tensor.collapse_shape %[[Y]] {{\[\[}}0], [1, 2]] : tensor<?x3x64xf32> into tensor<?x192xf32>

// -----

func.func @scaled(%x: tensor<?x44xf32>) -> tensor<?x44xf32> {
  %0 = tern.scale %x by 1.200000e+01 : tensor<?x44xf32>
  %1 = tern.scale %0 divided by 6.000000e+00 : tensor<?x44xf32>
  return %1 : tensor<?x44xf32>
}
// CHECK-LABEL: func.func @scaled(
// CHECK:         linalg.generic
// CHECK:           %[[TWELVE:.*]] = arith.constant 1.200000e+01 : f32
// CHECK:           arith.mulf %{{.*}}, %[[TWELVE]] : f32
// CHECK:         linalg.generic
// CHECK:           %[[SIX:.*]] = arith.constant 6.000000e+00 : f32
// CHECK:           arith.divf %{{.*}}, %[[SIX]] : f32

// -----

// absmax clips before it rounds, and takes the integer from the sum's low bits.

func.func @int8_absmax(%x: tensor<1x65xf32>) -> (tensor<1x65xi8>, tensor<1xf32>) {
  %q, %s = tern.quantize <int8_absmax> (%x) : (tensor<1x65xf32>) -> tensor<1x65xi8>, tensor<1xf32>
  return %q, %s : tensor<1x65xi8>, tensor<1xf32>
}
// CHECK-LABEL: func.func @int8_absmax(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<1x65xf32>)
// CHECK:         %[[MAX:.*]] = tern.reduce <max_abs>(%[[X]]) : (tensor<1x65xf32>) -> tensor<1xf32>
// CHECK:         %[[FACTORS:.*]]:2 = linalg.generic
// CHECK-SAME:      ins(%[[MAX]] : tensor<1xf32>)
// CHECK:           %[[G:.*]] = arith.select
// CHECK:           %[[MULTIPLIER:.*]] = arith.divf %{{.*}}, %[[G]] : f32
// CHECK:           %[[FACTOR:.*]] = arith.divf %[[G]], %{{.*}} : f32
// CHECK:           linalg.yield %[[MULTIPLIER]], %[[FACTOR]] : f32, f32
// CHECK:         %[[Q:.*]] = linalg.generic
// CHECK-SAME:      ins(%[[X]], %[[FACTORS]]#0 : tensor<1x65xf32>, tensor<1xf32>)
// CHECK-SAME:      outs(%{{.*}} : tensor<1x65xi8>)
// CHECK:           arith.mulf
// Of the largest magnitude, none is above 127; NaN is the lowest code.
// CHECK:           %[[LOW:.*]] = arith.constant -1.280000e+02 : f32
// CHECK-NOT:       1.270000e+02
// CHECK:           %[[GREATER:.*]] = arith.cmpf ogt, %{{.*}}, %[[LOW]] : f32
// CHECK:           arith.select %[[GREATER]]
// CHECK:           arith.constant 0x4B400000 : f32
// CHECK:           arith.bitcast %{{.*}} : f32 to i32
// CHECK:           arith.trunci %{{.*}} : i32 to i8
// CHECK:         return %[[Q]], %[[FACTORS]]#1 : tensor<1x65xi8>, tensor<1xf32>

// -----

// absmean divides the sum by the number of features first.

func.func @int4_absmean(%x: tensor<1x5xf32>) -> (tensor<1x5xi8>, tensor<1xf32>) {
  %q, %s = tern.quantize <int4_absmean> (%x) : (tensor<1x5xf32>) -> tensor<1x5xi8>, tensor<1xf32>
  return %q, %s : tensor<1x5xi8>, tensor<1xf32>
}
// CHECK-LABEL: func.func @int4_absmean(
// CHECK:         tern.reduce <sum_abs>
// CHECK:         %[[N:.*]] = arith.constant 5.000000e+00 : f32
// CHECK:         arith.divf %{{.*}}, %[[N]] : f32
// CHECK:         arith.constant 2.64575124 : f32
// CHECK:         arith.constant -8.000000e+00 : f32
// CHECK:         arith.constant 7.000000e+00 : f32

// -----

// Of blocks, the mean is over the features of one.

func.func @blocks(%x: tensor<?x24xf32>) -> (tensor<?x24xi8>, tensor<?x3xf32>) {
  %q, %s = tern.quantize <int4_absmean, block = 8> (%x) : (tensor<?x24xf32>) -> tensor<?x24xi8>, tensor<?x3xf32>
  return %q, %s : tensor<?x24xi8>, tensor<?x3xf32>
}
// CHECK-DAG: #[[BLOCK:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-DAG: #[[ALL:.*]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK-LABEL: func.func @blocks(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x24xf32>)
// CHECK:         %[[CUT:.*]] = tensor.expand_shape %[[X]] {{\[\[}}0], [1, 2]] {{.*}} into tensor<?x3x8xf32>
// CHECK:         %[[SUM:.*]] = tern.reduce <sum_abs>(%[[CUT]]) : (tensor<?x3x8xf32>) -> tensor<?x3xf32>
// CHECK:         %[[FACTORS:.*]]:2 = linalg.generic
// CHECK-SAME:      iterator_types = ["parallel", "parallel"]} ins(%[[SUM]] : tensor<?x3xf32>)
// CHECK:           arith.constant 8.000000e+00 : f32
// CHECK:         %[[Q:.*]] = linalg.generic {indexing_maps = [#[[ALL]], #[[BLOCK]], #[[ALL]]]
// CHECK-SAME:      ins(%[[CUT]], %[[FACTORS]]#0 : tensor<?x3x8xf32>, tensor<?x3xf32>)
// CHECK:         %[[ROWS:.*]] = tensor.collapse_shape %[[Q]] {{\[\[}}0], [1, 2]] : tensor<?x3x8xi8> into tensor<?x24xi8>
// CHECK:         return %[[ROWS]], %[[FACTORS]]#1

// -----

// fp4 rounds to a multiple that depends on the magnitude.

func.func @fp4_e2m1(%x: tensor<1x5xf32>) -> (tensor<1x5xi8>, tensor<1xf32>) {
  %q, %s = tern.quantize <fp4_e2m1> (%x) : (tensor<1x5xf32>) -> tensor<1x5xi8>, tensor<1xf32>
  return %q, %s : tensor<1x5xi8>, tensor<1xf32>
}
// CHECK-LABEL: func.func @fp4_e2m1(
// CHECK:         tern.reduce <max_abs>
// CHECK:         math.absf
// CHECK:         arith.constant 0x4BC00000 : f32
// CHECK:         arith.constant 0x4C400000 : f32
// CHECK:         arith.fptosi %{{.*}} : f32 to i32

// -----

// factor * scale is rounded before the sum is multiplied by it.

func.func @one_scale(%a: tensor<?x3xi32>, %f: tensor<?xf32>, %s: tensor<1xf32>) -> tensor<?x3xf32> {
  %0 = tern.dequantize(%a, %f, %s) : (tensor<?x3xi32>, tensor<?xf32>, tensor<1xf32>) -> tensor<?x3xf32>
  return %0 : tensor<?x3xf32>
}
// CHECK: #[[ZERO:.*]] = affine_map<(d0, d1) -> (0)>
// CHECK-LABEL: func.func @one_scale(
// CHECK:         linalg.generic
// CHECK-SAME:      #[[ZERO]]
// CHECK:         ^bb0(%[[A:.*]]: i32, %[[F:.*]]: f32, %[[S:.*]]: f32, %{{.*}}: f32):
// CHECK:           %[[SUM:.*]] = arith.sitofp %[[A]] : i32 to f32
// CHECK:           %[[BOTH:.*]] = arith.mulf %[[F]], %[[S]] : f32
// CHECK:           arith.mulf %[[SUM]], %[[BOTH]] : f32

// -----

// relu2 is 0 behind a gate that is closed, which one that is no number is not; silu
// has an exponential, for which no library is called and nothing is converted.

func.func @gates(%g: tensor<?x100xf32>, %u: tensor<?x100xf32>) -> (tensor<?x100xf32>, tensor<?x100xf32>) {
  %0 = tern.glu <relu2> %g, %u : tensor<?x100xf32>
  %1 = tern.glu <silu> %g, %u : tensor<?x100xf32>
  return %0, %1 : tensor<?x100xf32>, tensor<?x100xf32>
}
// CHECK-LABEL: func.func @gates(
// CHECK:         ^bb0(%[[G:.*]]: f32, %[[U:.*]]: f32, %{{.*}}: f32):
// CHECK:           %[[OPEN:.*]] = arith.cmpf ugt, %[[G]], %{{.*}} : f32
// CHECK:           %[[SQUARE:.*]] = arith.mulf %[[G]], %[[G]] : f32
// CHECK:           %[[F:.*]] = arith.mulf %[[SQUARE]], %[[U]] : f32
// CHECK:           arith.select %[[OPEN]], %[[F]], %{{.*}} : f32
// CHECK:           arith.negf
// CHECK-NOT:       {{math.exp|arith.fptosi}}
// CHECK:           arith.shli
// CHECK:           arith.divf

// -----

// Two heads of six; tables looked up by position; the second half continues from
// what the first inserted.

func.func @rope(%x: tensor<?x12xf32>, %p: tensor<?xi32>, %c: tensor<9x3xf32>, %s: tensor<9x3xf32>) -> tensor<?x12xf32> {
  %0 = tern.rope %x at %p cos %c sin %s head_dim 6
      : tensor<?x12xf32>, tensor<?xi32>, tensor<9x3xf32>, tensor<9x3xf32>
  return %0 : tensor<?x12xf32>
}
// CHECK-LABEL: func.func @rope(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x12xf32>, %[[P:[a-z0-9]+]]: tensor<?xi32>, %[[C:[a-z0-9]+]]: tensor<9x3xf32>, %[[S:[a-z0-9]+]]: tensor<9x3xf32>)
// CHECK:         %[[SPLIT:.*]] = tensor.expand_shape %[[X]] {{\[}}[0], [1, 2]] output_shape [%{{.*}}, 2, 6]
// CHECK:         %[[A:.*]] = tensor.extract_slice %[[SPLIT]][0, 0, 0] [%{{.*}}, 2, 3]
// CHECK:         %[[B:.*]] = tensor.extract_slice %[[SPLIT]][0, 0, 3] [%{{.*}}, 2, 3]
// CHECK:         %[[COS:.*]] = tern.gather_rows(%[[P]], %[[C]])
// CHECK:         %[[SIN:.*]] = tern.gather_rows(%[[P]], %[[S]])
// CHECK:         %[[FIRST:.*]] = linalg.generic
// CHECK-SAME:      ins(%[[A]], %[[B]], %[[COS]], %[[SIN]] :
// CHECK:         ^bb0(%[[AI:.*]]: f32, %[[BI:.*]]: f32, %[[CI:.*]]: f32, %[[SI:.*]]: f32, %{{.*}}: f32):
// CHECK-DAG:       %[[AC:.*]] = arith.mulf %[[AI]], %[[CI]] : f32
// CHECK-DAG:       %[[BS:.*]] = arith.mulf %[[BI]], %[[SI]] : f32
// CHECK:           arith.subf %[[AC]], %[[BS]] : f32
// CHECK:         %[[HALF:.*]] = tensor.insert_slice %[[FIRST]] into %{{.*}}[0, 0, 0] [%{{.*}}, 2, 3]
// CHECK:         %[[OUT:.*]] = tensor.extract_slice %[[HALF]][0, 0, 3] [%{{.*}}, 2, 3]
// CHECK:         linalg.generic
// CHECK-SAME:      ins(%[[B]], %[[A]], %[[COS]], %[[SIN]] :
// CHECK-SAME:      outs(%[[OUT]] :
// CHECK:           arith.addf
// CHECK:         tensor.collapse_shape

// -----

// Only the new columns are filled.

func.func @pad_codes(%q: tensor<?x5xi8>) -> tensor<?x8xi8> {
  %zero = arith.constant 0 : i8
  %0 = tensor.pad %q low[0, 0] high[0, 3] {
  ^bb0(%t: index, %k: index):
    tensor.yield %zero : i8
  } : tensor<?x5xi8> to tensor<?x8xi8>
  return %0 : tensor<?x8xi8>
}
// CHECK-LABEL: func.func @pad_codes(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x5xi8>)
// CHECK-NOT:     tensor.pad
// CHECK:         %[[EMPTY:.*]] = tensor.empty(%{{.*}}) : tensor<?x8xi8>
// CHECK:         %[[NEW:.*]] = tensor.extract_slice %[[EMPTY]][0, 5] [%{{.*}}, 3] [1, 1]
// CHECK:         %[[FILLED:.*]] = linalg.fill ins(%{{.*}} : i8) outs(%[[NEW]] : tensor<?x3xi8>)
// CHECK:         %[[RIGHT:.*]] = tensor.insert_slice %[[FILLED]] into %[[EMPTY]][0, 5]
// CHECK:         tensor.insert_slice %[[Q]] into %[[RIGHT]][0, 0]
