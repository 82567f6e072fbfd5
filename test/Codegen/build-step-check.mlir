// RUN: tern-opt %s --tern-build-step | FileCheck %s

// Nothing runs before all segments are checked: a missing pointer, no token or
// more logits than tokens is 1, more than 13 tokens is 3, a token that is none of
// the 11 is 2.

module attributes {tern.max_tokens = 20 : i64, tern.weights_bytes = 1024 : i64, tern.scratch_bytes = 4096 : i64,
    tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func private @embed.decode(!llvm.ptr, memref<1024xi8>, memref<4096xi8>, index, index)
  func.func private @embed.prefill(!llvm.ptr, memref<1024xi8>, memref<4096xi8>, index, index)
  func.func private @layer.decode(!llvm.ptr, memref<1024xi8>, memref<4096xi8>, index, index)
  func.func private @layer.prefill(!llvm.ptr, memref<1024xi8>, memref<4096xi8>, index, index)
  func.func private @head.decode(!llvm.ptr, memref<1024xi8>, memref<4096xi8>, index, index)
  func.func private @head.prefill(!llvm.ptr, memref<1024xi8>, memref<4096xi8>, index, index)
}
// CHECK-LABEL: func.func private @check(
// CHECK-SAME:    %[[SEGMENT:[a-z0-9]+]]: !llvm.ptr) -> i32
// CHECK:         llvm.getelementptr %[[SEGMENT]][0, 0] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, ptr, ptr, ptr, i32, i32, i32, i32)>
// CHECK:         %[[STATE:.*]] = llvm.load
// CHECK:         llvm.getelementptr %[[SEGMENT]][0, 1]
// CHECK:         %[[TOKENS:.*]] = llvm.load
// CHECK:         llvm.getelementptr %[[SEGMENT]][0, 4]
// CHECK:         %[[N:.*]] = llvm.load
// CHECK:         llvm.getelementptr %[[SEGMENT]][0, 5]
// CHECK:         %[[POSITION:.*]] = llvm.load
// CHECK:         llvm.getelementptr %[[SEGMENT]][0, 6]
// CHECK:         %[[WANTED:.*]] = llvm.load
// CHECK:         llvm.icmp "eq" %[[STATE]],
// CHECK:         llvm.icmp "eq" %[[TOKENS]],
// CHECK:         arith.cmpi eq, %[[N]], %c0_i32 :
// CHECK:         arith.cmpi ugt, %[[WANTED]], %[[N]] :
// CHECK:         %[[N64:.*]] = arith.extui %[[N]] :
// CHECK:         %[[POSITION64:.*]] = arith.extui %[[POSITION]] :
// CHECK:         %[[END:.*]] = arith.addi %[[N64]], %[[POSITION64]] :
// CHECK:         %[[FULL:.*]] = arith.cmpi ugt, %[[END]], %c13_i64 :
// CHECK:         %[[FIRST:.*]] = arith.select %[[FULL]], %c3_i32, %c0_i32{{.*}} :
// CHECK:         arith.select %{{.*}}, %c1_i32{{.*}}, %[[FIRST]] :
// CHECK:         %[[OUTSIDE:.*]] = arith.cmpi uge, %{{.*}}, %c11_i32 :
// CHECK:         arith.select %[[OUTSIDE]], %c2_i32,

// CHECK-LABEL: func.func private @step(
// CHECK-SAME:    %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %[[COUNT:[a-z0-9]+]]: i32) -> i32
// CHECK:         %[[STATUS:.*]] = scf.for unsigned
// CHECK:           func.call @check(
// CHECK:         %[[OK:.*]] = arith.cmpi eq, %[[STATUS]], %c0_i32
// CHECK:         scf.if %[[OK]] {
// CHECK:           scf.for unsigned %{{.*}} = %{{.*}} to %[[COUNT]] step
// CHECK:             %[[FULL:.*]] = arith.cmpi eq, %{{.*}}, %c20 :
// CHECK:             scf.if %[[FULL]]
// CHECK:               func.call @run(
// CHECK:           func.call @run(
// CHECK:         return %[[STATUS]] :
