// RUN: tern-opt %s --tern-vectors-to-lanes --canonicalize --cse | FileCheck %s

#one = #tern_nvptx.mma<tokens = 1>
#few = #tern_nvptx.mma<tokens = 16>
#many = #tern_nvptx.mma<tokens = 64>
#layout = #tern.layout<b2, rows, k:4:8, [k:1:128, n:8:1, k:4:32, k:2:4, n:2:8, k:4:1], f16>
module attributes {tern.target = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">} {
// 20 groups by eight warps, three each, the last of which are none and give +0. Four lanes
// have the token's terms; one warp adds those of all groups by rising group.
// CHECK-LABEL: func.func @one(
// CHECK-SAME:    tern.threads = 256 : i64, tern_nvptx.registers = 64 : i64
// CHECK-COUNT-3: llvm.inline_asm has_side_effects "prefetch.global.L2 [$0];"
// CHECK-COUNT-3: vector.load %{{.*}} {alignment = 16 : i64} : memref<1x20x544xi8, {{.*}}>, vector<16xi8>
// CHECK-COUNT-12: llvm.call_intrinsic "llvm.nvvm.mma.m16n8k32.row.col.u8.s8"
// CHECK:         vector.load %{{.*}} {alignment = 2 : i64} : memref<1x20x544xi8, {{.*}}>, vector<2xi8>
// CHECK:         %[[SCALE:.*]] = arith.extf %{{.*}} : f16 to f32
// CHECK:         %[[EXCESS:.*]] = memref.load %{{.*}} : memref<1x20xi32>
// CHECK:         %[[SUM:.*]] = arith.subi %{{.*}}, %[[EXCESS]]
// CHECK:         %[[FLOAT:.*]] = arith.sitofp %[[SUM]]
// CHECK:         %[[TERM:.*]] = arith.mulf %[[FLOAT]], %[[SCALE]]
// CHECK:         %[[OR:.*]] = arith.select %{{.*}}, %[[TERM]], %cst : f32
// CHECK:         llvm.call_intrinsic "llvm.nvvm.barrier.cta.sync.aligned.all"
// CHECK:         memref.store %[[OR]], %[[TERMS:.*]][%{{.*}}, %c0, %{{.*}}] : memref<24x2x8xf32, 3>
// CHECK:         llvm.call_intrinsic "llvm.nvvm.barrier.cta.sync.aligned.all"
// CHECK:         %[[TOTALS:.*]]:2 = scf.if
// CHECK:           %[[T0:.*]] = memref.load %[[TERMS]][%c0, %c0, %{{.*}}]
// CHECK:           %[[S0:.*]] = arith.addf %[[T0]], %cst
// CHECK:           %[[T1:.*]] = memref.load %[[TERMS]][%c1, %c0, %{{.*}}]
// CHECK:           arith.addf %[[S0]], %[[T1]]
// CHECK:           memref.load %[[TERMS]][%c23, %c1, %{{.*}}]
// CHECK:         memref.store %[[TOTALS]]#0, %{{.*}} : memref<1x16xf32>
func.func @one(%weights: memref<40x20x544xi8>, %codes: memref<1x2560xi8>, %code_sums: memref<1x20xi32>, %out: memref<1x16xf32>) attributes {tern.blocks = 40 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c20 = arith.constant 20 : index
  %c128 = arith.constant 128 : index
  %none = arith.constant dense<0> : vector<512xi32>
  %zero = arith.constant dense<0.0> : vector<128xf32>
  %block = tern.worker_index
  %tile = memref.subview %weights[%block, 0, 0] [1, 20, 544] [1, 1, 1] : memref<40x20x544xi8> to memref<1x20x544xi8, strided<[10880, 544, 1], offset: ?>>
  %r = scf.for %g = %c0 to %c20 step %c1 iter_args(%t = %zero) -> (vector<128xf32>) {
    %column = arith.muli %g, %c128 : index
    %s = tern_nvptx.mma #one %tile[%c0, %g, %c0], %codes[%c0, %column] width 128 into %none : memref<1x20x544xi8, strided<[10880, 544, 1], offset: ?>>, memref<1x2560xi8>, vector<512xi32>
    %u = tern.micro_scale #one %s into %t group %g less %code_sums : memref<1x20xi32> scales %tile : memref<1x20x544xi8, strided<[10880, 544, 1], offset: ?>> in #layout : vector<512xi32> into vector<128xf32>
    scf.yield %u : vector<128xf32>
  }
  tern.micro_store #one %r : vector<128xf32> outs(%out : memref<1x16xf32>) maps [] {
  ^bb0(%sum: f32):
    tern.yield %sum : f32
  }
  return
}

