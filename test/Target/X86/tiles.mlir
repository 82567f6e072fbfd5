// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

// The bodies of a kernel of tiles: factors straight from the memory that their vectors
// are read from, sums by way of memory.

#one = #tern_x86.tiles<panel = 4, first = 0, vectors = 4, tokens = 16>
#two = #tern_x86.tiles<panel = 4, first = 2, vectors = 2, tokens = 32>

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni,+amx-tile,+amx-int8">} {

// CHECK-LABEL:   func.func @begin(
// CHECK-COUNT-4:   amx.tile_zero : !amx.tile<16x16xi32>
// CHECK:           builtin.unrealized_conversion_cast {{.*}} to vector<1x4x16x16xi32>
func.func @begin() -> vector<1x4x16x16xi32> {
  %0 = tern.micro_begin #one -> vector<1x4x16x16xi32>
  return %0 : vector<1x4x16x16xi32>
}

// Sixteen tokens by all vectors: the tile of codes is loaded once.
// CHECK-LABEL: func.func @one(
// CHECK-SAME:    %[[X:.*]]: memref<16x256xi8>, %[[P:.*]]: memref<1x64x256xi8>, %[[AT:.*]]: index, %[[STEP:.*]]: index
// CHECK-NOT:     vector.transfer_read
// CHECK:         %[[SUMS:.*]]:4 = builtin.unrealized_conversion_cast
// CHECK:         %[[CODES:.*]] = amx.tile_load %[[X]][%c0, %[[AT]]] : memref<16x256xi8> into !amx.tile<16x64xi8>
// CHECK:         %[[V0:.*]] = amx.tile_load %[[P]][%c0, %[[STEP]], %c0] : memref<1x64x256xi8> into !amx.tile<16x64xi8>
// CHECK:         amx.tile_muli %[[CODES]], %[[V0]] zext, %[[SUMS]]#0
// CHECK:         %[[V1:.*]] = amx.tile_load %[[P]][%c0, %[[STEP]], %c64]
// CHECK:         amx.tile_muli %[[CODES]], %[[V1]] zext, %[[SUMS]]#1
// CHECK:         amx.tile_load %[[P]][%c0, %[[STEP]], %c128]
// CHECK:         amx.tile_load %[[P]][%c0, %[[STEP]], %c192]
// CHECK-NOT:     amx.tile_load
// CHECK:         return
func.func @one(%x: memref<16x256xi8>, %p: memref<1x64x256xi8>, %at: index, %step: index, %acc: vector<1x4x16x16xi32>) -> vector<1x4x16x16xi32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0 : i8
  %codes = vector.transfer_read %x[%c0, %at], %zero {in_bounds = [true, true]} : memref<16x256xi8>, vector<16x64xi8>
  %digits = vector.transfer_read %p[%c0, %step, %c0], %zero {in_bounds = [true, true]} : memref<1x64x256xi8>, vector<16x256xi8>
  %0 = tern.micro "q_proj" #one %codes, %digits into %acc : vector<16x64xi8>, vector<16x256xi8> into vector<1x4x16x16xi32>
  return %0 : vector<1x4x16x16xi32>
}

// Vectors 2 and 3 for 32 tokens. Codes that lie in no buffer get one.
// CHECK-LABEL: func.func @two(
// CHECK-SAME:    %[[CODES:.*]]: vector<32x64xi8>, %[[P:.*]]: memref<1x64x256xi8>
// CHECK:         %[[BUFFER:.*]] = memref.alloc() {alignment = 64 : i64} : memref<32x64xi8>
// CHECK:         vector.transfer_write %[[CODES]], %[[BUFFER]]
// CHECK:         %[[T0:.*]] = amx.tile_load %[[BUFFER]][%c0, %c0]
// CHECK:         %[[T1:.*]] = amx.tile_load %[[BUFFER]][%c16, %c0]
// CHECK:         %[[V2:.*]] = amx.tile_load %[[P]][%c0, %c0, %c128]
// CHECK:         %[[S00:.*]] = amx.tile_muli %[[T0]], %[[V2]] zext
// CHECK:         %[[S10:.*]] = amx.tile_muli %[[T1]], %[[V2]] zext
// CHECK:         %[[V3:.*]] = amx.tile_load %[[P]][%c0, %c0, %c192]
// CHECK:         %[[S01:.*]] = amx.tile_muli %[[T0]], %[[V3]] zext
// CHECK:         %[[S11:.*]] = amx.tile_muli %[[T1]], %[[V3]] zext
// CHECK:         %[[SUMS:.*]] = memref.alloc() {alignment = 64 : i64} : memref<32x32xi32>
// CHECK:         amx.tile_store %[[SUMS]][%c0, %c0], %[[S00]]
// CHECK:         amx.tile_store %[[SUMS]][%c0, %c16], %[[S01]]
// CHECK:         amx.tile_store %[[SUMS]][%c16, %c0], %[[S10]]
// CHECK:         amx.tile_store %[[SUMS]][%c16, %c16], %[[S11]]
// CHECK:         vector.transfer_read %[[SUMS]][%c0, %c0]{{.*}} vector<32x32xi32>
func.func @two(%codes: vector<32x64xi8>, %p: memref<1x64x256xi8>, %acc: vector<2x2x16x16xi32>) -> vector<32x1x32xi32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0 : i8
  %digits = vector.transfer_read %p[%c0, %c0, %c0], %zero {in_bounds = [true, true]} : memref<1x64x256xi8>, vector<16x256xi8>
  %0 = tern.micro "q_proj" #two %codes, %digits into %acc : vector<32x64xi8>, vector<16x256xi8> into vector<2x2x16x16xi32>
  %1 = tern.micro_finish #two %0 : vector<2x2x16x16xi32> -> vector<32x1x32xi32>
  return %1 : vector<32x1x32xi32>
}

}
