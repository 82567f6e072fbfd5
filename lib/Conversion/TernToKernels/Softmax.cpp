//===- Softmax.cpp - Exponentials of scores
//--------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Attention.h"
#include "tern/Kernels/R32.h"

#include "tern/Kernels/Numerics.h"

#include <limits>

using namespace mlir;
using namespace tern;

/// Which of the `lanes` positions from `first` on are below `count`.
static Value isSeen(KernelBuilder &b, Value first, Value count, int64_t lanes) {
  auto type = b.vectorOf(lanes, b.getI32Type());
  Value left =
      arith::IndexCastOp::create(b, b.getI32Type(), b.sub(count, first));
  return b.compare(arith::CmpIPredicate::slt, b.iota(type),
                   b.splat(type, left));
}

Value tern::buildSoftmax(KernelBuilder &b, const HeadGroup &group, Value scores,
                         Value row) {
  Value count = group.getCount(b, row);
  int64_t lanes = b.getRowLanes();
  auto type = b.vectorOf(lanes, b.getF32Type());
  Value lowest = b.constant(type, -std::numeric_limits<double>::infinity());
  Value most = b.loop(b.index(0), count, lanes, lowest,
                      [&](Value i, ValueRange carried) -> SmallVector<Value> {
                        Value score = b.load(type, scores, {row, i});
                        Value seen = isSeen(b, i, count, lanes);
                        score = b.select(seen, score, lowest);
                        return {b.max(score, carried[0])};
                      })[0];
  most = b.reduceByHalves(most, [&](Value x, Value y) { return b.max(x, y); });
  // Of whole blocks, but behind as many positions as there are accumulators all
  // are 0, which changes no sum.
  Value whole =
      b.mul(b.div(b.add(count, kR32Lanes - 1), b.index(kR32Lanes)), kR32Lanes);
  Value end = b.mul(group.getBlocks(b), CacheLayout::blockTokens);
  b.loop(whole, end, lanes, [&](Value i) {
    b.store(b.zero(type), scores, {row, i});
  });
  return buildR32(b, whole, [&](Value i, int64_t lanes) {
    auto type = b.vectorOf(lanes, b.getF32Type());
    Value score = b.load(type, scores, {row, i});
    Value e = buildExp(b, b.getLoc(), b.sub(score, b.splat(type, most)));
    e = b.select(isSeen(b, i, count, lanes), e, b.zero(type));
    b.store(e, scores, {row, i});
    return e;
  });
}
