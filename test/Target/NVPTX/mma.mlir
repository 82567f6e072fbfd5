// RUN: tern-opt %s --convert-tern-to-kernels --canonicalize --cse --tern-vectors-to-lanes --canonicalize --cse | FileCheck %s

#one = #tern_nvptx.mma<tokens = 1>
#few = #tern_nvptx.mma<tokens = 16>
#many = #tern_nvptx.mma<tokens = 64, rows = 32>
#narrow = #tern_nvptx.mma<tokens = 64>
#bytes = #tern_nvptx.mma<tokens = 8, bytes = true>
#token = affine_map<(d0, d1) -> (d0)>
module attributes {tern.target = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">} {
// A lane loads 16 bytes of both tiles before it takes them, and of one token's codes 32.
// Fields are taken where they lie; their sums are moved in the end. Four lanes have the
// token's sums, of two rows each.
// CHECK-LABEL: func.func @step(
// CHECK:         %[[LANE:.*]] = llvm.call_intrinsic "llvm.nvvm.read.ptx.sreg.tid.x"()
// CHECK:         %[[BYTE:.*]] = arith.muli %[[LANE]], %c16_i32
// CHECK:         %[[AT:.*]] = arith.index_castui %[[BYTE]] : i32 to index
// CHECK:         vector.load %{{.*}}[%c0, %[[AT]]] {alignment = 16 : i64} : memref<2x512xi8>, vector<16xi8>
// CHECK:         vector.load %{{.*}}[%c1, %[[AT]]] {alignment = 16 : i64} : memref<2x512xi8>, vector<16xi8>
// CHECK-COUNT-4: arith.andi %{{.*}}, %c50529027_i32
// CHECK:         arith.andi %{{.*}}, %c202116108_i32
// CHECK-COUNT-2: vector.load %{{.*}} {alignment = 16 : i64} : memref<1x256xi8>, vector<16xi8>
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.nvvm.mma.m16n8k32.row.col.u8.s8"
// CHECK:         vector.load %{{.*}} {alignment = 16 : i64} : memref<1x256xi8>, vector<16xi8>
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.nvvm.mma.m16n8k32.row.col.u8.s8"
// CHECK:         arith.shrsi %{{.*}}, %c2_i32
// CHECK:         %[[HAS:.*]] = arith.cmpi ult, %{{.*}}, %c1
// CHECK:         scf.if %[[HAS]] {
// CHECK:           %[[EXCESS:.*]] = memref.load %{{.*}} : memref<1x1xi32>
// CHECK:           %[[NET:.*]] = arith.subi %{{.*}}, %[[EXCESS]]
// CHECK:           arith.sitofp %[[NET]]
// CHECK-COUNT-2:   memref.store %{{.*}} : memref<1x16xf32>
func.func @step(%weights: memref<2048xi8>, %codes: memref<1x256xi8>, %code_sums: memref<1x1xi32>, %out: memref<1x16xf32>) attributes {tern.blocks = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c128 = arith.constant 128 : index
  %zero = arith.constant 0 : i8
  %grid = memref.view %weights[%c0][] : memref<2048xi8> to memref<2x512xi8>
  %a = tern.micro_begin #one -> vector<512xi32>
  %r = scf.for %i = %c0 to %c2 step %c1 iter_args(%s = %a) -> (vector<512xi32>) {
    %column = arith.muli %i, %c128 : index
    %x = vector.transfer_read %codes[%c0, %column], %zero {in_bounds = [true, true]} : memref<1x256xi8>, vector<1x128xi8>
    %w = vector.transfer_read %grid[%i, %c0], %zero {in_bounds = [true]} : memref<2x512xi8>, vector<512xi8>
    %b = tern.micro "q_proj" #one %x, %w into %s : vector<1x128xi8>, vector<512xi8> into vector<512xi32>
    scf.yield %b : vector<512xi32>
  }
  tern.micro_store #one %r : vector<512xi32> less %code_sums : memref<1x1xi32> outs(%out : memref<1x16xf32>) maps [] {
  ^bb0(%sum: i32):
    %f = arith.sitofp %sum : i32 to f32
    tern.yield %f : f32
  }
  return
}

