//===- ValueBuilder.h - Words that values are computed in -------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Arithmetic here takes scalars and vectors alike and rounds once per
// operation; nothing becomes a call of libm. A number beside a value is a
// constant of that value's type. Nothing touches memory or branches, so a
// micro kernel is written in these words alone.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_KERNELS_VALUEBUILDER_H
#define TERN_KERNELS_VALUEBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/TypeUtilities.h"

namespace tern {

/// `element`, or a vector of it as long as `like`.
mlir::Type withElement(mlir::Type like, mlir::Type element);

class ValueBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using Value = mlir::Value;
  using Type = mlir::Type;
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  mlir::VectorType vectorOf(int64_t lanes, Type element) {
    return mlir::VectorType::get({lanes}, element);
  }

  // Constants; of a vector type, all lanes alike.
  Value index(int64_t value);
  Value constant(Type type, int64_t value);
  Value constant(Type type, double value);
  Value zero(Type type);
  /// 0, 1, ... of an integer vector type.
  Value iota(mlir::VectorType type);
  /// `scalar` in every lane; `type` may be its own.
  Value splat(Type type, Value scalar);

  // Arithmetic on floats, integers and indices, by the type of `x`.
  Value add(Value x, Value y);
  Value sub(Value x, Value y);
  Value mul(Value x, Value y);
  Value add(Value x, double y) { return add(x, constantLike(x, y)); }
  Value sub(Value x, double y) { return sub(x, constantLike(x, y)); }
  Value mul(Value x, double y) { return mul(x, constantLike(x, y)); }
  Value div(Value x, Value y); ///< floats; integers unsigned
  Value div(Value x, double y) { return div(x, constantLike(x, y)); }
  Value rem(Value x, int64_t y); ///< unsigned
  Value minUnsigned(Value x, Value y);
  Value maxSigned(Value x, Value y);
  Value maxUnsigned(Value x, Value y);

  // Integers.
  Value bitAnd(Value x, Value y);
  Value bitAnd(Value x, int64_t y);
  Value bitOr(Value x, Value y);
  Value bitXor(Value x, int64_t y);
  Value shiftLeft(Value x, int64_t by);
  Value shiftRight(Value x, int64_t by); ///< logical
  Value shiftRightSigned(Value x, int64_t by);
  Value compare(mlir::arith::CmpIPredicate predicate, Value x, Value y);
  Value compare(mlir::arith::CmpIPredicate predicate, Value x, int64_t y);

  // Choices.
  Value select(Value condition, Value x, Value y);
  Value isGreater(Value x, Value y); ///< floats, ordered
  Value isLess(Value x, Value y);    ///< floats, ordered
  Value max(Value x, Value y);       ///< y if x is not greater, or either NaN
  Value min(Value x, Value y);       ///< y if x is not less, or either NaN
  Value max(Value x, double y) { return max(x, constantLike(x, y)); }
  Value min(Value x, double y) { return min(x, constantLike(x, y)); }
  Value abs(Value x); ///< of floats
  /// The bits of |x| as integers, which are ordered as |x| is; those of NaN are
  /// greater than all others.
  Value magnitudeBits(Value x);

  // Conversions. Extensions keep a vector's length.
  Value signExtend(Value x, Type element);
  Value zeroExtend(Value x, Type element);
  Value toIndex(Value x); ///< of an integer that is not negative
  Value bitcast(Type type, Value x);
  Value toFloat(Value x); ///< signed integers to f32
  /// Nearest integer, halves to even; |x| < 2^22. A zero is +0.
  Value roundToEven(Value x);
  /// The same as an integer of `type`, low bits if it is narrower.
  Value roundToInteger(Type type, Value x);

  // Vectors.
  Value shuffle(Value x, Value y, llvm::ArrayRef<int64_t> mask);
  /// Lanes `from` .. `from + count` of x.
  Value lanes(Value x, int64_t from, int64_t count);
  Value lane(Value x, int64_t at);
  /// The four bytes of `x` from `from` on, a multiple of four, in each of
  /// `count` lanes of four. Of four bytes in all it is a splat, else a shuffle,
  /// which leaves `x` in one register.
  Value broadcastFour(Value x, int64_t from, int64_t count);
  /// x followed by zeros, `count` lanes in all.
  Value padLanes(Value x, int64_t count);
  /// The part of a vector of several dimensions at `position`, and the vector
  /// with another one there.
  Value part(Value x, llvm::ArrayRef<int64_t> position);
  Value withPart(Value x, Value part, llvm::ArrayRef<int64_t> position);
  /// The same elements in another shape.
  Value reshape(Value x, llvm::ArrayRef<int64_t> shape);
  /// Combines halves until one lane is left: h = n/2, ..., 2, 1 and
  /// x[j] = combine(x[j], x[j + h]). Returns that lane.
  Value reduceByHalves(Value x,
                       llvm::function_ref<Value(Value, Value)> combine);
  Value sumOfIntegers(Value x); ///< any order
  Value mostOfSigned(Value x);
  Value mostOfUnsigned(Value x);

private:
  Value constantLike(Value x, double value) {
    return mlir::isa<mlir::FloatType>(mlir::getElementTypeOrSelf(x.getType()))
               ? constant(x.getType(), value)
               : constant(x.getType(), static_cast<int64_t>(value));
  }
};

} // namespace tern

#endif // TERN_KERNELS_VALUEBUILDER_H
