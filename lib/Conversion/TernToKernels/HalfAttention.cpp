//===- HalfAttention.cpp - Attention over a 16 bit cache ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Attention.h"
#include "R32.h"

#include <cmath>

using namespace mlir;
using namespace tern;

/// Where the row of f16 values of `position` starts; `part` is the keys' or the
/// values' offset.
static Value getRow(KernelBuilder &b, HeadCache &cache, Value position,
                    int64_t part) {
  Value block = b.div(position, b.index(CacheLayout::blockTokens));
  Value slot = b.rem(position, CacheLayout::blockTokens);
  Value rows = b.add(cache.getBlock(block), part);
  return b.add(rows, b.mul(slot, 2 * cache.getLayout().headDim));
}

void tern::buildHalfScores(KernelBuilder &b, HeadCache &cache,
                           const HeadGroup &group, Value scores) {
  const float scale = 1.0f / std::sqrt(static_cast<float>(group.headDim));
  b.loop(b.index(0), group.count, 1, [&](Value position) {
    Value row = getRow(b, cache, position, cache.getLayout().keysOffset());
    b.loop(0, group.heads, 1, [&](Value head) {
      Value column = group.getColumn(b, head);
      Value dot = buildR32(b, group.headDim, [&](Value i, int64_t width) {
        Value q = b.load(b.vectorOf(width, b.getF32Type()), group.query,
                         {group.token, b.add(column, i)});
        Value k = cache.loadHalves(b.add(row, b.mul(i, 2)), width);
        return b.mul(q, k);
      });
      b.store(b.mul(dot, scale), scores, {head, position});
    });
  });
}

void tern::buildHalfValues(KernelBuilder &b, HeadCache &cache,
                           const HeadGroup &group, Value e, RowSums &sums) {
  b.loop(b.index(0), group.count, 1, [&](Value position) {
    Value row = getRow(b, cache, position, cache.getLayout().valuesOffset());
    b.forEachChunk(
        group.headDim, CacheLayout::lanes, [&](Value i, int64_t width) {
          Value v = cache.loadHalves(b.add(row, b.mul(i, 2)), width);
          b.loop(0, group.heads, 1, [&](Value head) {
            Value weight = b.load(b.getF32Type(), e, {head, position});
            sums.add(head, position, i, b.mul(b.splat(v.getType(), weight), v));
          });
        });
  });
}
