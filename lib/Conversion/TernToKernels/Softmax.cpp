//===- Softmax.cpp - Exponentials of scores, sums over positions ----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Attention.h"
#include "tern/Kernels/R32.h"

#include "tern/Kernels/Numerics.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <limits>

using namespace mlir;
using namespace tern;

Value HeadGroup::getBlocks(KernelBuilder &b) const {
  return b.div(b.add(count, CacheLayout::blockTokens - 1),
               b.index(CacheLayout::blockTokens));
}

Value tern::buildScratch(KernelBuilder &b, ArrayRef<int64_t> shape,
                         Type element) {
  return memref::AllocOp::create(b, MemRefType::get(shape, element),
                                 b.getI64IntegerAttr(CacheLayout::alignment));
}

/// Which of the `lanes` positions from `first` on are below `count`.
static Value isSeen(KernelBuilder &b, Value first, Value count, int64_t lanes) {
  auto type = b.vectorOf(lanes, b.getI32Type());
  Value left =
      arith::IndexCastOp::create(b, b.getI32Type(), b.sub(count, first));
  return b.compare(arith::CmpIPredicate::slt, b.iota(type),
                   b.splat(type, left));
}

Value tern::buildSoftmax(KernelBuilder &b, const HeadGroup &group, Value scores,
                         Value head) {
  int64_t lanes = b.getRowLanes();
  auto type = b.vectorOf(lanes, b.getF32Type());
  Value lowest = b.constant(type, -std::numeric_limits<double>::infinity());
  Value most = b.loop(b.index(0), group.count, lanes, lowest,
                      [&](Value i, ValueRange carried) -> SmallVector<Value> {
                        Value score = b.load(type, scores, {head, i});
                        Value seen = isSeen(b, i, group.count, lanes);
                        score = b.select(seen, score, lowest);
                        return {b.max(score, carried[0])};
                      })[0];
  most = b.reduceByHalves(most, [&](Value x, Value y) { return b.max(x, y); });
  Value end = b.mul(group.getBlocks(b), CacheLayout::blockTokens);
  return buildR32(b, end, [&](Value i, int64_t lanes) {
    auto type = b.vectorOf(lanes, b.getF32Type());
    Value score = b.load(type, scores, {head, i});
    Value e = buildExp(b, b.getLoc(), b.sub(score, b.splat(type, most)));
    e = b.select(isSeen(b, i, group.count, lanes), e, b.zero(type));
    b.store(e, scores, {head, i});
    return e;
  });
}

//===----------------------------------------------------------------------===//
// RowSums
//===----------------------------------------------------------------------===//

RowSums::RowSums(KernelBuilder &b, int64_t heads, int64_t width, Value terms,
                 int64_t maxTerms)
    : b(b), rows(std::min(maxTerms, kR32Lanes)), width(width),
      sums(buildScratch(b, {heads, rows, width}, b.getF32Type())) {
  Value all = b.index(kR32Lanes);
  used = b.select(b.compare(arith::CmpIPredicate::ult, terms, all), terms, all);
  b.loop(0, heads, 1, [&](Value head) {
    b.loop(b.index(0), used, 1, [&](Value j) {
      b.forEachChunk(width, getHeadLanes(b), [&](Value i, int64_t lanes) {
        Type type = b.vectorOf(lanes, b.getF32Type());
        b.store(b.zero(type), sums, {head, j, i});
      });
    });
  });
}

void RowSums::add(Value head, Value index, Value i, Value x) {
  Value j = b.rem(index, kR32Lanes);
  Value sum = b.add(b.load(x.getType(), sums, {head, j, i}), x);
  b.store(sum, sums, {head, j, i});
}

void RowSums::finish(Value head) {
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

Value RowSums::load(Value head, Value i, int64_t lanes) {
  return b.load(b.vectorOf(lanes, b.getF32Type()), sums, {head, b.index(0), i});
}
