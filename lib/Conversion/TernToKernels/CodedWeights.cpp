//===- CodedWeights.cpp - Weights of a low-bit cache's values -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Once for all dimensions: exponentials times what a code stands for, rounded
// to bytes in each block of 64 positions.
//
//===----------------------------------------------------------------------===//

#include "Attention.h"

#include "tern/Target/Target.h"

using namespace mlir;
using namespace tern;

constexpr int64_t kTokens = CacheLayout::blockTokens;

CodedWeights::CodedWeights(KernelBuilder &b, const HeadGroup &group,
                           int64_t rows)
    : bytes(buildScratch(b, {rows, group.capacity}, b.getI8Type())),
      sums(buildScratch(b, {rows, group.capacity / kTokens}, b.getI32Type())),
      factors(
          buildScratch(b, {rows, group.capacity / kTokens}, b.getF32Type())),
      firsts(buildScratch(b, {rows, 1}, b.getI32Type())) {}

CodedWeights CodedWeights::ofRows(KernelBuilder &b, Value first,
                                  int64_t rows) const {
  CodedWeights some = *this;
  for (Value *part : {&some.bytes, &some.sums, &some.factors, &some.firsts})
    *part = viewRows(b, *part, first, rows);
  return some;
}

bool CodedWeights::areSwapped(const CacheLayout &layout,
                              DotProductAttrInterface dot) {
  return layout.bits < 8 && !dot.isExactForAnyByte() && !dot.hasUnsigned();
}

void tern::prefetchValueFactors(KernelBuilder &b, HeadCache &cache, Value first,
                                Value end) {
  if (!cache.prefetches())
    return;
  b.loop(first, end, kTokens, [&](Value position) {
    Value block = cache.getBlock(b.div(position, b.index(kTokens)));
    Value at = b.add(block, cache.getLayout().valueScalesOffset());
    for (int64_t i = 0; i < 2 * kTokens; i += CacheLayout::alignment)
      b.prefetch(cache.getBytes(), b.add(at, i));
  });
}

void tern::buildValueFactors(KernelBuilder &b, HeadCache &cache, Value factors,
                             Value to, Value first, Value end) {
  const CacheLayout &layout = cache.getLayout();
  double n = static_cast<double>(largestCode(layout.bits));
  b.loop(first, end, kTokens, [&](Value position) {
    Value block = b.div(position, b.index(kTokens));
    Value at = b.add(cache.getBlock(block), layout.valueScalesOffset());
    b.forEachChunk(kTokens, b.getRowLanes(), [&](Value i, int64_t width) {
      Value scales = cache.loadHalves(b.add(at, b.mul(i, 2)), width);
      b.store(b.div(scales, n), factors, {to, b.add(position, i)});
    });
  });
  if (!layout.hasFirstRows())
    return;
  // The scales of first rows: the key's, then the value's.
  b.ifTrue(b.compare(arith::CmpIPredicate::eq, first, int64_t(0)), [&] {
    Value at = b.add(cache.getFirstRows(), layout.firstScalesOffset() + 2);
    double n = static_cast<double>(largestCode(layout.bosBits));
    b.store(b.div(cache.loadHalves(at, 1), n), factors, {to, b.index(0)});
  });
}

namespace {

class WeightRounding {
public:
  WeightRounding(KernelBuilder &b, Value e, Value factors, Value from,
                 const CodedWeights &weights, Value row, bool isSwapped)
      : b(b), e(e), factors(factors), from(from), weights(weights), row(row),
        isSwapped(isSwapped), type(b.vectorOf(b.getRowLanes(), b.getF32Type())),
        integers(b.vectorOf(b.getRowLanes(), b.getI32Type())) {}

  void roundBlock(Value block) {
    Type f32 = b.getF32Type();
    Value start = b.mul(block, kTokens), most = weigh(start);
    Value zero = b.zero(f32);
    Value isTiny = b.isLess(most, b.constant(f32, 1e-30));
    most = b.select(isTiny, zero, most);
    Value scale = b.div(b.constant(f32, 255.0), most);
    scale = b.select(isTiny, zero, scale);
    b.store(round(start, scale), weights.sums, {row, block});
    b.store(b.div(most, 255.0), weights.factors, {row, block});
  }

  /// Moves p of position 0, which lies elsewhere, out of the others.
  void takeFirst() {
    Value first[] = {row, b.index(0)};
    Value p = b.load(weights.bytes, first), zero = b.zero(b.getI8Type());
    if (isSwapped)
      p = flipHighBit(b, p), zero = flipHighBit(b, zero);
    p = b.zeroExtend(p, b.getI32Type());
    b.store(p, weights.firsts, first);
    b.store(b.sub(b.load(weights.sums, first), p), weights.sums, first);
    b.store(zero, weights.bytes, first);
  }

private:
  /// e of a block to w = e * factor. Returns the largest.
  Value weigh(Value start) {
    // None is negative, so their bits are ordered as they are, NaN last.
    Value most =
        b.loop(b.index(0), b.index(kTokens), b.getRowLanes(), b.zero(integers),
               [&](Value i, ValueRange carried) -> SmallVector<Value> {
                 Value at = b.add(start, i);
                 Value exps = b.load(type, e, {row, at});
                 Value w = b.mul(exps, b.load(type, factors, {from, at}));
                 // Scales of tokens that are not seen may be anything; their e
                 // is 0.
                 w = b.select(b.isGreater(exps, b.zero(type)), w, b.zero(type));
                 b.store(w, e, {row, at});
                 return {b.maxUnsigned(b.bitcast(integers, w), carried[0])};
               })[0];
    return b.bitcast(b.getF32Type(), b.mostOfUnsigned(most));
  }

  /// w of a block to p = rne(w * scale). Returns their sum.
  Value round(Value start, Value scale) {
    auto bytes = b.vectorOf(b.getRowLanes(), b.getI8Type());
    Value sum =
        b.loop(b.index(0), b.index(kTokens), b.getRowLanes(), b.zero(integers),
               [&](Value i, ValueRange carried) -> SmallVector<Value> {
                 Value at = b.add(start, i), w = b.load(type, e, {row, at});
                 Value p = b.roundToInteger(b.getI32Type(),
                                            b.mul(w, b.splat(type, scale)));
                 Value low = arith::TruncIOp::create(b, bytes, p);
                 b.store(isSwapped ? flipHighBit(b, low) : low, weights.bytes,
                         {row, at});
                 return {b.add(carried[0], p)};
               })[0];
    return b.sumOfIntegers(sum);
  }

  KernelBuilder &b;
  Value e, factors, from;
  const CodedWeights &weights;
  Value row;
  bool isSwapped;
  VectorType type, integers;
};

} // namespace

void tern::buildCodedWeights(KernelBuilder &b, const CacheLayout &layout,
                             const HeadGroup &group,
                             DotProductAttrInterface dot, Value e,
                             Value factors, Value from,
                             const CodedWeights &weights, Value row) {
  WeightRounding rounding(b, e, factors, from, weights, row,
                          CodedWeights::areSwapped(layout, dot));
  b.loop(b.index(0), group.getBlocks(b), 1,
         [&](Value block) { rounding.roundBlock(block); });
  if (layout.hasFirstRows())
    rounding.takeFirst();
}