// Groups of two steps with a factor of the token for each two of them, and scales of their own.
// CHECK-LABEL: func.func @few(
// CHECK:         scf.for %{{.*}} = %c0_i32 to %c8_i32 step %c4_i32
// CHECK-COUNT-16: llvm.call_intrinsic "llvm.nvvm.mma.m16n8k32.row.col.u8.s8"
// CHECK:           memref.load %{{.*}} : memref<16x8xf32>
// CHECK:           memref.load %{{.*}} : memref<?x8xi32>
// CHECK:           %[[FACTOR:.*]] = memref.load %{{.*}} : memref<?x4xf32>
// CHECK:           llvm.call_intrinsic "llvm.nvvm.shfl.sync.idx.i32"
// CHECK:           %[[SCALED:.*]] = arith.mulf
// CHECK:           arith.mulf %[[SCALED]], %{{.*}}
// CHECK:           memref.store %{{.*}} : memref<4x8x32xf32, 3>
func.func @few(%weights: memref<40x16x512xi8>, %codes: memref<?x2048xi8>, %code_sums: memref<?x8xi32>, %scales: memref<16x8xf32>, %factors: memref<?x4xf32>, %out: memref<?x16xf32>) attributes {tern.blocks = 40 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : index
  %c128 = arith.constant 128 : index
  %none = arith.constant dense<0> : vector<256xi32>
  %zero = arith.constant dense<0.0> : vector<256xf32>
  %block = tern.worker_index
  %r = scf.for %g = %c0 to %c8 step %c1 iter_args(%t = %zero) -> (vector<256xf32>) {
    %first = arith.muli %g, %c2 : index
    %s = scf.for %i = %c0 to %c2 step %c1 iter_args(%a = %none) -> (vector<256xi32>) {
      %step = arith.addi %first, %i : index
      %column = arith.muli %step, %c128 : index
      %b = tern_nvptx.mma #few %weights[%block, %step, %c0], %codes[%c0, %column] width 128 into %a : memref<40x16x512xi8>, memref<?x2048xi8>, vector<256xi32>
      scf.yield %b : vector<256xi32>
    }
    %u = tern.micro_scale #few %s into %t group %g less %code_sums : memref<?x8xi32> scales %scales : memref<16x8xf32> factors %factors : memref<?x4xf32> of 2 : vector<256xi32> into vector<256xf32>
    scf.yield %u : vector<256xf32>
  }
  tern.micro_store #few %r : vector<256xf32> outs(%out : memref<?x16xf32>) maps [] {
  ^bb0(%sum: f32):
    tern.yield %sum : f32
  }
  return
}

// Warps with rows of their own keep totals beside the sums of a group.
// CHECK-LABEL: func.func @many(
// CHECK:         scf.for %[[STEP:.*]] = %c0_i32 to %c4_i32 step %c1_i32 iter_args(%[[TOTAL:[a-z0-9]*]] = %cst
// CHECK-COUNT-32: llvm.call_intrinsic "llvm.nvvm.mma.m16n8k32.row.col.u8.s8"
// CHECK:           %[[INDEX:.*]] = arith.remui %[[STEP]], %c2_i32
// CHECK:           %[[LAST:.*]] = arith.cmpi eq, %[[INDEX]], %c1_i32
// CHECK:           arith.select %[[LAST]], %c0_i32, %{{.*}} : i32
// CHECK:           scf.if %[[LAST]]
// CHECK:             %[[OWN:.*]] = arith.mulf
// CHECK:             arith.addf %[[TOTAL]], %[[OWN]]
func.func @many(%weights: memref<8x4x512xi8>, %codes: memref<?x512xi8>, %scales: memref<16x2xf32>, %out: memref<?x16xf32>) attributes {tern.blocks = 8 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c128 = arith.constant 128 : index
  %none = arith.constant dense<0> : vector<1024xi32>
  %zero = arith.constant dense<0.0> : vector<1024xf32>
  %block = tern.worker_index
  %r = scf.for %g = %c0 to %c2 step %c1 iter_args(%t = %zero) -> (vector<1024xf32>) {
    %first = arith.muli %g, %c2 : index
    %s = scf.for %i = %c0 to %c2 step %c1 iter_args(%a = %none) -> (vector<1024xi32>) {
      %step = arith.addi %first, %i : index
      %column = arith.muli %step, %c128 : index
      %b = tern_nvptx.mma #many %weights[%block, %step, %c0], %codes[%c0, %column] width 128 into %a : memref<8x4x512xi8>, memref<?x512xi8>, vector<1024xi32>
      scf.yield %b : vector<1024xi32>
    }
    %u = tern.micro_scale #many %s into %t group %g scales %scales : memref<16x2xf32> : vector<1024xi32> into vector<1024xf32>
    scf.yield %u : vector<1024xf32>
  }
  tern.micro_store #many %r : vector<1024xf32> outs(%out : memref<?x16xf32>) maps [] {
  ^bb0(%sum: f32):
    tern.yield %sum : f32
  }
  return
}
}
