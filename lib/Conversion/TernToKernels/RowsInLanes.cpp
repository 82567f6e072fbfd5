//===- RowsInLanes.cpp - Products of weights with rows in lanes -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A lane holds one row's sum: no horizontal additions, one stream of weights.
// Four codes are broadcast to all lanes.
//
//===----------------------------------------------------------------------===//

#include "DotProducts.h"
#include "tern/Kernels/R32.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

/// One block of rows: the vectors of a tile, all tiles along the columns.
struct RowBlock {
  const DotKernel &kernel;
  KernelBuilder &b;
  Value start, row; ///< of the block's bytes and rows
  int64_t vectors, tiles, tileColumns;

  int64_t rows() const { return vectors * kernel.lanes(); }
  Value loadVector(Value tile, int64_t vector) const {
    int64_t bytes = kernel.vectorBytes();
    Value at = b.add(start, b.mul(tile, vectors * bytes));
    return kernel.loadWeight(b.add(at, vector * bytes));
  }
  Value loadCodes(Value codes, Value token, Value tile, int64_t field) const {
    Value column = b.add(b.mul(tile, tileColumns), 4 * field);
    return kernel.broadcastCodes(codes, token, column);
  }
  /// Stores a vector's sums less the sum of the token's codes.
  void store(Value sums, Value correction, Value out, Value token,
             int64_t vector) const {
    Value result = b.sub(sums, b.splat(kernel.sumsType(), correction));
    b.store(result, out, {token, b.add(row, vector * kernel.lanes())});
  }
};

/// All blocks, in parallel.
void forEachRowBlock(const DotKernel &kernel,
                     function_ref<void(const RowBlock &)> body) {
  KernelBuilder &b = kernel.b;
  const Layout &layout = *kernel.weight.layout;
  int64_t tiles = kernel.weight.columns / layout.tileColumns();
  int64_t blockBytes = tiles * layout.tileBytes();
  Value blocks = b.index(kernel.weight.rows / layout.tileRows());
  b.parallel(blocks, blockBytes, [&](Value i) {
    body({kernel, b, b.mul(i, blockBytes), b.mul(i, layout.tileRows()),
          layout.tileRows() / kernel.lanes(), tiles, layout.tileColumns()});
  });
}

/// Sums of one token over some tiles, a vector of rows each: digits stay where
/// they are in the byte, each field has its own sums, which are shifted once in
/// the end.
Values sumToken(const RowBlock &block, Value codes, Value token,
                Value firstTile, Value endTile) {
  const DotKernel &kernel = block.kernel;
  KernelBuilder &b = block.b;
  Values sums(4 * block.vectors, b.zero(kernel.sumsType()));
  sums =
      b.loop(firstTile, endTile, 1, sums, [&](Value tile, ValueRange carried) {
        Values sums(carried);
        Values x;
        for (int64_t f = 0; f < 4; ++f)
          x.push_back(block.loadCodes(codes, token, tile, f));
        for (int64_t v = 0; v < block.vectors; ++v) {
          Value w = block.loadVector(tile, v);
          for (int64_t f = 0; f < 4; ++f) {
            Value &sum = sums[4 * v + f];
            sum = kernel.accumulate(sum, kernel.fieldInPlace(w, f), x[f],
                                    kernel.maxInPlace(f));
          }
        }
        return sums;
      });
  Values whole;
  for (int64_t v = 0; v < block.vectors; ++v) {
    whole.push_back(sums[4 * v]);
    for (int64_t f = 1; f < 4; ++f)
      whole[v] = b.add(whole[v], b.shiftRightSigned(sums[4 * v + f], 2 * f));
  }
  return whole;
}

void multiplyToken(const RowBlock &block, Value codes, Value token,
                   Value correction, Value out) {
  KernelBuilder &b = block.b;
  Values sums = sumToken(block, codes, token, b.index(0), b.index(block.tiles));
  for (auto [v, sum] : llvm::enumerate(sums))
    block.store(sum, correction, out, token, v);
}

/// Several tokens: digits are unpacked once for all of them.
void multiplyTokens(const RowBlock &block, Value codes, Value first,
                    int64_t count, Value corrections, Value out) {
  const DotKernel &kernel = block.kernel;
  KernelBuilder &b = block.b;
  Values tokens;
  for (int64_t t = 0; t < count; ++t)
    tokens.push_back(b.add(first, t));
  Values sums(count * block.vectors, b.zero(kernel.sumsType()));
  sums = b.loop(b.index(0), b.index(block.tiles), 1, sums,
                [&](Value tile, ValueRange carried) {
                  Values sums(carried), w;
                  for (int64_t v = 0; v < block.vectors; ++v)
                    w.push_back(block.loadVector(tile, v));
                  for (int64_t f = 0; f < 4; ++f) {
                    Values u;
                    for (Value bytes : w)
                      u.push_back(kernel.fieldMoved(bytes, f));
                    for (int64_t t = 0; t < count; ++t) {
                      Value x = block.loadCodes(codes, tokens[t], tile, f);
                      for (int64_t v = 0; v < block.vectors; ++v) {
                        Value &sum = sums[t * block.vectors + v];
                        sum = kernel.accumulate(sum, u[v], x, kMaxStoredDigit);
                      }
                    }
                  }
                  return sums;
                });
  for (int64_t t = 0; t < count; ++t)
    for (int64_t v = 0; v < block.vectors; ++v)
      block.store(sums[t * block.vectors + v], b.load(corrections, tokens[t]),
                  out, tokens[t], v);
}