// 20 steps by eight warps: two or three each, the third of which may be none. Sums of all
// meet in shared memory, and two warps store eight tokens each, those that there are.
// CHECK-LABEL: func.func @split(
// CHECK-SAME:    tern.threads = 256 : i64, tern_nvptx.registers = 64 : i64
// CHECK:         %[[TID:.*]] = llvm.call_intrinsic "llvm.nvvm.read.ptx.sreg.tid.x"()
// CHECK:         %[[WARP:.*]] = arith.divui %[[TID]], %c32_i32
// CHECK:         arith.muli %[[WARP]], %c20_i32
// CHECK-COUNT-3: vector.load %{{.*}} : memref<20x512xi8>, vector<16xi8>
// CHECK-COUNT-4: arith.select %{{.*}}, %c0_i32 : i32
// CHECK:         %[[TOKENS:.*]] = memref.dim %{{.*}}, %c0 : memref<?x2560xi8>
// CHECK:         arith.minui
// CHECK-COUNT-24: llvm.call_intrinsic "llvm.nvvm.mma.m16n8k32.row.col.u8.s8"
// CHECK:         llvm.call_intrinsic "llvm.nvvm.barrier.cta.sync.aligned.all"
// CHECK-COUNT-8: memref.store %{{.*}} : memref<8x8x32xi32, 3>
// CHECK:         llvm.call_intrinsic "llvm.nvvm.barrier.cta.sync.aligned.all"
// CHECK-COUNT-32: memref.load %{{.*}} : memref<8x8x32xi32, 3>
// CHECK:         %[[FIRST:.*]] = arith.cmpi ult, %[[TID]], %c64_i32
// CHECK:         scf.if %[[FIRST]]
// CHECK:           arith.cmpi ult, %{{.*}}, %{{.*}} : index
// CHECK:           memref.store %{{.*}} : memref<?x16xi32>
func.func @split(%weights: memref<10240xi8>, %codes: memref<?x2560xi8>, %out: memref<?x16xi32>) attributes {tern.blocks = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c20 = arith.constant 20 : index
  %c128 = arith.constant 128 : index
  %zero = arith.constant 0 : i8
  %grid = memref.view %weights[%c0][] : memref<10240xi8> to memref<20x512xi8>
  %a = tern.micro_begin #few -> vector<256xi32>
  %r = scf.for %i = %c0 to %c20 step %c1 iter_args(%s = %a) -> (vector<256xi32>) {
    %column = arith.muli %i, %c128 : index
    %x = vector.transfer_read %codes[%c0, %column], %zero {in_bounds = [false, true]} : memref<?x2560xi8>, vector<16x128xi8>
    %w = vector.transfer_read %grid[%i, %c0], %zero {in_bounds = [true]} : memref<20x512xi8>, vector<512xi8>
    %b = tern.micro "q_proj" #few %x, %w into %s : vector<16x128xi8>, vector<512xi8> into vector<256xi32>
    scf.yield %b : vector<256xi32>
  }
  tern.micro_store #few %r : vector<256xi32> outs(%out : memref<?x16xi32>) maps [] {
  ^bb0(%sum: i32):
    tern.yield %sum : i32
  }
  return
}

