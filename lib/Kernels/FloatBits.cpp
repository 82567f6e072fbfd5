//===- FloatBits.cpp - 16 bit floats by integer arithmetic ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/FloatBits.h"

#include "tern/Kernels/KernelBuilder.h"

using namespace mlir;
using namespace tern;

static Value widen(KernelBuilder &b, Value bits) {
  return arith::ExtUIOp::create(b, withElement(bits.getType(), b.getI32Type()),
                                bits);
}

Value tern::buildHalfToFloat(OpBuilder &builder, Location loc, Value bits,
                             bool byCpu) {
  KernelBuilder b(loc, builder);
  if (byCpu) {
    Type type = bits.getType();
    Value half = b.bitcast(withElement(type, b.getF16Type()), bits);
    return arith::ExtFOp::create(b, withElement(type, b.getF32Type()), half);
  }
  Value half = widen(b, bits);
  Type i32 = half.getType(), f32 = withElement(i32, b.getF32Type());
  Value magnitude = b.bitAnd(half, 0x7fff);
  // Exponents are biased by 15 there and by 127 here; the largest means
  // infinity in both.
  Value moved = b.shiftLeft(magnitude, 13);
  Value normal = b.add(moved, b.constant(i32, int64_t(127 - 15) << 23));
  Value isInfinite =
      b.compare(arith::CmpIPredicate::uge, magnitude, int64_t(0x7c00));
  normal = b.select(
      isInfinite, b.bitOr(moved, b.constant(i32, int64_t(0x7f800000))), normal);
  // A subnormal is its integer times 2^-24.
  Value subnormal = b.bitcast(i32, b.mul(b.toFloat(magnitude), 0x1p-24));
  Value isSubnormal =
      b.compare(arith::CmpIPredicate::ult, magnitude, int64_t(0x0400));
  Value sign = b.shiftLeft(b.bitAnd(half, 0x8000), 16);
  return b.bitcast(f32,
                   b.bitOr(sign, b.select(isSubnormal, subnormal, normal)));
}

Value tern::buildBFloatToFloat(OpBuilder &builder, Location loc, Value bits) {
  KernelBuilder b(loc, builder);
  Value wide = b.shiftLeft(widen(b, bits), 16);
  return b.bitcast(withElement(wide.getType(), b.getF32Type()), wide);
}

Value tern::buildFloatToHalf(OpBuilder &builder, Location loc, Value x) {
  KernelBuilder b(loc, builder);
  Type f32 = x.getType(), i32 = withElement(f32, b.getI32Type());
  Value bits = b.bitcast(i32, x);
  Value anyMagnitude = b.magnitudeBits(x);
  Value largest = b.constant(i32, int64_t(0x477fe000)); // 65504
  Value isLarge = b.compare(arith::CmpIPredicate::sgt, anyMagnitude, largest);
  Value magnitude = b.select(isLarge, largest, anyMagnitude);
  // Normal: 13 bits go; 0xfff and the last bit kept carry exactly where
  // rounding to even goes up, into the exponent too.
  Value odd = b.bitAnd(b.shiftRight(magnitude, 13), 1);
  Value rebiased =
      b.sub(magnitude, b.constant(i32, (int64_t(127 - 15) << 23) - 0xfff));
  Value normal = b.shiftRight(b.add(rebiased, odd), 13);
  // Subnormal: the sum with 1/2 has a unit in the last place of 2^-24, so the
  // addition rounds, and its low bits are the result.
  Value sum = b.add(b.bitcast(f32, magnitude), 0.5);
  Value subnormal =
      b.sub(b.bitcast(i32, sum), b.constant(i32, int64_t(0x3f000000)));
  Value isSubnormal =
      b.compare(arith::CmpIPredicate::ult, magnitude, int64_t(127 - 14) << 23);
  Value half = b.select(isSubnormal, subnormal, normal);
  half = b.bitOr(half, b.bitAnd(b.shiftRight(bits, 16), 0x8000));
  Value isNaN =
      b.compare(arith::CmpIPredicate::sgt, anyMagnitude, int64_t(0x7f800000));
  half = b.select(isNaN, b.constant(i32, int64_t(0x7e00)), half);
  return arith::TruncIOp::create(b, withElement(i32, b.getI16Type()), half);
}
