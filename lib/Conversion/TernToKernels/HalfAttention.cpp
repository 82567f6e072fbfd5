//===- HalfAttention.cpp - Attention over a 16 bit cache ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A row is widened once for all heads of a group.
//
//===----------------------------------------------------------------------===//

#include "Attention.h"
#include "tern/Kernels/R32.h"

#include <cmath>

using namespace mlir;
using namespace tern;

namespace {

/// Heads whose sums are kept in registers at once.
constexpr int64_t kMaxHeads = 4;

class HalfAttention {
public:
  HalfAttention(KernelBuilder &b, HeadCache &cache, const HeadGroup &group)
      : b(b), cache(cache), group(group) {}

  void buildScores(Value scores) {
    b.loop(b.index(0), group.count, 1, [&](Value position) {
      Value row = getRow(position, cache.getLayout().keysOffset());
      for (int64_t first = 0; first < group.heads; first += kMaxHeads)
        scoreHeads(scores, position, row, first);
    });
  }

  void buildValues(Value e, RowSums &sums) {
    b.loop(b.index(0), group.count, 1, [&](Value position) {
      Value row = getRow(position, cache.getLayout().valuesOffset());
      b.forEachChunk(
          group.headDim, getHeadLanes(b), [&](Value i, int64_t width) {
            Value v = cache.loadHalves(b.add(row, b.mul(i, 2)), width);
            for (int64_t h = 0; h < group.heads; ++h) {
              Value head = b.index(h);
              Value weight = b.load(b.getF32Type(), e, {head, position});
              sums.add(head, position, i,
                       b.mul(b.splat(v.getType(), weight), v));
            }
          });
    });
  }

private:
  /// Where the row of f16 values of `position` starts; `part` is the keys' or
  /// the values' offset.
  Value getRow(Value position, int64_t part) {
    Value block = b.div(position, b.index(CacheLayout::blockTokens));
    Value slot = b.rem(position, CacheLayout::blockTokens);
    Value rows = b.add(cache.getBlock(block), part);
    return b.add(rows, b.mul(slot, 2 * cache.getLayout().headDim));
  }

  /// R32(q * k) * scale of heads `first` and up.
  void scoreHeads(Value scores, Value position, Value row, int64_t first) {
    const float scale = 1.0f / std::sqrt(static_cast<float>(group.headDim));
    int64_t heads = std::min(kMaxHeads, group.heads - first);
    SmallVector<Value> sums =
        buildR32(b, group.headDim, heads, [&](Value i, int64_t width) {
          Value k = cache.loadHalves(b.add(row, b.mul(i, 2)), width);
          SmallVector<Value> products;
          for (int64_t h = first; h < first + heads; ++h) {
            Value column = b.add(group.getColumn(b, b.index(h)), i);
            Value q = b.load(k.getType(), group.query, {group.token, column});
            products.push_back(b.mul(q, k));
          }
          return products;
        });
    for (auto [h, sum] : llvm::enumerate(sums))
      b.store(b.mul(sum, scale), scores, {b.index(first + h), position});
  }

  KernelBuilder &b;
  HeadCache &cache;
  const HeadGroup &group;
};

} // namespace

void tern::buildHalfScores(KernelBuilder &b, HeadCache &cache,
                           const HeadGroup &group, Value scores) {
  HalfAttention(b, cache, group).buildScores(scores);
}

void tern::buildHalfValues(KernelBuilder &b, HeadCache &cache,
                           const HeadGroup &group, Value e, RowSums &sums) {
  HalfAttention(b, cache, group).buildValues(e, sums);
}
