//===- ContiguousColumns.cpp - Products of contiguous columns -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Four columns at a time: their bytes are interleaved, so that a lane holds the
// digits of one row, and the four codes are broadcast. A chunk is the 16L rows
// of one vector of bytes; interleaving gives four quarters of it, L rows in
// lanes each in four fields. Fields belong to different rows, so each has its
// own sums and digits never move within their byte.
//
//===----------------------------------------------------------------------===//

#include "DotProducts.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

constexpr int64_t kFields = 4;
constexpr int64_t kQuarters = 4;
constexpr int64_t kGroupsAhead = 8;

/// Some tokens times some quarters of a chunk.
struct ChunkBlock {
  Value chunk;
  int64_t firstQuarter, quarters;
  Value firstToken;
  int64_t tokens;

  int64_t sums() const { return tokens * quarters * kFields; }
};

/// Four columns and the codes they are multiplied by, for each token.
struct Group {
  Values columns; ///< their numbers; null past the last
  Values codes;   ///< four in each lane, one value per token
};

class ColumnProduct {
public:
  ColumnProduct(const DotKernel &kernel, Value corrections, Value out)
      : kernel(kernel), b(kernel.b), corrections(corrections), out(out) {}

  int64_t chunks() const {
    return kernel.weight.rows / kernel.weight.layout->tileRows();
  }
  /// Where a chunk of a column begins.
  Value address(Value column, Value chunk) const {
    return b.mul(b.add(b.mul(column, chunks()), chunk), kernel.vectorBytes());
  }

  /// Adds a group to the sums of a block.
  void add(const Group &group, const ChunkBlock &block, Values &sums) const;
  /// Writes the results of a block.
  void store(const ChunkBlock &block, const Values &sums) const;
  Values zeroSums(const ChunkBlock &block) const {
    return Values(block.sums(), b.zero(kernel.sumsType()));
  }

private:
  Value loadColumn(Value column, Value chunk) const {
    if (!column)
      return b.zero(kernel.bytesType());
    return kernel.loadWeight(address(column, chunk));
  }
  Value interleave(Value x, Value y, bool high, Type element) const;

  const DotKernel &kernel;
  KernelBuilder &b;
  Value corrections, out;
};

} // namespace

/// Elements of `x` and `y` in turn, from the low or high half of each 16 bytes.
Value ColumnProduct::interleave(Value x, Value y, bool high,
                                Type element) const {
  int64_t perPart = 128 / element.getIntOrFloatBitWidth();
  int64_t count = kernel.vectorBytes() / 16 * perPart;
  VectorType type = b.vectorOf(count, element);
  SmallVector<int64_t> mask;
  for (int64_t part = 0; part < count; part += perPart)
    for (int64_t i = 0; i < perPart / 2; ++i) {
      int64_t from = part + (high ? perPart / 2 : 0) + i;
      mask.append({from, count + from});
    }
  Value result = b.shuffle(b.bitcast(type, x), b.bitcast(type, y), mask);
  return b.bitcast(kernel.bytesType(), result);
}

void ColumnProduct::add(const Group &group, const ChunkBlock &block,
                        Values &sums) const {
  Values bytes;
  for (Value column : group.columns)
    bytes.push_back(loadColumn(column, block.chunk));
  for (int64_t q = 0; q < block.quarters; ++q) {
    int64_t quarter = block.firstQuarter + q;
    bool high = quarter >= 2;
    Value low = interleave(bytes[0], bytes[1], high, b.getI8Type());
    Value rest = interleave(bytes[2], bytes[3], high, b.getI8Type());
    Value rows = interleave(low, rest, quarter % 2 == 1, b.getI16Type());
    for (int64_t f = 0; f < kFields; ++f) {
      Value u = kernel.fieldInPlace(rows, f);
      for (int64_t t = 0; t < block.tokens; ++t) {
        Value &sum = sums[(t * block.quarters + q) * kFields + f];
        sum = kernel.accumulate(sum, u, group.codes[t], kernel.maxInPlace(f));
      }
    }
  }
}

void ColumnProduct::store(const ChunkBlock &block, const Values &sums) const {
  int64_t lanes = kernel.lanes();
  Value firstRow = b.mul(block.chunk, kernel.weight.layout->tileRows());
  for (int64_t t = 0; t < block.tokens; ++t) {
    Value token = b.add(block.firstToken, t);
    Value correction = b.splat(kernel.sumsType(), b.load(corrections, token));
    for (int64_t q = 0; q < block.quarters; ++q)
      for (int64_t f = 0; f < kFields; ++f) {
        Value sum = sums[(t * block.quarters + q) * kFields + f];
        Value result = b.sub(b.shiftRightSigned(sum, 2 * f), correction);
        int64_t row = (kQuarters * f + block.firstQuarter + q) * lanes;
        b.store(result, out, {token, b.add(firstRow, row)});
      }
  }
}

