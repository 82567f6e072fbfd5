// RUN: tern-opt %s --tern-export-model | FileCheck %s

// The table of weights, in the order of tern_weight: offset, stride, bytes,
// token_bytes, macs, count, reader. A token reads one row of a table; a weight
// that no function reads is not told of, nor are products that only prefill has.

module attributes {
    tern.model = #tern.model<name = "bard", vocab = 11, hidden = 5, layers = 3, max_context = 13>,
    tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "">,
    tern.states = {}, tern.projections = [], tern.layer_stride = 192 : i64} {
  tern.weight @embed <values> ["e"] offset 0 {readers = ["embed.decode", "embed.prefill"]} : tensor<11x5xbf16>
  tern.weight @unread <values> ["u"] offset 128 : tensor<5xf32>
  tern.weight @rope <rope_cos> [] offset 256 {head_dim = 4 : i64, theta = 1.0e+04 : f64, readers = ["layer.decode"]} : tensor<13x2xf32>
  tern.weight @norm per_layer <values> ["{}.n"] offset 384 {readers = ["layer.decode"]} : tensor<5xf32>
  tern.weight @w per_layer <digits> ["{}.w"] offset 448 {readers = ["layer.decode", "layer.prefill"]} : tensor<3x7x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
  tern.weight @w.scale per_layer <scale> ["{}.w"] offset 512 {readers = ["layer.decode"]} : tensor<1xf32>
  tern.weight @late per_layer <digits> ["{}.l"] offset 520 {readers = ["layer.prefill"]} : tensor<3x7x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
  tern.weight @head <integer_rows> ["h"] offset 1024 {readers = ["embed.decode", "head.decode"]} : tensor<11x5xi8>
  llvm.func @embed.decode() { llvm.return }
  llvm.func @embed.prefill() { llvm.return }
  llvm.func @layer.decode() { llvm.return }
  llvm.func @layer.prefill() { llvm.return }
  llvm.func @head.decode() { llvm.return }
  llvm.func @head.prefill() { llvm.return }
}
// CHECK: llvm.mlir.global internal constant @[[WEIGHTS:.*]]() {{.*}} : !llvm.array<8 x struct<(i64, i64, i64, i64, i64, i32, i32)>>

// @embed: rows of 10 bytes
// CHECK:      constant(0 : i64)
// CHECK-NEXT: insertvalue {{.*}}[0, 0]
// CHECK:      constant(110 : i64)
// CHECK-NEXT: insertvalue {{.*}}[0, 2]
// CHECK:      constant(10 : i64)
// CHECK-NEXT: insertvalue {{.*}}[0, 3]
// CHECK:      constant(0 : i64)
// CHECK-NEXT: insertvalue {{.*}}[0, 4]
// CHECK:      constant(1 : i32)
// CHECK-NEXT: insertvalue {{.*}}[0, 5]
// CHECK:      constant(0 : i32)
// CHECK-NEXT: insertvalue {{.*}}[0, 6]

// @rope
// CHECK:      constant(104 : i64)
// CHECK-NEXT: insertvalue {{.*}}[1, 2]
// CHECK:      constant(8 : i64)
// CHECK-NEXT: insertvalue {{.*}}[1, 3]
// CHECK:      constant(0 : i64)
// CHECK-NEXT: insertvalue {{.*}}[1, 4]

// @norm: three layers
// CHECK:      constant(192 : i64)
// CHECK-NEXT: insertvalue {{.*}}[2, 1]
// CHECK:      constant(20 : i64)
// CHECK-NEXT: insertvalue {{.*}}[2, 2]
// CHECK:      constant(20 : i64)
// CHECK-NEXT: insertvalue {{.*}}[2, 3]
// CHECK:      constant(0 : i64)
// CHECK-NEXT: insertvalue {{.*}}[2, 4]
// CHECK:      constant(3 : i32)
// CHECK-NEXT: insertvalue {{.*}}[2, 5]

// @w: 3 rows of 2 bytes, 21 multiply-adds, of a layer
// CHECK:      constant(6 : i64)
// CHECK-NEXT: insertvalue {{.*}}[3, 2]
// CHECK:      constant(6 : i64)
// CHECK-NEXT: insertvalue {{.*}}[3, 3]
// CHECK:      constant(21 : i64)
// CHECK-NEXT: insertvalue {{.*}}[3, 4]
// CHECK:      constant(1 : i32)
// CHECK-NEXT: insertvalue {{.*}}[3, 6]

// @w.scale
// CHECK:      constant(0 : i64)
// CHECK-NEXT: insertvalue {{.*}}[4, 4]

// @late
// CHECK:      constant(6 : i64)
// CHECK-NEXT: insertvalue {{.*}}[5, 2]
// CHECK:      constant(0 : i64)
// CHECK-NEXT: insertvalue {{.*}}[5, 3]
// CHECK:      constant(0 : i64)
// CHECK-NEXT: insertvalue {{.*}}[5, 4]

// @head, which a token reads as a whole
// CHECK:      constant(55 : i64)
// CHECK-NEXT: insertvalue {{.*}}[6, 2]
// CHECK:      constant(55 : i64)
// CHECK-NEXT: insertvalue {{.*}}[6, 3]
// CHECK:      constant(55 : i64)
// CHECK-NEXT: insertvalue {{.*}}[6, 4]
// CHECK:      constant(2 : i32)
// CHECK-NEXT: insertvalue {{.*}}[6, 6]

// The end
// CHECK:      constant(0 : i32)
// CHECK-NEXT: insertvalue {{.*}}[7, 5]
// CHECK:      @tern_model_bard()
// CHECK:      llvm.mlir.addressof @[[WEIGHTS]] :
// CHECK-NEXT: insertvalue {{.*}}[29]
