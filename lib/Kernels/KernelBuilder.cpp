//===- KernelBuilder.cpp - Words that kernels are written in --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/KernelBuilder.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/Numerics.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
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

static Value makeConstant(KernelBuilder &b, Type type, TypedAttr element) {
  if (auto vector = dyn_cast<VectorType>(type))
    element = DenseElementsAttr::get(vector, ArrayRef<Attribute>(element));
  return arith::ConstantOp::create(b, element);
}

Value KernelBuilder::index(int64_t value) {
  return arith::ConstantIndexOp::create(*this, value);
}

Value KernelBuilder::constant(Type type, int64_t value) {
  Type element = getElementTypeOrSelf(type);
  if (element.isIndex())
    return makeConstant(*this, type, getIndexAttr(value));
  unsigned width = element.getIntOrFloatBitWidth();
  APInt bits(64, static_cast<uint64_t>(value));
  return makeConstant(*this, type, getIntegerAttr(element, bits.trunc(width)));
}

Value KernelBuilder::constant(Type type, double value) {
  return makeConstant(*this, type,
                      getFloatAttr(getElementTypeOrSelf(type), value));
}

Value KernelBuilder::zero(Type type) {
  return arith::ConstantOp::create(*this, getZeroAttr(type));
}

Value KernelBuilder::iota(VectorType type) {
  unsigned width = type.getElementTypeBitWidth();
  SmallVector<APInt> values;
  for (int64_t i : llvm::seq<int64_t>(type.getNumElements()))
    values.push_back(APInt(width, i));
  return arith::ConstantOp::create(*this, DenseElementsAttr::get(type, values));
}

