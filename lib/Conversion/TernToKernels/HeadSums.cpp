//===- HeadSums.cpp - R32 sums of rows of heads
//-----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "HeadSums.h"

#include "CacheAccess.h"
#include "tern/Kernels/R32.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace tern;

Value tern::buildScratch(KernelBuilder &b, ArrayRef<int64_t> shape,
                         Type element) {
  return memref::AllocOp::create(b, MemRefType::get(shape, element),
                                 b.getI64IntegerAttr(CacheLayout::alignment));
}

HeadSums::HeadSums(KernelBuilder &b, int64_t heads, int64_t width, Value terms,
                   int64_t maxTerms)
    : b(b), heads(heads), rows(std::min(maxTerms, kR32Lanes)), width(width),
      used(b.minUnsigned(terms, b.index(kR32Lanes))),
      sums(buildScratch(b, {heads, rows, width}, b.getF32Type())) {}

HeadSums HeadSums::ofHeads(Value first, int64_t heads) const {
  HeadSums some = *this;
  some.heads = heads;
  SmallVector<OpFoldResult> offsets = {first, b.getIndexAttr(0),
                                       b.getIndexAttr(0)};
  SmallVector<OpFoldResult> sizes = {
      b.getIndexAttr(heads), b.getIndexAttr(rows), b.getIndexAttr(width)};
  SmallVector<OpFoldResult> strides(3, b.getIndexAttr(1));
  some.sums = memref::SubViewOp::create(b, sums, offsets, sizes, strides);
  return some;
}

void HeadSums::clear(AccumulatorShare share) {
  b.loop(0, heads, 1, [&](Value head) {
    b.loop(
        share.first, b.minUnsigned(share.end, used), share.step, [&](Value j) {
          b.forEachChunk(width, getHeadLanes(b), [&](Value i, int64_t lanes) {
            Type type = b.vectorOf(lanes, b.getF32Type());
            b.store(b.zero(type), sums, {head, j, i});
          });
        });
  });
}

void HeadSums::add(Value head, Value index, Value i, Value x) {
  Value j = b.rem(index, kR32Lanes);
  Value sum = b.add(b.load(x.getType(), sums, {head, j, i}), x);
  b.store(sum, sums, {head, j, i});
}

void HeadSums::addRun(AccumulatorShare share, int64_t firstHead, int64_t heads,
                      Value first, Value end, Value i, int64_t lanes,
                      function_ref<Values(Value)> terms,
                      function_ref<void(Value)> begin) {
  Type type = b.vectorOf(lanes, b.getF32Type());
  Value some = b.minUnsigned(b.sub(end, first), share.end);
  b.loop(share.first, some, share.step, [&](Value j) {
    begin(j);
    Values totals;
    for (int64_t h = 0; h < heads; ++h)
      totals.push_back(b.load(type, sums, {b.index(firstHead + h), j, i}));
    totals =
        b.loop(b.add(first, j), end, kR32Lanes, totals,
               [&](Value index, ValueRange carried) {
                 Values next;
                 for (auto [sum, term] : llvm::zip_equal(carried, terms(index)))
                   next.push_back(b.add(sum, term));
                 return next;
               });
    for (auto [h, total] : llvm::enumerate(totals))
      b.store(total, sums, {b.index(firstHead + h), j, i});
  });
}

void HeadSums::finish(Value head) {
  // Accumulators without a term are +0, and none is -0: adding them changes
  // nothing.
  Value left = used;
  for (int64_t half = kR32Lanes / 2; half >= 1; half /= 2) {
    if (half >= rows)
      continue;
    Value some = b.compare(arith::CmpIPredicate::ugt, left, half);
    Value pairs = b.select(some, b.sub(left, half), b.index(0));
    b.loop(b.index(0), pairs, 1, [&](Value j) {
      Value other = b.add(j, half);
      b.forEachChunk(width, getHeadLanes(b), [&](Value i, int64_t lanes) {
        Type type = b.vectorOf(lanes, b.getF32Type());
        Value sum = b.add(b.load(type, sums, {head, j, i}),
                          b.load(type, sums, {head, other, i}));
        b.store(sum, sums, {head, j, i});
      });
    });
    left = b.select(some, b.index(half), left);
  }
}

Value HeadSums::load(Value head, Value i, int64_t lanes) {
  return b.load(b.vectorOf(lanes, b.getF32Type()), sums, {head, b.index(0), i});
}
