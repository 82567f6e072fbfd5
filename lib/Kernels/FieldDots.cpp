//===- FieldDots.cpp - Dot products of digits in fields -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FieldDots.h"

using namespace mlir;
using namespace tern;

static unsigned maxOfDigit(bool isInPlace, int64_t d) {
  return maxInPlace(isInPlace ? d : 0);
}

MicroCost FieldDots::cost() const {
  int64_t slots = 0;
  for (int64_t d = 0; d < digits; ++d)
    slots += dot.getSlots(maxOfDigit(isInPlace, d));
  // A load and, of each field, a mask and mostly a shift for each vector; a
  // load or broadcast of each token's codes.
  int64_t unpack = vectors * ((isInPlace ? 5 : 8) + slotsOfSplit(digits));
  // Zeros, sums of the fields and the instructions for scales.
  int64_t group = (isInPlace ? 3 * digits - 2 : 1) + kScaleSlots;
  return {tokens * (vectors * slots + digits) + unpack,
          vectors * 4 * dot.getLanes(), /*setupSlots=*/0,
          tokens * vectors * group};
}

SmallVector<int64_t> FieldDots::shape() const {
  if (isInPlace)
    return {vectors, digits, dot.getLanes()};
  return {tokens, vectors, dot.getLanes()};
}

Value FieldDots::build(ValueBuilder &b, Value bytes, Value sums,
                       function_ref<Value(int64_t, int64_t)> codes) const {
  SmallVector<FourAndOne> groups;
  for (int64_t v = 0; v < vectors; ++v)
    groups.push_back(splitBytes(b, *codecOf(digits), b.part(bytes, {v})));
  for (int64_t d = 0; d < digits; ++d) {
    SmallVector<Value> unpacked;
    for (const FourAndOne &group : groups)
      unpacked.push_back(isInPlace ? digitInPlace(b, group, d)
                                   : unpackDigit(b, group, d));
    for (int64_t t = 0; t < tokens; ++t) {
      Value x = codes(t, d);
      for (int64_t v = 0; v < vectors; ++v) {
        SmallVector<int64_t> at = {t, v};
        if (isInPlace)
          at = {v, d};
        Value sum = dot.build(b, b.getLoc(), b.part(sums, at), unpacked[v], x,
                              maxOfDigit(isInPlace, d));
        sums = b.withPart(sums, sum, at);
      }
    }
  }
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
      sum = b.add(sum, b.shiftRightSigned(b.part(sums, {v, d}), placeOf(d)));
    results = b.withPart(results, sum, {0, v});
  }
  return results;
}
