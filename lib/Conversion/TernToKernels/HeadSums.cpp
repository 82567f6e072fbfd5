//===- HeadSums.cpp - R32 sums of some dimensions -------------------------===//
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

Value tern::viewRows(KernelBuilder &b, Value scratch, Value first,
                     int64_t count) {
  int64_t width = cast<MemRefType>(scratch.getType()).getDimSize(1);
  SmallVector<OpFoldResult> offsets = {first, b.getIndexAttr(0)};
  SmallVector<OpFoldResult> sizes = {b.getIndexAttr(count),
                                     b.getIndexAttr(width)};
  SmallVector<OpFoldResult> strides(2, b.getIndexAttr(1));
  return memref::SubViewOp::create(b, scratch, offsets, sizes, strides);
}

HeadSums::HeadSums(KernelBuilder &b, int64_t rows, int64_t dims, Value terms,
                   int64_t maxTerms)
    : b(b), rows(rows), dims(dims), accumulators(std::min(maxTerms, kR32Lanes)),
      used(b.minUnsigned(terms, b.index(kR32Lanes))),
      sums(buildScratch(b, {rows, accumulators, dims}, b.getF32Type())) {}

void HeadSums::clear() {
  b.loop(0, rows, 1, [&](Value row) {
    b.loop(b.index(0), used, 1, [&](Value j) {
      b.forEachChunk(dims, getHeadLanes(b), [&](Value i, int64_t width) {
        store(b.zero(b.vectorOf(width, b.getF32Type())), row, j, i);
      });
    });
  });
}

Value HeadSums::load(Value row, Value j, Value i, int64_t width) {
  return b.load(b.vectorOf(width, b.getF32Type()), sums, {row, j, i});
}

void HeadSums::store(Value x, Value row, Value j, Value i) {
  b.store(x, sums, {row, j, i});
}

void HeadSums::add(Value row, Value index, Value i, Value x) {
  Value j = b.rem(index, kR32Lanes);
  int64_t width = cast<VectorType>(x.getType()).getNumElements();
  store(b.add(load(row, j, i, width), x), row, j, i);
}

void HeadSums::finish(Value row) {
  // Accumulators without a term are +0, and none is -0: adding them changes
  // nothing.
  Value left = used;
  for (int64_t half = kR32Lanes / 2; half >= 1; half /= 2) {
    if (half >= accumulators)
      continue;
    Value some = b.compare(arith::CmpIPredicate::ugt, left, half);
    Value pairs = b.select(some, b.sub(left, half), b.index(0));
    b.loop(b.index(0), pairs, 1, [&](Value j) {
      Value other = b.add(j, half);
      b.forEachChunk(dims, getHeadLanes(b), [&](Value i, int64_t width) {
        Value sum = b.add(load(row, j, i, width), load(row, other, i, width));
        store(sum, row, j, i);
      });
    });
    left = b.select(some, b.index(half), left);
  }
}