/// Quarters whose sums of one token fit the registers.
static int64_t quartersAtOnce(const DotKernel &kernel) {
  return kernel.lanes() >= 16 ? 4 : 2;
}

//===----------------------------------------------------------------------===//
// All columns
//===----------------------------------------------------------------------===//

/// A block of all columns.
static void multiplyBlock(const DotKernel &kernel, const ColumnProduct &product,
                          Value codes, const ChunkBlock &block) {
  KernelBuilder &b = kernel.b;
  int64_t columns = kernel.weight.columns, whole = columns / 4;
  auto readGroup = [&](Value group, int64_t count) {
    Group result;
    Value first = b.mul(group, 4);
    for (int64_t j = 0; j < 4; ++j)
      result.columns.push_back(j < count ? b.add(first, j) : Value());
    for (int64_t t = 0; t < block.tokens; ++t)
      result.codes.push_back(kernel.broadcastCodes(
          codes, b.add(block.firstToken, t), first, count));
    return result;
  };
  Values sums = product.zeroSums(block);
  if (whole > 0)
    sums = b.loop(b.index(0), b.index(whole), 1, sums,
                  [&](Value group, ValueRange carried) {
                    Values sums(carried);
                    product.add(readGroup(group, 4), block, sums);
                    return sums;
                  });
  if (columns % 4 != 0)
    product.add(readGroup(b.index(whole), columns % 4), block, sums);
  product.store(block, sums);
}

void tern::multiplyContiguousColumns(const DotKernel &kernel, Value codes,
                                     Value out) {
  KernelBuilder &b = kernel.b;
  int64_t columns = kernel.weight.columns;
  ColumnProduct product(kernel, sumCodes(b, codes, b.index(columns)), out);
  // Sixteen sums in flight where there are 32 registers, else eight.
  SmallVector<int64_t> tiles = {quartersAtOnce(kernel), 1};
  b.parallel(b.index(product.chunks()), columns * kernel.vectorBytes(),
             [&](Value chunk) {
               forEachTokenTile(
                   b, b.length(codes), tiles, [&](Value first, int64_t count) {
                     int64_t quarters = quartersAtOnce(kernel) / count;
                     for (int64_t q = 0; q < kQuarters; q += quarters)
                       multiplyBlock(kernel, product, codes,
                                     {chunk, q, quarters, first, count});
                   });
             });
}

//===----------------------------------------------------------------------===//
// Listed columns
//===----------------------------------------------------------------------===//

/// Columns lie far apart: those some groups ahead are asked for early.
static void prefetchGroup(const DotKernel &kernel, const ColumnProduct &product,
                          Value indices, Value group, Value groups,
                          Value chunk) {
  KernelBuilder &b = kernel.b;
  Value last = b.sub(groups, b.index(1));
  Value ahead = b.mul(b.minUnsigned(b.add(group, kGroupsAhead), last), 4);
  for (int64_t j = 0; j < 4; ++j) {
    Value column = b.load(indices, {b.index(0), b.add(ahead, j)});
    b.prefetch(kernel.weight.bytes, product.address(b.toIndex(column), chunk));
  }
}

void tern::multiplyListedColumns(const DotKernel &kernel, Value indices,
                                 Value values, Value count, Value out) {
  KernelBuilder &b = kernel.b;
  Value zero = b.index(0);
  Value groups = b.div(b.add(count, 3), 4);
  ColumnProduct product(kernel, sumCodes(b, values, b.mul(groups, 4)), out);
  auto multiply = [&](const ChunkBlock &block) {
    Values sums = b.loop(
        zero, groups, 1, product.zeroSums(block),
        [&](Value i, ValueRange carried) {
          prefetchGroup(kernel, product, indices, i, groups, block.chunk);
          Value first = b.mul(i, 4);
          Group group;
          for (int64_t j = 0; j < 4; ++j)
            group.columns.push_back(
                b.toIndex(b.load(indices, {zero, b.add(first, j)})));
          group.codes = {kernel.broadcastCodes(values, zero, first, 4)};
          Values sums(carried);
          product.add(group, block, sums);
          return sums;
        });
    product.store(block, sums);
  };
  // How many columns are active is not known here; a quarter is usual.
  int64_t bytes = kernel.weight.columns / 4 * kernel.vectorBytes();
  int64_t quarters = quartersAtOnce(kernel);
  b.parallel(b.index(product.chunks()), bytes, [&](Value chunk) {
    for (int64_t q = 0; q < kQuarters; q += quarters)
      multiply({chunk, q, quarters, zero, 1});
  });
}
