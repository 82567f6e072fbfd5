//===- FieldDots.cpp - Dot products of digits in fields -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FieldDots.h"

using namespace mlir;
using namespace tern;

static unsigned maxOfField(bool isInPlace, int64_t f) {
  return maxInPlace(isInPlace ? f : 0);
}

MicroCost FieldDots::cost() const {
  int64_t slots = 0;
  for (int64_t f = 0; f < kFields; ++f)
    slots += dot.getSlots(maxOfField(isInPlace, f));
  // A load and, of each field, a mask and mostly a shift for each vector; a
  // load or broadcast of each token's codes.
  int64_t unpack = vectors * (isInPlace ? 5 : 8);
  return {tokens * (vectors * slots + kFields) + unpack,
          vectors * 4 * dot.getLanes()};
}

SmallVector<int64_t> FieldDots::shape() const {
  if (isInPlace)
    return {vectors, kFields, dot.getLanes()};
  return {tokens, vectors, dot.getLanes()};
}

Value FieldDots::build(ValueBuilder &b, Value bytes, Value sums,
                       function_ref<Value(int64_t, int64_t)> codes) const {
  for (int64_t f = 0; f < kFields; ++f) {
    SmallVector<Value> digits;
    for (int64_t v = 0; v < vectors; ++v) {
      Value w = b.part(bytes, {v});
      digits.push_back(isInPlace ? fieldInPlace(b, w, f)
                                 : b.bitAnd(b.shiftRight(w, 2 * f), 3));
    }
    for (int64_t t = 0; t < tokens; ++t) {
      Value x = codes(t, f);
      for (int64_t v = 0; v < vectors; ++v) {
        SmallVector<int64_t> at = {t, v};
        if (isInPlace)
          at = {v, f};
        Value sum = dot.build(b, b.getLoc(), b.part(sums, at), digits[v], x,
                              maxOfField(isInPlace, f));
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
    for (int64_t f = 1; f < kFields; ++f)
      sum = b.add(sum, b.shiftRightSigned(b.part(sums, {v, f}), 2 * f));
    results = b.withPart(results, sum, {0, v});
  }
  return results;
}
