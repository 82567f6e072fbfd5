//===- R32.cpp - The order of every float sum -----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/R32.h"

using namespace mlir;
using namespace tern;

Value tern::buildR32Tree(KernelBuilder &b, Value accumulators) {
  return b.reduceByHalves(accumulators,
                          [&](Value x, Value y) { return b.add(x, y); });
}

using Values = SmallVector<Value>;

static Values addEach(KernelBuilder &b, ValueRange sums, ValueRange terms) {
  Values result;
  for (auto [sum, term] : llvm::zip_equal(sums, terms))
    result.push_back(b.add(
        sum,
        b.padLanes(term, cast<VectorType>(sum.getType()).getNumElements())));
  return result;
}

/// All accumulators in registers: the terms are taken as they come.
static Values sumAtOnce(KernelBuilder &b, Value whole, int64_t rest,
                        int64_t count, R32Terms terms) {
  auto type = b.vectorOf(kR32Lanes, b.getF32Type());
  Values sums =
      b.loop(b.index(0), whole, kR32Lanes, Values(count, b.zero(type)),
             [&](Value i, ValueRange carried) {
               return addEach(b, carried, terms(i, kR32Lanes));
             });
  if (rest)
    sums = addEach(b, sums, terms(whole, rest));
  for (Value &sum : sums)
    sum = buildR32Tree(b, sum);
  return sums;
}

/// Halves of memref<count x 32> are added until `lanes` are left.
static void addHalves(KernelBuilder &b, Value sums, int64_t count,
                      VectorType type) {
  int64_t lanes = type.getNumElements();
  b.loop(0, count, 1, [&](Value c) {
    for (int64_t half = kR32Lanes / 2; half >= lanes; half /= 2)
      b.loop(0, half, lanes, [&](Value j) {
        Value other = b.load(type, sums, {c, b.add(j, half)});
        b.store(b.add(b.load(type, sums, {c, j}), other), sums, {c, j});
      });
  });
}

/// Some accumulators in registers, the others after them: each still gets its
/// terms in their order, and code for a few lanes does for all.
static Values sumByParts(KernelBuilder &b, Value whole, int64_t rest,
                         int64_t count, R32Terms terms) {
  int64_t lanes = b.getRowLanes(), narrow = rest % lanes;
  auto type = b.vectorOf(lanes, b.getF32Type());
  Value sums = b.alloc(b.getF32Type(), count, kR32Lanes);
  auto store = [&](ValueRange values, Value lane) {
    for (auto [c, value] : llvm::enumerate(values))
      b.store(value, sums, {b.index(c), lane});
  };
  Value end = b.add(whole, rest - narrow);
  b.loop(0, kR32Lanes, lanes, [&](Value first) {
    Values part = b.loop(first, end, kR32Lanes, Values(count, b.zero(type)),
                         [&](Value i, ValueRange carried) {
                           return addEach(b, carried, terms(i, lanes));
                         });
    store(part, first);
  });
  if (narrow) {
    Value lane = b.index(rest - narrow);
    Values last;
    for (int64_t c = 0; c < count; ++c)
      last.push_back(b.load(type, sums, {b.index(c), lane}));
    store(addEach(b, last, terms(end, narrow)), lane);
  }
  addHalves(b, sums, count, type);
  Values result;
  for (int64_t c = 0; c < count; ++c)
    result.push_back(
        b.reduceByHalves(b.load(type, sums, {b.index(c), b.index(0)}),
                         [&](Value x, Value y) { return b.add(x, y); }));
  return result;
}

/// Registers that the accumulators of R32 sums may take, leaving some for
/// terms.
constexpr int64_t kMaxRegisters = 16;

static Values build(KernelBuilder &b, Value whole, int64_t rest, int64_t count,
                    R32Terms terms) {
  int64_t registers = count * kR32Lanes * kRowRegisters / b.getRowLanes();
  if (registers <= kMaxRegisters)
    return sumAtOnce(b, whole, rest, count, terms);
  return sumByParts(b, whole, rest, count, terms);
}

Values tern::buildR32(KernelBuilder &b, int64_t n, int64_t count,
                      R32Terms terms) {
  int64_t rest = n % kR32Lanes;
  return build(b, b.index(n - rest), rest, count, terms);
}

Value tern::buildR32(KernelBuilder &b, Value n,
                     function_ref<Value(Value, int64_t)> terms) {
  return build(b, n, 0, 1, [&](Value i, int64_t width) -> Values {
    return {terms(i, width)};
  })[0];
}
