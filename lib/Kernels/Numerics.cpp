//===- Numerics.cpp - The arithmetic of docs/numerics.md 0 ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/Numerics.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

/// 1.5 * 2^23: adding it to |x| < 2^22 gives a sum whose last place is 1, so
/// the addition itself rounds x to an integer, halves to even.
static constexpr double kRounder = 12582912.0;
static constexpr int64_t kRounderBits = 0x4B400000;

/// The type `type` with i32 for its elements.
static Type integersLike(Type type) {
  Type i32 = IntegerType::get(type.getContext(), 32);
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(i32);
  return i32;
}

static Value buildInteger(OpBuilder &builder, Location loc, Type type,
                          int64_t value) {
  TypedAttr attr = builder.getI32IntegerAttr(value);
  if (auto vector = dyn_cast<VectorType>(type))
    attr = DenseElementsAttr::get(vector, Attribute(attr));
  return arith::ConstantOp::create(builder, loc, attr);
}

Value tern::buildConstant(OpBuilder &builder, Location loc, Type type,
                          double value) {
  TypedAttr attr = builder.getF32FloatAttr(static_cast<float>(value));
  if (auto vector = dyn_cast<VectorType>(type))
    attr = DenseElementsAttr::get(vector, Attribute(attr));
  return arith::ConstantOp::create(builder, loc, attr);
}

Value tern::buildMax(OpBuilder &builder, Location loc, Value x, Value y) {
  Value greater =
      arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGT, x, y);
  return arith::SelectOp::create(builder, loc, greater, x, y);
}

Value tern::buildMin(OpBuilder &builder, Location loc, Value x, Value y) {
  Value less =
      arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, x, y);
  return arith::SelectOp::create(builder, loc, less, x, y);
}

Value tern::buildClip(OpBuilder &builder, Location loc, Value x, double low,
                      double high) {
  Type type = x.getType();
  x = buildMax(builder, loc, x, buildConstant(builder, loc, type, low));
  return buildMin(builder, loc, x, buildConstant(builder, loc, type, high));
}

Value tern::buildRne(OpBuilder &builder, Location loc, Value x) {
  Value rounder = buildConstant(builder, loc, x.getType(), kRounder);
  Value sum = arith::AddFOp::create(builder, loc, x, rounder);
  return arith::SubFOp::create(builder, loc, sum, rounder);
}

Value tern::buildRneInteger(OpBuilder &builder, Location loc, Value x) {
  // The low bits of the sum are the integer: cheaper than converting, and the
  // subtraction vanishes when the result is truncated to bytes.
  Type integers = integersLike(x.getType());
  Value rounder = buildConstant(builder, loc, x.getType(), kRounder);
  Value sum = arith::AddFOp::create(builder, loc, x, rounder);
  Value bits = arith::BitcastOp::create(builder, loc, integers, sum);
  Value zero = buildInteger(builder, loc, integers, kRounderBits);
  return arith::SubIOp::create(builder, loc, bits, zero);
}

/// y * 2^k for k in -126 .. 126, k given as k + kRounder. Of those bits only
/// the low 9 are shifted into the exponent, and they are k's: kRounder has
/// none. Nothing is converted, so a k that is not a number does no harm.
static Value buildScale(OpBuilder &builder, Location loc, Value y,
                        Value shifted) {
  Type integers = integersLike(y.getType());
  Value exponent = arith::BitcastOp::create(builder, loc, integers, shifted);
  Value biased = arith::AddIOp::create(
      builder, loc, exponent, buildInteger(builder, loc, integers, 127));
  Value bits = arith::ShLIOp::create(builder, loc, biased,
                                     buildInteger(builder, loc, integers, 23));
  Value power = arith::BitcastOp::create(builder, loc, y.getType(), bits);
  return arith::MulFOp::create(builder, loc, y, power);
}

Value tern::buildExp(OpBuilder &builder, Location loc, Value x) {
  Type type = x.getType();
  auto constant = [&](double value) {
    return buildConstant(builder, loc, type, value);
  };
  auto mul = [&](Value a, Value b) -> Value {
    return arith::MulFOp::create(builder, loc, a, b);
  };
  auto add = [&](Value a, Value b) -> Value {
    return arith::AddFOp::create(builder, loc, a, b);
  };
  auto sub = [&](Value a, Value b) -> Value {
    return arith::SubFOp::create(builder, loc, a, b);
  };

  x = buildMax(builder, loc, constant(-87.0), x);
  x = buildMin(builder, loc, constant(87.0), x);
  // rne, whose sum is the exponent too.
  Value shifted =
      add(mul(x, constant(1.44269504088896341)), constant(kRounder));
  Value k = sub(shifted, constant(kRounder));
  Value r = sub(sub(x, mul(k, constant(0.693359375))),
                mul(k, constant(-2.12194440e-4)));
  Value y = constant(1.9875691500e-4);
  for (double c : {1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2,
                   1.6666665459e-1, 5.0000001201e-1})
    y = add(mul(y, r), constant(c));
  y = add(add(mul(y, mul(r, r)), r), constant(1.0));
  return buildScale(builder, loc, y, shifted);
}

Value tern::buildSigmoid(OpBuilder &builder, Location loc, Value x) {
  Value one = buildConstant(builder, loc, x.getType(), 1);
  Value power = buildExp(builder, loc, arith::NegFOp::create(builder, loc, x));
  Value sum = arith::AddFOp::create(builder, loc, one, power);
  return arith::DivFOp::create(builder, loc, one, sum);
}

/// max(x, 0) + log(1 + t) with t = exp(-|x|). Of p = 2t / (t + 2), at most 2/3,
/// log(1 + t) = p + p^3/12 + p^5/80 + ...: no sum of 1 and a small t loses it.
Value tern::buildSoftplus(OpBuilder &builder, Location loc, Value x) {
  Type type = x.getType();
  auto constant = [&](double value) {
    return buildConstant(builder, loc, type, value);
  };
  auto mul = [&](Value a, Value b) -> Value {
    return arith::MulFOp::create(builder, loc, a, b);
  };
  auto add = [&](Value a, Value b) -> Value {
    return arith::AddFOp::create(builder, loc, a, b);
  };
  Value magnitude = math::AbsFOp::create(builder, loc, x);
  Value t =
      buildExp(builder, loc, arith::NegFOp::create(builder, loc, magnitude));
  Value p = arith::DivFOp::create(builder, loc, add(t, t), add(t, constant(2)));
  Value z = mul(mul(p, p), constant(0.25));
  Value y = constant(1.0 / 15);
  for (double divisor : {13, 11, 9, 7, 5, 3})
    y = add(mul(y, z), constant(1 / divisor));
  Value log = add(p, mul(p, mul(y, z)));
  return add(buildMax(builder, loc, x, constant(0)), log);
}
