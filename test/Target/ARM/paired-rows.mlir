// RUN: tern-opt %s -convert-tern-to-kernels -canonicalize -cse | FileCheck %s

#paired = #tern_arm.paired_rows<pairs = 2, tiles = 1, code_bits = 8>
#four = #tern_arm.paired_rows<pairs = 4, tiles = 1, code_bits = 4>
#rolling = #tern_arm.paired_rows<pairs = 2, tiles = 1, code_bits = 8, rolling = true>
#ready = #tern_arm.paired_rows<pairs = 4, tiles = 1, code_bits = 4, prepared = 8>
#bytes = #tern_arm.byte_rows<rows = 2>
#many = #tern_arm.byte_rows<rows = 4, prepared = 12>

module attributes {tern.target = #tern.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m4", features = "+dsp">} {

// Eight codes are two words, whose bytes become half words; a word of each pair is
// rotated four times, and four products of each are added.
// CHECK-LABEL:   func.func @narrow(
// CHECK-COUNT-4:   "llvm.arm.sxtb16"
// CHECK-NOT:       sxtb16
// CHECK-COUNT-8:   "llvm.arm.smlad"
// CHECK-NOT:       smlad
// CHECK:           return
func.func @narrow(%x: vector<1x8xi8>, %w: vector<8xi8>, %acc: vector<2xi32>) -> vector<2xi32> {
  %0 = tern.micro "q_proj" #paired %x, %w into %acc : vector<1x8xi8>, vector<8xi8> into vector<2xi32>
  return %0 : vector<2xi32>
}

// Four pairs in memory are one piece of assembly, which reads it. The mask is where LLVM
// does not see that it is a constant.
// CHECK-LABEL:   func.func @assembled(
// CHECK-DAG:       %[[BITS:.*]] = arith.constant -1073496061 : i32
// CHECK:           %[[MASK:.*]] = llvm.call_intrinsic "llvm.arm.smlad"({{.*}}, %[[BITS]])
// CHECK:           llvm.inline_asm has_side_effects "{{(ldr.*ror #12.*smlad)}}{{.*}}%[[MASK]]
// CHECK-NOT:       vector.transfer_read
// CHECK-COUNT-4:   llvm.extractvalue
// CHECK:           return
func.func @assembled(%codes: memref<1x64xi8>, %weights: memref<2x8x16xi8>, %step: index, %acc: vector<4xi32>) -> vector<4xi32> {
  %zero = arith.constant 0 : index
  %pad = arith.constant 0 : i8
  %column = affine.apply affine_map<(d0) -> (8 * d0)>(%step)
  %x = vector.transfer_read %codes[%zero, %column], %pad {in_bounds = [true, true]} : memref<1x64xi8>, vector<1x8xi8>
  %w = vector.transfer_read %weights[%zero, %step, %zero], %pad {in_bounds = [true]} : memref<2x8x16xi8>, vector<16xi8>
  %0 = tern.micro "q_proj" #four %x, %w into %acc : vector<1x8xi8>, vector<16xi8> into vector<4xi32>
  return %0 : vector<4xi32>
}

// Prepared codes are half words, which the assembly loads four registers of at a time.
// CHECK-LABEL:   func.func @prepare(
// CHECK-COUNT-4:   "llvm.arm.sxtb16"
// CHECK-NOT:       sxtb16
// CHECK:           vector.from_elements {{.*}} : vector<4xi32>
func.func @prepare(%x: vector<1x8xi8>) -> vector<4xi32> {
  %0 = tern.micro_prepare #ready %x : vector<1x8xi8> -> vector<4xi32>
  return %0 : vector<4xi32>
}

// CHECK-LABEL:   func.func @prepared(
// CHECK:           llvm.inline_asm has_side_effects "{{ldm \$9!, .r0, r1, r2, r3..*smlad}}
// CHECK-SAME:        =&{r0},=&{r1},=&{r2},=&{r3}
func.func @prepared(%codes: memref<1x8x4xi32>, %weights: memref<2x8x16xi8>, %step: index, %acc: vector<4xi32>) -> vector<4xi32> {
  %zero = arith.constant 0 : index
  %pad = arith.constant 0 : i8
  %none = arith.constant 0 : i32
  %x = vector.transfer_read %codes[%zero, %step, %zero], %none {in_bounds = [true]} : memref<1x8x4xi32>, vector<4xi32>
  %w = vector.transfer_read %weights[%zero, %step, %zero], %pad {in_bounds = [true]} : memref<2x8x16xi8>, vector<16xi8>
  %0 = tern.micro "q_proj" #ready %x, %w into %acc : vector<4xi32>, vector<16xi8> into vector<4xi32>
  return %0 : vector<4xi32>
}

// Of rolling sums the low 14 bits say by how much those of the first row grow.
// CHECK-LABEL:   func.func @rolling(
// CHECK:           %[[GROWN:.*]] = arith.subi
// CHECK:           %[[LEFT:.*]] = arith.shli %[[GROWN]], %{{.*}} : i32
// CHECK:           %[[BY:.*]] = arith.shrsi %[[LEFT]], %{{.*}} : i32
// CHECK:           arith.addi %{{.*}}, %[[BY]] : i32
func.func @rolling(%x: vector<1x8xi8>, %w: vector<8xi8>, %acc: vector<1x4xi32>) -> vector<1x4xi32> {
  %0 = tern.micro "o_proj" #rolling %x, %w into %acc : vector<1x8xi8>, vector<8xi8> into vector<1x4xi32>
  return %0 : vector<1x4xi32>
}

// Sums of both rows are taken apart.
// CHECK-LABEL:   func.func @widen(
// CHECK:           %[[LEFT:.*]] = arith.shli %[[BOTH:.*]], %{{.*}} : i32
// CHECK:           %[[FIRST:.*]] = arith.shrsi %[[LEFT]], %{{.*}} : i32
// CHECK:           %[[REST:.*]] = arith.subi %[[BOTH]], %[[FIRST]] : i32
// CHECK:           arith.shrsi %[[REST]], %{{.*}} : i32
func.func @widen(%narrow: vector<2xi32>, %acc: vector<1x4xi32>) -> vector<1x4xi32> {
  %0 = tern.micro_widen #paired %narrow into %acc : vector<2xi32> into vector<1x4xi32>
  return %0 : vector<1x4xi32>
}

// CHECK-LABEL:   func.func @finish_rolling(
// CHECK:           %[[REST:.*]] = arith.subi
// CHECK:           arith.shrsi %[[REST]], %{{.*}} : i32
func.func @finish_rolling(%sums: vector<1x4xi32>) -> vector<1x4xi32> {
  %0 = tern.micro_finish #rolling %sums : vector<1x4xi32> -> vector<1x4xi32>
  return %0 : vector<1x4xi32>
}

// CHECK-LABEL:   func.func @int8(
// CHECK-COUNT-6:   "llvm.arm.sxtb16"
// CHECK-NOT:       sxtb16
// CHECK:           return
func.func @int8(%x: vector<1x4xi8>, %w: vector<2x4xi8>, %acc: vector<1x2xi32>) -> vector<1x2xi32> {
  %0 = tern.micro "lm_head" #bytes %x, %w into %acc : vector<1x4xi8>, vector<2x4xi8> into vector<1x2xi32>
  return %0 : vector<1x2xi32>
}

// Prepared codes and four rows in memory are one piece of assembly.
// CHECK-LABEL:   func.func @prepared_int8(
// CHECK:           llvm.inline_asm has_side_effects "{{ldm \$9!.*ldr \$4, \[\$10, #588\].*smlad}}
// CHECK:           return
func.func @prepared_int8(%codes: memref<1x12x8xi32>, %weights: memref<1024x192xi8>, %step: index, %acc: vector<1x4xi32>) -> vector<1x4xi32> {
  %zero = arith.constant 0 : index
  %pad = arith.constant 0 : i8
  %none = arith.constant 0 : i32
  %column = affine.apply affine_map<(d0) -> (16 * d0)>(%step)
  %x = vector.transfer_read %codes[%zero, %step, %zero], %none {in_bounds = [true]} : memref<1x12x8xi32>, vector<8xi32>
  %w = vector.transfer_read %weights[%zero, %column], %pad {in_bounds = [true, true]} : memref<1024x192xi8>, vector<4x16xi8>
  %0 = tern.micro "lm_head" #many %x, %w into %acc : vector<8xi32>, vector<4x16xi8> into vector<1x4xi32>
  return %0 : vector<1x4xi32>
}

// Rows that are farther apart have two addresses.
// CHECK-LABEL:   func.func @far_int8(
// CHECK:           llvm.inline_asm has_side_effects "{{ldm \$9!.*ldr \$4, \[\$11, #1548\].*smlad}}
// CHECK:           return
func.func @far_int8(%codes: memref<1x96x8xi32>, %weights: memref<1024x1536xi8>, %step: index, %acc: vector<1x4xi32>) -> vector<1x4xi32> {
  %zero = arith.constant 0 : index
  %pad = arith.constant 0 : i8
  %none = arith.constant 0 : i32
  %column = affine.apply affine_map<(d0) -> (16 * d0)>(%step)
  %x = vector.transfer_read %codes[%zero, %step, %zero], %none {in_bounds = [true]} : memref<1x96x8xi32>, vector<8xi32>
  %w = vector.transfer_read %weights[%zero, %column], %pad {in_bounds = [true, true]} : memref<1024x1536xi8>, vector<4x16xi8>
  %0 = tern.micro "lm_head" #many %x, %w into %acc : vector<8xi32>, vector<4x16xi8> into vector<1x4xi32>
  return %0 : vector<1x4xi32>
}

// CHECK-LABEL:   func.func @registers_int8(
// CHECK-NOT:       llvm.inline_asm
// CHECK-COUNT-32:  "llvm.arm.smlad"
// CHECK:           return
func.func @registers_int8(%x: vector<8xi32>, %w: vector<4x16xi8>, %acc: vector<1x4xi32>) -> vector<1x4xi32> {
  %0 = tern.micro "lm_head" #many %x, %w into %acc : vector<8xi32>, vector<4x16xi8> into vector<1x4xi32>
  return %0 : vector<1x4xi32>
}

}
