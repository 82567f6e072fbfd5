//===- Unpacking.cpp - Digits to bytes of their own -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/Unpacking.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Packing/Codec.h"

using namespace mlir;
using namespace tern;

Value tern::unpackField(ValueBuilder &b, Value bytes, int64_t f) {
  return b.bitAnd(b.shiftRight(bytes, 2 * f), 3);
}

/// Shifts of 16 bits: few machines have those of bytes.
Value tern::unpackField(ValueBuilder &b, Value bytes, Value f) {
  auto type = cast<VectorType>(bytes.getType());
  VectorType words = b.vectorOf(type.getNumElements() / 2, b.getI16Type());
  Value by =
      arith::IndexCastUIOp::create(b, b.getI16Type(), b.mul(f, b.index(2)));
  Value moved =
      arith::ShRUIOp::create(b, b.bitcast(words, bytes), b.splat(words, by));
  return b.bitAnd(b.bitcast(type, moved), 3);
}

/// Opposite numbers have opposite digits, so a table of the numbers that are
/// not negative will do; sums begin with zeros as they are stored.
static FourAndOne splitGroups(ValueBuilder &b, Value codes) {
  auto lookup =
      LookupTableAttr::get(b.getContext(), codecs::s5.wordDigits, -1, 1,
                           /*bias=*/0, /*signMagnitude=*/true);
  SmallVector<APInt> fours, lasts;
  for (int64_t m = 0; m < lookup.getSize(); ++m) {
    int64_t four = 0;
    for (int64_t f = 0; f < kFields; ++f)
      four += lookup.getDigit(m, f) * (int64_t(1) << (2 * f));
    fours.push_back(APInt(8, four, /*isSigned=*/true));
    lasts.push_back(APInt(8, lookup.getDigit(m, kFields), /*isSigned=*/true));
  }
  VectorType type = b.vectorOf(lookup.getSize(), b.getI8Type());
  auto take = [&](ArrayRef<APInt> entries, int64_t zeros) -> Value {
    Value table =
        arith::ConstantOp::create(b, DenseElementsAttr::get(type, entries));
    return LookupAddOp::create(b, codes.getType(),
                               b.constant(codes.getType(), zeros), table, codes,
                               lookup);
  };
  return {take(fours, 0b01010101), take(lasts, 1)};
}

FourAndOne tern::splitBytes(ValueBuilder &b, const Codec &codec, Value bytes) {
  if (&codec == &codecs::s5)
    return splitGroups(b, bytes);
  return {bytes, Value()};
}

Value tern::unpackDigit(ValueBuilder &b, const FourAndOne &bytes, int64_t d) {
  return d < kFields ? unpackField(b, bytes.four, d) : bytes.last;
}

Value tern::unpackDigit(ValueBuilder &b, const FourAndOne &bytes, Value d) {
  Value field = unpackField(b, bytes.four, d);
  if (!bytes.last)
    return field;
  Value isLast = b.compare(arith::CmpIPredicate::eq, d, kFields);
  return b.select(isLast, bytes.last, field);
}

SmallVector<Value> tern::transposeWords(ValueBuilder &b, Value square) {
  int64_t lanes = cast<VectorType>(square.getType()).getDimSize(0);
  VectorType words = b.vectorOf(lanes, b.getI32Type());
  SmallVector<Value> rows;
  for (int64_t row = 0; row < lanes; ++row)
    rows.push_back(b.bitcast(words, b.part(square, {row})));
  // Bit by bit of their numbers, rows and lanes change places.
  for (int64_t bit = 1; bit < lanes; bit *= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      bool isSet = lane & bit;
      low.push_back(isSet ? lanes + lane - bit : lane);
      high.push_back(isSet ? lanes + lane : lane + bit);
    }
    for (int64_t row = 0; row < lanes; ++row) {
      if (row & bit)
        continue;
      Value x = rows[row], y = rows[row + bit];
      rows[row] = b.shuffle(x, y, low);
      rows[row + bit] = b.shuffle(x, y, high);
    }
  }
  for (Value &row : rows)
    row = b.bitcast(b.vectorOf(4 * lanes, b.getI8Type()), row);
  return rows;
}

/// Elements of `x` and `y` in turn, from the low or high half of each 16 bytes.
static Value interleave(ValueBuilder &b, Value x, Value y, bool high,
                        Type element) {
  int64_t bytes = cast<VectorType>(x.getType()).getNumElements();
  int64_t perPart = 128 / element.getIntOrFloatBitWidth();
  int64_t count = bytes / 16 * perPart;
  VectorType type = b.vectorOf(count, element);
  SmallVector<int64_t> mask;
  for (int64_t part = 0; part < count; part += perPart)
    for (int64_t i = 0; i < perPart / 2; ++i) {
      int64_t from = part + (high ? perPart / 2 : 0) + i;
      mask.append({from, count + from});
    }
  Value result = b.shuffle(b.bitcast(type, x), b.bitcast(type, y), mask);
  return b.bitcast(b.vectorOf(bytes, b.getI8Type()), result);
}

Value tern::interleaveFour(ValueBuilder &b, ValueRange columns,
                           int64_t quarter) {
  bool high = quarter >= 2;
  Value first = interleave(b, columns[0], columns[1], high, b.getI8Type());
  Value last = interleave(b, columns[2], columns[3], high, b.getI8Type());
  return interleave(b, first, last, quarter % 2 == 1, b.getI16Type());
}
