// RUN: tern-opt %s --convert-tern-to-kernels --canonicalize --cse --tern-vectors-to-lanes --canonicalize --cse | FileCheck %s

// A lane loads 16 bytes of a tile, and of one token's codes 32 if it is one of the first
// four. Fields are taken where they lie; their sums are moved in the end.
// CHECK-LABEL: func.func @step(
// CHECK:         %[[LANE:.*]] = llvm.call_intrinsic "llvm.nvvm.read.ptx.sreg.tid.x"()
// CHECK:         %[[BYTE:.*]] = arith.muli %[[LANE]], %c16_i32
// CHECK:         %[[AT:.*]] = arith.index_castui %[[BYTE]] : i32 to index
// CHECK:         %[[TILE:.*]] = vector.load %{{.*}}[%c0, %[[AT]]] {alignment = 16 : i64} : memref<2x512xi8>, vector<16xi8>
// CHECK:         %[[HAS:.*]] = arith.cmpi ult, %[[LANE]], %c4_i32
// CHECK-COUNT-2: vector.load %{{.*}} {alignment = 16 : i64} : memref<1x256xi8>, vector<16xi8>
// CHECK:         vector.bitcast %[[TILE]] : vector<16xi8> to vector<4xi32>
// CHECK-COUNT-4: arith.andi %{{.*}}, %c50529027_i32
// CHECK:         llvm.call_intrinsic "llvm.nvvm.mma.m16n8k32.row.col.u8.s8"
// CHECK-COUNT-4: arith.andi %{{.*}}, %c202116108_i32
// CHECK:         llvm.call_intrinsic "llvm.nvvm.mma.m16n8k32.row.col.u8.s8"
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.nvvm.mma.m16n8k32.row.col.u8.s8"
// CHECK:         arith.shrsi %{{.*}}, %c2_i32
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.nvvm.shfl.sync.idx.i32"
// CHECK:         memref.store %{{.*}} : memref<1x16xi32>
#one = #tern_nvptx.mma<tokens = 1>
module attributes {tern.target = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">} {
func.func @step(%weights: memref<2048xi8>, %codes: memref<1x256xi8>, %out: memref<1x16xi32>) attributes {tern.blocks = 1 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0 : i8
  %grid = memref.view %weights[%c0][] : memref<2048xi8> to memref<2x512xi8>
  %x = vector.transfer_read %codes[%c0, %c0], %zero {in_bounds = [true, true]} : memref<1x256xi8>, vector<1x128xi8>
  %w = vector.transfer_read %grid[%c0, %c0], %zero {in_bounds = [true]} : memref<2x512xi8>, vector<512xi8>
  %a = tern.micro_begin #one -> vector<512xi32>
  %b = tern.micro "q_proj" #one %x, %w into %a : vector<1x128xi8>, vector<512xi8> into vector<512xi32>
  %s = tern.micro_finish #one %b : vector<512xi32> -> vector<1x16xi32>
  vector.transfer_write %s, %out[%c0, %c0] {in_bounds = [true, true]} : vector<1x16xi32>, memref<1x16xi32>
  return
}
}
