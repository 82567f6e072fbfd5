//===- ValueBuilder.cpp - Words that values are computed in ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/ValueBuilder.h"

#include "tern/Kernels/Numerics.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/Sequence.h"

#include <numeric>

using namespace mlir;
using namespace tern;

Type tern::withElement(Type like, Type element) {
  if (auto vector = dyn_cast<VectorType>(like))
    return vector.cloneWith(std::nullopt, element);
  return element;
}

static bool isFloat(Value x) {
  return isa<FloatType>(getElementTypeOrSelf(x.getType()));
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

static Value makeConstant(ValueBuilder &b, Type type, TypedAttr element) {
  if (auto vector = dyn_cast<VectorType>(type))
    element = DenseElementsAttr::get(vector, ArrayRef<Attribute>(element));
  return arith::ConstantOp::create(b, element);
}

Value ValueBuilder::index(int64_t value) {
  return arith::ConstantIndexOp::create(*this, value);
}

Value ValueBuilder::constant(Type type, int64_t value) {
  Type element = getElementTypeOrSelf(type);
  if (element.isIndex())
    return makeConstant(*this, type, getIndexAttr(value));
  unsigned width = element.getIntOrFloatBitWidth();
  APInt bits(64, static_cast<uint64_t>(value));
  return makeConstant(*this, type, getIntegerAttr(element, bits.trunc(width)));
}

Value ValueBuilder::constant(Type type, double value) {
  return makeConstant(*this, type,
                      getFloatAttr(getElementTypeOrSelf(type), value));
}

Value ValueBuilder::zero(Type type) {
  return arith::ConstantOp::create(*this, getZeroAttr(type));
}

Value ValueBuilder::iota(VectorType type) {
  unsigned width = type.getElementTypeBitWidth();
  SmallVector<APInt> values;
  for (int64_t i : llvm::seq<int64_t>(type.getNumElements()))
    values.push_back(APInt(width, i));
  return arith::ConstantOp::create(*this, DenseElementsAttr::get(type, values));
}

Value ValueBuilder::splat(Type type, Value scalar) {
  if (type == scalar.getType())
    return scalar;
  return vector::BroadcastOp::create(*this, type, scalar);
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Value ValueBuilder::add(Value x, Value y) {
  if (isFloat(x))
    return arith::AddFOp::create(*this, x, y);
  return createOrFold<arith::AddIOp>(x, y);
}

Value ValueBuilder::sub(Value x, Value y) {
  if (isFloat(x))
    return arith::SubFOp::create(*this, x, y);
  return createOrFold<arith::SubIOp>(x, y);
}

Value ValueBuilder::mul(Value x, Value y) {
  if (isFloat(x))
    return arith::MulFOp::create(*this, x, y);
  return createOrFold<arith::MulIOp>(x, y);
}

Value ValueBuilder::div(Value x, Value y) {
  if (isFloat(x))
    return arith::DivFOp::create(*this, x, y);
  return createOrFold<arith::DivUIOp>(x, y);
}

Value ValueBuilder::rem(Value x, int64_t y) {
  return createOrFold<arith::RemUIOp>(x, constant(x.getType(), y));
}

Value ValueBuilder::minUnsigned(Value x, Value y) {
  return createOrFold<arith::MinUIOp>(x, y);
}

Value ValueBuilder::maxSigned(Value x, Value y) {
  return arith::MaxSIOp::create(*this, x, y);
}

Value ValueBuilder::maxUnsigned(Value x, Value y) {
  return arith::MaxUIOp::create(*this, x, y);
}

Value ValueBuilder::bitAnd(Value x, Value y) {
  return arith::AndIOp::create(*this, x, y);
}

Value ValueBuilder::bitAnd(Value x, int64_t y) {
  return bitAnd(x, constant(x.getType(), y));
}

Value ValueBuilder::bitOr(Value x, Value y) {
  return arith::OrIOp::create(*this, x, y);
}

Value ValueBuilder::bitXor(Value x, int64_t y) {
  return arith::XOrIOp::create(*this, x, constant(x.getType(), y));
}

Value ValueBuilder::shiftLeft(Value x, int64_t by) {
  if (by == 0)
    return x;
  return arith::ShLIOp::create(*this, x, constant(x.getType(), by));
}

Value ValueBuilder::shiftRight(Value x, int64_t by) {
  if (by == 0)
    return x;
  return arith::ShRUIOp::create(*this, x, constant(x.getType(), by));
}

Value ValueBuilder::shiftRightSigned(Value x, int64_t by) {
  if (by == 0)
    return x;
  return arith::ShRSIOp::create(*this, x, constant(x.getType(), by));
}

Value ValueBuilder::compare(arith::CmpIPredicate predicate, Value x, Value y) {
  return arith::CmpIOp::create(*this, predicate, x, y);
}

Value ValueBuilder::compare(arith::CmpIPredicate predicate, Value x,
                            int64_t y) {
  return compare(predicate, x, constant(x.getType(), y));
}

Value ValueBuilder::select(Value condition, Value x, Value y) {
  return arith::SelectOp::create(*this, condition, x, y);
}

Value ValueBuilder::isGreater(Value x, Value y) {
  return arith::CmpFOp::create(*this, arith::CmpFPredicate::OGT, x, y);
}

Value ValueBuilder::isLess(Value x, Value y) {
  return arith::CmpFOp::create(*this, arith::CmpFPredicate::OLT, x, y);
}

Value ValueBuilder::max(Value x, Value y) {
  return select(isGreater(x, y), x, y);
}

Value ValueBuilder::min(Value x, Value y) { return select(isLess(x, y), x, y); }

Value ValueBuilder::abs(Value x) { return math::AbsFOp::create(*this, x); }

Value ValueBuilder::magnitudeBits(Value x) {
  Value bits = bitcast(withElement(x.getType(), getI32Type()), x);
  return bitAnd(bits, 0x7fffffff);
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

Value ValueBuilder::signExtend(Value x, Type element) {
  return arith::ExtSIOp::create(*this, withElement(x.getType(), element), x);
}

Value ValueBuilder::zeroExtend(Value x, Type element) {
  return arith::ExtUIOp::create(*this, withElement(x.getType(), element), x);
}

Value ValueBuilder::toIndex(Value x) {
  return arith::IndexCastUIOp::create(*this, getIndexType(), x);
}

Value ValueBuilder::bitcast(Type type, Value x) {
  if (type == x.getType())
    return x;
  if (isa<VectorType>(type))
    return vector::BitCastOp::create(*this, type, x);
  return arith::BitcastOp::create(*this, type, x);
}

Value ValueBuilder::toFloat(Value x) {
  return arith::SIToFPOp::create(*this, withElement(x.getType(), getF32Type()),
                                 x);
}

Value ValueBuilder::roundToEven(Value x) {
  return buildRne(*this, getLoc(), x);
}

Value ValueBuilder::roundToInteger(Type type, Value x) {
  Value wide = buildRneInteger(*this, getLoc(), x);
  Type result = withElement(x.getType(), type);
  if (result == wide.getType())
    return wide;
  return arith::TruncIOp::create(*this, result, wide);
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

static int64_t numLanes(Value x) {
  return cast<VectorType>(x.getType()).getNumElements();
}

Value ValueBuilder::shuffle(Value x, Value y, ArrayRef<int64_t> mask) {
  return vector::ShuffleOp::create(*this, x, y, mask);
}

Value ValueBuilder::lanes(Value x, int64_t from, int64_t count) {
  if (from == 0 && count == numLanes(x))
    return x;
  SmallVector<int64_t> mask(count);
  std::iota(mask.begin(), mask.end(), from);
  return shuffle(x, x, mask);
}

Value ValueBuilder::lane(Value x, int64_t at) {
  return vector::ExtractOp::create(*this, x, at);
}

Value ValueBuilder::broadcastFour(Value x, int64_t from, int64_t count) {
  int64_t words = cast<VectorType>(x.getType()).getNumElements() / 4;
  Value all = bitcast(vectorOf(words, getI32Type()), x);
  Value lanes = words == 1
                    ? splat(vectorOf(count, getI32Type()), lane(all, 0))
                    : shuffle(all, all, SmallVector<int64_t>(count, from / 4));
  return bitcast(vectorOf(4 * count, getI8Type()), lanes);
}

Value ValueBuilder::padLanes(Value x, int64_t count) {
  int64_t n = numLanes(x);
  if (n == count)
    return x;
  SmallVector<int64_t> mask(count, n); // lane 0 of the zeros
  std::iota(mask.begin(), mask.begin() + n, 0);
  return shuffle(x, zero(x.getType()), mask);
}

Value ValueBuilder::part(Value x, ArrayRef<int64_t> position) {
  return vector::ExtractOp::create(*this, x, position);
}

Value ValueBuilder::withPart(Value x, Value part, ArrayRef<int64_t> position) {
  return vector::InsertOp::create(*this, part, x, position);
}

Value ValueBuilder::reshape(Value x, ArrayRef<int64_t> shape) {
  auto type = cast<VectorType>(x.getType());
  if (type.getShape() == shape)
    return x;
  return vector::ShapeCastOp::create(
      *this, VectorType::get(shape, type.getElementType()), x);
}

Value ValueBuilder::reduceByHalves(Value x,
                                   function_ref<Value(Value, Value)> combine) {
  for (int64_t half = numLanes(x) / 2; half > 1; half /= 2)
    x = combine(lanes(x, 0, half), lanes(x, half, half));
  if (numLanes(x) == 1)
    return lane(x, 0);
  return combine(lane(x, 0), lane(x, 1));
}

Value ValueBuilder::sumOfIntegers(Value x) {
  return vector::ReductionOp::create(*this, vector::CombiningKind::ADD, x);
}

Value ValueBuilder::mostOfSigned(Value x) {
  return vector::ReductionOp::create(*this, vector::CombiningKind::MAXSI, x);
}

Value ValueBuilder::mostOfUnsigned(Value x) {
  return vector::ReductionOp::create(*this, vector::CombiningKind::MAXUI, x);
}
