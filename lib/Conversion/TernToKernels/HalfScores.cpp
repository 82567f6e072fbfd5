//===- HalfScores.cpp - Scores against a 16 bit cache ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Vectors are positions, so an R32 sum stays within a lane: its tree adds whole
// registers. A vector of keys is widened once for some rows.
//
//===----------------------------------------------------------------------===//

#include "Attention.h"
#include "tern/Kernels/R32.h"

#include <cmath>

using namespace mlir;
using namespace tern;

namespace {

constexpr int64_t kLanes = CacheLayout::lanes;

class HalfScores {
public:
  HalfScores(KernelBuilder &b, HeadCache &cache, const HeadGroup &group)
      : b(b), cache(cache), layout(cache.getLayout()), group(group) {}

  void build(Value scores, Value first, Value end) {
    readQueries();
    parts = buildScratch(
        b, {kStrides, std::min(group.getRowsAtOnce(), group.getRows()), kLanes},
        b.getF32Type());
    Value firstGroup = b.div(first, b.index(kLanes));
    Value endGroup = b.div(b.add(end, kLanes - 1), b.index(kLanes));
    b.loop(firstGroup, endGroup, 1, [&](Value i) {
      Value keys = getKeys(i), ahead;
      if (group.tokens == 1 && cache.prefetches())
        ahead = getKeys(b.add(i, kGroupsAhead));
      Value position = b.mul(i, kLanes);
      b.forEachChunk(kLanes, group.lanes, [&](Value lane, int64_t) {
        for (int64_t row = 0; row < group.getRows();
             row += group.getRowsAtOnce())
          scoreRows(scores, row, b.add(keys, b.mul(lane, 2)),
                    b.add(position, lane), lane, row == 0 ? ahead : Value());
      });
    });
  }

private:
  using Values = SmallVector<Value>;

  /// Accumulators j, j + 8, j + 16 and j + 24 are taken together.
  static constexpr int64_t kStrides = 8;
  /// 4 KiB each for 128 dimensions.
  static constexpr int64_t kGroupsAhead = 2;

  Value getKeys(Value i) {
    constexpr int64_t perBlock = CacheLayout::blockTokens / kLanes;
    Value last = b.sub(group.getBlocks(b), 1);
    Value block = b.minUnsigned(b.div(i, b.index(perBlock)), last);
    Value inBlock = b.mul(b.rem(i, perBlock), layout.keyGroupBytes());
    return b.add(cache.getBlock(block), b.add(inBlock, layout.keysOffset()));
  }

  /// A row's elements are read one by one, so they lie side by side here
  /// whatever the query's own strides are.
  void readQueries() {
    queries = buildScratch(b, {group.getRows(), group.headDim}, b.getF32Type());
    b.loop(0, group.getRows(), 1, [&](Value row) {
      Value token = group.getToken(b, row), column = group.getColumn(b, row);
      b.forEachChunk(group.headDim, getHeadLanes(b),
                     [&](Value i, int64_t width) {
                       Value q = b.load(b.vectorOf(width, b.getF32Type()),
                                        group.query, {token, b.add(column, i)});
                       b.store(q, queries, {row, i});
                     });
    });
  }

  /// Scores of rows `first` and up for the positions of one vector. Keys of
  /// `ahead`, if any, are asked for on the way.
  void scoreRows(Value scores, int64_t first, Value keys, Value position,
                 Value lane, Value ahead) {
    const float scale = 1.0f / std::sqrt(static_cast<float>(group.headDim));
    rows.clear();
    int64_t end = std::min(first + group.getRowsAtOnce(), group.getRows());
    for (int64_t row = first; row < end; ++row)
      rows.push_back(b.index(row));
    b.loop(0, kStrides, 1, [&](Value j) {
      if (ahead)
        prefetchKeys(ahead, lane, j);
      // h = 16 twice, then 8.
      Values sums = sumTerms(keys, j, 0);
      sums = addEach(sums, sumTerms(keys, j, 16));
      Values others = sumTerms(keys, j, 8);
      others = addEach(others, sumTerms(keys, j, 24));
      for (auto [r, sum] : llvm::enumerate(addEach(sums, others)))
        b.store(sum, parts, {j, b.index(r), b.index(0)});
    });
    b.loop(0, rows.size(), 1, [&](Value r) {
      Values sums;
      for (int64_t j = 0; j < kStrides; ++j)
        sums.push_back(b.load(getVector(), parts, {b.index(j), r, b.index(0)}));
      for (int64_t half = kStrides / 2; half >= 1; half /= 2)
        for (int64_t j = 0; j < half; ++j)
          sums[j] = b.add(sums[j], sums[j + half]);
      b.store(b.mul(sums[0], scale), scores, {b.add(r, first), position});
    });
  }