// Four warps of 32 rows each: five units are two blocks, and tokens the grid's second
// dimension. Codes of two steps are on their way while those of one are taken.
// CHECK-LABEL: func.func @block(
// CHECK-SAME:    tern.blocks = 2 : i64, tern.rows_per_block = 64 : i64, tern.threads = 128 : i64
// CHECK:         llvm.call_intrinsic "llvm.nvvm.read.ptx.sreg.ctaid.x"
// CHECK:         scf.for
// CHECK:           %[[IS:.*]] = arith.cmpi ult, %{{.*}}, %c5_i32
// CHECK:           arith.minui %{{.*}}, %c4_i32
// CHECK:           llvm.call_intrinsic "llvm.nvvm.read.ptx.sreg.ctaid.y"
// CHECK:           scf.for
// CHECK:             llvm.call_intrinsic "llvm.nvvm.barrier.cta.sync.aligned.all"
// CHECK-COUNT-4:     llvm.call_intrinsic "llvm.nvvm.cp.async.cg.shared.global.16.s"
// CHECK:             llvm.call_intrinsic "llvm.nvvm.cp.async.commit.group"
// CHECK-COUNT-4:     llvm.call_intrinsic "llvm.nvvm.cp.async.cg.shared.global.16.s"
// CHECK:             llvm.call_intrinsic "llvm.nvvm.cp.async.commit.group"
// CHECK-COUNT-2:     vector.load %{{.*}} : memref<10x3x512xi8>, vector<16xi8>
// CHECK:             scf.for
// CHECK-COUNT-2:       vector.load %{{.*}} : memref<10x3x512xi8>, vector<16xi8>
// CHECK:               llvm.call_intrinsic "llvm.nvvm.cp.async.wait.group"(%c1_i32)
// CHECK-NEXT:          llvm.call_intrinsic "llvm.nvvm.barrier.cta.sync.aligned.all"
// CHECK:               scf.if
// CHECK-COUNT-4:         llvm.call_intrinsic "llvm.nvvm.cp.async.cg.shared.global.16.s"
// CHECK:               llvm.call_intrinsic "llvm.nvvm.cp.async.commit.group"
// CHECK:               arith.shrui %{{.*}}, %c2_i32
// CHECK-COUNT-2:       vector.load %{{.*}} {alignment = 16 : i64} : memref<192x144xi8, 3>, vector<16xi8>
// CHECK-COUNT-64:      llvm.call_intrinsic "llvm.nvvm.mma.m16n8k32.row.col.u8.s8"
// CHECK:             scf.if %[[IS]] {
// CHECK:               memref.load %{{.*}} : memref<?xf32, strided<[1], offset: ?>>
// CHECK:               memref.store %{{.*}} : memref<?x32xf32, strided<[160, 1], offset: ?>>
func.func @block(%weights: memref<15360xi8>, %codes: memref<?x384xi8>, %scales: memref<?xf32>, %out: memref<?x160xf32>) attributes {tern.blocks = 5 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c5 = arith.constant 5 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %zero = arith.constant 0 : i8
  %grid = memref.view %weights[%c0][] : memref<15360xi8> to memref<10x3x512xi8>
  %n = memref.dim %codes, %c0 : memref<?x384xi8>
  %block = tern.worker_index
  scf.for %unit = %block to %c5 step %c5 {
    %tile = arith.muli %unit, %c2 : index
    %row = arith.muli %unit, %c32 : index
    scf.for %t = %c0 to %n step %c64 {
      %left = arith.subi %n, %t : index
      %count = arith.minui %left, %c64 : index
      %part = memref.subview %codes[%t, 0] [%count, 384] [1, 1] : memref<?x384xi8> to memref<?x384xi8, strided<[384, 1], offset: ?>>
      %its = memref.subview %scales[%t] [%count] [1] : memref<?xf32> to memref<?xf32, strided<[1], offset: ?>>
      %to = memref.subview %out[%t, %row] [%count, 32] [1, 1] : memref<?x160xf32> to memref<?x32xf32, strided<[160, 1], offset: ?>>
      %a = tern.micro_begin #many -> vector<2048xi32>
      %r = scf.for %i = %c0 to %c3 step %c1 iter_args(%s = %a) -> (vector<2048xi32>) {
        %column = arith.muli %i, %c128 : index
        %x = vector.transfer_read %part[%c0, %column], %zero {in_bounds = [false, true]} : memref<?x384xi8, strided<[384, 1], offset: ?>>, vector<64x128xi8>
        %w = vector.transfer_read %grid[%tile, %i, %c0], %zero {in_bounds = [true, true], permutation_map = affine_map<(d0, d1, d2) -> (d0, d2)>} : memref<10x3x512xi8>, vector<2x512xi8>
        %b = tern.micro "q_proj" #many %x, %w into %s : vector<64x128xi8>, vector<2x512xi8> into vector<2048xi32>
        scf.yield %b : vector<2048xi32>
      }
      tern.micro_store #many %r : vector<2048xi32> ins(%its : memref<?xf32, strided<[1], offset: ?>>) outs(%to : memref<?x32xf32, strided<[160, 1], offset: ?>>) maps [#token] {
      ^bb0(%sum: i32, %scale: f32):
        %f = arith.sitofp %sum : i32 to f32
        %y = arith.mulf %f, %scale : f32
        tern.yield %y : f32
      }
    }
  }
  return
}

