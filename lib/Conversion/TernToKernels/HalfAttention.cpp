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
          group.headDim, CacheLayout::lanes, [&](Value i, int64_t width) {
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
    auto type = b.vectorOf(kR32Lanes, b.getF32Type());
    SmallVector<Value> sums(heads, b.zero(type));
    int64_t whole = group.headDim / kR32Lanes * kR32Lanes;
    if (whole)
      sums = b.loop(b.index(0), b.index(whole), kR32Lanes, sums,
                    [&](Value i, ValueRange carried) {
                      return addProducts(row, first, i, kR32Lanes, carried);
                    });
    if (whole != group.headDim)
      sums =
          addProducts(row, first, b.index(whole), group.headDim - whole, sums);
    for (auto [h, sum] : llvm::enumerate(sums))
      b.store(b.mul(buildR32Tree(b, sum), scale), scores,
              {b.index(first + h), position});
  }

  SmallVector<Value> addProducts(Value row, int64_t first, Value i,
                                 int64_t width, ValueRange carried) {
    SmallVector<Value> sums(carried);
    Value k = cache.loadHalves(b.add(row, b.mul(i, 2)), width);
    for (auto [h, sum] : llvm::enumerate(sums)) {
      Value column = b.add(group.getColumn(b, b.index(first + h)), i);
      Value q = b.load(k.getType(), group.query, {group.token, column});
      sum = b.add(sum, b.padLanes(b.mul(q, k), kR32Lanes));
    }
    return sums;
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