  VectorType getVector() { return b.vectorOf(group.lanes, b.getF32Type()); }

  /// Either may be empty: without a term.
  Values addEach(Values x, Values y) {
    if (x.empty() || y.empty())
      return x.empty() ? y : x;
    for (auto [sum, other] : llvm::zip_equal(x, y))
      sum = b.add(sum, other);
    return x;
  }

  /// Accumulator j + `offset` of each row. It begins with its first term, not
  /// with +0, so a sum of zeros may be -0: no exponential tells them apart.
  Values sumTerms(Value keys, Value j, int64_t offset) {
    Value dim = b.add(j, offset);
    int64_t whole = group.headDim / kR32Lanes * kR32Lanes;
    int64_t rest = group.headDim - whole - offset;
    Values sums;
    if (whole) {
      sums = multiply(keys, dim);
      sums = b.loop(b.index(kR32Lanes), b.index(whole), kR32Lanes, sums,
                    [&](Value i, ValueRange carried) {
                      return addEach(Values(carried),
                                     multiply(keys, b.add(dim, i)));
                    });
    }
    if (rest <= 0)
      return sums;
    Value last = b.add(dim, whole);
    if (rest >= kStrides)
      return addEach(sums, multiply(keys, last));
    // Some of the eight accumulators have no term more.
    last = b.minUnsigned(last, b.index(group.headDim - 1));
    Value isThere = b.compare(arith::CmpIPredicate::ult, j, rest);
    Values terms = multiply(keys, last);
    for (Value &term : terms)
      term = b.select(isThere, term, b.zero(term.getType()));
    return addEach(sums, terms);
  }

  /// q * k of one dimension for each row.
  Values multiply(Value keys, Value dim) {
    Value at = b.add(keys, b.mul(dim, 2 * kLanes));
    Value k = cache.loadHalves(at, group.lanes);
    Values products;
    for (Value row : rows) {
      Value q = b.load(queries, {row, dim});
      products.push_back(b.mul(b.splat(k.getType(), q), k));
    }
    return products;
  }

  /// A part of the lines of a group of keys.
  void prefetchKeys(Value keys, Value lane, Value j) {
    int64_t count = kStrides * kLanes / group.lanes;
    int64_t lines =
        llvm::divideCeil(layout.keyGroupBytes(), CacheLayout::alignment);
    int64_t bytes = llvm::divideCeil(lines, count) * CacheLayout::alignment;
    Value number = b.add(b.mul(b.div(lane, b.index(group.lanes)), kStrides), j);
    Value first = b.add(keys, b.mul(number, bytes));
    for (int64_t at = 0; at < bytes; at += CacheLayout::alignment)
      b.prefetch(cache.getBytes(), b.add(first, at));
  }

  KernelBuilder &b;
  HeadCache &cache;
  const CacheLayout &layout;
  const HeadGroup &group;
  Value queries; ///< [row][dim]
  Value parts;   ///< [j][row][lane], accumulators of which four were added
  Values rows;   ///< that are computed at once
};

} // namespace

void tern::buildHalfScores(KernelBuilder &b, HeadCache &cache,
                           const HeadGroup &group, Value scores, Value first,
                           Value end) {
  HalfScores(b, cache, group).build(scores, first, end);
}