// A block without a loop over units takes as many as it has warps.
// CHECK-LABEL: func.func @units(
// CHECK-SAME:    tern.blocks = 2 : i64, tern.threads = 128 : i64
// CHECK:         %[[NUMBER:.*]] = llvm.call_intrinsic "llvm.nvvm.read.ptx.sreg.ctaid.x"
// CHECK:         %[[FIRST:.*]] = arith.muli %[[NUMBER]], %c4_i32
// CHECK:         %[[UNIT:.*]] = arith.addi %[[FIRST]], %{{.*}}
// CHECK:         %[[IS:.*]] = arith.cmpi ult, %[[UNIT]], %c6_i32
// CHECK:         arith.minui %[[UNIT]], %c5_i32
// CHECK:         scf.if %[[IS]]
func.func @units(%weights: memref<6x2x512xi8>, %codes: memref<?x256xi8>, %out: memref<?x96xi32>) attributes {tern.blocks = 6 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c16 = arith.constant 16 : index
  %c128 = arith.constant 128 : index
  %n = memref.dim %codes, %c0 : memref<?x256xi8>
  %unit = tern.worker_index
  %row = arith.muli %unit, %c16 : index
  %to = memref.subview %out[0, %row] [%n, 16] [1, 1] : memref<?x96xi32> to memref<?x16xi32, strided<[96, 1], offset: ?>>
  %z = tern.micro_begin #narrow -> vector<1024xi32>
  %r = scf.for %i = %c0 to %c2 step %c1 iter_args(%s = %z) -> (vector<1024xi32>) {
    %column = arith.muli %i, %c128 : index
    %b = tern_nvptx.mma #narrow %weights[%unit, %i, %c0], %codes[%c0, %column] width 128 into %s : memref<6x2x512xi8>, memref<?x256xi8>, vector<1024xi32>
    scf.yield %b : vector<1024xi32>
  }
  tern.micro_store #narrow %r : vector<1024xi32> outs(%to : memref<?x16xi32, strided<[96, 1], offset: ?>>) maps [] {
  ^bb0(%sum: i32):
    tern.yield %sum : i32
  }
  return
}

// Rows of bytes: 32 of two rows each in a lane; behind the 96th column there is none.
// CHECK-LABEL: func.func @bytes(
// CHECK:         arith.cmpi ult, %{{.*}}, %c96_i32
// CHECK:         scf.if
// CHECK:           vector.load %{{.*}} {alignment = 16 : i64} : memref<16x96xi8>, vector<16xi8>
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.nvvm.mma.m16n8k32.row.col.s8"
// CHECK-NOT:     llvm.call_intrinsic "llvm.nvvm.mma
func.func @bytes(%weights: memref<16x96xi8>, %codes: memref<?x96xi8>, %out: memref<?x16xi32>) attributes {tern.blocks = 1 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0 : i8
  %none = arith.constant dense<0> : vector<8x128xi8>
  %nones = arith.constant dense<0> : vector<16x128xi8>
  %a = tern.micro_begin #bytes -> vector<128xi32>
  %x = vector.transfer_read %codes[%c0, %c0], %zero {in_bounds = [false, true]} : memref<?x96xi8>, vector<8x96xi8>
  %w = vector.transfer_read %weights[%c0, %c0], %zero {in_bounds = [true, true]} : memref<16x96xi8>, vector<16x96xi8>
  %xs = vector.insert_strided_slice %x, %none {offsets = [0, 0], strides = [1, 1]} : vector<8x96xi8> into vector<8x128xi8>
  %ws = vector.insert_strided_slice %w, %nones {offsets = [0, 0], strides = [1, 1]} : vector<16x96xi8> into vector<16x128xi8>
  %b = tern.micro "lm_head" #bytes %xs, %ws into %a : vector<8x128xi8>, vector<16x128xi8> into vector<128xi32>
  tern.micro_store #bytes %b : vector<128xi32> outs(%out : memref<?x16xi32>) maps [] {
  ^bb0(%sum: i32):
    tern.yield %sum : i32
  }
  return
}
}
