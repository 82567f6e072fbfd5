//===- Unpacking.cpp - Digits to bytes of their own -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/Unpacking.h"

#include "tern/Dialect/Tern/IR/Tern.h"

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

/// Sums that the digits of a group make of numbers instead of codes: of 1, 4,
/// 16 and 64 they are four digits in fields of two bits, of the last one
/// itself.
static Value lookUpDigits(ValueBuilder &b, Value bytes,
                          ArrayRef<int64_t> numbers) {
  auto lookup = LookupTableAttr::get(b.getContext(), numbers.size(), 0, 64,
                                     /*bias=*/0, /*signMagnitude=*/true);
  SmallVector<int8_t> entries(lookup.getSize(), 0);
  for (int64_t m = 0; m < lookup.getNumEntries(); ++m)
    for (auto [digit, number] : llvm::enumerate(numbers))
      entries[m] += int8_t(lookup.getDigit(m, int64_t(digit)) * number);
  auto tableType = VectorType::get(lookup.getSize(), b.getI8Type());
  Value table = arith::ConstantOp::create(
      b, DenseElementsAttr::get(tableType, ArrayRef(entries)));
  // Digits are stored plus one.
  int64_t ones = 0;
  for (int64_t number : numbers)
    ones += number;
  Type type = bytes.getType();
  return LookupAddOp::create(b, type, b.constant(type, int64_t(ones)), table,
                             bytes, lookup);
}

SmallVector<Value> tern::unpackGroups(ValueBuilder &b, Value bytes) {
  Value fields = lookUpDigits(b, bytes, {1, 4, 16, 64, 0});
  SmallVector<Value> digits;
  for (int64_t f = 0; f < kFields; ++f)
    digits.push_back(unpackField(b, fields, f));
  digits.push_back(lookUpDigits(b, bytes, {0, 0, 0, 0, 1}));
  return digits;
}

SmallVector<Value> tern::interleaveRows(ValueBuilder &b, ValueRange columns) {
  // Quarters of rows, each in all four blocks of 16 bytes, change places with
  // them.
  SmallVector<Value> blocks;
  for (int64_t quarter = 0; quarter < 4; ++quarter)
    blocks.push_back(interleaveFour(b, columns, quarter));
  for (int64_t bit : {1, 2}) {
    SmallVector<int64_t> low, high;
    for (int64_t byte = 0; byte < 64; ++byte) {
      int64_t by = 16 * bit;
      bool isSet = byte & by;
      low.push_back(isSet ? 64 + byte - by : byte);
      high.push_back(isSet ? 64 + byte : byte + by);
    }
    for (int64_t i = 0; i < 4; ++i) {
      if (i & bit)
        continue;
      Value x = blocks[i], y = blocks[i + bit];
      blocks[i] = b.shuffle(x, y, low);
      blocks[i + bit] = b.shuffle(x, y, high);
    }
  }
  return blocks;
}
