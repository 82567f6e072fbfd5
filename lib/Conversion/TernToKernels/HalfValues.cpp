//===- HalfValues.cpp - Weighted sums of a 16 bit cache's values ----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Vectors are dimensions, each of which has sums of its own. A vector of values
// is widened once for some rows.
//
//===----------------------------------------------------------------------===//

#include "Attention.h"
#include "tern/Kernels/R32.h"

using namespace mlir;
using namespace tern;

namespace {

constexpr int64_t kBlock = CacheLayout::blockTokens;

/// A group's 16 dimensions of 4 blocks are 8 KiB, sums of 8 rows 16 KiB: both
/// stay in the nearest cache.
constexpr int64_t kTileBlocks = 4;

class HalfValues {
public:
  HalfValues(KernelBuilder &b, HeadCache &cache, const HeadGroup &group,
             Value e, HeadSums &sums, Value dims, int64_t width)
      : b(b), cache(cache), group(group), e(e), sums(sums), width(width) {
    const CacheLayout &layout = cache.getLayout();
    values = b.add(b.mul(dims, layout.valueGroupBytes()),
                   b.index(layout.valuesOffset()));
  }

  void build() {
    Value blocks = b.div(group.count, b.index(kBlock));
    b.loop(b.index(0), blocks, kTileBlocks, [&](Value first) {
      Value end = b.minUnsigned(b.add(first, kTileBlocks), blocks);
      b.loop(0, kR32Lanes, 1, [&](Value j) {
        if (group.tokens == 1 && cache.prefetches())
          prefetch(end, blocks, j);
        forEachRun([&](const Run &run) { addBlocks(run, first, end, j); });
      });
    });
    Value rest = b.rem(group.count, kBlock);
    b.loop(b.index(0), b.minUnsigned(rest, b.index(kR32Lanes)), 1,
           [&](Value j) {
             forEachRun([&](const Run &run) { addRest(run, blocks, j, rest); });
           });
    if (group.tokens > 1)
      addLater();
  }

private:
  using Values = SmallVector<Value>;

  /// Rows whose sums are in registers at once, and lanes of the group of
  /// dimensions.
  struct Run {
    int64_t firstRow, rows;
    Value lane;
    int64_t lanes;
  };

  void forEachRun(function_ref<void(const Run &)> body) {
    b.forEachChunk(width, group.lanes, [&](Value lane, int64_t lanes) {
      int64_t all = group.getRows(), some = group.getRowsAtOnce();
      for (int64_t row = 0; row < all; row += some)
        body({row, std::min(some, all - row), lane, lanes});
    });
  }

  Value loadValues(Value block, Value slot, Value lane, int64_t lanes) {
    Value row = b.add(values, b.add(b.mul(slot, 2 * width), b.mul(lane, 2)));
    return cache.loadHalves(b.add(cache.getBlock(block), row), lanes);
  }

  /// Adds e * v of the position in `slot` of `block` to a sum of each row.
  Values addPosition(const Run &run, ValueRange totals, Value block,
                     Value slot) {
    Value v = loadValues(block, slot, run.lane, run.lanes);
    Value position = b.add(b.mul(block, kBlock), slot);
    Values next;
    for (auto [r, total] : llvm::enumerate(totals)) {
      Value weight = b.load(e, {b.index(run.firstRow + r), position});
      next.push_back(b.add(total, b.mul(b.splat(v.getType(), weight), v)));
    }
    return next;
  }

  /// Accumulator j over what `add` adds up, from what is there on.
  void continueSums(const Run &run, Value j,
                    function_ref<Values(ValueRange)> add) {
    Values totals;
    for (int64_t r = 0; r < run.rows; ++r)
      totals.push_back(
          sums.load(b.index(run.firstRow + r), j, run.lane, run.lanes));
    for (auto [r, total] : llvm::enumerate(add(totals)))
      sums.store(total, b.index(run.firstRow + r), j, run.lane);
  }

  /// Accumulator j over whole blocks: two positions of each.
  void addBlocks(const Run &run, Value first, Value end, Value j) {
    continueSums(run, j, [&](ValueRange totals) {
      return b.loop(first, end, 1, totals,
                    [&](Value block, ValueRange carried) {
                      Values next = addPosition(run, carried, block, j);
                      return addPosition(run, next, block, b.add(j, kR32Lanes));
                    });
    });
  }

  /// Accumulator j over the first `rest` positions of `block`.
  void addRest(const Run &run, Value block, Value j, Value rest) {
    continueSums(run, j, [&](ValueRange totals) {
      return b.loop(j, rest, kR32Lanes, totals,
                    [&](Value slot, ValueRange carried) {
                      return addPosition(run, carried, block, slot);
                    });
    });
  }

  /// Positions that the first token does not see. To those who do not see them
  /// they add nothing, not even NaN times zero.
  void addLater() {
    b.loop(group.heads, group.getRows(), 1, [&](Value row) {
      b.loop(group.count, group.getCount(b, row), 1, [&](Value position) {
        Value block = b.div(position, b.index(kBlock));
        Value slot = b.rem(position, kBlock);
        Value weight = b.load(e, {row, position});
        b.forEachChunk(width, group.lanes, [&](Value lane, int64_t lanes) {
          Value v = loadValues(block, slot, lane, lanes);
          sums.add(row, position, lane, b.mul(b.splat(v.getType(), weight), v));
        });
      });
    });
  }

  /// Line j of each block of the next tile; after the last, of the first of the
  /// next group of dimensions.
  void prefetch(Value next, Value blocks, Value j) {
    Value last = b.sub(group.getBlocks(b), 1);
    Value isThere = b.compare(arith::CmpIPredicate::ult, next, blocks);
    Value line = b.add(values, b.mul(j, CacheLayout::alignment));
    int64_t bytes = cache.getLayout().valueGroupBytes();
    line = b.add(line, b.select(isThere, b.index(0), b.index(bytes)));
    next = b.select(isThere, next, b.index(0));
    for (int64_t k = 0; k < kTileBlocks; ++k) {
      Value block = b.minUnsigned(b.add(next, k), last);
      b.prefetch(cache.getBytes(), b.add(cache.getBlock(block), line));
    }
  }

  KernelBuilder &b;
  HeadCache &cache;
  const HeadGroup &group;
  Value e;
  HeadSums &sums;
  int64_t width; ///< dimensions
  Value values;  ///< where those of a block are, from its start
};

} // namespace

void tern::buildHalfValues(KernelBuilder &b, HeadCache &cache,
                           const HeadGroup &group, Value e, HeadSums &sums,
                           Value dims, int64_t width) {
  HalfValues(b, cache, group, e, sums, dims, width).build();
}
