//===- FieldDots.cpp - Dot products of digits in fields -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FieldDots.h"

using namespace mlir;
using namespace tern;

int64_t FieldDots::placeNumber(int64_t d) const {
  auto isMoved = [&](int64_t i) {
    return 0 < i && i < kFields && placeOf(dot, i) == 0;
  };
  if (isMoved(d))
    return 0;
  int64_t number = 0;
  for (int64_t i = 0; i < d; ++i)
    number += !isMoved(i);
  return number;
}

MicroCost FieldDots::cost() const {
  int64_t slots = 0;
  for (int64_t d = 0; d < digits; ++d)
    slots += isNarrow ? 2 : dot.getSlots(maxInPlace(dot, isInPlace ? d : 0));
  // A load and, of each field, a mask and mostly a shift for each vector; a
  // load or broadcast of each token's codes.
  int64_t unpack = vectors * ((isInPlace ? 5 : 8) + slotsOfSplit(digits));
  // Zeros, sums of the fields and the instructions for scales.
  int64_t group = (isInPlace ? 3 * shape()[1] - 2 : 1) + kScaleSlots;
  return {tokens * (vectors * slots + digits) + unpack,
          vectors * 4 * dot.getLanes(), /*setupSlots=*/0,
          tokens * vectors * group};
}

SmallVector<int64_t> FieldDots::shape() const {
  if (isInPlace) {
    int64_t places = 1;
    for (int64_t d = 0; d < digits; ++d)
      places = std::max(places, placeNumber(d) + 1);
    return {vectors, places, dot.getLanes()};
  }
  return {tokens, vectors, dot.getLanes()};
}

Value FieldDots::addDots(
    ValueBuilder &b, Value bytes, Value sums,
    function_ref<Value(int64_t, int64_t)> codes,
    function_ref<Value(Value, Value, Value, unsigned)> add) const {
  SmallVector<FourAndOne> groups;
  for (int64_t v = 0; v < vectors; ++v)
    groups.push_back(
        splitBytes(b, *codecOf(digits), b.part(bytes, {first + v})));
  for (int64_t d = 0; d < digits; ++d) {
    SmallVector<Value> unpacked;
    for (const FourAndOne &group : groups)
      unpacked.push_back(isInPlace ? digitInPlace(b, dot, group, d)
                                   : unpackDigit(b, group, d));
    for (int64_t t = 0; t < tokens; ++t) {
      Value x = codes(t, d);
      for (int64_t v = 0; v < vectors; ++v) {
        SmallVector<int64_t> at = {t, v};
        if (isInPlace)
          at = {v, placeNumber(d)};
        Value sum = add(b.part(sums, at), unpacked[v], x,
                        maxInPlace(dot, isInPlace ? d : 0));
        sums = b.withPart(sums, sum, at);
      }
    }
  }
  return sums;
}

Value FieldDots::build(ValueBuilder &b, Value bytes, Value sums,
                       function_ref<Value(int64_t, int64_t)> codes) const {
  return addDots(b, bytes, sums, codes,
                 [&](Value sum, Value u, Value x, unsigned most) {
                   return dot.build(b, b.getLoc(), sum, u, x, most);
                 });
}

Value FieldDots::buildNarrow(
    ValueBuilder &b, Value bytes, Value narrow,
    function_ref<Value(int64_t, int64_t)> codes) const {
  return addDots(b, bytes, narrow, codes,
                 [&](Value sum, Value u, Value x, unsigned) {
                   return dot.buildNarrow(b, b.getLoc(), sum, u, x);
                 });
}

Value FieldDots::widen(ValueBuilder &b, Value narrow, Value sums) const {
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t v = 0; v < vectors; ++v)
      sums = b.withPart(sums,
                        dot.widen(b, b.getLoc(), b.part(sums, {t, v}),
                                  b.part(narrow, {t, v})),
                        {t, v});
  return sums;
}

Value FieldDots::finish(ValueBuilder &b, Value sums) const {
  if (!isInPlace)
    return sums;
  Value results = b.zero(
      VectorType::get({tokens, vectors, dot.getLanes()}, b.getI32Type()));
  for (int64_t v = 0; v < vectors; ++v) {
    Value sum = b.part(sums, {v, 0});
    for (int64_t d = 1; d < digits; ++d)
      if (int64_t place = placeNumber(d))
        sum = b.add(
            sum, b.shiftRightSigned(b.part(sums, {v, place}), placeOf(dot, d)));
    results = b.withPart(results, sum, {0, v});
  }
  return results;
}