/// Scales of the block's rows, group by group: memref<groups x rows>. Rows that
/// only the layout has get 0.
Value transposeScales(const RowBlock &block, Value scale) {
  KernelBuilder &b = block.b;
  auto type = cast<MemRefType>(scale.getType());
  int64_t rows = type.getDimSize(0), blockRows = block.rows();
  Value scales = b.alloc(b.getF32Type(), type.getDimSize(1), blockRows);
  b.loop(0, blockRows, 1, [&](Value r) {
    Value row = b.add(block.row, r);
    Value exists = b.compare(arith::CmpIPredicate::ult, row, rows);
    Value stored = b.minUnsigned(row, b.index(rows - 1));
    b.loop(0, type.getDimSize(1), 1, [&](Value group) {
      Value value = b.select(exists, b.load(scale, {stored, group}),
                             b.zero(b.getF32Type()));
      b.store(value, scales, {group, r});
    });
  });
  return scales;
}

/// The groups of one block of rows.
struct GroupedBlock {
  const RowBlock &block;
  KernelBuilder &b;
  Value codes, corrections, scales;
  Value terms;           ///< memref<32 x rows>: the accumulators of R32
  int64_t groups, tiles; ///< tiles of a group

  VectorType floats() const {
    return b.vectorOf(block.kernel.lanes(), b.getF32Type());
  }
  Value column(int64_t vector) const {
    return b.index(vector * block.kernel.lanes());
  }

  void addGroup(Value token, Value group) const {
    Value first = b.mul(group, tiles);
    Values sums = sumToken(block, codes, token, first, b.add(first, tiles));
    Value correction =
        b.splat(block.kernel.sumsType(), b.load(corrections, {token, group}));
    Value lane = b.rem(group, kR32Lanes);
    for (auto [v, sum] : llvm::enumerate(sums)) {
      Value acc = b.toFloat(b.sub(sum, correction));
      Value term = b.mul(acc, b.load(floats(), scales, {group, column(v)}));
      Value old = b.load(floats(), terms, {lane, column(v)});
      b.store(b.add(old, term), terms, {lane, column(v)});
    }
  }

  void multiplyToken(Value token, Value out) const {
    b.loop(0, kR32Lanes, 1, [&](Value lane) {
      for (int64_t v = 0; v < block.vectors; ++v)
        b.store(b.zero(floats()), terms, {lane, column(v)});
    });
    b.loop(0, groups, 1, [&](Value group) { addGroup(token, group); });
    for (int64_t v = 0; v < block.vectors; ++v) {
      Values a;
      for (int64_t lane = 0; lane < kR32Lanes; ++lane)
        a.push_back(b.load(floats(), terms, {b.index(lane), column(v)}));
      for (int64_t half = kR32Lanes / 2; half > 0; half /= 2)
        for (int64_t j = 0; j < half; ++j)
          a[j] = b.add(a[j], a[j + half]);
      b.store(a[0], out, {token, b.add(block.row, column(v))});
    }
  }
};

} // namespace

void tern::multiplyScaledRowsInLanes(const DotKernel &kernel, Value codes,
                                     Value scale, int64_t groupSize,
                                     Value out) {
  KernelBuilder &b = kernel.b;
  int64_t groups = cast<MemRefType>(scale.getType()).getDimSize(1);
  int64_t tiles = groupSize / kernel.weight.layout->tileColumns();
  Value corrections = sumCodesOfGroups(b, codes, groups, groupSize);
  forEachRowBlock(kernel, [&](const RowBlock &block) {
    GroupedBlock grouped{block,
                         b,
                         codes,
                         corrections,
                         transposeScales(block, scale),
                         b.alloc(b.getF32Type(), kR32Lanes, block.rows()),
                         groups,
                         tiles};
    b.loop(b.index(0), b.length(codes), 1,
           [&](Value token) { grouped.multiplyToken(token, out); });
  });
}

void tern::multiplyRowsInLanes(const DotKernel &kernel, Value codes,
                               Value out) {
  KernelBuilder &b = kernel.b;
  Value corrections = sumCodes(b, codes, b.index(kernel.weight.columns));
  forEachRowBlock(kernel, [&](const RowBlock &block) {
    forEachTokenTile(
        b, b.length(codes), kernel.tokenTiles(),
        [&](Value first, int64_t count) {
          if (count > 1)
            return multiplyTokens(block, codes, first, count, corrections, out);
          multiplyToken(block, codes, first, b.load(corrections, first), out);
        });
  });
}
