// RUN: tern-opt %s --tern-vectors-to-lanes --canonicalize --cse --split-input-file | FileCheck %s

// Codes of 64 dimensions, three bits each: of the queries 16 bytes, the fields of a chunk;
// of a group of 16 positions two words of each plane, and two products for four fields.
// Weights of 64 positions are 16 bytes for a lane, and the values of 16 dimensions two
// products more. Warps meet between scores, weights, values and results.
// CHECK-LABEL: func.func @codes(
// CHECK-SAME:    tern.threads = 256 : i64, tern_nvptx.few_blocks
// CHECK:         llvm.call_intrinsic "llvm.nvvm.barrier.cta.sync.aligned.all"
// CHECK:         llvm.call_intrinsic "llvm.nvvm.redux.sync.umax"
// CHECK:         llvm.call_intrinsic "llvm.nvvm.redux.sync.add"
// CHECK:         llvm.call_intrinsic "llvm.nvvm.barrier.cta.sync.aligned.all"
// CHECK:         vector.load {{.*}} {alignment = 16 : i64} : memref<2x80xi8, 3>, vector<16xi8>
// CHECK:         scf.for {{.*}} -> (f32, f32)
// CHECK-COUNT-4:   vector.load {{.*}} {alignment = 4 : i64} : memref<99840xi8>, vector<4xi8>
// CHECK-COUNT-2:   llvm.call_intrinsic "llvm.nvvm.mma.m16n8k32.row.col.u8.s8"
// CHECK-NOT:       "llvm.nvvm.mma
// CHECK-COUNT-6: llvm.call_intrinsic "llvm.nvvm.shfl.sync.bfly.i32"
// CHECK:         llvm.call_intrinsic "llvm.nvvm.barrier.cta.sync.aligned.all"
// CHECK:         llvm.call_intrinsic "llvm.nvvm.redux.sync.umax"
// CHECK:         llvm.call_intrinsic "llvm.nvvm.redux.sync.add"
// CHECK:         llvm.call_intrinsic "llvm.nvvm.barrier.cta.sync.aligned.all"
// CHECK-COUNT-5: llvm.call_intrinsic "llvm.nvvm.shfl.sync.down.i32"
// CHECK:         vector.load {{.*}} {alignment = 16 : i64} : memref<2x256xi8, 3>, vector<16xi8>
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.nvvm.mma.m16n8k32.row.col.u8"(
// CHECK-NOT:     "llvm.nvvm.mma
// CHECK:         llvm.call_intrinsic "llvm.nvvm.barrier.cta.sync.aligned.all"
// CHECK:         arith.divf
// CHECK:         memref.store %{{.*}} : memref<1x128xf32>
!three = !tern.kv_cache<layers = 5, heads = 1, head_dim = 64, capacity = 200, bits = 3, bos_bits = 4>
func.func @codes(%q: memref<1x128xf32>, %o: memref<1x128xf32>, %state: memref<99840xi8>, %seen: index) attributes {tern.blocks = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c64 = arith.constant 64 : index
  %c1024 = arith.constant 1024 : index
  %e = memref.alloca() : memref<2x260xf32, 3>
  %tops = memref.alloca() : memref<9x8xf32, 3>
  %z = memref.alloca() : memref<1x8xf32, 3>
  %r = memref.alloca() : memref<4x2x160xf32, 3>
  %qs = memref.alloca() : memref<2x80xi8, 3>
  %sums = memref.alloca() : memref<1x8xi32, 3>
  %factors = memref.alloca() : memref<1x8xf32, 3>
  %p = memref.alloca() : memref<2x256xi8, 3>
  %ps = memref.alloca() : memref<4x8xi32, 3>
  %ms = memref.alloca() : memref<4x8xf32, 3>
  %p0 = memref.alloca() : memref<1x8xi32, 3>
  tern_nvptx.attend %q, %o, %state, %c1024, %c64 row %c0, %c0, %c1, %c2, %seen share %c0
    uses(%e, %tops, %z, %r, %qs, %sums, %factors, %p, %ps, %ms, %p0 : memref<2x260xf32, 3>,
      memref<9x8xf32, 3>, memref<1x8xf32, 3>, memref<4x2x160xf32, 3>, memref<2x80xi8, 3>,
      memref<1x8xi32, 3>, memref<1x8xf32, 3>, memref<2x256xi8, 3>, memref<4x8xi32, 3>,
      memref<4x8xf32, 3>, memref<1x8xi32, 3>)
    {at_once = 2 : i64, cache = !three, part = "all", tile = 1 : i64}
    : memref<1x128xf32>, memref<1x128xf32>, memref<99840xi8>
  return
}

// -----

// 16 bits: a lane has a quarter of the dimensions of two positions, and takes halves of the
// sums of two others on the way to the results.
// CHECK-LABEL: func.func @halves(
// CHECK:         scf.for {{.*}} -> (f32)
// CHECK-COUNT-16: vector.load {{.*}} {alignment = 4 : i64} : memref<99840xi8>, vector<4xi8>
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.nvvm.shfl.sync.bfly.i32"
// CHECK:         vector.load {{.*}} {alignment = 16 : i64} : memref<99840xi8>, vector<16xi8>
// CHECK:         arith.mulf
// CHECK-NOT:     arith.select
// CHECK:         scf.yield
// CHECK:         vector.load {{.*}} {alignment = 16 : i64} : memref<99840xi8>, vector<16xi8>
// CHECK:         arith.mulf
// CHECK:         arith.select
// CHECK-COUNT-31: llvm.call_intrinsic "llvm.nvvm.shfl.sync.bfly.i32"
// CHECK-NOT:     "llvm.nvvm.shfl.sync.bfly.i32"
!half = !tern.kv_cache<layers = 5, heads = 1, head_dim = 64, capacity = 200, bits = 16, bos_bits = 16>
func.func @halves(%q: memref<1x64xf32>, %o: memref<1x64xf32>, %state: memref<99840xi8>, %seen: index) attributes {tern.blocks = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %e = memref.alloca() : memref<1x260xf32, 3>
  %tops = memref.alloca() : memref<9x8xf32, 3>
  %z = memref.alloca() : memref<1x8xf32, 3>
  %r = memref.alloca() : memref<4x1x160xf32, 3>
  %qs = memref.alloca() : memref<64x8xf32, 3>
  tern_nvptx.attend %q, %o, %state, %c0, %c0 row %c0, %c0, %c1, %c1, %seen share %c0
    uses(%e, %tops, %z, %r, %qs : memref<1x260xf32, 3>, memref<9x8xf32, 3>, memref<1x8xf32, 3>,
      memref<4x1x160xf32, 3>, memref<64x8xf32, 3>)
    {at_once = 1 : i64, cache = !half, part = "all", tile = 1 : i64}
    : memref<1x64xf32>, memref<1x64xf32>, memref<99840xi8>
  return
}
