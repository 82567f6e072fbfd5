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
/// Rows of keys that are asked for early: 4 KiB for 128 dimensions.
constexpr int64_t kRowsAhead = 16;

class HalfAttention {
public:
  HalfAttention(KernelBuilder &b, HeadCache &cache, const HeadGroup &group)
      : b(b), cache(cache), group(group) {}

  void buildScores(Value scores, Value first, Value end) {
    b.loop(first, end, 1, [&](Value position) {
      Value row = getRow(position, cache.getLayout().keysOffset());
      if (prefetches())
        prefetchRow(b.add(position, kRowsAhead),
                    cache.getLayout().keysOffset());
      for (int64_t first = 0; first < group.heads; first += kMaxHeads)
        scoreHeads(scores, position, row, first);
    });
  }

  /// Rows of some positions, which stay in the cache, for a few dimensions at a
  /// time, whose sums stay in registers.
  void buildValues(Value e, HeadSums &sums, AccumulatorShare share) {
    b.loop(b.index(0), group.count, kTilePositions, [&](Value first) {
      Value next = b.add(first, kTilePositions);
      Value end = b.minUnsigned(next, group.count);
      b.forEachChunk(group.headDim, getHeadLanes(b),
                     [&](Value i, int64_t width) {
                       for (int64_t h = 0; h < group.heads; h += kMaxHeads) {
                         int64_t heads = std::min(kMaxHeads, group.heads - h);
                         sums.addRun(
                             share, h, heads, first, end, i, width,
                             [&](Value position) {
                               return weigh(e, h, heads, position, i, width);
                             },
                             [&](Value j) {
                               if (h == 0)
                                 prefetchValues(b.add(next, j), i);
                             });
                       }
                     });
    });
  }

private:
  /// A multiple of 32; their rows of 128 dimensions are 64 KiB.
  static constexpr int64_t kTilePositions = 256;

  void prefetchRow(Value position, int64_t part) {
    Value last = b.sub(group.count, 1);
    Value row = getRow(b.minUnsigned(position, last), part);
    for (int64_t at = 0; at < 2 * group.headDim; at += CacheLayout::alignment)
      b.prefetch(cache.getBytes(), b.add(row, at));
  }

  /// Asks for rows `first`, `first` + 32, ... of the next tile, a part of them
  /// with each chunk of dimensions.
  void prefetchValues(Value first, Value i) {
    if (!prefetches())
      return;
    constexpr int64_t rows = kTilePositions / kR32Lanes;
    int64_t width = getHeadLanes(b);
    int64_t chunks = llvm::divideCeil(group.headDim, width);
    Value chunk = b.div(i, b.index(width));
    for (int64_t k = 0; k < rows; k += chunks) {
      Value row = b.mul(b.add(chunk, k), kR32Lanes);
      prefetchRow(b.add(first, row), cache.getLayout().valuesOffset());
    }
  }

  /// Machines without vectors have their memory near.
  bool prefetches() const { return b.getRowLanes() >= CacheLayout::lanes; }

  /// e * v of one position for some heads.
  SmallVector<Value> weigh(Value e, int64_t firstHead, int64_t heads,
                           Value position, Value i, int64_t width) {
    Value row = getRow(position, cache.getLayout().valuesOffset());
    Value v = cache.loadHalves(b.add(row, b.mul(i, 2)), width);
    SmallVector<Value> terms;
    for (int64_t h = firstHead; h < firstHead + heads; ++h) {
      Value weight = b.load(b.getF32Type(), e, {b.index(h), position});
      terms.push_back(b.mul(b.splat(v.getType(), weight), v));
    }
    return terms;
  }

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
                           const HeadGroup &group, Value scores, Value first,
                           Value end) {
  HalfAttention(b, cache, group).buildScores(scores, first, end);
}

void tern::buildHalfValues(KernelBuilder &b, HeadCache &cache,
                           const HeadGroup &group, Value e, HeadSums &sums,
                           AccumulatorShare share) {
  HalfAttention(b, cache, group).buildValues(e, sums, share);
}
