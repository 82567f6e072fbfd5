//===- Digits.cpp - Digits of a word of any codec -------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/Digits.h"

using namespace mlir;
using namespace tern;

static int64_t powerOf3(int64_t exponent) {
  int64_t power = 1;
  for (; exponent > 0; --exponent)
    power *= 3;
  return power;
}

Value tern::buildWord(ValueBuilder &b, const Codec &codec,
                      function_ref<Value(int64_t)> byteAt) {
  Type type = b.getIntegerType(codec.wordBytes > 4 ? 64 : 32);
  Value word = b.zeroExtend(byteAt(0), type);
  for (int64_t i = 1; i < codec.wordBytes; ++i) {
    Value byte = b.zeroExtend(byteAt(i), type);
    word = b.bitOr(word, b.shiftLeft(byte, 8 * i));
  }
  return word;
}

/// The number that is in the low bits of `shifted`.
static Value buildNumber(ValueBuilder &b, const DigitFields &fields,
                         Value shifted) {
  if (!fields.isSignMagnitude)
    return fields.bits == 8
               ? shifted
               : b.bitAnd(shifted, (int64_t(1) << fields.bits) - 1);
  int64_t sign = int64_t(1) << (fields.bits - 1);
  Value largest =
      b.constant(shifted.getType(), (powerOf3(fields.digits) - 1) / 2);
  Value magnitude = b.bitAnd(shifted, sign - 1);
  Value isNegative = b.compare(arith::CmpIPredicate::uge, shifted, sign);
  return b.select(isNegative, b.sub(largest, magnitude),
                  b.add(largest, magnitude));
}

/// The number that is scattered over `word`.
static Value gatherNumber(ValueBuilder &b, const ScatteredField &field,
                          Value word) {
  Value number;
  int64_t bits = 0;
  for (const ScatteredField::Run &run : field.runs) {
    if (run.bits == 0)
      break;
    Value part =
        b.bitAnd(b.shiftRight(word, run.from), (int64_t(1) << run.bits) - 1);
    if (part.getType().isInteger(64))
      part = arith::TruncIOp::create(b, b.getI32Type(), part);
    part = b.shiftLeft(part, bits);
    number = number ? b.bitOr(number, part) : part;
    bits += run.bits;
  }
  if (field.added == 0)
    return number;
  return b.bitAnd(b.add(number, double(field.added)), (int64_t(1) << bits) - 1);
}

/// The number of which `digit`, an index, is a digit: all are made, one is
/// taken.
static Value gatherNumber(ValueBuilder &b, const Codec &codec, Value word,
                          Value digit) {
  const DigitFields &fields = codec.fields;
  Value number = gatherNumber(b, fields.scattered[0], word);
  for (int64_t f = 1; f < codec.wordDigits / fields.digits; ++f) {
    Value isOfField =
        b.compare(arith::CmpIPredicate::uge, digit, f * fields.digits);
    number =
        b.select(isOfField, gatherNumber(b, fields.scattered[f], word), number);
  }
  return number;
}

/// The digit that a field's only number stands for.
static Value buildOnlyDigit(ValueBuilder &b, const Codec &codec, Value number) {
  return b.add(number, double(codec.lowest()));
}

Value tern::buildDigit(ValueBuilder &b, const Codec &codec, Value word,
                       int64_t digit) {
  const DigitFields &fields = codec.fields;
  int64_t field = digit / fields.digits, place = digit % fields.digits;
  Value number =
      fields.scattered
          ? gatherNumber(b, fields.scattered[field], word)
          : buildNumber(b, fields, b.shiftRight(word, fields.bits * field));
  if (fields.digits == 1)
    return buildOnlyDigit(b, codec, number);
  return b.add(b.rem(b.div(number, powerOf3(place)), 3), -1);
}

/// The number of which `digit`, an index, is a digit.
static Value shiftNumber(ValueBuilder &b, const DigitFields &fields, Value word,
                         Value digit) {
  if (fields.bits == 8)
    return buildNumber(b, fields, word);
  Value field =
      fields.digits == 1 ? digit : b.div(digit, b.index(fields.digits));
  Value shift = arith::IndexCastUIOp::create(b, word.getType(),
                                             b.mul(field, fields.bits));
  return buildNumber(b, fields, arith::ShRUIOp::create(b, word, shift));
}

Value tern::buildDigit(ValueBuilder &b, const Codec &codec, Value word,
                       Value digit) {
  const DigitFields &fields = codec.fields;
  Value number = fields.scattered ? gatherNumber(b, codec, word, digit)
                                  : shiftNumber(b, fields, word, digit);
  Type type = number.getType();
  if (fields.digits == 1)
    return buildOnlyDigit(b, codec, number);
  Value place = b.rem(digit, fields.digits);
  Value power = b.constant(type, int64_t(1));
  for (int64_t p = 1; p < fields.digits; ++p)
    power = b.select(b.compare(arith::CmpIPredicate::eq, place, p),
                     b.constant(type, powerOf3(p)), power);
  return b.add(b.rem(b.div(number, power), 3), -1);
}

Value tern::buildByte(ValueBuilder &b, const Codec &codec, ValueRange digits) {
  const DigitFields &fields = codec.fields;
  Type type = digits.front().getType();
  Value byte = b.zero(type);
  for (int64_t field = 0; field < 8 / fields.bits; ++field) {
    Value number = b.zero(type);
    for (int64_t i = 0; i < fields.digits; ++i) {
      Value digit = digits[field * fields.digits + i];
      if (!fields.isSignMagnitude)
        digit = b.add(digit, 1);
      number = b.add(number, b.mul(digit, powerOf3(i)));
    }
    if (fields.isSignMagnitude) {
      int64_t sign = int64_t(1) << (fields.bits - 1);
      Value isNegative = b.compare(arith::CmpIPredicate::slt, number, 0);
      number =
          b.select(isNegative, b.sub(b.constant(type, sign), number), number);
    }
    byte = b.bitOr(byte, b.shiftLeft(number, fields.bits * field));
  }
  return byte;
}