Value KernelBuilder::splat(Type type, Value scalar) {
  if (type == scalar.getType())
    return scalar;
  return vector::BroadcastOp::create(*this, type, scalar);
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Value KernelBuilder::add(Value x, Value y) {
  if (isFloat(x))
    return arith::AddFOp::create(*this, x, y);
  return createOrFold<arith::AddIOp>(x, y);
}

Value KernelBuilder::sub(Value x, Value y) {
  if (isFloat(x))
    return arith::SubFOp::create(*this, x, y);
  return createOrFold<arith::SubIOp>(x, y);
}

Value KernelBuilder::mul(Value x, Value y) {
  if (isFloat(x))
    return arith::MulFOp::create(*this, x, y);
  return createOrFold<arith::MulIOp>(x, y);
}

Value KernelBuilder::div(Value x, Value y) {
  if (isFloat(x))
    return arith::DivFOp::create(*this, x, y);
  return createOrFold<arith::DivUIOp>(x, y);
}

Value KernelBuilder::rem(Value x, int64_t y) {
  return createOrFold<arith::RemUIOp>(x, constant(x.getType(), y));
}

Value KernelBuilder::minUnsigned(Value x, Value y) {
  return createOrFold<arith::MinUIOp>(x, y);
}

Value KernelBuilder::maxSigned(Value x, Value y) {
  return arith::MaxSIOp::create(*this, x, y);
}

Value KernelBuilder::maxUnsigned(Value x, Value y) {
  return arith::MaxUIOp::create(*this, x, y);
}

Value KernelBuilder::bitAnd(Value x, Value y) {
  return arith::AndIOp::create(*this, x, y);
}

Value KernelBuilder::bitAnd(Value x, int64_t y) {
  return bitAnd(x, constant(x.getType(), y));
}

Value KernelBuilder::bitOr(Value x, Value y) {
  return arith::OrIOp::create(*this, x, y);
}

Value KernelBuilder::bitXor(Value x, int64_t y) {
  return arith::XOrIOp::create(*this, x, constant(x.getType(), y));
}

Value KernelBuilder::shiftLeft(Value x, int64_t by) {
  if (by == 0)
    return x;
  return arith::ShLIOp::create(*this, x, constant(x.getType(), by));
}

Value KernelBuilder::shiftRight(Value x, int64_t by) {
  if (by == 0)
    return x;
  return arith::ShRUIOp::create(*this, x, constant(x.getType(), by));
}

Value KernelBuilder::shiftRightSigned(Value x, int64_t by) {
  if (by == 0)
    return x;
  return arith::ShRSIOp::create(*this, x, constant(x.getType(), by));
}

Value KernelBuilder::compare(arith::CmpIPredicate predicate, Value x, Value y) {
  return arith::CmpIOp::create(*this, predicate, x, y);
}

Value KernelBuilder::compare(arith::CmpIPredicate predicate, Value x,
                             int64_t y) {
  return compare(predicate, x, constant(x.getType(), y));
}

Value KernelBuilder::select(Value condition, Value x, Value y) {
  return arith::SelectOp::create(*this, condition, x, y);
}

Value KernelBuilder::isGreater(Value x, Value y) {
  return arith::CmpFOp::create(*this, arith::CmpFPredicate::OGT, x, y);
}

Value KernelBuilder::isLess(Value x, Value y) {
  return arith::CmpFOp::create(*this, arith::CmpFPredicate::OLT, x, y);
}

Value KernelBuilder::max(Value x, Value y) {
  return select(isGreater(x, y), x, y);
}

Value KernelBuilder::min(Value x, Value y) {
  return select(isLess(x, y), x, y);
}

Value KernelBuilder::abs(Value x) { return math::AbsFOp::create(*this, x); }

Value KernelBuilder::magnitudeBits(Value x) {
  Value bits = bitcast(withElement(x.getType(), getI32Type()), x);
  return bitAnd(bits, 0x7fffffff);
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

Value KernelBuilder::signExtend(Value x, Type element) {
  return arith::ExtSIOp::create(*this, withElement(x.getType(), element), x);
}

Value KernelBuilder::zeroExtend(Value x, Type element) {
  return arith::ExtUIOp::create(*this, withElement(x.getType(), element), x);
}

Value KernelBuilder::toIndex(Value x) {
  return arith::IndexCastUIOp::create(*this, getIndexType(), x);
}

Value KernelBuilder::bitcast(Type type, Value x) {
  if (type == x.getType())
    return x;
  if (isa<VectorType>(type))
    return vector::BitCastOp::create(*this, type, x);
  return arith::BitcastOp::create(*this, type, x);
}

Value KernelBuilder::toFloat(Value x) {
  return arith::SIToFPOp::create(*this, withElement(x.getType(), getF32Type()),
                                 x);
}

Value KernelBuilder::roundToEven(Value x) {
  return buildRne(*this, getLoc(), x);
}

Value KernelBuilder::roundToInteger(Type type, Value x) {
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

Value KernelBuilder::shuffle(Value x, Value y, ArrayRef<int64_t> mask) {
  return vector::ShuffleOp::create(*this, x, y, mask);
}

Value KernelBuilder::lanes(Value x, int64_t from, int64_t count) {
  if (from == 0 && count == numLanes(x))
    return x;
  SmallVector<int64_t> mask(count);
  std::iota(mask.begin(), mask.end(), from);
  return shuffle(x, x, mask);
}

Value KernelBuilder::lane(Value x, int64_t at) {
  return vector::ExtractOp::create(*this, x, at);
}

Value KernelBuilder::padLanes(Value x, int64_t count) {
  int64_t n = numLanes(x);
  if (n == count)
    return x;
  SmallVector<int64_t> mask(count, n); // lane 0 of the zeros
  std::iota(mask.begin(), mask.begin() + n, 0);
  return shuffle(x, zero(x.getType()), mask);
}

Value KernelBuilder::part(Value x, ArrayRef<int64_t> position) {
  return vector::ExtractOp::create(*this, x, position);
}

Value KernelBuilder::withPart(Value x, Value part, ArrayRef<int64_t> position) {
  return vector::InsertOp::create(*this, part, x, position);
}

Value KernelBuilder::reshape(Value x, ArrayRef<int64_t> shape) {
  auto type = cast<VectorType>(x.getType());
  if (type.getShape() == shape)
    return x;
  return vector::ShapeCastOp::create(
      *this, VectorType::get(shape, type.getElementType()), x);
}

Value KernelBuilder::reduceByHalves(Value x,
                                    function_ref<Value(Value, Value)> combine) {
  for (int64_t half = numLanes(x) / 2; half > 1; half /= 2)
    x = combine(lanes(x, 0, half), lanes(x, half, half));
  if (numLanes(x) == 1)
    return lane(x, 0);
  return combine(lane(x, 0), lane(x, 1));
}

Value KernelBuilder::sumOfIntegers(Value x) {
  return vector::ReductionOp::create(*this, vector::CombiningKind::ADD, x);
}

Value KernelBuilder::mostOfSigned(Value x) {
  return vector::ReductionOp::create(*this, vector::CombiningKind::MAXSI, x);
}

Value KernelBuilder::mostOfUnsigned(Value x) {
  return vector::ReductionOp::create(*this, vector::CombiningKind::MAXUI, x);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value KernelBuilder::load(Type type, Value memory, ValueRange indices) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector::LoadOp::create(*this, vector, memory, indices);
  return memref::LoadOp::create(*this, memory, indices);
}

Value KernelBuilder::load(Value memory, ValueRange indices) {
  return memref::LoadOp::create(*this, memory, indices);
}

void KernelBuilder::store(Value x, Value memory, ValueRange indices) {
  if (isa<VectorType>(x.getType()))
    vector::StoreOp::create(*this, x, memory, indices);
  else
    memref::StoreOp::create(*this, x, memory, indices);
}

Value KernelBuilder::length(Value memory) {
  auto type = cast<MemRefType>(memory.getType());
  if (!type.isDynamicDim(0))
    return index(type.getDimSize(0));
  return memref::DimOp::create(*this, memory, 0);
}

static Value allocate(KernelBuilder &b, Type element, Value size,
                      ArrayRef<int64_t> inner) {
  std::optional<int64_t> fixed = getConstantIntValue(size);
  SmallVector<int64_t> shape = {fixed.value_or(ShapedType::kDynamic)};
  llvm::append_range(shape, inner);
  return memref::AllocOp::create(b, MemRefType::get(shape, element),
                                 fixed ? ValueRange() : ValueRange(size));
}

Value KernelBuilder::alloc(Type element, Value size) {
  return allocate(*this, element, size, {});
}

Value KernelBuilder::alloc(Type element, Value rows, int64_t columns) {
  return allocate(*this, element, rows, columns);
}

void KernelBuilder::prefetch(Value memory, ValueRange indices) {
  memref::PrefetchOp::create(*this, memory, indices, /*isWrite=*/false,
                             /*localityHint=*/2, /*isDataCache=*/true);
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

void KernelBuilder::loop(Value from, Value to, int64_t step, Body body) {
  loop(from, to, step, ValueRange(), [&](Value i, ValueRange) {
    body(i);
    return SmallVector<Value>();
  });
}

SmallVector<Value> KernelBuilder::loop(Value from, Value to, int64_t step,
                                       ValueRange carried, CarryingBody body) {
  auto loop = scf::ForOp::create(
      *this, from, to, index(step), carried,
      [&](OpBuilder &, Location, Value i, ValueRange values) {
        scf::YieldOp::create(*this, body(i, values));
      });
  return llvm::to_vector(ValueRange(loop.getResults()));
}

void KernelBuilder::forEachToken(Value rows, Body body) {
  if (cast<MemRefType>(rows.getType()).getDimSize(0) == 1)
    return body(index(0));
  loop(index(0), length(rows), 1, body);
}

void KernelBuilder::forEachChunk(int64_t n, int64_t width,
                                 function_ref<void(Value, int64_t)> body) {
  int64_t whole = n / width * width;
  if (whole == width)
    body(index(0), width);
  else if (whole)
    loop(0, whole, width, [&](Value i) { body(i, width); });
  if (whole != n)
    body(index(whole), n - whole);
}

void KernelBuilder::ifTrue(Value condition, function_ref<void()> body) {
  scf::IfOp::create(*this, condition, [&](OpBuilder &, Location) {
    body();
    scf::YieldOp::create(*this);
  });
}

void KernelBuilder::parallel(Value count, int64_t bytesPerIteration,
                             Body body) {
  scf::ParallelOp::create(
      *this, ValueRange{index(0)}, ValueRange{count}, ValueRange{index(1)},
      [&](OpBuilder &, Location, ValueRange i) {
        IterationOp::create(*this, loopName, bytesPerIteration);
        body(i.front());
      });
}
