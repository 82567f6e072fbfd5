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

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

bool tern::isRowsInLanes(const Layout &layout, int64_t lanes) {
  if (layout.outer != Axis::Row ||
      !(layout.field == LayoutPart{Axis::Column, 4, 4}))
    return false;
  ArrayRef<LayoutPart> parts = layout.bytes;
  if (parts.size() == 3 && parts[0].axis == Axis::Row &&
      parts[0].stride == lanes)
    parts = parts.drop_front();
  return parts.size() == 2 && parts[0] == LayoutPart{Axis::Row, lanes, 1} &&
         parts[1] == LayoutPart{Axis::Column, 4, 1};
}

namespace {

/// One block of rows: the vectors of a tile, all tiles along the columns.
struct RowBlock {
  const DotKernel &kernel;
  KernelBuilder &b;
  Value start, row; ///< of the block's bytes and rows
  int64_t vectors, tiles, tileColumns;

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

/// One token: digits stay where they are in the byte, each field has its own
/// sums, which are shifted once in the end.
void multiplyToken(const RowBlock &block, Value codes, Value token,
                   Value correction, Value out) {
  const DotKernel &kernel = block.kernel;
  KernelBuilder &b = block.b;
  Values sums(4 * block.vectors, b.zero(kernel.sumsType()));
  sums = b.loop(b.index(0), b.index(block.tiles), 1, sums,
                [&](Value tile, ValueRange carried) {
                  Values sums(carried);
                  Values x;
                  for (int64_t f = 0; f < 4; ++f)
                    x.push_back(block.loadCodes(codes, token, tile, f));
                  for (int64_t v = 0; v < block.vectors; ++v) {
                    Value w = block.loadVector(tile, v);
                    for (int64_t f = 0; f < 4; ++f) {
                      Value &sum = sums[4 * v + f];
                      sum = kernel.accumulate(sum, kernel.fieldInPlace(w, f),
                                              x[f], kernel.maxInPlace(f));
                    }
                  }
                  return sums;
                });
  for (int64_t v = 0; v < block.vectors; ++v) {
    Value sum = sums[4 * v];
    for (int64_t f = 1; f < 4; ++f)
      sum = b.add(sum, b.shiftRightSigned(sums[4 * v + f], 2 * f));
    block.store(sum, correction, out, token, v);
  }
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
  sums = b.loop(
      b.index(0), b.index(block.tiles), 1, sums,
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

} // namespace

void tern::multiplyRowsInLanes(const DotKernel &kernel, Value codes,
                               Value out) {
  KernelBuilder &b = kernel.b;
  const Layout &layout = *kernel.weight.layout;
  int64_t tiles = kernel.weight.columns / layout.tileColumns();
  int64_t blockBytes = tiles * layout.tileBytes();
  Value corrections = sumCodes(b, codes, b.index(kernel.weight.columns));
  Value blocks = b.index(kernel.weight.rows / layout.tileRows());
  b.parallel(blocks, blockBytes, [&](Value i) {
    RowBlock block{kernel,
                   b,
                   b.mul(i, blockBytes),
                   b.mul(i, layout.tileRows()),
                   layout.tileRows() / kernel.lanes(),
                   tiles,
                   layout.tileColumns()};
    forEachTokenTile(b, b.length(codes), kernel.tokenTiles(),
                     [&](Value first, int64_t count) {
                       if (count > 1)
                         return multiplyTokens(block, codes, first, count,
                                               corrections, out);
                       multiplyToken(block, codes, first,
                                     b.load(corrections, first), out);
                     });
  });
}
