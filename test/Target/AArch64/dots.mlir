// RUN: tern-opt %s -convert-tern-to-kernels -split-input-file | FileCheck %s

// Bytes up to 127 are signed ones: the highest field is moved to the lowest bits and
// added to its sums. Codes are a lane of the vector that was loaded.

#sdot = #tern.rows_in_lanes<dot = #tern_aarch64.dot<sdot>, vectors = 1, tokens = 1>
#four = #tern.rows_in_lanes<dot = #tern_aarch64.dot<sdot>, vectors = 4, tokens = 1>

module attributes {tern.target = #tern.target<triple = "aarch64-unknown-linux-gnu", cpu = "cortex-a76", features = "+neon,+dotprod">} {

// Weights of one token in memory are read a register at a time.
// CHECK-LABEL: func.func @in_memory(
// CHECK-COUNT-4: vector.load {{.*}} : memref<8x160x64xi8>, vector<16xi8>
// CHECK-NOT:     vector.load
// CHECK:         return
func.func @in_memory(%x: vector<1x16xi8>, %w: memref<8x160x64xi8>, %row: index, %step: index, %acc: vector<4x3x4xi32>) -> vector<4x3x4xi32> {
  %zero = arith.constant 0 : index
  %pad = arith.constant 0 : i8
  %bytes = vector.transfer_read %w[%row, %step, %zero], %pad {in_bounds = [true]} : memref<8x160x64xi8>, vector<64xi8>
  %0 = tern.micro "q_proj" #four %x, %bytes into %acc : vector<1x16xi8>, vector<64xi8> into vector<4x3x4xi32>
  return %0 : vector<4x3x4xi32>
}

// CHECK-LABEL: func.func @digits(
// CHECK-COUNT-3: arith.andi
// CHECK:         arith.shrui
// CHECK:         vector.shuffle {{.*}} [3, 3, 3, 3]
// CHECK:         "llvm.aarch64.neon.sdot.v4i32.v16i8"
// CHECK-NOT:     sdot
func.func @digits(%x: vector<1x16xi8>, %w: vector<16xi8>, %acc: vector<1x3x4xi32>) -> vector<1x3x4xi32> {
  %0 = tern.micro "q_proj" #sdot %x, %w into %acc : vector<1x16xi8>, vector<16xi8> into vector<1x3x4xi32>
  return %0 : vector<1x3x4xi32>
}

}

// -----

// Any unsigned byte is taken in place; signed bytes are taken as they are.

#usdot = #tern.rows_in_lanes<dot = #tern_aarch64.dot<usdot>, vectors = 1, tokens = 1>
#bytes = #tern.integer_rows<dot = #tern_aarch64.dot<usdot>, bits = 8, rows = 1, tokens = 1, vectors = 1>

module attributes {tern.target = #tern.target<triple = "aarch64-unknown-linux-gnu", cpu = "generic", features = "+neon,+dotprod,+i8mm">} {

// CHECK-LABEL: func.func @in_place(
// CHECK-NOT:     arith.shrui
// CHECK-COUNT-4: "llvm.aarch64.neon.usdot.v4i32.v16i8"
func.func @in_place(%x: vector<1x16xi8>, %w: vector<16xi8>, %acc: vector<1x4x4xi32>) -> vector<1x4x4xi32> {
  %0 = tern.micro "q_proj" #usdot %x, %w into %acc : vector<1x16xi8>, vector<16xi8> into vector<1x4x4xi32>
  return %0 : vector<1x4x4xi32>
}

// CHECK-LABEL: func.func @signed(
// CHECK-NOT:     arith.xori
// CHECK:         "llvm.aarch64.neon.sdot.v4i32.v16i8"
func.func @signed(%x: vector<1x16xi8>, %w: vector<1x16xi8>, %acc: vector<1x1x1x4xi32>) -> vector<1x1x1x4xi32> {
  %0 = tern.micro "lm_head" #bytes %x, %w into %acc : vector<1x16xi8>, vector<1x16xi8> into vector<1x1x1x4xi32>
  return %0 : vector<1x1x1x4xi32>
}

}

// -----

// Without dot products, pairs of products fit 16 bits, and 16 bits the products of 31
// steps, which are then added to sums of 32.

#smull = #tern.rows_in_lanes<dot = #tern_aarch64.dot<smull>, vectors = 1, tokens = 1>

module attributes {tern.target = #tern.target<triple = "aarch64-unknown-linux-gnu", cpu = "generic", features = "+neon">} {

// CHECK-LABEL: func.func @pairs(
// CHECK-COUNT-4: "llvm.aarch64.neon.addp.v8i16"
// CHECK:         "llvm.aarch64.neon.saddlp.v4i32.v8i16"
func.func @pairs(%x: vector<1x16xi8>, %w: vector<16xi8>, %acc: vector<1x1x4xi32>) -> vector<1x1x4xi32> {
  %0 = tern.micro "q_proj" #smull %x, %w into %acc : vector<1x16xi8>, vector<16xi8> into vector<1x1x4xi32>
  return %0 : vector<1x1x4xi32>
}

// CHECK-LABEL: func.func @narrow(
// CHECK-COUNT-8: arith.muli {{.*}} : vector<8xi16>
// CHECK-NOT:     llvm.aarch64
// CHECK:         return
func.func @narrow(%x: vector<1x16xi8>, %w: vector<16xi8>, %acc: vector<1x1x16xi16>) -> vector<1x1x16xi16> {
  %0 = tern.micro "q_proj" #smull %x, %w into %acc : vector<1x16xi8>, vector<16xi8> into vector<1x1x16xi16>
  return %0 : vector<1x1x16xi16>
}

// CHECK-LABEL: func.func @widen(
// CHECK-COUNT-2: "llvm.aarch64.neon.saddlp.v4i32.v8i16"
// CHECK:         "llvm.aarch64.neon.addp.v4i32"
func.func @widen(%narrow: vector<1x1x16xi16>, %acc: vector<1x1x4xi32>) -> vector<1x1x4xi32> {
  %0 = tern.micro_widen #smull %narrow into %acc : vector<1x1x16xi16> into vector<1x1x4xi32>
  return %0 : vector<1x1x4xi32>
}

}
