// RUN: tern-opt %s --tern-build-step | FileCheck %s

// A group of tokens goes through the embedding, three layers, and, in parts of
// eight, the head; one token takes the bodies for one. After a layer its output,
// at 1472 for 20 tokens of 5 features, is the next one's input, at 1024.

module attributes {tern.max_tokens = 20 : i64, tern.weights_bytes = 1024 : i64, tern.scratch_bytes = 4096 : i64,
    tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>} {
  func.func private @embed.decode(!llvm.ptr, memref<1024xi8>, memref<4096xi8>, index, index)
  func.func private @embed.prefill(!llvm.ptr, memref<1024xi8>, memref<4096xi8>, index, index)
  func.func private @layer.decode(!llvm.ptr, memref<1024xi8>, memref<4096xi8>, index, index)
  func.func private @layer.prefill(!llvm.ptr, memref<1024xi8>, memref<4096xi8>, index, index)
  func.func private @head.decode(!llvm.ptr, memref<1024xi8>, memref<4096xi8>, index, index)
  func.func private @head.prefill(!llvm.ptr, memref<1024xi8>, memref<4096xi8>, index, index)
}
// CHECK-LABEL: func.func private @run_head(
// CHECK-SAME:    %[[ENV:[a-z0-9]+]]: !llvm.ptr, %[[WEIGHTS:[a-z0-9]+]]: memref<1024xi8>, %[[SCRATCH:[a-z0-9]+]]: memref<4096xi8>, %[[ROWS:[a-z0-9]+]]: index)
// CHECK:         %[[ONE:.*]] = arith.cmpi eq, %[[ROWS]], %c1
// CHECK:         scf.if %[[ONE]]
// CHECK:           func.call @head.decode(%[[ENV]], %[[WEIGHTS]], %[[SCRATCH]], %c0{{.*}}, %[[ROWS]]) :
// CHECK:         } else {
// CHECK:           func.call @head.prefill(%[[ENV]], %[[WEIGHTS]], %[[SCRATCH]], %c0{{.*}}, %[[ROWS]]) :

// CHECK-LABEL: func.func private @run(
// CHECK-SAME:    %[[ENV:[a-z0-9]+]]: !llvm.ptr, %[[WEIGHTS:[a-z0-9]+]]: memref<1024xi8>, %[[SCRATCH:[a-z0-9]+]]: memref<4096xi8>, %[[ROWS:[a-z0-9]+]]: index)
// CHECK:         %[[IN:.*]] = call @address(%{{.*}}, %c1024)
// CHECK:         %[[OUT:.*]] = call @address(%{{.*}}, %c1472)
// CHECK:         %[[ALL:.*]] = arith.muli %[[ROWS]], %c5
// CHECK:         %[[ONE:.*]] = arith.cmpi eq, %[[ROWS]], %c1
// CHECK:         scf.if %[[ONE]]
// CHECK:           func.call @embed.decode(
// CHECK:         } else {
// CHECK:           func.call @embed.prefill(
// CHECK:         scf.for %[[LAYER:.*]] = %c0 to %c3 step %c1
// CHECK:           scf.if %[[ONE]]
// CHECK:             func.call @layer.decode(%[[ENV]], %[[WEIGHTS]], %[[SCRATCH]], %[[LAYER]], %[[ROWS]]) :
// CHECK:           } else {
// CHECK:             func.call @layer.prefill(%[[ENV]], %[[WEIGHTS]], %[[SCRATCH]], %[[LAYER]], %[[ROWS]]) :
// CHECK:           func.call @copy_floats(%[[OUT]], %[[IN]], %[[ALL]]) :
// CHECK:         %[[LEFT:.*]] = scf.for
// CHECK:           %[[FULL:.*]] = arith.cmpi eq, %{{.*}}, %c8
// CHECK:           scf.if %[[FULL]]
// CHECK:             func.call @run_head(
// CHECK:         func.call @run_head(%[[ENV]], %[[WEIGHTS]], %[[SCRATCH]], %[[LEFT]]) :
