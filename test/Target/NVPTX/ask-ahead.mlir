// RUN: tern-opt %s --tern-vectors-to-lanes --canonicalize --cse | FileCheck %s

// Weights of the first steps are asked for before the run, the rest that a block does first.
// CHECK-LABEL: func.func @product(
// CHECK:         %[[BLOCK:.*]] = llvm.call_intrinsic "llvm.nvvm.read.ptx.sreg.ctaid.x"
// CHECK-COUNT-3: llvm.inline_asm has_side_effects "prefetch.global.L2 [$0];", "l" %{{.*}} : (!llvm.ptr<1>) -> ()
// CHECK-NOT:     llvm.inline_asm
// CHECK:         memref.load %{{.*}} : memref<1xf32>
// CHECK:         scf.for
// CHECK:         llvm.call_intrinsic "llvm.nvvm.mma
#one = #tern_nvptx.mma<tokens = 1>
func.func @product(%weights: memref<40x20x512xi8>, %codes: memref<1x2560xi8>, %x: memref<1xf32>, %out: memref<1x640xi32>) attributes {tern.blocks = 20 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %c20 = arith.constant 20 : index
  %c40 = arith.constant 40 : index
  %c128 = arith.constant 128 : index
  %none = arith.constant dense<0> : vector<512xi32>
  %y = memref.load %x[%c0] : memref<1xf32>
  %z = arith.addf %y, %y : f32
  memref.store %z, %x[%c0] : memref<1xf32>
  %block = tern.worker_index
  scf.for %unit = %block to %c40 step %c20 {
    %row = arith.muli %unit, %c16 : index
    %to = memref.subview %out[0, %row] [1, 16] [1, 1] : memref<1x640xi32> to memref<1x16xi32, strided<[640, 1], offset: ?>>
    %r = scf.for %i = %c0 to %c20 step %c1 iter_args(%s = %none) -> (vector<512xi32>) {
      %column = arith.muli %i, %c128 : index
      %b = tern_nvptx.mma #one %weights[%unit, %i, %c0], %codes[%c0, %column] width 128 into %s : memref<40x20x512xi8>, memref<1x2560xi8>, vector<512xi32>
      scf.yield %b : vector<512xi32>
    }
    tern.micro_store #one %r : vector<512xi32> outs(%to : memref<1x16xi32, strided<[640, 1], offset: ?>>) maps [] {
    ^bb0(%sum: i32):
      tern.yield %sum : i32
    }
  }
  return
}
